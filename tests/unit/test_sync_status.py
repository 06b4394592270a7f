"""The status of a deal: a field of its own in one CRM, what its stage means in the other."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from crmhub.clock import ManualClock
from crmhub.config import Config
from crmhub.connector import Native, Value
from crmhub.hub import Hub
from crmhub.store import DeadLetter
from crmhub.sync import Job, SyncReport
from crmhub.sync.explain import explain_record
from crmhub.testing.memory import MemoryConnector

pytestmark = pytest.mark.anyio

MAPPING = """
crm: memory
version: 1
maps:
  - model: pipeline
    object: pipelines
    fields: {{id: {{to: id, dir: read}}, name: {{to: name, dir: read}}}}
  - model: stage
    object: stages
    fields:
      id: {{to: id, dir: read}}
      label: {{to: label, dir: read}}
      pipeline: {{ref: pipeline, to: pipeline_id, dir: read}}
      {stage}
  - model: deal
    object: deals
    fields:
      name: name
      pipeline: {{ref: pipeline, to: pipeline_id, by: name}}
      stage: {{ref: stage, to: stage_id, by: label, within: pipeline}}
      {deal}
"""
BY_STAGE = MAPPING.format(stage="outcome: {to: outcome, dir: read}", deal="")
BY_FIELD = MAPPING.format(stage="", deal="status: {to: status, default_on_create: open}")
OBJECTS: dict[str, Value] = {
    "pipelines": {"name": "text"},
    "stages": {"label": "text", "pipeline_id": "text", "outcome": "text"},
    "deals": {"name": "text", "pipeline_id": "text", "stage_id": "text", "status": "text"},
}
OPEN = {"new": "New", "offer": "Offer"}
CLOSED = {"won": "Closed Won", "lost": "Closed Lost"}


class Two:
    """A hub with ``a``, whose stages say what has become of a deal, and ``b``, whose deals have a status."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub

    def held(self, name: str) -> MemoryConnector:
        return cast("MemoryConnector", self.hub[name].connector)

    def put(self, side: str, object_: str, id_: str, /, **fields: Value) -> None:
        held = self.held(side)
        held._store(object_, {**held.records[object_].get(id_, {"id": id_, "name": id_}), **fields})

    def stage(self, name: str, id_: str, label: str, pipeline: str = "sales") -> None:
        outcome = id_.partition("-")[0] if label not in OPEN.values() else "open"
        fields = {"label": label, "pipeline_id": pipeline, "outcome": outcome}
        self.put(name, "stages", id_, **fields)

    def deal(self, side: str, /, **fields: Value) -> None:
        self.put(side, "deals", "deal", **fields)

    def found(self, name: str) -> Native:
        (row,) = self.held(name).records["deals"].values()
        return {key: row.get(key) for key in ("pipeline_id", "stage_id", "status") if row.get(key)}

    def changed(self, side: str, /, **fields: Value) -> None:
        (id_,) = self.held(side).records["deals"]
        self.put(side, "deals", id_, **fields)

    async def sync(self, source: str = "a", target: str = "b", *, stage: str = "outcome") -> SyncReport:
        return await self.hub.run(Job(source, target, ("deals",), stage=stage))

    async def writes(self, *ways: str) -> list[int]:
        return [(await self.sync(*way.split(">"))).writes for way in ways]

    async def letters(self) -> list[DeadLetter]:
        return await (await self.hub.store()).dead_letters.open("b->a")


@asynccontextmanager
async def two_crms(folder: Path, *, closed: str = "ab") -> AsyncGenerator[Two]:
    """``closed``: which of them have stages for closed deals."""
    async with Hub(Config({}, store="sqlite:///:memory:"), clock=ManualClock()) as hub:
        two = Two(hub)
        for name, mapping in (("a", BY_STAGE), ("b", BY_FIELD)):
            path = folder / f"{name}.yaml"
            path.write_text(mapping)
            hub.add(name, "memory", mapping=path, objects=OBJECTS)
            two.put(name, "pipelines", "sales", name="Sales")
            for id_, label in (OPEN | (CLOSED if name in closed else {})).items():
                two.stage(name, id_, label)
        yield two


