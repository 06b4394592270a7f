"""``crmhub auth`` with a Salesforce, as a person meets it: a process, a pipe, a browser."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from crmhub.config import load_config
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.serve import running
from crmhub_salesforce import SalesforceConfig
from crmhub_salesforce.simulator import SalesforceDouble, create
from tests.support import CRMHUB


@dataclass(frozen=True)
class Salesforce:
    """A Salesforce that is served, and a folder whose configuration has no refresh token for it."""

    double: SalesforceDouble
    folder: Path

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command of crmhub, with nothing on its standard input."""
        return subprocess.run(
            [*CRMHUB, *command],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def start(self, *options: str) -> subprocess.Popen[str]:
        """``crmhub auth salesforce``, which goes on while a person uses a browser."""
        return subprocess.Popen(
            [*CRMHUB, "auth", "salesforce", *options],
            cwd=self.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def salesforce(tmp_path: Path) -> Generator[Salesforce]:
    double = create(
        Options(
            rows={"Account": 3},
            settings={"require_pkce": "true", "require_secret": "true", "rotate_refresh_tokens": "true"},
        )
    )
    known = double.credentials
    with running(double) as served:
        (tmp_path / "crmhub.yaml").write_text(
            "plain_secrets: true\nconnections:\n"
            f"  salesforce: {{connector: salesforce, instance_url: '{served.url}', flow: web_server,"
            f" client_id: {known['client_id']}, client_secret: {known['client_secret']}}}\n"
        )
        yield Salesforce(double, tmp_path)


def free_uri() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://localhost:{free.getsockname()[1]}/callback"


def printed_url(process: subprocess.Popen[str]) -> str:
    """The URL that the person is to open."""
    assert process.stdout is not None
    return next(line for line in process.stdout if line.startswith("http")).strip()


def test_a_browser_that_comes_back_signs_in_for_all_later_processes(salesforce: Salesforce) -> None:
    uri = free_uri()
    salesforce.double.sessions.codes.redirect_uris = frozenset({uri})
    with salesforce.start("--browser", "--redirect-uri", uri) as process:
        url = printed_url(process)
        stranger = httpx.get(f"{uri}?code=evil&state=guessed", timeout=20)
        told = httpx.get(url, follow_redirects=True, timeout=20)
        stdout, stderr = process.communicate(timeout=60)
    assert (stranger.status_code, told.status_code) == (400, 200)
    assert process.returncode == 0, stderr
    assert "ok    read and write by the API" in stdout
    assert "ok    stay signed in" in stdout
    salesforce.double.expire_tokens()
    checked = salesforce.run("auth", "salesforce", "--check")  # by the refresh token, which is rotated
    assert checked.returncode == 0, checked.stderr
    shown = stdout + stderr + checked.stdout + checked.stderr
    stored = b"".join(path.read_bytes() for path in salesforce.folder.glob("crmhub.db*"))
    assert b"salesforce" in stored
    secrets = [
        *salesforce.double.sessions.refresh_tokens(),
        salesforce.double.credentials["client_secret"],
    ]
    assert [secret for secret in secrets if secret in shown or secret.encode() in stored] == []


def test_the_address_of_the_last_page_may_be_pasted(salesforce: Salesforce) -> None:
    with salesforce.start() as process:
        url = printed_url(process)
        with httpx.Client(timeout=20) as browser:
            place = browser.get(url).headers["location"]
            assert browser.get(place).status_code == 200
        stdout, stderr = process.communicate(f"{place}\n", timeout=60)
    assert process.returncode == 0, stderr
    assert "signed in: connection salesforce" in stdout
    assert place not in stdout + stderr


def test_what_is_not_granted_is_told_with_its_scope(salesforce: Salesforce) -> None:
    uri = free_uri()
    with salesforce.start("--browser", "--redirect-uri", uri, "--scopes", "refresh_token") as process:
        assert httpx.get(printed_url(process), follow_redirects=True, timeout=20).status_code == 200
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 1, stderr
    assert "fail  read and write by the API: not granted · ask for api" in stdout


def test_without_a_file_it_prints_one_that_can_be_read(tmp_path: Path) -> None:
    done = subprocess.run(
        [*CRMHUB, "auth", "salesforce"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "crmhub.yaml: no such file" in done.stderr
    (tmp_path / "crmhub.yaml").write_text(done.stdout)
    values = load_config(tmp_path / "crmhub.yaml").connections["salesforce"].values
    assert values["client_id"] == "env:SALESFORCE_CLIENT_ID"
    known = {name: value for name, value in values.items() if name != "connector"}
    assert SalesforceConfig.model_validate(known).way == "web_server"
