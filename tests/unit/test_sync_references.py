"""References to one of several models, where the two sides do not know the same ones."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from crmhub.clock import ManualClock
from crmhub.config import Config
from crmhub.connector import Native, Value
from crmhub.hub import Hub
from crmhub.models import Ref
from crmhub.sync import SyncReport
from crmhub.testing.memory import MemoryConnector

pytestmark = pytest.mark.anyio

MAPPING = """
crm: memory
version: 1
maps:
  - {{model: account, object: companies, fields: {{name: name}}}}
  - {{model: deal, object: deals, fields: {{name: name}}}}
  - model: activity
    object: notes
    set: {{type: note}}
    fields:
      body: name
      regarding: {regarding}
"""
BOTH = "{ref: [account, deal], to: about, type: kind}"
OUTSIDE = "{ref: [account, deal], to: about, type: $kind}"
"""As Zoho's ``$se_module``: no field of the schema, so that it is asked for only where it matters."""
ACCOUNTS = "{ref: account, to: about}"
OBJECTS: dict[str, Value] = {
    "companies": {"name": "text"},
    "deals": {"name": "text"},
    "notes": {"name": "text", "about": "text", "kind": "text", "$kind": "text"},
}


class Two:
    """A hub with connections ``a`` and ``b``, both in memory."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub

    def put(self, object_: str, id_: str, **fields: Value) -> None:
        held = cast("MemoryConnector", self.hub["a"].connector)
        held._store(object_, {"id": id_, "name": f"{object_} {id_}", **fields})

    def note(self, id_: str, about: str, kind: str) -> None:
        self.put("notes", id_, about=about, kind=kind, **{"$kind": kind})

    async def sync(self) -> SyncReport:
        return await self.hub.sync("a", "b", models=["accounts", "deals", "activities"])

    def found(self, object_: str) -> dict[str, Native]:
        held = cast("MemoryConnector", self.hub["b"].connector).records[object_]
        return {str(row["name"]): row for row in held.values()}


@asynccontextmanager
async def two_crms(folder: Path, source: str, target: str) -> AsyncGenerator[Two]:
    async with Hub(Config({}, store="sqlite:///:memory:"), clock=ManualClock()) as hub:
        for name, regarding in (("a", source), ("b", target)):
            path = folder / f"{name}.yaml"
            path.write_text(MAPPING.format(regarding=regarding))
            hub.add(name, "memory", mapping=path, objects=OBJECTS)
        yield Two(hub)


@pytest.mark.parametrize("source", [BOTH, OUTSIDE])
async def test_a_reference_to_a_model_that_the_target_cannot_hold_is_left_out_and_counted(
    tmp_path: Path, source: str
) -> None:
    async with two_crms(tmp_path, source, ACCOUNTS) as two:
        two.put("companies", "1")
        two.put("deals", "2")
        two.note("1", "1", "companies")
        two.note("2", "2", "deals")
        two.note("3", "3", "quotes")
        report = await two.sync()
        assert (report.letters, report.state) == ({}, "done")
        assert report.notes == {
            "regarding: a deal that is no account": 1,
            "regarding: a record that is no account": 1,
        }
        company = two.found("companies")["companies 1"]["id"]
        notes = {name: row.get("about") for name, row in two.found("notes").items()}
        assert notes == {"notes 1": company, "notes 2": None, "notes 3": None}
        assert (await two.sync()).writes == 0


@pytest.mark.parametrize("source", [BOTH, OUTSIDE])
async def test_a_reference_to_a_model_that_the_target_knows_still_waits(tmp_path: Path, source: str) -> None:
    async with two_crms(tmp_path, source, ACCOUNTS) as two:
        two.note("1", "9", "companies")
        assert (await two.sync()).letters == {"waiting": 1}
        two.put("companies", "9")
        assert (await two.sync()).letters == {}
        company = two.found("companies")["companies 9"]["id"]
        assert two.found("notes")["notes 1"]["about"] == company


async def test_records_of_two_objects_may_have_the_same_id(tmp_path: Path) -> None:
    async with two_crms(tmp_path, BOTH, BOTH) as two:
        two.put("companies", "1")
        two.put("deals", "1")
        two.note("1", "1", "companies")
        two.note("2", "1", "deals")
        assert (await two.sync()).letters == {}
        notes = {name: (row["kind"], row["about"]) for name, row in two.found("notes").items()}
        assert notes == {
            "notes 1": ("companies", two.found("companies")["companies 1"]["id"]),
            "notes 2": ("deals", two.found("deals")["deals 1"]["id"]),
        }


async def test_a_reference_that_moves_to_another_object_with_the_same_id_is_a_change(tmp_path: Path) -> None:
    async with two_crms(tmp_path, BOTH, BOTH) as two:
        for object_ in ("companies", "deals"):
            two.put(object_, "1")
        two.note("1", "1", "companies")
        await two.sync()
        two.note("1", "1", "deals")
        assert (await two.sync()).writes == 1
        (note,) = two.found("notes").values()
        assert (note["kind"], note["about"]) == ("deals", two.found("deals")["deals 1"]["id"])
        assert (await two.sync()).writes == 0
        back = await two.hub.sync("b", "a", models=["accounts", "deals", "activities"])
        assert (back.writes, (await two.sync()).writes) == (0, 0)
        two.note("1", "1", "companies")
        assert ((await two.sync()).writes, (await two.sync()).writes) == (1, 0)


async def test_a_record_that_is_read_says_to_which_model_it_points(tmp_path: Path) -> None:
    async with two_crms(tmp_path, BOTH, ACCOUNTS) as two:
        two.note("1", "7", "deals")
        two.note("2", "7", "quotes")
        found = [note.regarding async for note in two.hub["a"].activities.list()]
        assert found == [Ref(model="deal", id="7"), Ref(model="record", id="7")]
