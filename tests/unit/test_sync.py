"""One-way sync between two connections that live in memory."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from crmhub.clock import ManualClock
from crmhub.config import Config
from crmhub.connector import (
    NOT_SENT,
    Context,
    Native,
    Outcome,
    Page,
    Problem,
    ReadRequest,
    Value,
    WriteItem,
    WriteRequest,
)
from crmhub.errors import ConfigError, SyncError, Unavailable
from crmhub.hub import Hub
from crmhub.store import DeadLetter
from crmhub.sync import Job, SyncReport
from crmhub.sync.job import model_names
from crmhub.testing.memory import MemoryConfig, MemoryConnector

pytestmark = pytest.mark.anyio

MAPPING = """
crm: memory
version: 1
maps:
  - model: user
    object: people
    fields: {id: {to: id, dir: read}, email: {to: email, dir: read}, name: {to: name, dir: read}}
  - model: stage
    object: stages
    fields:
      id: {to: id, dir: read}
      label: {to: label, dir: read}
      outcome: {to: outcome, as: {enum: {open: open, won: won, lost: lost}}, dir: read}
  - model: account
    object: companies
    fields:
      name: name
      website: site
      parent: {ref: account, to: parent_id}
      owner: {ref: user, to: owner_id, by: email}
  - model: deal
    object: deals
    fields:
      name: name
      amount: {to: amount, as: money}
      stage: {ref: stage, to: stage_id, by: label}
      expected_close: {to: close_on, as: date, default_on_create: today+30d}
      account: {ref: account, to: company_id}
