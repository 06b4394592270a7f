"""Who may call HubSpot, what its refusals mean, and what its messages prove."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from starlette.types import Receive, Scope, Send

from crmhub.connector import Check
from crmhub.errors import AuthError, ConnectorError, QuotaExceeded, Unavailable
from crmhub.http import asgi_transport
from crmhub.powers import Changes, SupportsMessages
from crmhub.testing.conformance.target import Message
from crmhub_rest.connector import RestConnector
from tests.integration.hubspot.conftest import Make, Portals

pytestmark = pytest.mark.anyio


def _failed(checks: Sequence[Check]) -> list[tuple[str, str]]:
    return [(one.name, one.mend) for one in checks if not one.ok]


async def test_a_private_apps_token_is_enough(portal: Portals) -> None:
    token = portal.org.played.credentials["private_app_token"]
    connector = portal.again(access_token=token)
    assert _failed(await connector.check()) == []
    assert not any("/oauth/" in call for call in portal.org.calls)


async def test_a_wrong_token_and_a_missing_scope_are_named(make_portal: Make) -> None:
    scopes = [f"crm.objects.{name}.read" for name in ("companies", "contacts", "owners")]
    portal = make_portal(scopes=",".join(scopes))
    (failed,) = [one for one in await portal.connector.check() if not one.ok]
    assert failed.name == "deals"
    assert "MISSING_SCOPES" in failed.detail
    assert failed.mend == "give the app the scopes that the message names"
    wrong = await portal.again(access_token="pat-na1-wrong").check()
    assert _failed(wrong) == [("sign in", "look at the access token")]


async def test_the_end_of_the_days_calls_is_told_and_not_waited_for(make_portal: Make) -> None:
    portal = make_portal(daily="12")
    token = portal.org.played.credentials["private_app_token"]
    connector, before = portal.again(access_token=token), portal.org.clock.now()
    await portal.read("companies", "name", connector=connector)
    with pytest.raises(QuotaExceeded, match="9 of 12 calls"):
        await _read_often(portal, connector)
    assert portal.org.clock.now() - before < timedelta(minutes=1)


async def _read_often(portal: Portals, connector: RestConnector) -> None:
    for _ in range(20):
        await portal.read("companies", "name", connector=connector)


async def test_the_limits_are_kept_and_no_call_is_refused(make_portal: Make) -> None:
    portal = make_portal(burst="100", searches="5")
    before = await portal.read("companies", "name")
    for _ in range(60):
        await portal.read("companies", "name", since=before.checkpoint)
    assert not any(event.name == "http.retry" for event in portal.org.heard)


async def test_a_page_of_html_is_waited_out_or_told_without_what_stands_in_it(portal: Portals) -> None:
    portal.org.fault("html@/crm/v3/objects:2x")
    assert (await portal.read("companies", "name")).rows == {}
    portal.org.fault("html@/crm/v3/objects")
    with pytest.raises(Unavailable) as caught:
        await portal.read("companies", "name")
    assert "<" not in str(caught.value)


async def test_a_redirect_to_another_host_is_not_followed_and_gets_no_token(portal: Portals) -> None:
    seen: list[str] = []

    async def elsewhere(scope: Scope, receive: Receive, send: Send) -> None:
        host = dict(scope["headers"])[b"host"].decode()
        seen.append(host)
        if scope["path"].startswith("/oauth/"):
            await portal.org.played.app(scope, receive, send)
            return
        headers = [(b"location", b"https://evil.example.net/crm/v3/objects/companies")]
        await send({"type": "http.response.start", "status": 302, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    portal.org.transport = asgi_transport(elsewhere)
    with pytest.raises(ConnectorError):
        await portal.read("companies", "name", connector=portal.again())
    assert set(seen) == {"localhost"}


# ── messages ─────────────────────────────────────────────────────────────────────────────────────


def _told(portal: Portals, messages: Sequence[Message]) -> list[Changes]:
    connector = portal.connector
    assert isinstance(connector, SupportsMessages)
    return [one for each in messages for one in connector.parse_webhook(each.body, each.headers)]


async def test_a_new_association_is_told_for_the_record_that_has_it(portal: Portals) -> None:
    (company,) = await portal.insert("companies", {"name": "A"})
    (contact,) = await portal.insert("contacts", {"email": "a@example.com"})
    hooks = portal.portal.subscriptions
    hooks.add("contact.associationChange", None, None, active=True, now=portal.portal.now())
    await portal.org.messages()
    portal.link("contacts", contact, "companies", company)
    assert _told(portal, await portal.org.messages()) == [Changes("contacts", (contact,), ())]


async def test_events_of_activities_are_told_by_the_type_of_their_object(portal: Portals) -> None:
    hooks = portal.portal.subscriptions
    for kind in ("creation", "deletion"):
        hooks.add(f"object.{kind}", None, "0-27", active=True, now=portal.portal.now())
    row = {"hs_task_subject": "Call", "hs_timestamp": "2026-01-01T00:00:00Z"}
    one, two = await portal.insert("tasks", row, row)
    await portal.org.remove("tasks", one)
    (told,) = _told(portal, await portal.org.messages())
    assert (told.object, {*told.changed}, {*told.deleted}) == ("tasks", {one, two}, {one})


async def test_a_message_is_believed_within_five_minutes_and_for_the_address_that_it_was_sent_to(
    portal: Portals,
) -> None:
    await portal.insert("companies", {"name": "A"})
    sent = await portal.org.messages()
    assert _told(portal, sent) == _told(portal, sent)
    other = portal.again(webhook_url="https://listener.example.com/other")
    assert isinstance(other, SupportsMessages)
    with pytest.raises(AuthError):
        other.parse_webhook(sent[0].body, sent[0].headers)
    portal.org.clock.advance(301)
    with pytest.raises(AuthError, match="not fresh"):
        _told(portal, sent)
