"""Zoho's notifications: channels made, renewed and ended, and what their messages are taken for."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmhub.connector import Native
from crmhub.errors import (
    AuthError,
    BadRequest,
    BadResponse,
    ConnectorError,
    NotFound,
    PermissionDenied,
    Unsupported,
    UsageError,
)
from crmhub.powers import Changes
from crmhub_zoho.simulator.double import ZohoDouble
from tests.integration.zoho.conftest import Org, World

pytestmark = pytest.mark.anyio

URL = "https://hooks.example.com/zoho"
DAY = 86_400.0


def sent(org: Org) -> list[bytes]:
    """The bodies of the messages sent since this was asked last."""
    assert isinstance(org.double, ZohoDouble)
    return [json.dumps(one["body"]).encode() for one in org.double.outbox(clear=True)]


async def test_a_message_names_the_records_to_read_again(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    (made,) = await connector.subscribe(["Deals"], URL)
    assert (made.object, made.url) == ("Deals", URL)
    (deal,) = await org.add("Deals", 1, Stage="Qualification")
    await org.change("Deals", [deal], Stage="Closed Won")
    await org.remove("Deals", [deal])
    told = [connector.parse_webhook(body, {}) for body in sent(org)]
    assert told == [
        [Changes("Deals", changed=(deal,))],
        [Changes("Deals", changed=(deal,))],
        [Changes("Deals", deleted=(deal,))],
    ]


async def test_nothing_has_to_be_kept_between_processes(make_org: World) -> None:
    org = make_org()
    (made,) = await org.connect().subscribe(["Deals"], URL)
    (deal,) = await org.add("Deals", 1, Stage="Qualification")
    (body,) = sent(org)
    assert org.connect().parse_webhook(body, {}) == [Changes("Deals", changed=(deal,))]
    assert await org.connect().renew_due(org.clock.now()) == [made]


async def test_a_channel_is_asked_for_less_than_a_week_and_renewed_before_it_ends(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    (made,) = await connector.subscribe(["Deals"], URL)
    assert made.expires_at is not None
    assert timedelta(days=6.9) < made.expires_at - org.clock.now() < timedelta(days=7)
    org.clock.advance(4.9 * DAY)
    assert await connector.renew_due(org.clock.now()) == [made]
    assert org.calls("PUT") == []
    org.clock.advance(0.2 * DAY)
    (renewed,) = await connector.renew_due(org.clock.now().astimezone(timezone(timedelta(hours=5))))
    assert renewed.id == made.id
    assert renewed.expires_at is not None
    assert timedelta(days=6.9) < renewed.expires_at - org.clock.now() < timedelta(days=7)


async def test_a_channel_that_has_ended_is_missing_and_can_be_made_again(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    await connector.subscribe(["Deals", "Accounts"], URL)
    org.clock.advance(8 * DAY)
    assert await connector.renew_due(org.clock.now()) == []
    assert [one.object for one in await connector.subscribe(["Accounts"], URL)] == ["Accounts"]


async def test_subscribing_again_replaces_the_channel(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    (first,) = await connector.subscribe(["Deals"], URL)
    again = await connector.subscribe(["Accounts", "Deals", "Deals"], f"{URL}/new")
    assert [one.object for one in again] == ["Accounts", "Deals"]
    assert again[1].id == first.id
    assert {one.url for one in await connector.renew_due(org.clock.now())} == {f"{URL}/new"}
    await org.add("Deals", 1, Stage="Qualification")
    assert len(sent(org)) == 1


async def test_channels_of_others_are_left_alone(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    other: Native = {
        "channel_id": "1000000068001",
        "events": ["Deals.all"],
        "notify_url": URL,
        "token": "theirs",
    }
    await connector.request("POST", "/crm/v8/actions/watch", json={"watch": [other]})
    await connector.subscribe(["Deals"], URL)
    assert len(await connector.renew_due(org.clock.now())) == 1
    await org.add("Deals", 1, Stage="Qualification")
    theirs, ours = sorted(sent(org), key=lambda body: b'"theirs"' not in body)
    with pytest.raises(AuthError, match="token"):
        connector.parse_webhook(theirs, {})
    assert connector.parse_webhook(ours, {})
    await connector.unsubscribe()
    assert await connector.renew_due(org.clock.now()) == []
    await org.add("Deals", 1, Stage="Qualification")
    assert [b'"theirs"' in body for body in sent(org)] == [True]


async def test_another_client_secret_proves_nothing(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    await connector.subscribe(["Deals"], URL)
    await org.add("Deals", 1, Stage="Qualification")
    (body,) = sent(org)
    with pytest.raises(AuthError) as caught:
        org.connect(client_secret="another").parse_webhook(body, {})
    assert json.loads(body)["token"] not in str(caught.value)
    assert org.double.credentials["client_secret"] not in body.decode()


async def test_only_some_subscriptions_can_be_ended(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    await connector.subscribe(["Deals", "Accounts"], URL)
    await connector.unsubscribe(["Deals"])
    await connector.unsubscribe(["Deals"])
    assert [one.object for one in await connector.renew_due(org.clock.now())] == ["Accounts"]


async def test_a_true_message_of_another_shape_is_unreadable(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    await connector.subscribe(["Deals"], URL)
    await org.add("Deals", 1, Stage="Qualification")
    (body,) = sent(org)
    wrong: list[dict[str, object]] = [
        {"ids": None},
        {"ids": ["../Leads/1"]},
        {"ids": [True]},
        {"ids": 5},
        {"module": None},
        {"module": ""},
    ]
    for change in wrong:
        with pytest.raises(BadResponse):
            connector.parse_webhook(json.dumps(json.loads(body) | change).encode(), {})
    number = json.loads(body) | {"ids": [554023000000000001], "operation": "something new"}
    assert connector.parse_webhook(json.dumps(number).encode(), {}) == [
        Changes("Deals", changed=("554023000000000001",))
    ]


async def test_what_cannot_be_subscribed_is_refused_by_name(make_org: World) -> None:
    connector = make_org().connect()
    with pytest.raises(NotFound):
        await connector.subscribe(["Nothings"], URL)
    with pytest.raises(Unsupported, match="users"):
        await connector.subscribe(["users"], URL)
    with pytest.raises(BadRequest) as caught:
        await connector.subscribe(["Deals", "Notes"], URL)
    assert caught.value.code == "NOT_SUPPORTED"
    assert caught.value.where.object == "Notes"


@pytest.mark.parametrize(
    "url", ["http://hooks.example.com/", "ftp://x.example", "hooks", "", f"https://a.example/{'x' * 255}"]
)
async def test_a_url_that_will_not_do_is_refused_before_any_call(make_org: World, url: str) -> None:
    org = make_org()
    with pytest.raises(UsageError):
        await org.connect().subscribe(["Deals"], url)
    assert org.calls("") == []


async def test_a_time_without_zone_is_refused(make_org: World) -> None:
    with pytest.raises(UsageError, match="time zone"):
        await make_org().connect().renew_due(datetime.now(UTC).replace(tzinfo=None))


async def test_a_missing_scope_is_named(make_org: World) -> None:
    org = make_org(settings={"scopes": "ZohoCRM.modules.ALL,ZohoCRM.settings.ALL,ZohoCRM.users.READ"})
    with pytest.raises(PermissionDenied):
        await org.connect().subscribe(["Deals"], URL)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_MESSAGES = st.binary() | st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("channel_id", "token", "ids", "module", "operation"), _JSON)
).map(lambda told: json.dumps(told).encode())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=_MESSAGES | st.just(b'{"channel_id":' + b"9" * 5000 + b"}") | st.just(b"[" * 100_000))
def test_whatever_a_stranger_sends_is_refused_by_a_named_error(lone_org: Org, body: bytes) -> None:
    with pytest.raises(ConnectorError):
        lone_org.connect().parse_webhook(body, {})


@pytest.fixture
def lone_org() -> Org:
    """An organisation that is never called."""
    return World()()