"""

OBJECTS: dict[str, Value] = {
    "people": {"name": "text", "email": "text"},
    "stages": {"label": "text", "outcome": "text"},
    "companies": {"name": "text", "site": "text", "parent_id": "text", "owner_id": "text"},
    "deals": {
        "name": "text",
        "amount": "decimal",
        "stage_id": "text",
        "close_on": "text",
        "company_id": "text",
    },
}
WHAT_MATTERS = ("accounts", "deals")


class Faulty(MemoryConnector):
    """A memory connector that can be told to fail, and counts what it is sent."""

    def __init__(self, config: MemoryConfig, context: Context) -> None:
        super().__init__(config, context)
        self.sent: list[WriteRequest] = []
        self.lose_replies = 0
        self.refuse: dict[str, str] = {}
        self.passing: dict[str, str] = {}
        self.stop_after: int | None = None
        self.fail_after_pages: int | None = None

    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        self.sent.append(request)
        outcomes: list[Outcome] = []
        for item in request.items:
            name = item.fields.get("name")
            if self.stop_after is not None and len(outcomes) >= self.stop_after:
                outcomes.append(Outcome("rejected", problem=Problem(NOT_SENT, "not sent: quota used up")))
                continue
            if name in self.passing:
                busy = Problem(self.passing[str(name)], "busy", permanent=False)
                outcomes.append(Outcome("rejected", problem=busy))
                continue
            if name in self.refuse:
                outcomes.append(
                    Outcome("rejected", problem=Problem(self.refuse[str(name)], "refused", "name"))
                )
                continue
            (outcome,) = await super().write(
                WriteRequest(request.object, request.operation, [item], request.match)
            )
            if self.lose_replies and outcome.ok:
                self.lose_replies -= 1
                outcome = Outcome("unknown")
            outcomes.append(outcome)
        return outcomes

    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        async with aclosing(super().read(request)) as pages:
            async for page in pages:
                if self.fail_after_pages is not None and request.object in {"companies", "deals"}:
                    if self.fail_after_pages == 0:
                        raise Unavailable("the line went dead")
                    self.fail_after_pages -= 1
                yield page


class Two:
    """A hub with connections ``a`` and ``b``, both in memory."""

    def __init__(self, hub: Hub, a: Faulty, b: Faulty) -> None:
        self.hub, self.a, self.b = hub, a, b

    async def put(self, connector: Faulty, object_: str, *rows: Native) -> None:
        for row in rows:
            present = connector.records[object_].get(str(row["id"]), {})
            connector._store(object_, {**present, **row})

    async def sync(self, retry: bool = False, **settings: str) -> SyncReport:
        job = Job("a", "b", WHAT_MATTERS, settings.get("owner", "default"), settings.get("stage", "outcome"))
        return await self.hub.run(job, retry=retry)

    def rows(self, object_: str) -> dict[str, Native]:
        return {str(row["name"]): row for row in self.b.records[object_].values()}

    async def letters(self) -> list[DeadLetter]:
        return await (await self.hub.store()).dead_letters.open("a->b")


@asynccontextmanager
async def two_crms(
    tmp_path: Path, *, sync_key: str | None = None, page_size: int = 3, mapping: str = MAPPING
) -> AsyncGenerator[Two]:
    path = tmp_path / "memory.yaml"
    path.write_text(mapping)
    objects = {name: dict(cast("dict[str, Value]", fields)) for name, fields in OBJECTS.items()}
    if sync_key:
        for fields in objects.values():
            fields[sync_key] = "text"
    async with Hub(Config({}, store="sqlite:///:memory:"), clock=ManualClock()) as hub:
        hub.add("a", Faulty, mapping=path, objects=cast("Value", objects), page_size=page_size)
        hub.add("b", Faulty, mapping=path, objects=cast("Value", objects), sync_key=sync_key)
        two = Two(hub, cast("Faulty", hub["a"].connector), cast("Faulty", hub["b"].connector))
        for side, prefix in ((two.a, "a"), (two.b, "b")):
            await two.put(side, "people", {"id": f"{prefix}-ann", "name": "Ann", "email": "ann@example.com"})
            await two.put(
                side,
                "stages",
                {"id": f"{prefix}-new", "label": "New", "outcome": "open"},
                {"id": f"{prefix}-won", "label": "Won", "outcome": "won"},
            )
        yield two


def company(number: int, **more: Value) -> Native:
    return {"id": f"c{number}", "name": f"Company {number}", **more}


def deal(number: int, **more: Value) -> Native:
    return {
        "id": f"d{number}",
        "name": f"Deal {number}",
        "stage_id": "a-new",
        "close_on": "2026-05-01",
        **more,
    }


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 6])
async def test_every_record_arrives_once_and_a_second_run_writes_nothing(tmp_path: Path, count: int) -> None:
    async with two_crms(tmp_path) as two:
        await two.put(two.a, "companies", *(company(n) for n in range(count)))
        first = await two.sync()
        assert first.writes == count
        assert sorted(two.rows("companies")) == sorted(f"Company {n}" for n in range(count))
        two.b.sent.clear()
        second = await two.sync()
        assert second.writes == 0
        assert two.b.sent == []
        assert second.state == "done"


async def test_only_the_changed_fields_of_a_changed_record_are_sent(tmp_path: Path) -> None:
    async with two_crms(tmp_path) as two:
        await two.put(two.a, "companies", company(1, site="one.example"), company(2, site="two.example"))
        await two.sync()
        two.b.sent.clear()
        await two.put(two.a, "companies", company(1, site=None))
        report = await two.sync()
        assert report.totals["updated"] == 1
        (request,) = two.b.sent
        assert [item.fields for item in request.items] == [{"site": None}]


async def test_references_are_resolved_by_meaning_and_by_link(tmp_path: Path) -> None:
    async with two_crms(tmp_path) as two:
        await two.put(two.a, "companies", company(1, owner_id="a-ann"))
        await two.put(two.a, "deals", deal(1, company_id="c1", stage_id="a-won"))
        await two.sync()
        account = two.rows("companies")["Company 1"]
        assert account["owner_id"] == "b-ann"
        assert two.rows("deals")["Deal 1"]["company_id"] == account["id"]
        assert two.rows("deals")["Deal 1"]["stage_id"] == "b-won"


async def test_a_parent_that_comes_later_is_patched_in(tmp_path: Path) -> None:
    async with two_crms(tmp_path) as two:
        await two.put(two.a, "companies", *(company(n, parent_id=f"c{(n + 1) % 5}") for n in range(5)))
        report = await two.sync()
        rows = two.rows("companies")
        ids = {name: row["id"] for name, row in rows.items()}
        assert {name: row["parent_id"] for name, row in rows.items()} == {
            f"Company {n}": ids[f"Company {(n + 1) % 5}"] for n in range(5)
        }
        assert report.letters == {}


async def test_a_record_whose_account_is_missing_waits_and_is_taken_up_when_it_appears(
    tmp_path: Path,
) -> None:
    async with two_crms(tmp_path) as two:
        await two.put(two.a, "deals", deal(1, company_id="c9"), deal(2))
        first = await two.sync()
        assert sorted(two.rows("deals")) == ["Deal 2"]
        assert first.letters == {"waiting": 1}
        assert first.state == "partial"
        await two.put(two.a, "companies", company(9))
        second = await two.sync()
        assert two.rows("deals")["Deal 1"]["company_id"] == two.rows("companies")["Company 9"]["id"]
        assert second.letters == {}


async def test_a_reference_to_a_model_outside_of_the_sync_is_left_out_and_counted(tmp_path: Path) -> None:
    async with two_crms(tmp_path) as two:
        await two.put(two.a, "deals", deal(1, company_id="c9"))
        report = await two.hub.sync("a", "b", models=["deals"])
        assert "Deal 1" in two.rows("deals")
        assert report.notes == {"account: account is not part of the sync": 1}


async def test_a_demanded_field_is_filled_counted_and_never_compared(tmp_path: Path) -> None:
    async with two_crms(tmp_path) as two:
        await two.put(two.a, "deals", deal(1, close_on=None), deal(2))
        first = await two.sync()
        assert two.rows("deals")["Deal 1"]["close_on"] == "2026-01-31"
        assert first.defaulted == {"expected_close": 1}
        assert (await two.sync()).writes == 0
        await two.put(two.a, "deals", deal(1, close_on=None, amount=7))
        assert (await two.sync()).writes == 1
        assert two.rows("deals")["Deal 1"]["close_on"] == "2026-01-31"


async def test_an_unknown_owner_is_left_to_the_connection_given_to_the_default_or_rejected(
    tmp_path: Path,
) -> None:
    for owner, expected, letters in (
        ("default", None, {}),
        ("default:ANN@example.com", "b-ann", {}),
        ("reject", "absent", {"rejected": 1}),
    ):
        async with two_crms(tmp_path) as two:
            await two.put(two.a, "companies", company(1, owner_id="a-nobody"))
            report = await two.sync(owner=owner)
            assert two.rows("companies").get("Company 1", {"owner_id": "absent"}).get("owner_id") == expected
            assert report.letters == letters


async def test_a_won_stage_without_a_namesake_takes_the_stage_that_means_the_same(tmp_path: Path) -> None:
    async with two_crms(tmp_path) as two:
        await two.put(
            two.a,
            "stages",
            {"id": "a-champagne", "label": "Champagne", "outcome": "won"},
            {"id": "a-odd", "label": "Odd", "outcome": "open"},
        )
        await two.put(two.a, "deals", deal(1, stage_id="a-champagne"), deal(2, stage_id="a-odd"))
        report = await two.sync()
        assert two.rows("deals")["Deal 1"]["stage_id"] == "b-won"
        (letter,) = await two.letters()
        assert (letter.source.id, letter.code, letter.field) == ("d2", "stage_unknown", "stage")
        assert "New" in letter.message
        assert report.notes == {"stage: the stage that means won": 1}


async def test_a_rejected_record_is_set_aside_and_the_rest_arrives(tmp_path: Path) -> None:
    async with two_crms(tmp_path) as two:
        two.b.refuse = {"Company 2": "BAD_NAME"}
        await two.put(two.a, "companies", *(company(n) for n in range(5)))
        await two.put(two.a, "deals", deal(1, company_id="c2"))
        report = await two.sync()
        assert sorted(two.rows("companies")) == ["Company 0", "Company 1", "Company 3", "Company 4"]
        assert report.letters == {"rejected": 1, "waiting": 1}
        rejected = next(letter for letter in await two.letters() if letter.reason == "rejected")
        assert (rejected.source.id, rejected.code, rejected.field) == ("c2", "BAD_NAME", "name")
        two.b.refuse = {}
        retried = await two.sync(retry=True)
        assert retried.letters == {}
        assert "Deal 1" in two.rows("deals")


@pytest.mark.parametrize("sync_key", [None, "external_id"])
async def test_what_was_not_sent_is_neither_lost_nor_refused(tmp_path: Path, sync_key: str | None) -> None:
    """The target's quota ends within a page: the run stops, and the next one writes the rest."""
    async with two_crms(tmp_path, sync_key=sync_key) as two:
        await two.put(two.a, "companies", *(company(n) for n in range(5)))
        two.b.stop_after = 2
        with pytest.raises(SyncError, match="quota used up"):
            await two.sync()
        assert await two.letters() == []
        assert len(two.b.records["companies"]) == 2
        two.b.stop_after = None
        assert (await two.sync()).letters == {}
        assert sorted(two.rows("companies")) == [f"Company {n}" for n in range(5)]
        assert len(two.b.records["companies"]) == 5


