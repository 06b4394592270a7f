"""Ids, keys, names and texts that try to lead a call, and its token, somewhere else."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, cast

import anyio
import pytest
from requests import RequestException
from starlette.requests import Request
from starlette.responses import Response

from crmhub.connector import (
    Checkpoint,
    Condition,
    Native,
    Page,
    ReadRequest,
    Value,
    WriteItem,
    WriteRequest,
)
from crmhub.errors import ConnectorError, CrmhubError
from crmhub.usage import Planned

if TYPE_CHECKING:
    from simple_salesforce.api import SFType

    from crmhub_salesforce import Connector
    from tests.integration.salesforce.conftest import Org, World

pytestmark = pytest.mark.anyio

EVIL = [
    "https://evil.test/x",
    "//evil.test/x",
    "https:evil.test",
    "/\\evil.test",
    "../../limits",
    "..%2f..%2flimits",
    "%2e%2e/%2e%2e/limits",
    "001000000000001AAA/../../limits",
    "001000000000001AAA?_HttpMethod=DELETE",
    "001000000000001AAA#@evil.test",
    "@evil.test/",
    "x\r\nHost: evil.test",
    "x\x00y",
    "' OR Name != '",
    "\\' OR Name != \\'",
    "x\ud800",
    '"\n"001000000000001AAA","x',
    "x}) RETURNING User(Id",
    "\u2019 OR 1=1",
    "(SELECT Id FROM Contacts)",
    "Name FROM User",
    "Owner.Name, (SELECT Id FROM Contacts)",
    ".",
    "..",
    "",
]
Call = Callable[["Connector", str], Awaitable[object]]


async def drained(pages: AsyncIterator[Page]) -> list[Page]:
    return [page async for page in pages]


LITERAL = re.compile(r"'(?:[^'\\]|\\.)*'")
ELSEWHERE = re.compile(r"FROM (?:User|Contacts)|RETURNING User|OR |evil")
ONE = "001000000000001AAA"
STAMP = "2026-01-01T00:00:00Z"
CHECKPOINTS: dict[str, Checkpoint] = {
    "full": {"v": 1, "object": "Account", "cursor": "SystemModstamp", "mode": "full", "after": ONE,
             "began": STAMP, "job": ["750000000000001AAA", "rows", 1]},
    "changes": {"v": 1, "object": "Account", "cursor": "SystemModstamp", "mode": "changes", "seen": STAMP,
                "at": [STAMP, ONE], "until": STAMP, "logged": STAMP},
}  # fmt: skip


def tampered(value: Value, text: str) -> list[Value]:
    """The value with each text in it replaced, one at a time."""
    if isinstance(value, str):
        return [text]
    if isinstance(value, list):
        return [
            [*value[:at], new, *value[at + 1 :]]
            for at, part in enumerate(value)
            for new in tampered(part, text)
        ]
    return []


def since(kind: str) -> Call:
    """A read from a checkpoint with that text in each place that it can be in."""

    async def call(connector: Connector, text: str) -> object:
        good = CHECKPOINTS[kind]
        for name, value in good.items():
            for new in tampered(value, text):
                request = ReadRequest("Account", ("Name",), since={**good, name: new})
                with suppress(CrmhubError):
                    await drained(connector.read(request))
        return None

    return call


def referring(relationship: bool) -> Call:
    """Records that refer by external ids, with that text in each place that it can be in."""

    async def call(connector: Connector, text: str) -> object:
        key = "External_Id__c"
        rows: list[Native] = [
            {"LastName": "c", f"Account.{key}": text},
            {"LastName": "c", "Account": {key: text, "attributes": {"type": text}}},
            {"LastName": "c", "Account": {text: "x"}},
            {"LastName": "c", "AccountId": text},
            {"LastName": "c", f"Account.{text}": "x"},
            {"LastName": "c", f"{text}.{key}": "x"},
            {"LastName": "c", text: "x"},
        ]
        items = [WriteItem(row) for row in (rows[:4] if relationship else rows[4:])]
        return await connector.write(WriteRequest("Contact", "create", items))

    return call


async def bound_to_a_query(connector: Connector, text: str) -> object:
    pages = await drained(connector.query(f"SELECT Id FROM Account WHERE Name = {connector.literal(text)}"))
    assert not any(page.upserts for page in pages)
    return None


async def with_a_version(connector: Connector, text: str) -> object:
    item = WriteItem({"Name": "x"}, id=ONE, if_version=text)
    return await connector.write(WriteRequest("Account", "update", [item]))


def written(operation: str, object: str = "Account", key: str | None = None) -> Call:
    """A write with that text in each place that it can be in."""

    async def call(connector: Connector, text: str) -> object:
        item = WriteItem({"Name": text}, id=None if key else text, key=text if key else None)
        return await connector.write(WriteRequest(object, operation, [item], key))  # pyright: ignore[reportArgumentType]

    return call


async def by_simple_salesforce(connector: Connector, text: str) -> object:
    accounts: SFType = connector.native().Account  # pyright: ignore[reportAssignmentType]
    return await anyio.to_thread.run_sync(accounts.get, text)


CALLS: dict[str, Call] = {
    "get": lambda connector, text: connector.get("Account", [text], ["Name"]),
    "get a field": lambda connector, text: connector.get("Account", ["001000000000001AAA"], [text]),
    "get of an object": lambda connector, text: connector.get(text, ["001000000000001AAA"], ["Name"]),
    "describe": lambda connector, text: connector.describe(text),
    "able": lambda connector, text: connector.able(text),
    "count": lambda connector, text: connector.count("Account", [Condition("Name", "eq", text)]),
    "count by a field": lambda connector, text: connector.count("Account", [Condition(text, "eq", "x")]),
    "search": lambda connector, text: drained(connector.search("Account", text, ["Name"], 5)),
    "query": lambda connector, text: drained(connector.query(text)),
    "request": lambda connector, text: connector.request("GET", text),
    "request below": lambda connector, text: connector.request("GET", f"/services/data/{text}"),
    "read": lambda connector, text: drained(connector.read(ReadRequest("Account", (text,)))),
    "read an object": lambda connector, text: drained(connector.read(ReadRequest(text, ("Name",)))),
    "read where": lambda connector, text: drained(
        connector.read(ReadRequest("Account", ("Name",), filter=(Condition("Id", "eq", text),)))
    ),
    "read since": lambda connector, text: drained(
        connector.read(
            ReadRequest("Account", ("Name",), since=cast("Checkpoint", {"next": text, "id": text}))
        )
    ),
    "newest": lambda connector, text: connector.newest("Account", [text], 5),
    "newest of an object": lambda connector, text: connector.newest(text, ["Name"], 5),
    "update": written("update"),
    "delete": written("delete"),
    "upsert": written("upsert", key="External_Id__c"),
    "upsert by a field": lambda connector, text: written("upsert", key=text or "x")(connector, text),
    "create of an object": lambda connector, text: written("create", text)(connector, text),
    "simple-salesforce": by_simple_salesforce,
    "count of an object": lambda connector, text: connector.count(text),
    "count among": lambda connector, text: connector.count("Account", [Condition("Id", "in", [text, text])]),
    "count by a parent": lambda connector, text: connector.count(
        "Account", [Condition("Owner.Name", "ge", text)]
    ),
    "search of an object": lambda connector, text: drained(connector.search(text, "word", ["Name"], 5)),
    "search for a field": lambda connector, text: drained(connector.search("Account", "word", [text], 5)),
    "request with a parameter": lambda connector, text: connector.request(
        "GET", "/services/data/v62.0/query", params={"q": text, text: "x"}
    ),
    "request by a method": lambda connector, text: connector.request(text, "/services/data/v62.0/sobjects"),
    "estimate": lambda connector, text: connector.estimate(Planned("read", text, 5)),
    "read since, in full": since("full"),
    "read since, changes": since("changes"),
    "query with a value": bound_to_a_query,
    "update of a version": with_a_version,
    "references": referring(relationship=True),
    "names of references": referring(relationship=False),
    "job: update": written("update"),
    "job: delete": written("delete"),
    "job: upsert": written("upsert", key="External_Id__c"),
    "job: references": referring(relationship=True),
    "job: names of references": referring(relationship=False),
}


@pytest.mark.parametrize("way", CALLS)
async def test_no_text_leads_a_call_out_of_the_org_or_to_another_resource(make_org: World, way: str) -> None:
    org = make_org({"Account": 2})
    seen = watched(org)
    connector = org.connect(bulk_write_from=1) if way.startswith("job") else org.connect()
    before = org.truth("Account", "Name")
    for text in EVIL:
        with suppress(CrmhubError, RequestException):
            await CALLS[way](connector, text)
    assert {request.url.netloc for request in seen} <= {"localhost:8081"}
    for request in seen:
        raw = bytes(request.scope["raw_path"]).decode().partition("?")[0]
        assert raw.startswith("/services/"), raw
        assert ".." not in raw
        assert not raw.endswith("/limits")
        asked = LITERAL.sub("", request.query_params.get("q", ""))
        assert way in {"query", "request with a parameter"} or not ELSEWHERE.search(asked), asked
    kept = org.truth("Account", "Name")
    assert {id_: kept.get(id_) for id_ in before} == before


def watched(org: Org) -> list[Request]:
    """Every request that is made from now on."""
    seen: list[Request] = []

    def note(request: Request, body: bytes) -> Response | None:
        del body
        seen.append(request)
        return None

    org.instead = note
    return seen


@pytest.mark.parametrize(
    "place",
    [
        "https://evil.test",
        "https://acme.my.salesforce.com.evil.test",
        "https://evilsalesforce.com",
        "https://acme.my.salesforce.com@evil.test",
        "https://acme.my.salesforce.com:444",
        "http://acme.my.salesforce.com",
        "https://acme.my.salesforce.com\\@evil.test",
        "https://evil.test#.salesforce.com",
        "https://evil.test?.salesforce.com",
        "ftp://acme.my.salesforce.com",
    ],
)
async def test_no_token_reply_leads_a_call_out_of_salesforce(make_org: World, place: str) -> None:
    org = make_org()

    def elsewhere(request: Request, body: bytes) -> Response | None:
        del body
        if not request.url.path.endswith("/token"):
            return None
        reply = (
            f'{{"access_token": "00D!secret-token", "instance_url": "{place.replace(chr(92), chr(92) * 2)}"}}'
        )
        return Response(reply, media_type="application/json")

    org.instead = elsewhere
    with pytest.raises(ConnectorError) as caught:
        await org.connect().count("Account")
    assert "secret-token" not in str(caught.value)
    assert org.calls() == []
