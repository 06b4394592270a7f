"""Threat 27: an agent sets up a connection to widen what it may do, or to learn a secret."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest

from crmhub.agent.assembling import assemble
from crmhub.agent.gate import Gate, Reply
from crmhub.agent.packs.hub import HUB
from crmhub.agent.tool import Toolbox
from crmhub.hub import Hub
from tests.agents import BOT, ORIGIN, agents_of, hub_of_two

pytestmark = pytest.mark.anyio
CANARY = "canary-token-of-a-crm"
WEST = {"west": {"connector": "memory", "credentials": "env:WEST_CRM"}}
FREE = {"tools": {"configure_crm_connection": "never"}}


async def gate_of(hub: Hub, **policy: object) -> Gate:
    rules = {"tools": ["pack:hub"], "connects": WEST, "approval": FREE} | policy
    return (await assemble(hub, agents_of(**rules), Toolbox([HUB]))).gate


async def connect(gate: Gate, kind: str = "memory", key: str = "env:WEST_CRM") -> Reply:
    given = {"crmType": kind, "credentialKey": key}
    return await gate.call(BOT, "configure_crm_connection", given, origin=ORIGIN)


def code_of(reply: Reply) -> str:
    return str(cast("Mapping[str, object]", reply.structured["error"])["code"])


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEST_CRM", json.dumps({"objects": {}, "rows": {}}))
    monkeypatch.setenv("OTHER_SECRET", CANARY)


async def test_what_the_policy_has_ready_is_set_up_once(tmp_path: Path) -> None:
    async with hub_of_two(tmp_path) as hub:
        gate = await gate_of(hub)
        first, again = await connect(gate), await connect(gate)
        assert (first.structured["connection"], first.structured["already"]) == ("west", False)
        assert again.structured["already"] is True
        assert [*hub] == ["north", "south", "west"]
        known = await gate.call(BOT, "list_available_crms", {}, origin=ORIGIN)
        assert "west" not in json.dumps(known.structured)  # its connections are those that a person wrote


async def test_no_other_secret_kind_or_policy_sets_anything_up(tmp_path: Path) -> None:
    async with hub_of_two(tmp_path) as hub:
        gate = await gate_of(hub)
        refused = [
            await connect(gate, key="env:OTHER_SECRET"),
            await connect(gate, key="file:/etc/passwd"),
            await connect(gate, kind="csv"),
            await connect(await gate_of(hub, connects={})),
        ]
        assert {code_of(reply) for reply in refused} == {"not_connectable"}
        assert code_of(await connect(gate, key=CANARY)) == "invalid_arguments"
        assert code_of(await connect(await gate_of(hub, approval={}))) == "approval_needed"
        assert [*hub] == ["north", "south"]


async def test_a_secret_that_is_no_table_of_settings_is_never_told(tmp_path: Path) -> None:
    async with hub_of_two(tmp_path) as hub:
        odd = {"west": {"connector": "memory", "credentials": "env:OTHER_SECRET"}}
        reply = await connect(await gate_of(hub, connects=odd), key="env:OTHER_SECRET")
        assert code_of(reply) == "not_configured"
        assert CANARY not in str(reply)
        store = await hub.store()
        assert not [entry async for entry in store.audit.entries() if CANARY in entry.body]
        assert [*hub] == ["north", "south"]
