"""A call from the outside to its answer: what is checked, in which order, and what is told."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import cast

import anyio
import jsonschema_rs
import pytest
import trio
from trio.testing import MockClock

from crmhub.agent.auditing import Outcome
from crmhub.agent.gate import Gate, Reply
from crmhub.agent.identity import Agent
from crmhub.agent.tool import CREATE, READ, Call, Effect, Pack, Told, Toolbox, tool
from crmhub.errors import StoreError
from tests.agents import (
    BOT,
    ORIGIN,
    PACK,
    WRITTEN,
    Count,
    ListedAudit,
    Nothing,
    agents_of,
    gate_to,
    hub_of_two,
)

pytestmark = pytest.mark.anyio


def error_of(reply: Reply) -> dict[str, object]:
    assert reply.is_error
    return cast("dict[str, object]", reply.structured["error"])


async def test_a_read_answers_data_one_line_and_where_it_is_from(tmp_path: Path) -> None:
    audit = ListedAudit()
    async with hub_of_two(tmp_path) as hub:
        gate = await gate_to(hub, audit)
        reply = await gate.call(BOT, "get_person", {"id": "p1"}, origin=ORIGIN)
    people = cast("list[dict[str, object]]", reply.structured["people"])
    assert (reply.is_error, reply.text) == (False, "1 person")
    assert people[0]["id"] == "contact:north:p1"
    assert people[0]["about"] == {"text": "note 1 of North", "untrusted": True, "cut": False}
    assert reply.meta["crmhub/audit_id"] == "1"
    assert audit.intents[0].decision == "allowed"
    assert audit.outcomes["1"].records == ["contact:north:p1"]


async def test_answers_and_arguments_are_what_the_schemas_say(tmp_path: Path) -> None:
    async with hub_of_two(tmp_path) as hub:
        gate = await gate_to(hub)
        tools = {each.name: each for each in gate.tools(BOT)}
        given: dict[str, object] = {"connection": None, "query": "North", "limit": 2, "fields": ["full_name"]}
        reply = await gate.call(BOT, "find_people", given, origin=ORIGIN)
    find = tools["find_people"]
    jsonschema_rs.validate(find.input_schema, given)
    jsonschema_rs.validate(find.output_schema, reply.structured)
    for wrong in ({"limit": 51}, {"query": "x" * 101}, {"other": 1}, {"fields": ["x" * 65]}):
        with pytest.raises(jsonschema_rs.ValidationError):
            jsonschema_rs.validate(find.input_schema, wrong)
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(find.output_schema, {"people": [{"id": 5}]})
    assert len(json.dumps(tools["sum_deals"].output_schema)) < 700  # what every tool's schema has


async def test_a_tool_that_is_not_allowed_is_refused_as_one_that_nobody_has(tmp_path: Path) -> None:
    audit = ListedAudit()
    async with hub_of_two(tmp_path) as hub:
        gate = await gate_to(hub, audit, tools=["get_person"])
        assert [tool.name for tool in gate.tools(BOT)] == ["get_person"]
        hidden = await gate.call(BOT, "sum_deals", {}, origin=ORIGIN)
        unknown = await gate.call(BOT, "tum_deals", {}, origin=ORIGIN)
    assert hidden.structured == unknown.structured
    assert error_of(hidden)["code"] == "unknown_tool"
    assert [each.decision for each in audit.intents] == ["refused", "refused"]
    assert [each.code for each in audit.outcomes.values()] == ["unknown_tool", "unknown_tool"]


async def test_an_agent_that_nobody_named_has_no_tools(tmp_path: Path) -> None:
    async with hub_of_two(tmp_path) as hub:
        gate = await gate_to(hub)
        assert gate.tools(Agent("stranger")) == []
        reply = await gate.call(Agent("stranger"), "get_person", {"id": "p1"}, origin=ORIGIN)
    assert error_of(reply)["code"] == "no_policy"


async def test_a_wrong_argument_is_named_with_its_bound_and_never_with_its_value(tmp_path: Path) -> None:
    async with hub_of_two(tmp_path) as hub:
        gate = await gate_to(hub)
        given = {"limit": 51, "query": "secret" * 40, "canary": "canary"}
        reply = await gate.call(BOT, "find_people", given, origin=ORIGIN)
    said = str(reply.structured)
    assert "limit: input should be less than or equal to 50" in said
    assert "query: string should have at most 100 characters" in said
    assert "secret" not in said
    assert "canary" not in said


async def test_nothing_is_written_where_the_audit_cannot_take_it(tmp_path: Path) -> None:
    audit = ListedAudit()
    audit.broken = True
    WRITTEN.clear()
    async with hub_of_two(tmp_path) as hub:
        gate = await gate_to(hub, audit)
        reply = await gate.call(BOT, "write_it", {}, origin=ORIGIN)
    assert (error_of(reply)["code"], WRITTEN) == ("audit_unavailable", [])


class Slow:
    """A tool that never ends by itself, and tells when it has begun."""

    def __init__(self, effect: Effect) -> None:
        self.begun = anyio.Event()
        wait = tool(Nothing, Count, effect, title="Wait", name="wait")(self.wait)
        self.pack = Pack("slow", "Slow.", (wait,))

    async def wait(self, call: Call, given: Nothing) -> Told:
        """Wait."""
        self.begun.set()
        await anyio.sleep_forever()
        raise AssertionError


async def test_a_call_that_is_cancelled_has_its_outcome(tmp_path: Path) -> None:
    audit, slow = ListedAudit(), Slow(READ)
    async with hub_of_two(tmp_path) as hub:
        gate = await gate_to(hub, audit, slow.pack, tools=["wait"])
        async with anyio.create_task_group() as group:
            group.start_soon(partial(gate.call, BOT, "wait", {}, origin=ORIGIN))
            await slow.begun.wait()
            group.cancel_scope.cancel()
        with anyio.CancelScope() as scope:
            scope.cancel()  # before it has begun
            await gate.call(BOT, "wait", {}, origin=ORIGIN)
    assert [each.tool for each in audit.intents] == ["wait", "wait"]
    assert [each.code for each in audit.outcomes.values()] == ["cancelled", "cancelled"]


@pytest.mark.trio
@pytest.mark.parametrize("effect", [READ, CREATE])
def test_a_call_that_takes_too_long_is_ended_and_says_so(tmp_path: Path, effect: Effect) -> None:
    audit = ListedAudit()

    async def main() -> Reply:
        slow = Slow(effect)
        async with hub_of_two(tmp_path) as hub:
            gate = await gate_to(hub, audit, slow.pack, tools=["wait"], limits={"seconds_per_call": 5})
            return await gate.call(BOT, "wait", {}, origin=ORIGIN)

    reply = trio.run(main, clock=MockClock(autojump_threshold=0))
    assert error_of(reply)["code"] == audit.outcomes["1"].code == "timeout"
    assert error_of(reply)["message"] == "the answer took longer than 5 seconds"
    assert error_of(reply)["retryable"] is (effect is READ)


async def test_a_read_that_cannot_be_audited_to_its_end_is_not_told(tmp_path: Path) -> None:
    class Forgetful(ListedAudit):
        async def conclude(self, id: str, outcome: Outcome) -> None:
            raise StoreError("the disk is full")

    async with hub_of_two(tmp_path) as hub:
        gate = await gate_to(hub, Forgetful())
        read = await gate.call(BOT, "get_person", {"id": "p1"}, origin=ORIGIN)
        written = await gate.call(BOT, "write_it", {}, origin=ORIGIN)
        lenient = await Gate.of(hub, agents_of(), Toolbox([PACK]), Forgetful(), reads_without_audit=True)
        told = await lenient.call(BOT, "get_person", {"id": "p1"}, origin=ORIGIN)
    assert error_of(read)["code"] == "audit_unavailable"
    assert "North1" not in str(read)
    assert not written.is_error  # it is done: the intent that was kept tells
    assert not told.is_error
