"""Where a connection to a described CRM may lead: no private address gets in by another way of writing it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from crmhub_rest.config import RestConfig

PRIVATE = (
    "10.1.2.3", "192.168.0.1", "172.16.0.1", "100.64.0.1", "169.254.169.254", "0.0.0.0", "0", "224.0.0.1",
    "10.1", "169.254.43518", "167772161", "0xa000001", "0x0a.0.0.1", "012.0.0.1", "10.0.0.1.",
    "[::]", "[fe80::1]", "[fd00::1]", "[fec0::1]", "[::ffff:10.0.0.1]", "[::10.0.0.1]", "[64:ff9b::10.0.0.1]",
    "[2002:a00:1::]", "intranet", "printer.local", "metadata.google.internal",
)  # fmt: skip
LOOPBACK = ("127.0.0.1", "127.1", "localhost", "a.localhost", "localhost.", "[::1]", "[::ffff:127.0.0.1]")


@pytest.mark.parametrize("host", PRIVATE)
def test_a_private_address_is_refused_however_it_is_written(host: str) -> None:
    with pytest.raises(ValidationError, match="set private_hosts: true"):
        RestConfig(base_url=f"https://{host}/api")
    assert RestConfig(base_url=f"https://{host}/api", private_hosts=True)


@pytest.mark.parametrize("host", LOOPBACK)
def test_this_machine_may_be_reached_without_tls(host: str) -> None:
    assert RestConfig(base_url=f"http://{host}:8080")


@pytest.mark.parametrize(
    "url", ["http://api.example.com", "https://u:p@api.example.com", "https://api.example.com:99999", "api"]
)
def test_a_url_that_would_not_keep_credentials_safe_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match=r"base_url|https"):
        RestConfig(base_url=url)
