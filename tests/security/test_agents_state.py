"""Threats 4, 6 and 7: tools, cursors and records of one agent, person or tenant in the hands of another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import anyio
import pytest

from crmhub.agent.gate import Gate, Reply
from crmhub.agent.identity import Agent
from crmhub.agent.policy.language import Agents
from crmhub.agent.tool import Toolbox
from crmhub.clock import ManualClock
from crmhub.hub import Hub
from tests.agents import BOT, ORIGIN, PACK, ListedAudit, agents_of, gate_to, hub_of_two

pytestmark = pytest.mark.anyio


async def gate_for_two(hub: Hub, **second: object) -> Gate:
    """A gate with the agents ``bot`` and ``other``, each with a policy of its own."""
    one, two = agents_of(), agents_of(**second)
    both = Agents.model_validate(
        {
            "agents": {"bot": {"policy": "p"}, "other": {"policy": "q"}},
            "policies": {"p": one.policies["p"], "q": two.policies["p"]},
        }
    )
    return await Gate.of(hub, both, Toolbox([PACK]), ListedAudit())


def code_of(reply: Reply) -> object:
    return cast("Mapping[str, object]", reply.structured.get("error", {})).get("code")


async def test_a_tool_of_another_agent_is_refused_as_one_that_nobody_has(tmp_path: Path) -> None:
    async with hub_of_two(tmp_path) as hub:
        gate = await gate_for_two(hub, tools=["get_person"])
        other = Agent("other")
        theirs = await gate.call(other, "find_people", {"limit": "x"}, origin=ORIGIN)
        nobodys = await gate.call(other, "find_nobody", {"limit": "x"}, origin=ORIGIN)
        assert [tool.name for tool in gate.tools(other)] == ["get_person"]
        assert len(gate.tools(BOT)) == 4
    assert (theirs.structured, theirs.text) == (nobodys.structured, nobodys.text)
    assert code_of(theirs) == "unknown_tool"


async def test_a_cursor_is_good_for_its_agent_person_tool_question_and_policy_alone(tmp_path: Path) -> None:
    async with hub_of_two(tmp_path) as hub:
        gate = await gate_for_two(hub)
        asked: dict[str, object] = {"connection": "north", "limit": 2}
        first = await gate.call(BOT, "find_people", asked, origin=ORIGIN)
        cursor = str(first.structured["next_cursor"])
        forged = ("A" if cursor[5] != "A" else "B").join([cursor[:5], cursor[6:]])
        tries: list[tuple[Agent, dict[str, object]]] = [
            (Agent("other"), asked | {"cursor": cursor}),
            (Agent("bot", subject="ada"), asked | {"cursor": cursor}),
            (BOT, asked | {"cursor": cursor, "connection": "south"}),
            (BOT, asked | {"cursor": forged}),
            (BOT, asked | {"cursor": ""}),
            (BOT, asked | {"cursor": "é=" * 9}),
        ]
        replies = [await gate.call(agent, "find_people", given, origin=ORIGIN) for agent, given in tries]
        changed = await gate_to(hub, models={"contact": {"fields": {"allow": ["full_name"]}}})
        replies.append(await changed.call(BOT, "find_people", asked | {"cursor": cursor}, origin=ORIGIN))
        good = await gate.call(BOT, "find_people", asked | {"cursor": cursor, "limit": 3}, origin=ORIGIN)
        cast("ManualClock", hub.clock).advance(901)
        replies.append(await gate.call(BOT, "find_people", asked | {"cursor": cursor}, origin=ORIGIN))
    assert [code_of(reply) for reply in replies] == ["invalid_cursor"] * len(replies)
    people = cast("list[dict[str, str]]", good.structured["people"])
    assert [one["id"] for one in people] == ["contact:north:p3", "contact:north:p4"]


async def test_no_record_of_one_tenant_reaches_another_that_has_the_same_ids(tmp_path: Path) -> None:
    async with hub_of_two(tmp_path) as hub:
        gate = await gate_for_two(hub, connections=["south"])
        found: dict[str, list[str]] = {"bot": [], "other": []}

        async def ask(agent: str, tool: str, given: Mapping[str, str]) -> None:
            reply = await gate.call(Agent(agent), tool, given, origin=ORIGIN)
            found[agent] += [str(one) for one in cast("list[object]", reply.structured["people"])]

        everything: Mapping[str, str] = {}
        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(ask, "bot", "find_people", {"connection": "north"})
                group.start_soon(ask, "other", "find_people", everything)
                group.start_soon(ask, "other", "get_person", {"id": "p1", "connection": "south"})
        refused = await gate.call(Agent("other"), "get_person", {"id": "p1"}, origin=ORIGIN)
        unknown = await gate.call(
            Agent("other"), "get_person", {"id": "p1", "connection": "east"}, origin=ORIGIN
        )
    assert (len(found["bot"]), len(found["other"])) == (40, 50)
    assert not [one for one in found["bot"] if "South" in one]
    assert not [one for one in found["other"] if "North" in one]
    assert refused.structured == unknown.structured
    assert code_of(refused) == "connection_not_available"


async def test_nothing_that_one_agent_was_told_is_kept_for_another(tmp_path: Path) -> None:
    async with hub_of_two(tmp_path) as hub:
        gate = await gate_for_two(hub, models={"contact": {"fields": {"allow": ["full_name"]}}})
        asked = {"id": "p1"}
        before = await gate.call(Agent("other"), "get_person", asked, origin=ORIGIN)
        whole = await gate.call(BOT, "get_person", asked, origin=ORIGIN)
        after = await gate.call(Agent("other"), "get_person", asked, origin=ORIGIN)
    assert "555" in str(whole.structured)
    assert before.structured == after.structured
    assert before.structured["people"] == [{"id": "contact:north:p1", "name": "First1 North1", "custom": {}}]