async def test_a_refusal_that_passes_is_taken_up_by_the_next_run(tmp_path: Path) -> None:
    async with two_crms(tmp_path) as two:
        two.b.passing = {"Company 1": "ROW_LOCKED"}
        await two.put(two.a, "companies", *(company(n) for n in range(3)))
        assert (await two.sync()).letters == {"retry": 1}
        two.b.passing = {}
        assert (await two.sync()).letters == {}
        assert "Company 1" in two.rows("companies")


async def test_a_value_that_cannot_be_read_names_its_field_and_not_its_content(tmp_path: Path) -> None:
    async with two_crms(tmp_path) as two:
        await two.put(two.a, "deals", deal(1, close_on="soonish"), deal(2))
        await two.sync()
        (letter,) = await two.letters()
        assert (letter.reason, letter.field) == ("mapping", "close_on")
        assert "soonish" not in letter.message
        assert "Deal 2" in two.rows("deals")


@pytest.mark.parametrize("sync_key", [None, "external_id"])
@pytest.mark.parametrize("lost", [1, 2, 5])
async def test_a_lost_reply_never_makes_a_duplicate(tmp_path: Path, sync_key: str | None, lost: int) -> None:
    async with two_crms(tmp_path, sync_key=sync_key) as two:
        two.b.lose_replies = lost
        await two.put(two.a, "companies", *(company(n) for n in range(5)))
        report = await two.sync()
        assert len(two.b.records["companies"]) == 5
        assert report.letters == {}
        assert (await two.sync()).writes == 0


