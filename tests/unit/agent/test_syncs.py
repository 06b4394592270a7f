"""Syncs that agents run and look at: those that a person has set up and the policy names, and no others."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from crmhub.agent.assembling import assemble
from crmhub.agent.gate import Gate, Reply
from crmhub.agent.packs.hub import HUB
from crmhub.agent.tool import Toolbox
from crmhub.config import JobSettings
from crmhub.hub import Hub
from tests.agents import BOT, ORIGIN, agents_of, hub_of_two

pytestmark = pytest.mark.anyio
JOBS = {
    "over": JobSettings("over", "north", "south", ("accounts",)),
    "back": JobSettings("back", "south", "north", ("accounts",)),
}
FREE = {"tools": {"run_sync": "never"}}


@asynccontextmanager
async def served(tmp_path: Path, **policy: object) -> AsyncGenerator[tuple[Hub, Gate]]:
    async with hub_of_two(tmp_path) as hub:
        hub.config = replace(hub.config, jobs=JOBS)
        rules = {"tools": ["pack:hub"], "jobs": ["over"], "approval": FREE} | policy
        yield hub, (await assemble(hub, agents_of(**rules), Toolbox([HUB]))).gate


async def ask(gate: Gate, tool: str, **given: object) -> Reply:
    return await gate.call(BOT, tool, given, origin=ORIGIN)


def code_of(reply: Reply) -> str:
    return str(cast("Mapping[str, object]", reply.structured["error"])["code"])


def jobs_of(reply: Reply) -> list[dict[str, object]]:
    return cast("list[dict[str, object]]", reply.structured["jobs"])


async def test_a_job_runs_once_more_with_each_call_and_its_status_tells(tmp_path: Path) -> None:
    async with served(tmp_path) as (hub, gate):
        (before,) = jobs_of(await ask(gate, "sync_status"))
        assert (before["job"], before["state"]) == ("over", "never")
        reply = await ask(gate, "run_sync", job="over")
        assert reply.structured["finished"] is True
        assert cast("dict[str, int]", reply.structured["counts"])["created"] == 1
        names = {account.name for account in await hub["south"].accounts.list()}
        assert names == {"North Ltd", "South Ltd"}
        again = await ask(gate, "run_sync", job="over")
        assert "created" not in cast("dict[str, int]", again.structured["counts"])
        (after,) = jobs_of(await ask(gate, "sync_status", job="over"))
        assert (after["state"], after["dead_letters"]) == ("done", 0)


async def test_other_jobs_and_those_of_other_connections_are_not_there(tmp_path: Path) -> None:
    async with served(tmp_path) as (hub, gate):
        replies = [await ask(gate, "run_sync", job=name) for name in ("back", "nonsense", "north->south")]
        assert [code_of(reply) for reply in replies] == ["job_not_available"] * 3
        assert code_of(await ask(gate, "sync_status", job="back")) == "job_not_available"
        assert len(await hub["north"].accounts.list()) == 1
    async with served(tmp_path, connections=["north"]) as (_, gate):
        assert code_of(await ask(gate, "run_sync", job="over")) == "job_not_available"
        assert jobs_of(await ask(gate, "sync_status")) == []


async def test_a_sync_needs_a_policy_that_lets_it_write_without_a_person(tmp_path: Path) -> None:
    async with served(tmp_path, approval={}) as (hub, gate):
        assert code_of(await ask(gate, "run_sync", job="over")) == "approval_needed"
        assert len(await hub["south"].accounts.list()) == 1
    async with served(tmp_path, limits={"writes_per_day": 0}) as (_, gate):
        assert code_of(await ask(gate, "run_sync", job="over")) == "limit_reached"