@pytest.mark.parametrize("stage", ["new", "won", "lost"])
async def test_the_status_follows_from_the_stage_where_the_source_has_no_field_for_it(
    tmp_path: Path, stage: str
) -> None:
    async with two_crms(tmp_path) as two:
        two.deal("a", stage_id=stage)
        report = await two.sync()
        assert two.found("b") == {"stage_id": stage, "status": "open" if stage == "new" else stage}
        assert (report.writes, report.unshared, report.notes) == (1, (), {})
        assert await two.writes("a>b", "b>a", "a>b") == [0, 0, 0]


async def test_a_deal_that_is_won_or_opened_again_later_is_so_in_the_target_too(tmp_path: Path) -> None:
    async with two_crms(tmp_path) as two:
        two.deal("a", stage_id="new")
        await two.sync()
        for stage, status in (("won", "won"), ("lost", "lost"), ("offer", "open")):
            two.changed("a", stage_id=stage)
            async with aclosing(two.hub.plan("a", "b", models=["deals"])) as pages:
                (write,) = [write async for page in pages for write in page.writes]
            assert write.fields == {"stage_id": stage, "status": status}
            assert await two.writes("a>b", "a>b", "b>a") == [1, 0, 0]
            assert two.found("b") == {"stage_id": stage, "status": status}


async def test_a_status_that_people_change_in_the_target_is_left_alone(tmp_path: Path) -> None:
    async with two_crms(tmp_path) as two:
        two.deal("a", stage_id="new")
        await two.sync()
        two.changed("b", status="abandoned")
        two.changed("a", stage_id="offer", name="Renamed")
        assert await two.writes("a>b") == [1]
        assert two.found("b") == {"stage_id": "offer", "status": "abandoned"}


@pytest.mark.parametrize("status", ["won", "lost"])
async def test_a_closed_deal_goes_to_the_stage_that_means_it(tmp_path: Path, status: str) -> None:
    async with two_crms(tmp_path, closed="a") as two:
        two.deal("b", stage_id="offer", status=status)
        report = await two.sync("b", "a")
        assert two.found("a") == {"stage_id": status}
        assert (report.unshared, report.notes) == ((), {f"stage: the stage that means {status}": 1})
        assert await two.writes("b>a", "a>b", "b>a") == [0, 0, 0]
        assert two.found("b") == {"stage_id": "offer", "status": status}


async def test_a_status_that_changes_moves_the_deal_although_its_stage_stands(tmp_path: Path) -> None:
    async with two_crms(tmp_path) as two:
        two.deal("b", stage_id="offer", status="open")
        await two.sync("b", "a")
        for status, stage in (("won", "won"), ("lost", "lost"), ("open", "offer")):
            two.changed("b", status=status)
            assert await two.writes("b>a", "b>a", "a>b") == [1, 0, 0]
            assert two.found("a") == {"stage_id": stage}
            assert two.found("b") == {"stage_id": "offer", "status": status}


async def test_what_people_do_with_a_deal_that_was_moved_comes_home(tmp_path: Path) -> None:
    async with two_crms(tmp_path) as two:
        two.deal("b", stage_id="offer", status="won")
        await two.sync("b", "a")
        two.changed("a", stage_id="new")
        assert await two.writes("a>b", "b>a", "a>b") == [1, 0, 0]
        assert two.found("b") == {"stage_id": "new", "status": "open"}


async def test_a_closed_deal_needs_no_stage_where_the_status_says_it(tmp_path: Path) -> None:
    async with two_crms(tmp_path, closed="a") as two:
        two.deal("a", stage_id="new")
        await two.sync()
        two.changed("a", stage_id="won")
        report = await two.sync()
        assert two.found("b") == {"stage_id": "new", "status": "won"}
        assert (report.letters, report.notes) == (
            {},
            {"stage: none of that label, the status alone says won": 1},
        )
        assert await two.writes("a>b", "b>a", "a>b") == [0, 0, 0]
        two.changed("b", status="lost")
        assert await two.writes("b>a", "a>b") == [1, 0]
        assert two.found("a") == {"stage_id": "lost"}