async def test_creates_of_a_run_that_died_are_found_again(tmp_path: Path) -> None:
    """The reply of a page never came back, and neither did the process: only the intents remain."""
    async with two_crms(tmp_path) as two:
        await two.put(two.a, "companies", *(company(n) for n in range(5)))
        original = two.b.write

        async def die(request: WriteRequest) -> Sequence[Outcome]:
            await original(WriteRequest(request.object, request.operation, request.items[:2], request.match))
            raise RuntimeError("killed")

        two.b.write = die
        with pytest.raises(RuntimeError):
            await two.sync()
        assert len(two.b.records["companies"]) == 2
        two.b.write = original
        report = await two.sync()
        assert sorted(two.rows("companies")) == [f"Company {n}" for n in range(5)]
        assert len(two.b.records["companies"]) == 5
        assert report.totals["created"] == 3


@pytest.mark.parametrize("pages", [0, 1, 2, 3, 4])
async def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path, pages: int) -> None:
    async with two_crms(tmp_path, page_size=2) as two:
        await two.put(two.a, "companies", *(company(n) for n in range(7)))
        await two.put(two.a, "deals", *(deal(n, company_id=f"c{n}") for n in range(7)))
        two.a.fail_after_pages = pages
        with pytest.raises(Unavailable):
            await two.sync()
        two.a.fail_after_pages = None
        await two.sync()
        assert len(two.b.records["companies"]) == len(two.b.records["deals"]) == 7
        (stopped, *_) = [run for run in await (await two.hub.store()).runs.recent() if run.state == "failed"]
        assert stopped.error == "Unavailable"


