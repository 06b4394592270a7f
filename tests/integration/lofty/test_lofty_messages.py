"""Lofty's messages: unsigned batches of ids that come to a secret address; and signing in."""

from __future__ import annotations

import json

import httpx
import pytest

from crmhub.errors import AuthError, ConfigError, Unsupported, UsageError
from crmhub.http.transport import asgi_transport
from crmhub.powers import Changes, SupportsMessages, SupportsWebhooks
from crmhub.sign_in import Attempt, SupportsSignIn
from crmhub_rest.conformance.lofty import LoftyOrg
from tests.integration.lofty.conftest import read

pytestmark = pytest.mark.anyio
BACK = "http://localhost:8765/callback"


def _told(org: LoftyOrg, body: object, url: str | None = None, **settings: None) -> list[Changes]:
    connector = org.connect(**settings)
    assert isinstance(connector, SupportsMessages)
    headers = {":url": url or str(org.settings["webhook_url"])}
    return list(connector.parse_webhook(json.dumps(body).encode(), headers))


def _subscribing(org: LoftyOrg) -> SupportsWebhooks:
    connector = org.connect()
    assert isinstance(connector, SupportsWebhooks)
    return connector


async def test_a_batch_tells_what_is_new_what_changed_and_what_is_gone(org: LoftyOrg) -> None:
    body = {
        "teamId": 1,
        "listId": 2,
        "createdLead": [{"leadId": 1147301720804789013}],
        "updatedLead": [{"leadId": 1147301720804789026}, {"leadId": 1147301720804789013}],
        "deletedLead": [{"leadId": 1147301720804789039}],
    }
    changed = ("1147301720804789013", "1147301720804789026")
    assert _told(org, body) == [Changes("leads", changed, ("1147301720804789039",))]


async def test_a_transaction_is_told_with_the_lead_that_it_is_under(org: LoftyOrg) -> None:
    (lead,) = await org.insert("leads", [{"firstName": "Ada"}])
    await _subscribing(org).subscribe(["transactions"], str(org.settings["webhook_url"]))
    (id_,) = await org.insert("transactions", [{"leadId": lead, "transactionName": "A"}])
    (message,) = await org.messages()
    connector = org.connect()
    assert isinstance(connector, SupportsMessages)
    assert connector.parse_webhook(message.body, message.headers) == [Changes("transactions", (id_,), ())]


async def test_an_object_can_need_several_subscriptions(org: LoftyOrg) -> None:
    hooks, url = _subscribing(org), str(org.settings["webhook_url"])
    (made,) = await hooks.subscribe(["tasks"], url)
    again = await hooks.subscribe(["tasks"], url)
    assert made.id.count(",") == again[0].id.count(",") == 1
    assert list(await _subscribing(org).renew_due(org.clock.now())) == again
    await hooks.unsubscribe()
    assert list(await hooks.renew_due(org.clock.now())) == []
    with pytest.raises(UsageError, match="proved by the address"):
        await hooks.subscribe(["tasks"], "https://hooks.example.com/another")
    with pytest.raises(Unsupported, match="no messages about users"):
        await hooks.subscribe(["users"], url)


async def test_a_message_at_another_address_is_not_believed(org: LoftyOrg) -> None:
    body = {"teamId": 1, "listId": 2, "deletedLead": [{"leadId": 1}]}
    with pytest.raises(AuthError, match="origin is not proved"):
        _told(org, body, "https://hooks.example.com/lofty/guessed")
    with pytest.raises(ConfigError, match="no secret is set"):
        _told(org, body, webhook_url=None)


async def test_a_person_signs_in_by_lofty_s_page_with_a_proof_key(org: LoftyOrg) -> None:
    await org.insert("leads", [{"firstName": "Ada"}])
    org.settings = {name: value for name, value in org.settings.items() if name != "refresh_token"}
    connector = org.connect()
    assert isinstance(connector, SupportsSignIn)
    attempt = Attempt.at(BACK)
    url = connector.sign_in.authorize_url(attempt, ())
    async with httpx.AsyncClient(transport=asgi_transport(org.double.app)) as browser:
        reply = await browser.get(url)
    query = httpx.URL(reply.headers["location"]).params
    assert query["state"] == attempt.state
    await connector.sign_in.exchange(query["code"], attempt)
    assert len(await read(org.connect(), "leads", "firstName")) == 1
