"""Tours and feedback by agents: to the CRMs of the policy and no others, once, with the log's rows."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from crmhub.agent.assembling import assemble
from crmhub.agent.gate import Gate, Reply
from crmhub.agent.packs import toolbox_of
from crmhub.models import Contact, Email
from tests.agents import BOT, ORIGIN, agents_of
from tests.integration.rollout.conftest import Office, office
from tests.integration.rollout.test_tours import EVENTS, NOTES, agent, feedback, tour

pytestmark = pytest.mark.anyio
WHOLE = {"fields": {"allow": ["*"]}}
MODELS = dict.fromkeys(("tour", "property_visit", "feedback", "contact"), WHOLE)
FREE = {"tools": {"sync_tour_data": "never", "sync_feedback_data": "never"}}
CANARY = "lilac-canary-words"


@asynccontextmanager
async def served(tmp_path: Path, **policy: object) -> AsyncGenerator[tuple[Office, Gate]]:
    rules: dict[str, object] = {
        "tools": ["pack:tours"], "connections": ["zoho", "rollout"], "models": MODELS, "approval": FREE,
    }  # fmt: skip
    async with office("zoho", "salesforce", "rollout", folder=tmp_path) as at:
        agents = agents_of(**(rules | policy))
        yield at, (await assemble(at.hub, agents, toolbox_of(at.hub.plugins))).gate


async def ask(gate: Gate, tool: str, given: Mapping[str, object]) -> Reply:
    return await gate.call(BOT, tool, given, origin=ORIGIN)


def code_of(reply: Reply) -> str:
    return str(cast("Mapping[str, object]", reply.structured["error"])["code"])


def outcomes(reply: Reply) -> dict[str, str]:
    assert not reply.is_error, reply
    found = cast("list[dict[str, str]]", reply.structured["outcomes"])
    return {each["connection"]: each["status"] for each in found}


async def test_a_tour_goes_to_all_crms_of_the_policy_once_and_to_no_other(tmp_path: Path) -> None:
    async with served(tmp_path) as (at, gate):
        given = tour(await agent(at, "zoho"))
        reply = await ask(gate, "sync_tour_data", given)
        assert (outcomes(reply), reply.structured["ok"]) == ({"zoho": "written", "rollout": "written"}, True)
        again = await ask(gate, "sync_tour_data", given)
        assert outcomes(again) == {"zoho": "unchanged", "rollout": "unchanged"}
        assert {name: len(at.rows(name, EVENTS[name])) for name in EVENTS} == {
            "zoho": 3, "rollout": 3, "salesforce": 0,
        }  # fmt: skip
        assert code_of(await ask(gate, "sync_tour_data", given | {"crmType": "salesforce"})) == (
            "connection_not_available"
        )


async def test_feedback_is_a_note_on_the_buyer_and_a_buyer_of_another_crm_is_not_there(
    tmp_path: Path,
) -> None:
    async with served(tmp_path) as (at, gate):
        for name in ("zoho", "salesforce", "rollout"):
            ada = Contact(
                kind="person", last_name="Okoye", emails=[Email(role="primary", value="ada@example.com")]
            )
            await at.hub[name].contacts.create(ada)
        reply = await ask(gate, "sync_feedback_data", feedback("ada@example.com", CANARY))
        assert outcomes(reply) == {"zoho": "written", "rollout": "written"}
        assert {name: len(at.rows(name, NOTES[name])) for name in NOTES} == {
            "zoho": 1, "rollout": 1, "salesforce": 0,
        }  # fmt: skip
        (theirs,) = await at.hub["salesforce"].contacts.list(where={"last_name": "Okoye"})
        foreign = await ask(gate, "sync_feedback_data", feedback(f"salesforce:{theirs.id}"))
        assert code_of(foreign) == "connection_not_available"
        store = await at.hub.store()
        assert not [entry async for entry in store.audit.entries() if CANARY in entry.body]
        (mine,) = await at.hub["zoho"].contacts.list(where={"last_name": "Okoye"})
        more = feedback(f"contact:zoho:{mine.id}", timestamp="2026-03-02T18:00:00Z") | {"crmType": "zoho"}
        assert outcomes(await ask(gate, "sync_feedback_data", more)) == {"zoho": "written"}


async def test_a_buyer_that_the_agent_may_not_see_gets_no_note(tmp_path: Path) -> None:
    models = MODELS | {"contact": {**WHOLE, "rows": {"owner.email": "nobody@example.com"}}}
    async with served(tmp_path, models=models) as (at, gate):
        ada = Contact(
            kind="person", last_name="Okoye", emails=[Email(role="primary", value="ada@example.com")]
        )
        made = await at.hub["zoho"].contacts.create(ada)
        for buyer in ("ada@example.com", f"zoho:{made.id}"):
            reply = await ask(gate, "sync_feedback_data", feedback(buyer) | {"crmType": "zoho"})
            assert reply.is_error
        assert at.rows("zoho", NOTES["zoho"]) == []


async def test_a_policy_has_to_let_the_tool_write_and_name_what_it_writes(tmp_path: Path) -> None:
    async with served(tmp_path, approval={}) as (at, gate):
        given = tour(await agent(at, "zoho"))
        assert code_of(await ask(gate, "sync_tour_data", given)) == "approval_needed"
        for models, code in (
            ({"tour": WHOLE}, "model_not_available"),
            (MODELS | {"tour": {"fields": {"allow": ["name"]}}}, "field_not_available"),
        ):
            rules = agents_of(tools=["pack:tours"], connections=["zoho"], models=models, approval=FREE)
            other = (await assemble(at.hub, rules, toolbox_of(at.hub.plugins))).gate
            assert code_of(await ask(other, "sync_tour_data", given)) == code
        assert at.rows("zoho", EVENTS["zoho"]) == []


async def test_rollout_is_set_up_as_a_person_has_prepared_it_and_with_no_other_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {"client_id": "project", "client_secret": CANARY, "user_key": "u", "credential_id": "c"}
    monkeypatch.setenv("ROLLOUT_OFFICE", json.dumps(kept))
    ready = {"office": {"connector": "rollout", "credentials": "env:ROLLOUT_OFFICE"}}
    free = {"tools": {"configure_rollout": "never"}}
    async with served(tmp_path, connects=ready, approval=free) as (at, gate):
        given = {"projectEnvKey": "project", "authToken": "env:ROLLOUT_OFFICE"}
        for wrong in (
            {"baseUrl": "http://169.254.169.254/"},
            {"projectEnvKey": "another"},
            {"authToken": "env:PATH"},
        ):
            assert code_of(await ask(gate, "configure_rollout", given | wrong)) == "not_connectable"
        assert "office" not in at.hub
        reply = await ask(gate, "configure_rollout", given)
        assert (reply.structured["connection"], "office" in at.hub) == ("office", True)
        assert CANARY not in str(reply)