async def test_a_deleted_record_is_unlinked_and_its_counterpart_stays(tmp_path: Path) -> None:
    async with two_crms(tmp_path) as two:
        await two.put(two.a, "companies", company(1), company(2))
        await two.sync()
        await two.a.write(WriteRequest("companies", "delete", [WriteItem(id="c1")]))
        report = await two.sync()
        assert report.totals["unlinked"] == 1
        assert sorted(two.rows("companies")) == ["Company 1", "Company 2"]
        await two.put(two.a, "companies", company(1, site="back.example"))
        await two.sync()
        assert len(two.b.records["companies"]) == 2
        assert two.rows("companies")["Company 1"]["site"] == "back.example"


async def test_a_plan_is_pure_data_and_writes_nothing(tmp_path: Path) -> None:
    async with two_crms(tmp_path) as two:
        await two.put(two.a, "companies", company(1, site="one.example"))
        job = Job("a", "b", ("account",))
        first = [plan async for plan in two.hub.dry_run(job)]
        second = [plan async for plan in two.hub.dry_run(job)]
        assert [plan.hash for plan in first] == [plan.hash for plan in second]
        (write,) = first[0].writes
        assert write.describe()["changes"] == {
            "name": [None, "Company 1"],
            "website": [None, "one.example"],
        }
        assert two.b.sent == []
        assert two.b.records["companies"] == {}


def test_a_job_that_makes_no_sense_says_so() -> None:
    with pytest.raises(ConfigError, match="two connections"):
        Job("a", "a")
    with pytest.raises(ConfigError, match="default:<e-mail>"):
        Job("a", "b", owner="whoever")
    with pytest.raises(ConfigError, match="outcome or reject"):
        Job("a", "b", stage="whatever")


async def test_a_model_that_nobody_maps_is_named_with_a_suggestion(tmp_path: Path) -> None:
    async with two_crms(tmp_path) as two:
        with pytest.raises(ConfigError, match=r"no model 'acounts'.*did you mean 'account"):
            await two.hub.sync("a", "b", models=["acounts"])


async def test_a_rule_that_writes_only_what_is_empty_leaves_what_is_there(tmp_path: Path) -> None:
    async with two_crms(
        tmp_path, mapping=MAPPING.replace("website: site", "website: {to: site, write: if_empty}")
    ) as two:
        await two.put(two.a, "companies", company(1, site="one.example"), company(2))
        await two.sync()
        await two.put(two.a, "companies", company(1, site="other.example"), company(2, site="two.example"))
        await two.sync()
        sites = {name: row["site"] for name, row in two.rows("companies").items()}
        assert sites == {"Company 1": "one.example", "Company 2": "two.example"}
        assert (await two.sync()).writes == 0


async def both_ways(two: Two) -> tuple[SyncReport, SyncReport]:
    forth = await two.hub.run(Job("a", "b", WHAT_MATTERS))
    back = await two.hub.run(Job("b", "a", WHAT_MATTERS))
    return forth, back


async def test_a_sync_back_writes_nothing_that_was_made_up_on_the_way(tmp_path: Path) -> None:
    """Neither a demanded default nor a stand-in owner or stage comes home."""
    async with two_crms(tmp_path) as two:
        await two.put(two.a, "stages", {"id": "a-champagne", "label": "Champagne", "outcome": "won"})
        await two.put(two.a, "companies", company(1, owner_id="a-nobody"), company(2, parent_id="c1"))
        await two.put(two.a, "deals", deal(1, close_on=None, stage_id="a-champagne", company_id="c2"))
        before = {name: dict(rows) for name, rows in two.a.records.items()}
        await two.hub.run(Job("a", "b", WHAT_MATTERS, owner="default:ann@example.com"))
        _, back = await both_ways(two)
        assert back.writes == 0
        assert {name: dict(rows) for name, rows in two.a.records.items()} == before


