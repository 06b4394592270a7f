"""A call from the outside to its answer: what is checked, in which order, and what is told."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import anyio
import pytest

from crmhub.agent.gate import Reply
from crmhub.agent.identity import Agent
from tests.agents import BOT, ORIGIN, WRITTEN, ListedAudit, gate_to, hub_of_two

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


async def test_a_call_that_is_cancelled_has_its_outcome(tmp_path: Path) -> None:
    audit = ListedAudit()
    async with hub_of_two(tmp_path) as hub:
        gate = await gate_to(hub, audit)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await gate.call(BOT, "get_person", {"id": "p1"}, origin=ORIGIN)
    assert [len(audit.intents), len(audit.outcomes)] in ([0, 0], [1, 1])
