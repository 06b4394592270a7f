"""Names and ids of every kind, and mistakes half-way: each item has one outcome, and nothing is lost."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from crmhub.clock import ManualClock
from crmhub.connector import Connector, Missing, Native, Value, WriteItem, WriteRequest
from crmhub.hub import Hub
from crmhub_rest.connector import connector as made
from crmhub_rest.language.load import parse
from crmhub_rest.seams import Seams
from tests.integration.rest.desk import DESK, KEY, Desk

pytestmark = pytest.mark.anyio
NAMES = ("Größe", "my field", "a/b", "x|y", "7", "*", "${key}")
IDS = ("../101", "a/b", "..", "", "\r\nx: y", "\0", "\ud800", "%2f", "a?b", "a#b", "é")
WIDE = DESK.replace(
    "      cf_vip: bool\n", "      cf_vip: bool\n" + "".join(f'      "{n}": text\n' for n in NAMES)
)


@pytest.fixture
async def desk(anyio_backend: str) -> Desk:
    return Desk()


@pytest.fixture
async def connector(desk: Desk) -> AsyncGenerator[Connector]:
    async with Hub(transports={"desk": desk.transport}, clock=ManualClock()) as hub:
        yield hub.add("desk", made(parse(WIDE, "desk.yaml")), key=KEY).connector


def created(*rows: Native) -> WriteRequest:
    return WriteRequest("people", "create", [WriteItem(row) for row in rows])


@pytest.mark.parametrize("name", NAMES)
async def test_a_field_is_written_by_its_name_whatever_that_is_made_of(
    desk: Desk, connector: Connector, name: str
) -> None:
    (outcome,) = await connector.write(created({"name": "Ada", name: "value"}))
    assert outcome.status == "created"
    assert desk.people[str(outcome.id)][name] == "value"


@pytest.mark.parametrize("id_", IDS, ids=range(len(IDS)))
async def test_an_id_that_no_url_can_hold_is_no_records_and_stops_no_others(
    desk: Desk, connector: Connector, id_: str
) -> None:
    found = await connector.get("people", [id_, "101"], ("name",))
    assert [isinstance(one, Missing) for one in found] == [True, False]
    items = [WriteItem({"name": "New"}, id=one) for one in (id_, "101")]
    outcomes = await connector.write(WriteRequest("people", "update", items))
    assert [outcome.status for outcome in outcomes] == ["rejected", "updated"]
    assert [row["name"] for row in desk.people.values()].count("New") == 1


async def test_what_was_written_before_seams_fail_is_told(desk: Desk) -> None:
    bodies: list[Value] = []

    class Brittle(Seams):
        def body(self, object: str, role: str, body: Value) -> Value:
            bodies.append(body)
            if len(bodies) > 2:
                raise KeyError("nothing of a record is in an outcome")
            return body

    described = type("Made", (made(parse(DESK, "desk.yaml")),), {"seams": Brittle})
    rows: list[Native] = [{"name": name} for name in ("One", "Two", "Three", "Four")]
    async with Hub(transports={"desk": desk.transport}, clock=ManualClock()) as hub:
        connector = hub.add("desk", described, key=KEY, concurrency=1).connector
        outcomes = await connector.write(created(*rows))  # in any order
        with pytest.raises(KeyError):
            await connector.write(created(rows[0]))
    there = [row["name"] for row in desk.people.values()]
    for outcome, row in zip(outcomes, rows, strict=True):
        assert (outcome.status == "created") == (row["name"] in there)
    assert sorted(outcome.status for outcome in outcomes) == ["created", "created", "rejected", "unknown"]
    (lost,) = [outcome for outcome in outcomes if outcome.status == "unknown"]
    assert "KeyError" in str(lost.problem)
    assert "nothing of a record" not in str(lost.problem)
