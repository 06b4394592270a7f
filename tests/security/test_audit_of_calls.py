"""Threats 22 and 23: every call is in the audit, once, and no person is in it in clear."""

from __future__ import annotations

import json
import string
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import cast

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from crmhub.agent.audit import StoreAudit
from crmhub.agent.audit.pseudonyms import KEY, Pseudonyms
from crmhub.agent.audit.redaction import Redaction, scrubbed
from crmhub.agent.gate import Gate, Origin
from crmhub.agent.identity import Agent
from crmhub.agent.tool import Pack, Told, Toolbox, tool
from crmhub.errors import InvalidRecord, StoreError
from crmhub.events import Event
from crmhub.hub import Hub
from crmhub.store import Store
from crmhub.store.chain import Head
from crmhub.store.tables import audit_head
from tests.agents import BOT, ORIGIN, PACK, Count, GetPerson, agents_of, hub_of_two

Row = dict[str, object]
PERSON = (
    "Lovelace",
    "ada@lovelace.example",
    "+1 555 0142",
    "DE89 3704 0044 0532 0130 00",
    "4111 1111 1111 1111",
)


@tool(GetPerson, Count, title="Fail", models=["contact"])
async def fail(call: object, given: GetPerson) -> Told:
    """Fail with what was given in the error's text."""
    raise InvalidRecord(f"no {given.id}", code=given.id, hint=given.id)


@tool(GetPerson, Count, title="Crash", models=["contact"])
async def crash(call: object, given: GetPerson) -> Told:
    """Crash with what was given in the exception's text."""
    raise RuntimeError(given.id)


@tool(GetPerson, Count, title="Hang", models=["contact"])
async def hang(call: object, given: GetPerson) -> Told:
    """Never end."""
    await anyio.sleep_forever()
    raise AssertionError


MORE = Pack("more", "What goes wrong.", (fail, crash, hang))
TOOLS = {
    "tools": ["pack:people", "pack:more"],
    "limits": {"seconds_per_call": 600, "calls_per_minute": 10_000},
}


@asynccontextmanager
async def gate_of(tmp_path: Path) -> AsyncGenerator[tuple[Gate, Hub]]:
    async with hub_of_two(tmp_path) as hub:
        toolbox = Toolbox([PACK, MORE])
        agents = agents_of(**TOOLS)
        audit = await StoreAudit.of(hub, agents, toolbox)
        yield await Gate.of(hub, agents, toolbox, audit), hub


async def rows_of(store: Store) -> list[Row]:
    assert (await store.audit.verify()).broken is None
    return [cast("Row", json.loads(entry.body)) async for entry in store.audit.entries()]


def paired(rows: list[Row]) -> int:
    """How many calls there are; fails unless each has one intent and one outcome after it."""
    intents = [row["id"] for row in rows if row["kind"] == "call.intent"]
    outcomes = [row["id"] for row in rows if row["kind"] == "call.outcome"]
    assert len(set(intents)) == len(intents)
    assert sorted(map(str, intents)) == sorted(map(str, outcomes))
    place = {(row["kind"], row["id"]): number for number, row in enumerate(rows)}
    assert all(place["call.intent", id_] < place["call.outcome", id_] for id_ in intents)
    return len(intents)


