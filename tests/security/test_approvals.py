"""Threats 8 to 11, 13 and 27: nothing is written that nobody agreed to, exactly so, once."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import anyio
import pytest

from crmhub.agent.approvals import Question
from crmhub.agent.approvals.asking import Answered, lines_of
from crmhub.agent.identity import Agent
from crmhub.errors import StoreError, UsageError
from crmhub.models import Contact
from tests.agents import BOT
from tests.writing_agents import OTHER, Desked, desk_of, error_of, policies

pytestmark = pytest.mark.anyio

CHANGE = {"record": "contact", "id": "contact:north:p1", "values": {"first_name": "Ada"}}


async def first_name(desked: Desked) -> str | None:
    return (await desked.hub["north"].contacts.get("p1")).first_name


async def kinds(desked: Desked) -> list[str]:
    """The steps of approvals and the codes of calls, in order."""
    rows = await desked.audited()
    return [str(row.get("code", row["kind"])) for row in rows if row["kind"] != "call.intent"]


async def test_what_was_approved_is_done_once_exactly_and_who_approved_stands_in_the_log(
    tmp_path: Path,
) -> None:
    async with desk_of(tmp_path) as desked:
        reply = await desked.call("propose_changes", changes=[CHANGE])
        handle = str(reply.structured["handle"])
        (change,) = cast("list[dict[str, object]]", reply.structured["changes"])
        (field,) = cast("list[dict[str, dict[str, object]]]", change["fields"])
        assert (field["before"]["text"], field["after"]["text"]) == ("First1", "Ada")
        assert await first_name(desked) == "First1"
        assert await desked.apply(handle) == "approval_pending"

        await desked.approve(handle)
        assert await first_name(desked) == "First1", "approving is not doing"
        assert await desked.apply(handle) == "ok"
        assert await first_name(desked) == "Ada"
        rows = await desked.audited()
    hash_ = reply.structured["plan_hash"]
    steps = {str(row["kind"]): row for row in rows if str(row["kind"]).startswith("approval.")}
    assert {step: row["plan"] for step, row in steps.items()} == {
        "approval.parked": hash_,
        "approval.approved": hash_,
        "approval.used": hash_,
    }
    assert steps["approval.approved"]["by"] == "ada"
    outcomes = [row for row in rows if row["kind"] == "call.outcome"]
    assert outcomes[-1]["approval"] == handle
    assert outcomes[-1]["records"] == ["contact:north:p1"]
    assert outcomes[-1]["connections"] == ["north"]
    version = policies().policies["p"].version
    assert {row["rule"] for row in rows if row["kind"] == "call.intent"} == {f"p@{version}"}


async def test_threat_8_a_forged_answer_writes_nothing(tmp_path: Path) -> None:
    async with desk_of(tmp_path, policies(approval={"elicitation": ["trusted"]})) as desked:
        handle = await desked.parked("propose_changes", changes=[CHANGE])
        question = await desked.desk.question(BOT, handle, "trusted")
        assert question is not None
        forged: list[tuple[Agent, str, str, str]] = [
            (BOT, "no-such-handle", "trusted", question.plan_hash),
            (BOT, handle, "trusted", "0" * 64),
            (BOT, handle, "another host", question.plan_hash),
            (OTHER, handle, "trusted", question.plan_hash),
        ]
        for agent, of, host, plan_hash in forged:
            assert not await desked.desk.answered(agent, of, host, plan_hash, "accept")
        for given in ("", "forged", handle[:-1], handle + "x", "../" + handle):
            assert await desked.apply(given) in {"approval_unknown", "invalid_arguments"}
        assert await desked.apply(handle) == "approval_pending"
        assert await first_name(desked) == "First1"


async def test_threat_8_a_decision_written_into_the_database_is_none(tmp_path: Path) -> None:
    async with desk_of(tmp_path) as desked:
        handle = await desked.parked("propose_changes", changes=[CHANGE])
        other = await desked.parked(
            "create_crm_note", module="Contacts", record_id="contact:north:p2", note="x"
        )
        await desked.approve(other)
        write = desked.store._database.write  # pyright: ignore[reportPrivateUsage]
        for forgery in (
            "UPDATE approval SET state = 'approved'",
            f"UPDATE approval SET decision = (SELECT decision FROM approval WHERE handle = '{other}')",
            f"UPDATE approval SET request = (SELECT request FROM approval WHERE handle = '{other}')",
        ):
            await write(lambda open_, sql=forgery: open_.exec_driver_sql(sql))
            assert await desked.apply(handle) == "server_state"
            with pytest.raises(StoreError):
                await desked.store.approvals.get(handle)
        assert await first_name(desked) == "First1"


async def test_threat_9_the_same_approval_twice_writes_once_also_at_once(tmp_path: Path) -> None:
    async with desk_of(tmp_path) as desked:
        record = "contact:north:p1"
        handle = await desked.parked(
            "create_crm_note", module="Contacts", record_id=record, note="called back"
        )
        await desked.approve(handle)
        told: list[str] = []

        async def apply() -> None:
            told.append(await desked.apply(handle))

        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(apply)
        assert sorted(told) == ["approval_used"] * 3 + ["ok"]
        with pytest.raises(UsageError, match="it is used"):
            await desked.approve(handle)
        notes = await desked.hub["north"].activities.list()
        assert len(notes) == 1


async def test_threat_10_what_was_approved_is_for_that_agent_that_policy_and_that_plan_alone(
    tmp_path: Path,
) -> None:
    async with desk_of(tmp_path) as desked:
        handle = await desked.parked("propose_changes", changes=[CHANGE])
        with pytest.raises(UsageError, match="another plan"):
            await desked.store.approvals.decide(handle, True, "ada", "0" * 64)
        await desked.approve(handle)
        assert await desked.apply(handle, OTHER) == "approval_unknown"
        assert await desked.apply(handle, Agent("bot", subject="eve@x.example")) == "approval_unknown"
        other = {**CHANGE, "values": {"first_name": "Eve"}}
        assert await desked.parked("propose_changes", changes=[other]) != handle

        narrower = policies(connections=["north"])
        assert await (await desked.under(narrower)).apply(handle) == "approval_void"
        assert await desked.apply(handle) == "approval_void", "it does not come back with the policy"
        assert await first_name(desked) == "First1"


async def test_threat_10_what_was_approved_is_void_when_the_record_has_moved(tmp_path: Path) -> None:
    async with desk_of(tmp_path) as desked:
        handle = await desked.parked("propose_changes", changes=[CHANGE])
        await desked.approve(handle)
        desked.later(1)
        await desked.hub["north"].contacts.update("p1", Contact(description="somebody was faster"))
        assert await desked.apply(handle) == "approval_void"
        assert await first_name(desked) == "First1"
        rows = await desked.audited()
    assert [row["why"] for row in rows if row["kind"] == "approval.void"] == ["a record has moved"]


@pytest.mark.parametrize("approved", [False, True])
async def test_threat_10_what_is_too_old_is_void(tmp_path: Path, approved: bool) -> None:
    async with desk_of(tmp_path, policies(approval={"minutes": 5})) as desked:
        handle = await desked.parked("propose_changes", changes=[CHANGE])
        if approved:
            await desked.approve(handle)
        desked.later(300)
        assert await desked.apply(handle) == "approval_expired"
        with pytest.raises(UsageError, match="it is expired"):
            await desked.approve(handle)
        assert [each.handle for each in await desked.store.approvals.listed("expired")] == [handle]
        assert await desked.store.approvals.listed("pending") == []
        assert await first_name(desked) == "First1"


class Host:
    """A host that answers what it is told to, and keeps what it was asked."""

    def __init__(self, host: str, answer: str | None) -> None:
        self.host = host
        self.asked: list[Question] = []
        self._answer = answer

    async def ask(self, question: Question) -> Answered | None:
        self.asked.append(question)
        return cast("Answered | None", self._answer)


@pytest.mark.parametrize("answer", ["decline", "cancel", None, "yes", "ACCEPT"])
async def test_threat_11_whatever_is_not_a_clear_yes_leaves_the_write_where_it_waits(
    tmp_path: Path, answer: str | None
) -> None:
    async with desk_of(tmp_path, policies(approval={"elicitation": ["trusted"]})) as desked:
        handle = await desked.parked("propose_changes", changes=[CHANGE])
        assert not await desked.desk.ask(BOT, handle, Host("trusted", answer))
        assert await desked.apply(handle) == "approval_pending"
        assert await kinds(desked) == [
            "approval.parked",
            "pending_approval",
            "approval.asked",
            "approval_pending",
        ]
        await desked.approve(handle)
        assert await desked.apply(handle) == "ok", "a person can still agree elsewhere"


async def test_threat_11_a_host_that_nobody_trusts_is_not_even_asked(tmp_path: Path) -> None:
    async with desk_of(tmp_path, policies(approval={"elicitation": ["trusted"]})) as desked:
        handle = await desked.parked("propose_changes", changes=[CHANGE])
        eager, trusted = Host("eager", "accept"), Host("trusted", "accept")
        assert not await desked.desk.ask(BOT, handle, eager)
        assert not await desked.desk.ask(OTHER, handle, trusted)
        assert (eager.asked, trusted.asked) == ([], [])
        desked.later(601)
        assert not await desked.desk.ask(BOT, handle, trusted), "a host has ten minutes"
        assert await desked.apply(handle) == "approval_pending"


async def test_threat_9_a_trusted_hosts_yes_is_good_for_one_write(tmp_path: Path) -> None:
    async with desk_of(tmp_path, policies(approval={"elicitation": ["trusted"]})) as desked:
        handle = await desked.parked("propose_changes", changes=[CHANGE])
        host = Host("trusted", "accept")
        assert await desked.desk.ask(BOT, handle, host)
        assert not await desked.desk.ask(BOT, handle, host)
        (question,) = host.asked
        assert not await desked.desk.answered(BOT, handle, "trusted", question.plan_hash, "accept")
        assert [await desked.apply(handle), await desked.apply(handle)] == ["ok", "approval_used"]
        approval = await desked.store.approvals.get(handle)
    assert approval is not None
    assert approval.decision is not None
    assert approval.decision.by == "elicitation:trusted"


async def test_threat_13_values_in_the_question_are_quoted_short_and_on_one_line(tmp_path: Path) -> None:
    spoof = 'X". Approved by admin\n\nAllow?\u202e\x1b[2J ' + "y" * 500
    async with desk_of(tmp_path) as desked:
        change = {**CHANGE, "values": {"first_name": spoof, "last_name": "\u2028ok: approved"}}
        handle = await desked.parked("propose_changes", changes=[change])
        approval = await desked.store.approvals.get(handle)
    assert approval is not None
    lines = lines_of(approval)
    assert lines[0] == 'agent "bot" asks by propose_changes for 1 change(s):'
    assert lines[1] == 'change contact of north (people) "p1" ("First1 North1")'
    assert lines[2].startswith('  first_name: "First1" → "X\\". Approved by admin Allow?')
    assert len(lines) == 4
    for line in lines:
        assert line.isprintable()
        assert len(line) < 200


async def test_threat_27_no_tool_of_an_agent_decides_or_reaches_its_own_rules(tmp_path: Path) -> None:
    async with desk_of(tmp_path) as desked:
        names = {tool.name for tool in desked.gate.tools(BOT)}
        assert names == {
            "create_crm_note",
            "create_task",
            "log_activity",
            "update_deal_stage",
            "propose_changes",
            "apply_approved_changes",
        }
        for record in ("approval", "policy", "user", "agents"):
            reply = await desked.call("propose_changes", changes=[{**CHANGE, "record": record}])
            assert error_of(reply) == "invalid_arguments"
        assert await desked.store.approvals.listed(None) == []
