"""Change events that a relay delivers: proved, understood, without echoes of our own writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest
from starlette.requests import Request
from starlette.responses import Response

from crmhub.connector import Value
from crmhub.errors import AuthError, BadResponse, ConfigError
from crmhub.powers import Changes, Power, SupportsMessages, SupportsWebhooks

if TYPE_CHECKING:
    from crmhub_salesforce import Connector
    from tests.integration.salesforce.conftest import World

pytestmark = pytest.mark.anyio

SECRET = "relay-secret"
HEADERS = {"Authorization": f"Bearer {SECRET}"}
ONE, TWO = "001Hs00000000AAIAY", "001Hs00000000ABIAY"


def event(kind: str = "UPDATE", ids: Value = None, **header: Value) -> dict[str, Value]:
    known: dict[str, Value] = {
        "entityName": "Account",
        "recordIds": [ONE] if ids is None else ids,
        "changeType": kind,
        "changeOrigin": "com/salesforce/api/soap/62.0;client=Astro",
        "commitTimestamp": 1_781_524_830_000,
    }
    return {"ChangeEventHeader": {**known, **header}, "Name": "A value that nobody reads"}


def parsed(connector: Connector, body: object, headers: Mapping[str, str] = HEADERS) -> list[Changes]:
    return [*connector.parse_webhook(json.dumps(body).encode(), headers)]


@pytest.mark.parametrize("kind", ["CREATE", "UPDATE", "UNDELETE", "GAP_CREATE", "GAP_UPDATE", "GAP_UNDELETE"])
async def test_events_name_the_records_to_read_again(make_org: World, kind: str) -> None:
    connector = make_org().connect(relay_secret=SECRET)
    assert parsed(connector, event(kind, [ONE, TWO, ONE])) == [Changes("Account", changed=(ONE, TWO))]


@pytest.mark.parametrize("kind", ["DELETE", "GAP_DELETE"])
async def test_deletions_are_told_apart(make_org: World, kind: str) -> None:
    connector = make_org().connect(relay_secret=SECRET)
    assert parsed(connector, event(kind)) == [Changes("Account", deleted=(ONE,))]


@pytest.mark.parametrize(
    "told",
    [event("GAP_OVERFLOW", ["000000000000000AAA"]), event("UPDATE", ["001*"]), event("GAP_OVERFLOW", [])],
)
async def test_events_that_name_no_records_are_gaps(make_org: World, told: object) -> None:
    assert parsed(make_org().connect(relay_secret=SECRET), told) == [Changes("Account", gap=True)]


async def test_relays_wrap_events_as_they_like_and_send_several_at_once(make_org: World) -> None:
    connector = make_org().connect(relay_secret=SECRET)
    body = [
        event("CREATE", [ONE[:15]]),
        {"schema": "x", "payload": event("UPDATE", [TWO]), "event": {"replayId": 1}},
        {
            "data": {"payload": event("DELETE"), "event": {"replayId": 2}},
            "channel": "/data/ChangeEvents",
        },
    ]
    assert parsed(connector, body) == [
        Changes("Account", changed=(ONE,)),
        Changes("Account", changed=(TWO,)),
        Changes("Account", deleted=(ONE,)),
    ]
    assert parsed(connector, []) == []


async def test_a_connection_knows_its_own_writes_by_the_name_it_calls_itself(make_org: World) -> None:
    org = make_org()
    names: set[str] = set()

    def look(request: Request, _: bytes) -> Response | None:
        names.add(str(request.headers.get("sforce-call-options", "")))
        return None

    org.instead = look
    await org.add(1)
    (name,) = names - {""}
    own = f"com/salesforce/api/rest/62.0;{name}"
    connector = org.connect(relay_secret=SECRET)
    echo, other = event(changeOrigin=own), event("DELETE", changeOrigin=f"{own}2")
    assert parsed(connector, [echo, other, event(changeOrigin=None)]) == [
        Changes("Account", deleted=(ONE,)),
        Changes("Account", changed=(ONE,)),
    ]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": SECRET},
        {"Authorization": "Bearer "},
        {"Authorization": f"Bearer {SECRET}x"},
        {"Authorization": "Bearer \udcff"},
        {"X-Authorization": f"Bearer {SECRET}"},
    ],
)
async def test_a_message_without_the_secret_is_not_believed(
    make_org: World, headers: Mapping[str, str]
) -> None:
    connector = make_org().connect(relay_secret=SECRET)
    with pytest.raises(AuthError, match="without the relay's secret") as caught:
        parsed(connector, event(), headers)
    assert SECRET not in f"{caught.value!r}{caught.value.hint}"
    assert parsed(connector, event(), {"AUTHORIZATION": f"Bearer {SECRET}"})


ODD: list[Value] = [
    {},
    {"payload": []},
    [event(), 1],
    event("MERGE"),
    event(ids=[]),
    event(ids="001"),
    event(ids=[ONE, None]),
    event(ids=["../../limits"]),
    event(entityName="Account; x"),
    event(entityName=None),
]


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"null", b"[" * 100_000, *[json.dumps(one).encode() for one in ODD]]
)
async def test_a_message_that_cannot_be_understood_says_so(make_org: World, body: bytes) -> None:
    with pytest.raises(BadResponse, match="without usable"):
        make_org().connect(relay_secret=SECRET).parse_webhook(body, HEADERS)


async def test_without_a_secret_no_message_is_believed(make_org: World) -> None:
    org = make_org()
    for connector, has in ((org.connect(), False), (org.connect(relay_secret=SECRET), True)):
        assert (Power.MESSAGES in (await connector.capabilities()).powers) is has
        assert isinstance(connector, SupportsMessages)
        assert not isinstance(connector, SupportsWebhooks)
    with pytest.raises(ConfigError, match="only with a secret"):
        parsed(org.connect(), event())
    with pytest.raises(ValueError, match="empty"):
        org.connect(relay_secret=" ")
