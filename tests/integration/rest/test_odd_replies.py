"""Replies of another kind than was asked for: never taken for success, and read again where that may help."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from crmhub.clock import ManualClock
from crmhub.connector import Connector, ReadRequest, WriteItem, WriteRequest
from crmhub.errors import BadResponse
from crmhub.http import asgi_transport
from crmhub.hub import Hub
from crmhub_rest.connector import connector as made
from crmhub_rest.language.load import parse
from tests.integration.rest.desk import DESK, KEY, Desk

pytestmark = pytest.mark.anyio
PAGE = Response("<html><body>Sign in</body></html>", media_type="text/html")
NAMED_JSON = Response("<!doctype html><p>Back soon</p>", media_type="application/json")
XML = Response("<?xml version='1.0'?><error/>", media_type="application/xml")
CUT = Response('{"data": [{"id": "100", "na', media_type="application/json")
LATIN = Response('{"data": [{"id": "é"}]}'.encode("latin-1"), media_type="application/json")
REFUSED = Response('{"error": {"code": "busy"}}', media_type="application/json")
EMPTY = Response(b"", media_type="application/json")
WORD = Response("OK", media_type="text/plain")
READS = {"page": PAGE, "named JSON": NAMED_JSON, "XML": XML, "cut": CUT, "latin": LATIN, "empty": EMPTY}


class Gate:
    """Stands before the desk, and answers in its place as often as it is told to."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.answer, self.times, self.calls = PAGE, 0, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.calls += 1
        app = self.answer if self.calls <= self.times else self.desk.app
        await app(scope, receive, send)

    def answers(self, answer: Response, times: int = 1_000) -> None:
        self.answer, self.times, self.calls = answer, times, 0


@pytest.fixture
async def gate(anyio_backend: str) -> Gate:
    return Gate(Desk())


@pytest.fixture
async def connector(gate: Gate) -> AsyncGenerator[Connector]:
    async with Hub(transports={"desk": asgi_transport(gate)}, clock=ManualClock()) as hub:
        yield hub.add("desk", made(parse(DESK, "desk.yaml")), key=KEY).connector


async def names(connector: Connector) -> list[object]:
    pages = [page async for page in connector.read(ReadRequest("people", ("name",)))]
    return [row["name"] for page in pages for row in page.upserts]


@pytest.mark.parametrize("reply", READS)
async def test_a_page_of_records_that_came_as_something_else_is_asked_for_again(
    gate: Gate, connector: Connector, reply: str
) -> None:
    gate.answers(READS[reply], times=2)
    assert len(await names(connector)) == len(gate.desk.people)
    gate.answers(READS[reply])
    with pytest.raises(BadResponse, match="GET /v1/people was answered with"):
        await names(connector)


@pytest.mark.parametrize("operation", ["update", "delete"])
@pytest.mark.parametrize("reply", [PAGE, NAMED_JSON, XML], ids=["page", "named JSON", "XML"])
async def test_a_page_is_no_proof_that_something_was_written(
    gate: Gate, connector: Connector, operation: str, reply: Response
) -> None:
    gate.answers(reply)
    request = WriteRequest("people", "update", [WriteItem({"name": "New"}, id="100")])
    if operation == "delete":
        request = WriteRequest("people", "delete", [WriteItem({}, id="100")])
    (outcome,) = await connector.write(request)
    assert outcome.status == "unknown"
    assert outcome.problem is not None
    gate.answers(reply, times=1)
    (outcome,) = await connector.write(request)
    assert outcome.status == f"{operation}d"
    assert "100" not in gate.desk.people or gate.desk.people["100"]["name"] == "New"


async def test_an_update_whose_reply_has_no_record_where_one_should_be_is_not_done(
    gate: Gate, connector: Connector
) -> None:
    gate.answers(REFUSED)
    (outcome,) = await connector.write(
        WriteRequest("people", "update", [WriteItem({"name": "New"}, id="100")])
    )
    assert outcome.status == "unknown"
    assert outcome.problem is not None
    assert "'data'" in outcome.problem.message


@pytest.mark.parametrize("reply", [EMPTY, WORD], ids=["empty", "word"])
async def test_a_deletion_may_be_answered_with_anything_but_a_page(
    gate: Gate, connector: Connector, reply: Response
) -> None:
    gate.answers(reply)
    (outcome,) = await connector.write(WriteRequest("people", "delete", [WriteItem({}, id="100")]))
    assert outcome.status == "deleted"
    assert gate.calls == 1