async def test_alternating_syncs_come_to_rest_and_carry_what_people_change(tmp_path: Path) -> None:
    async with two_crms(tmp_path) as two:
        await two.put(
            two.a, "companies", company(1, owner_id="a-ann"), company(2, parent_id="c1", owner_id="a-ann")
        )
        await two.put(two.a, "deals", deal(1, close_on=None, company_id="c2"), deal(2, company_id="c1"))
        await both_ways(two)
        for _ in range(2):
            forth, back = await both_ways(two)
            assert (forth.writes, back.writes) == (0, 0)
        ours = two.rows("deals")["Deal 1"]
        await two.put(two.b, "deals", {"id": ours["id"], "close_on": "2027-01-01", "amount": 9})
        forth, back = await both_ways(two)
        assert (forth.writes, back.writes) == (0, 1)
        assert two.a.records["deals"]["d1"]["close_on"] == "2027-01-01"
        await two.put(two.a, "deals", {"id": "d1", "company_id": "c1", "close_on": "2027-02-02"})
        forth, back = await both_ways(two)
        assert (forth.writes, back.writes) == (1, 0)
        assert two.rows("deals")["Deal 1"]["close_on"] == "2027-02-02"
        assert two.rows("deals")["Deal 1"]["company_id"] == two.rows("companies")["Company 1"]["id"]


async def test_an_object_that_one_org_does_not_have_is_left_out_and_told(tmp_path: Path) -> None:
    more = MAPPING + "  - {model: activity, object: todos, set: {type: task}, fields: {subject: name}}\n"
    async with two_crms(tmp_path, mapping=more) as two:
        await two.put(two.a, "companies", company(1))
        report = await two.hub.sync("a", "b", models=["accounts", "activities"])
        assert report.writes == 1
        assert "todos: all of it" in report.unshared


async def test_a_kind_of_record_without_a_map_in_the_target_is_told(tmp_path: Path) -> None:
    both = "".join(
        f"  - {{model: activity, object: deals, set: {{type: {kind}}}, where: {{amount: {number}}}, "
        "fields: {subject: name}}\n"
        for number, kind in enumerate(("task", "call"))
    )
    head = MAPPING[: MAPPING.index("  - model: deal")]
    async with two_crms(tmp_path, mapping=head + both) as two:
        (tmp_path / "other.yaml").write_text(head + both.splitlines(keepends=True)[0])
        await two.hub.remove("b")
        objects = {name: dict(cast("dict[str, Value]", fields)) for name, fields in OBJECTS.items()}
        two.hub.add("b", Faulty, mapping=tmp_path / "other.yaml", objects=cast("Value", objects))
        report = await two.hub.sync("a", "b", models=["activities"])
        assert report.unshared == ("deals: all of kind call",)


async def test_a_mended_record_closes_its_dead_letter_even_when_nothing_is_to_be_written(
    tmp_path: Path,
) -> None:
    async with two_crms(tmp_path) as two:
        await two.put(two.a, "deals", deal(1))
        await two.sync()
        await two.put(two.a, "deals", deal(1, close_on="soonish"))
        assert (await two.sync()).letters == {"mapping": 1}
        await two.put(two.a, "deals", deal(1))
        mended = await two.sync()
        assert (mended.letters, mended.writes, mended.state) == ({}, 0, "done")


async def test_nothing_is_filled_into_a_record_that_is_there_already(tmp_path: Path) -> None:
    """A record that no link knows, because the store was lost: its date is a person's by now."""
    async with two_crms(tmp_path, sync_key="external_id") as two:
        await two.put(
            two.b,
            "deals",
            {"id": "old", "name": "Deal 1", "external_id": "a:deals:d1", "close_on": "2027-07-07"},
        )
        await two.put(two.a, "deals", deal(1, close_on=None), deal(2, close_on=None))
        report = await two.sync()
        closes = {name: row["close_on"] for name, row in two.rows("deals").items()}
        assert closes == {"Deal 1": "2027-07-07", "Deal 2": "2026-01-31"}
        assert report.defaulted == {"expected_close": 1}


async def test_a_default_owner_who_is_nobody_is_named_before_anything_is_written(tmp_path: Path) -> None:
    async with two_crms(tmp_path) as two:
        await two.put(two.a, "companies", company(1))
        with pytest.raises(ConfigError, match=r"no active user bob@example.com.*ann@example.com"):
            await two.sync(owner="default:bob@example.com")
        assert two.b.records["companies"] == {}


@pytest.mark.parametrize("name", ["user", "stage"])
def test_what_is_only_looked_up_is_not_synced(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}s are not synced"):
        model_names([name], ["account", "stage", "user"])