async def test_of_several_stages_that_mean_it_the_one_of_the_usual_name_is_taken(tmp_path: Path) -> None:
    async with two_crms(tmp_path) as two:
        two.stage("a", "lost-rival", "Closed Lost to Competition")
        two.deal("b", stage_id="offer", status="lost")
        await two.sync("b", "a")
        assert two.found("a") == {"stage_id": "lost"}


async def test_a_closed_deal_is_set_aside_where_it_is_open_which_stage_means_it(tmp_path: Path) -> None:
    async with two_crms(tmp_path, closed="") as two:
        two.stage("a", "lost-rival", "To a rival")
        two.stage("a", "lost-interest", "No interest")
        two.deal("b", stage_id="offer", status="lost")
        assert (await two.sync("b", "a")).letters == {"rejected": 1}
        (letter,) = await two.letters()
        assert (letter.code, letter.field) == ("stage_unknown", "stage")
        assert letter.message == "several stages mean lost: No interest, To a rival"


async def test_a_job_that_takes_no_other_stage_sets_a_closed_deal_aside(tmp_path: Path) -> None:
    async with two_crms(tmp_path) as two:
        two.deal("b", stage_id="offer", status="won")
        assert (await two.sync("b", "a", stage="reject")).letters == {"rejected": 1}
        two.changed("b", stage_id="won")
        assert (await two.sync("b", "a", stage="reject")).letters == {}
        assert two.found("a") == {"stage_id": "won"}


async def test_the_stage_is_looked_for_in_the_deals_own_pipeline(tmp_path: Path) -> None:
    async with two_crms(tmp_path) as two:
        for name in "ab":
            two.put(name, "pipelines", "rent", name="Rent")
            for id_, label in (OPEN | CLOSED).items():
                two.stage(name, f"{id_}-rent", label, "rent")
        two.deal("b", pipeline_id="rent", stage_id="offer-rent", status="open")
        await two.sync("b", "a")
        assert two.found("a") == {"pipeline_id": "rent", "stage_id": "offer-rent"}
        two.changed("b", stage_id="new-rent")
        await two.sync("b", "a")
        assert two.found("a")["stage_id"] == "new-rent"
        two.changed("b", status="won")
        await two.sync("b", "a")
        assert two.found("a") == {"pipeline_id": "rent", "stage_id": "won-rent"}


async def test_else_it_is_looked_for_in_the_pipeline_of_the_stage_of_that_label(tmp_path: Path) -> None:
    async with two_crms(tmp_path) as two:
        two.put("a", "pipelines", "rent", name="Rent")
        two.stage("a", "won-rent", "Closed Won", "rent")
        for name in "ab":
            two.stage(name, "viewing", "Viewing", "rent")
        two.put("a", "stages", "viewing", outcome="open")
        two.deal("b", stage_id="viewing", status="won")
        assert (await two.sync("b", "a")).letters == {}
        assert two.found("a") == {"stage_id": "won-rent"}


async def test_one_deals_way_is_explained_with_the_status_that_it_gets(tmp_path: Path) -> None:
    async with two_crms(tmp_path) as two:
        two.deal("a", stage_id="won")
        two.deal("b", stage_id="offer", status="lost")
        forth = await explain_record(two.hub["a"], "deals", "deal", two.hub["b"])
        rows = {row.path: (row.sent, row.note) for row in forth.rows}
        assert rows["status"] == ({"status": "won"}, "follows from the stage")
        back = await explain_record(two.hub["b"], "deals", "deal", two.hub["a"])
        rows = {row.path: (row.sent, row.note) for row in back.rows}
        assert rows["stage"] == ({"stage_id": "lost"}, "stage: the stage that means lost")
        assert rows["status"] == (None, "told by the stage in the target")