@pytest.mark.anyio
async def test_threat_22_every_call_has_one_intent_and_one_outcome_whatever_becomes_of_it(
    tmp_path: Path,
) -> None:
    async with gate_of(tmp_path) as (gate, hub):

        async def cancelled() -> None:
            with anyio.CancelScope() as scope:
                scope.cancel()
                await gate.call(BOT, "get_person", {"id": "p1"}, origin=ORIGIN)

        async def cut_off() -> None:
            with anyio.CancelScope() as scope:
                group.start_soon(stop, scope)
                await gate.call(BOT, "hang", {"id": "p1"}, origin=ORIGIN)

        async def stop(scope: anyio.CancelScope) -> None:
            await anyio.wait_all_tasks_blocked()
            scope.cancel()

        async with anyio.create_task_group() as group:
            for agent, name, given in (
                (BOT, "get_person", {"id": "p1"}),
                (BOT, "find_people", {"limit": 3}),
                (BOT, "get_person", {"id": "nobody"}),
                (BOT, "get_person", {"wrong": 1}),
                (BOT, "write_it", {}),
                (BOT, "fail", {"id": "x"}),
                (BOT, "crash", {"id": "x"}),
                (BOT, "no_such_tool", {}),
                (Agent("stranger"), "get_person", {"id": "p1"}),
            ):
                group.start_soon(lambda a=agent, n=name, g=given: gate.call(a, n, g, origin=ORIGIN))
            group.start_soon(cut_off)
            group.start_soon(cancelled)
        rows = await rows_of(await hub.store())
    assert paired(rows) >= 10  # a call that was cancelled before it came in may have left nothing
    codes = Counter(row["code"] for row in rows if row["kind"] == "call.outcome")
    assert codes["ok"] == 3
    assert {"not_found", "invalid_arguments", "invalid_record", "internal", "unknown_tool", "no_policy"} < {
        *codes
    }
    assert codes["cancelled"] >= 1
    read = next(row for row in rows if row.get("records") == ["contact:north:p1"])
    assert (read["rows"], read["connections"]) == (1, ["north"])


@pytest.mark.anyio
async def test_threat_22_no_answer_leaves_that_the_audit_does_not_have(tmp_path: Path) -> None:
    async with gate_of(tmp_path) as (gate, hub):
        store = await hub.store()
        await gate.call(BOT, "get_person", {"id": "p1"}, origin=ORIGIN)
        await store._database.write(lambda open_: open_.execute(audit_head.delete()))  # pyright: ignore[reportPrivateUsage]
        reply = await gate.call(BOT, "write_it", {}, origin=ORIGIN)
        assert reply.is_error
        with pytest.raises(StoreError, match="head is gone"):
            await store.audit.append({"kind": "x"})


@pytest.mark.anyio
async def test_threat_22_an_audit_that_fails_now_and_then_has_both_rows_of_each_call_that_was_answered(
    tmp_path: Path,
) -> None:
    async with gate_of(tmp_path) as (gate, hub):
        store = await hub.store()
        random = Random(7)
        whole = store.audit.add

        def flaky(connection: Connection, bodies: Sequence[str]) -> Head:
            if random.random() < 0.3:
                raise StoreError("the disk is full")
            return whole(connection, bodies)

        store.audit.add = flaky
        calls: list[tuple[str, dict[str, object]]] = [
            ("get_person", {"id": "p1"}),
            ("write_it", {}),
            ("no_such_tool", {}),
            ("find_people", {"limit": 2}),
        ]
        answered: dict[str, str] = {}

        async def one(name: str, given: dict[str, object]) -> None:
            reply = await gate.call(BOT, name, given, origin=ORIGIN)
            if not reply.is_error:
                answered[str(reply.meta["crmhub/audit_id"])] = name

        for _ in range(10):
            async with anyio.create_task_group() as group:
                for name, given in calls:
                    group.start_soon(one, name, given)
        store.audit.add = whole
        rows = await rows_of(store)
    outcomes = {row["id"]: row["code"] for row in rows if row["kind"] == "call.outcome"}
    intents = {row["id"] for row in rows if row["kind"] == "call.intent"}
    assert set(outcomes) <= intents
    assert {*answered} <= intents, "nothing is done or told unseen"
    reads = [id_ for id_, name in answered.items() if name != "write_it"]
    assert {outcomes[id_] for id_ in reads} == {"ok"}
    assert 0 < len(reads) < 20


