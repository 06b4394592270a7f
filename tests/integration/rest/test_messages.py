"""Messages that are none: whoever sends them, the answer is a clear refusal."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from crmhub.errors import AuthError, ConfigError
from crmhub.hub import Hub
from crmhub.powers import SupportsMessages
from crmhub_rest.conformance.pipedrive import PipedriveOrg

pytestmark = pytest.mark.anyio
_PROOF = {"authorization": "Basic d2ViaG9vazpzZXNhbWUtb3Blbi0xMjM="}
_ODD = (b"", b"null", b"[]", b"7", b"{", b"\xff\xfe", b"[" * 100_000, b'{"meta": []}' * 2)


@pytest.fixture
async def org(anyio_backend: str) -> AsyncGenerator[PipedriveOrg]:
    org = PipedriveOrg()
    yield org
    await org.aclose()


@pytest.mark.parametrize("body", _ODD, ids=range(len(_ODD)))
async def test_a_body_that_is_no_message_is_refused_though_its_origin_is_proved(
    org: PipedriveOrg, body: bytes
) -> None:
    connector = org.connect(webhook_user="webhook", webhook_password="sesame-open-123")
    assert isinstance(connector, SupportsMessages)
    with pytest.raises(AuthError):
        connector.parse_webhook(body, _PROOF)


async def test_the_same_body_is_not_even_looked_at_without_the_proof(org: PipedriveOrg) -> None:
    connector = org.connect(webhook_user="webhook", webhook_password="sesame-open-123")
    assert isinstance(connector, SupportsMessages)
    with pytest.raises(AuthError, match="origin is not proved"):
        connector.parse_webhook(b"[" * 100_000, {"authorization": "Basic d3Jvbmc="})


async def test_without_a_password_no_message_is_believed_though_a_user_name_is_known() -> None:
    async with Hub() as hub:
        connector = hub.add("crm", "pipedrive", api_token="a-token-of-a-user").connector
        assert isinstance(connector, SupportsMessages)
        with pytest.raises(
            ConfigError, match=r"no secret is set to prove messages with.* set webhook_password"
        ):
            connector.parse_webhook(b"{}", {"authorization": "Basic Y3JtaHViOg=="})


async def test_an_address_that_is_part_of_the_proof_has_to_be_known() -> None:
    async with Hub() as hub:
        secret = "a-secret-of-an-app"
        connector = hub.add("crm", "hubspot", access_token="a-token", client_secret=secret).connector
        assert isinstance(connector, SupportsMessages)
        now = str(int(hub.clock.now().timestamp() * 1000))
        headers = {"x-hubspot-request-timestamp": now, "x-hubspot-signature-v3": "bm90aGluZw=="}
        with pytest.raises(ConfigError, match="set webhook_url in the connection"):
            connector.parse_webhook(b"[]", headers)


async def test_a_header_that_is_no_text_proves_nothing(org: PipedriveOrg) -> None:
    connector = org.connect(webhook_user="webhook", webhook_password="sesame-open-123")
    assert isinstance(connector, SupportsMessages)
    with pytest.raises(AuthError, match="origin is not proved"):
        connector.parse_webhook(b"{}", {"authorization": "Basic \udcff"})