@pytest.mark.anyio
async def test_threat_23_nobody_stands_in_the_audit_in_clear_by_any_path(tmp_path: Path) -> None:
    events: list[Event] = []
    async with gate_of(tmp_path) as (gate, hub):
        hub.events.subscribe(events.append)
        for text in PERSON:
            origin = Origin("test", request=text, session=text, traceparent=text, host=text)
            agent = Agent("bot", subject=text)
            calls: list[tuple[str, dict[str, object]]] = [
                ("get_person", {"id": text}),
                ("get_person", {"id": text, "connection": text}),
                ("find_people", {"query": text, "fields": [text], "where": {"last_name": text, text: text}}),
                ("find_people", {"limit": text, text: text}),
                ("fail", {"id": text}),
                ("crash", {"id": text}),
                (text, {"id": text}),
            ]
            for name, given_ in calls:
                await gate.call(agent, name, given_, origin=origin)
            await gate.call(Agent(text), "get_person", {"id": "p1"}, origin=origin)
        store = await hub.store()
        rows = await rows_of(store)
        mark = Pseudonyms(await store.keys.get(KEY)).of("  ADA@lovelace.EXAMPLE ")
    assert paired(rows) == 40
    said = json.dumps(rows) + str(events)
    for text in PERSON:
        assert text not in said
        assert text.casefold() not in said.casefold()
    assert "5550142" not in said
    by_subject = [row for row in rows if row.get("subject") == mark]
    assert len(by_subject) == 7, "the same person has the same mark"
    assert mark.startswith("~email:")
    assert len(mark) == len("~email:") + 32


def test_threat_23_another_store_gives_other_marks() -> None:
    one, other = Pseudonyms(b"a" * 32), Pseudonyms(b"b" * 32)
    assert one.of("Ada Lovelace") == one.of(" ada  lovelace")
    assert (
        one.of("+1 555 0142")
        == one.of("+15550142")
        == one.of("+1 (555) 01-42".replace(" (", "").replace(") ", ""))
    )
    assert one.of("Ada Lovelace") != other.of("Ada Lovelace")
    assert one.of("x", "id") != one.of("x", "tool")


@given(
    st.sampled_from([*PERSON[1:]]),
    st.text(string.ascii_letters + " \n.,;:!?'\"()", max_size=20),
    st.text(string.ascii_letters + " \n.,;:!?'\"()", max_size=20),
)
def test_threat_23_the_last_net_catches_addresses_numbers_and_accounts_in_any_text(
    secret: str, before: str, after: str
) -> None:
    net = scrubbed(f"{before} {secret} {after}")
    assert secret not in net
    assert "[" in net


def test_what_tells_nothing_of_a_person_stays_to_be_read() -> None:
    redaction = Redaction(Pseudonyms(b"a" * 32), Toolbox([PACK]), ["north"])
    told = redaction.arguments(
        {
            "limit": 5,
            "connection": "north",
            "fields": ["last_name", "emails"],
            "query": "Ada",
            "where": {"kind": "lead"},
            "since": "2026-01-01",
            "zzz": 1,
        }
    )
    assert told["limit"] == 5
    assert told["connection"] == "north"
    assert told["fields"] == ["last_name", "emails"]
    assert str(told["query"]).startswith("~text:")
    assert told["others"] == 2, "names that nobody declared are counted, not kept"
    assert redaction.record("contact:zoho:554023120000001001") == "contact:zoho:554023120000001001"
    for own in ("ada@lovelace.example", "Ada Lovelace", "+1 555 0142"):
        assert redaction.record(f"contact:files:{own}").startswith("contact:files:~")
    assert redaction.digest({"a": 1, "b": "\ud800"}) == redaction.digest({"b": "\ud800", "a": 1})


@pytest.mark.anyio
async def test_where_the_log_stands_is_told_once_an_hour(tmp_path: Path) -> None:
    events: list[Event] = []
    async with gate_of(tmp_path) as (gate, hub):
        hub.events.subscribe(events.append)
        for seconds in (0, 3_599, 1, 10):
            hub.clock.advance(seconds)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
            await gate.call(BOT, "get_person", {"id": "p1"}, origin=ORIGIN)
        heads = [event.detail["head"] for event in events if event.name == "audit.head"]
    assert len(heads) == 1
    assert str(heads[0]).startswith("agents:6:")
