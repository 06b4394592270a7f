"""Full reads by bulk read jobs: when, what they give, and what happens when a job is of no use."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib.util import find_spec
from typing import TYPE_CHECKING, cast

import pytest
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from crmhub.connector import Condition, Page, ReadRequest, WriteItem, WriteRequest
from crmhub.errors import BadRequest
from crmhub.routing import routed
from crmhub_zoho.bulk.cells import inexact
from crmhub_zoho.prices import bulk_read_pays_from
from crmhub_zoho.schema import read_schema
from crmhub_zoho.simulator.double import ZohoDouble

if TYPE_CHECKING:
    from pathlib import Path

    from crmhub.native import Native
    from crmhub_zoho import Connector
    from tests.integration.zoho.conftest import Org, World

pytestmark = pytest.mark.anyio

NAME = "Account_Name"
START, RESULT = "POST /crm/bulk/v8/read", "/result"
with_sdk = pytest.param("sdk", marks=pytest.mark.skipif(not find_spec("zohocrmsdk"), reason="no SDK"))
ODD = [
    "Ünï, \"quoted\" 'x' ; y",
    "two\nlines\r\nthree",
    "emoji 🎉👩‍👩‍👧",
    " spaces ",
    "0",
    "false",
    "null",
    "=1+1",
]


def bulk(org: Org, least: int | None = 1, timeout: float = 3_600.0) -> Connector:
    """A connection for which every module of more than two pages is worth a job."""
    return org.connect(bulk_read_from=least, bulk_timeout=timeout)


async def read(org: Org, connector: Connector, module: str, *fields: str, page_size: int = 5) -> list[Page]:
    return await org.pages(connector, module, *fields, page_size=page_size)


def rows_of(pages: list[Page]) -> dict[str, Native]:
    return {str(row["id"]): row for page in pages for row in page.upserts}


def told(org: Org, name: str) -> list[object]:
    return [event.detail.get("why") for event in org.heard if event.name == name]


def by(tier: str) -> AbstractContextManager[object]:
    return routed("background" if tier == "sdk" else None)


class Between:
    """Answers one kind of call in the double's place; ``when`` is what its method and path end with."""

    def __init__(
        self, org: Org, when: str, answer: Callable[[bytes], Response], *, after: bool = False
    ) -> None:
        self._when = when
        self._answer = answer
        self._after = after
        self._app: ASGIApp = org.double.app
        org.double.app = self  # pyright: ignore[reportAttributeAccessIssue]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if re.search(f"{self._when}$", f"{scope['method']} {scope['path']}") is None:
            await self._app(scope, receive, send)
            return
        body = b""
        if self._after:

            async def keep(message: object) -> None:
                nonlocal body
                body += cast("dict[str, bytes]", message).get("body", b"")

            await self._app(scope, receive, keep)
        await self._answer(body)(scope, receive, send)


def names(folder: Path) -> list[str]:
    return [one.name for one in folder.iterdir()]


def zipped(text: str | bytes, *names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names or ("rows.csv",):
            archive.writestr(name, text)
    return out.getvalue()


def unzipped(content: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(archive.namelist()[0]).decode()


# ── what it gives ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("tier", ["rest", with_sdk])
@pytest.mark.parametrize("module", ["Accounts", "Contacts", "Deals", "Tasks", "Events", "Calls"])
async def test_a_job_gives_the_records_that_queries_give_byte_for_byte(
    make_org: World, module: str, tier: str
) -> None:
    org = make_org(40)
    raw = await org.connect().request("GET", "/crm/v8/settings/fields", params={"module": module})
    schema = read_schema(module, cast("dict[str, list[Native]]", raw)["fields"])
    fields = [name for name in schema.data_types if inexact(schema, [name]) is None]
    assert len(fields) > 10
    queried = rows_of(await read(org, org.connect(bulk_read_from=None), module, *fields))
    assert not org.calls(START)
    with by(tier):
        pages = await read(org, bulk(org), module, *fields)
    assert len(org.calls(START)) == 1
    assert {
        str(event.detail["tier"]) for event in org.heard if event.detail.get("operation") == "bulk_read"
    } == {tier}
    read_by_job = rows_of(pages)
    assert set(read_by_job) == set(queried)
    for id_, row in read_by_job.items():
        assert repr(sorted(row.items())) == repr(sorted(queried[id_].items()))


@pytest.mark.parametrize("tier", ["rest", with_sdk])
async def test_odd_texts_nothing_and_large_numbers_come_through_a_file_as_they_are(
    make_org: World, tier: str
) -> None:
    org = make_org()
    amounts: list[object] = [0, 1, -1, 999_999_999_999.25, 0.1, 12.5, 10_000_000, None]
    items = [
        WriteItem(
            {"Account_Name": f"{text}{n}", "Description": text, "Annual_Revenue": cast("float", amount)}
        )
        for n, (text, amount) in enumerate(zip(ODD, amounts, strict=True))
    ]
    await org.connect().write(WriteRequest("Accounts", "create", items * 3))
    fields = ("Account_Name", "Description", "Annual_Revenue", "Phone", "Owner", "Created_Time")
    queried = rows_of(await read(org, org.connect(bulk_read_from=None), "Accounts", *fields))
    with by(tier):
        pages = await read(org, bulk(org), "Accounts", *fields)
    assert len(org.calls(START)) == 1
    found = rows_of(pages)
    assert repr(sorted((one, sorted(row.items())) for one, row in found.items())) == repr(
        sorted((one, sorted(row.items())) for one, row in queried.items())
    )


async def test_fields_that_no_file_shows_are_fetched_as_they_are_for_queries(make_org: World) -> None:
    org = make_org({"Tasks": 30, "Accounts": 5, "Contacts": 5, "Deals": 5})
    queried = rows_of(
        await read(org, org.connect(bulk_read_from=None), "Tasks", "Subject", "$se_module", "Tag")
    )
    found = rows_of(await read(org, bulk(org), "Tasks", "Subject", "$se_module", "Tag"))
    assert len(org.calls(START)) == 1
    assert found == queried


async def test_each_record_comes_once_though_two_queries_come_before_the_job(make_org: World) -> None:
    org = make_org({"Accounts": 45}, settings={"bulk_page": "20"})
    ids = [str(row["id"]) for page in await read(org, bulk(org), "Accounts", NAME) for row in page.upserts]
    assert sorted(ids) == sorted(org.truth("Accounts"))
    assert len(org.calls(START)) == 3


async def test_a_job_that_goes_on_later_is_followed_by_what_has_come_since(make_org: World) -> None:
    org = make_org({"Accounts": 45})
    seen = org.mirror(NAME)
    pages = bulk(org).read(ReadRequest("Accounts", (NAME,), page_size=6))
    for _ in range(4):
        seen.take(await anext(pages))
    await pages.aclose()
    org.clock.advance(3_600)
    added = await org.add("Accounts", 20)
    came = await seen.follow(bulk(org), "Accounts", page_size=6)
    assert set(added) <= {str(row["id"]) for row in came}
    assert seen.rows == org.truth("Accounts", NAME)
    assert len(org.calls(START)) == 1


async def test_a_job_costs_two_queries_a_count_and_its_own_calls(make_org: World) -> None:
    org = make_org({"Accounts": 60})
    connector = bulk(org)
    await connector.describe("Accounts")
    before, used = len(org.calls()), cast("ZohoDouble", org.double).limits.used
    pages = await read(org, connector, "Accounts", NAME)
    calls = [call.rpartition("/")[2] if "bulk" not in call else call for call in org.calls()[before:]]
    job = org.calls(RESULT)[0].removeprefix("GET ").removesuffix(RESULT)
    assert calls == ["coql", "coql", "count", START, f"GET {job}", f"GET {job}{RESULT}"]
    assert cast("ZohoDouble", org.double).limits.used - used == 1 + 1 + 1 + 50 + 1 + 1
    assert set(rows_of(pages)) == set(org.truth("Accounts"))


@pytest.mark.skipif(not find_spec("zohocrmsdk"), reason="no SDK")
async def test_a_job_that_one_tier_has_started_is_asked_for_by_the_other_where_that_cannot(
    make_org: World,
) -> None:
    org = make_org({"Accounts": 45})

    def more_digits(content: bytes) -> Response:
        told = content.replace(b'"operation"', b'"share":0.12345678901234567890123,"operation"')
        return Response(told, media_type="application/json")

    Between(org, r"GET /crm/bulk/v8/read/\d+", more_digits, after=True)
    with by("sdk"):
        pages = await read(org, bulk(org), "Accounts", NAME)
    assert set(rows_of(pages)) == set(org.truth("Accounts"))
    served = [event.detail["tier"] for event in org.heard if event.detail.get("operation") == "bulk_read"]
    assert served == ["sdk", "rest", "sdk"]
    assert len(org.calls(START)) == 1


# ── when ─────────────────────────────────────────────────────────────────────────────────────────


async def test_small_modules_filters_and_what_no_file_tells_exactly_are_left_to_queries(
    make_org: World,
) -> None:
    org = make_org({"Accounts": 30, "Contacts": 30})
    await read(org, bulk(org, 31), "Accounts", NAME)
    assert len(org.calls("/count")) == 1, "it might have been worth it"
    await read(org, bulk(org, 100), "Accounts", NAME)
    await read(org, bulk(org, None), "Accounts", NAME)
    await read(org, bulk(org), "Contacts", "Account_Name.Phone")
    condition = Condition("Created_Time", "ge", "2000-01-01T00:00:00Z")
    await org.pages(bulk(org), "Accounts", NAME, filter=(condition,), page_size=5)
    await read(org, bulk(org), "Accounts", NAME, page_size=20)
    assert len(org.calls("/count")) == 1
    assert not org.calls("/bulk/")


async def test_where_nobody_waits_a_job_is_made_as_soon_as_it_costs_less(make_org: World) -> None:
    least = bulk_read_pays_from(10)
    assert least < 600
    org = make_org({"Accounts": least})
    assert set(rows_of(await read(org, org.connect(), "Accounts", NAME, page_size=10))) == set(
        org.truth("Accounts")
    )
    assert not org.calls("/bulk/")
    for context in ("bulk", "background"):
        before = len(org.calls(START))
        with routed(context):
            await read(org, org.connect(tiers={"sdk": False}), "Accounts", NAME, page_size=10)
        assert len(org.calls(START)) == before + 1
        with routed(context):
            await read(org, org.connect(bulk_read_from=None), "Accounts", NAME, page_size=10)
        assert len(org.calls(START)) == before + 1


async def test_without_the_scope_for_jobs_queries_read_on_and_it_is_told_once(make_org: World) -> None:
    scopes = "ZohoCRM.modules.ALL,ZohoCRM.settings.ALL,ZohoCRM.coql.READ,ZohoCRM.users.READ"
    org = make_org({"Accounts": 40}, settings={"scopes": scopes})
    connector = bulk(org)
    for _ in range(2):
        assert set(rows_of(await read(org, connector, "Accounts", NAME))) == set(org.truth("Accounts"))
    (why,) = told(org, "bulk_read.given_up")
    assert "invalid oauth scope" in str(why)
    assert len(org.calls(START)) == 1


# ── what can happen on the way ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("tier", ["rest", with_sdk])
async def test_a_read_that_ends_at_any_page_goes_on_with_the_same_job(make_org: World, tier: str) -> None:
    org = make_org({"Accounts": 45}, settings={"bulk_page": "30"})
    whole = org.mirror(NAME)
    with by(tier):
        await whole.follow(bulk(org), "Accounts", page_size=6)
    jobs = len(org.calls(START))
    assert jobs == 2
    truth = org.truth("Accounts", NAME)
    for stop in range(3, len(whole.pages)):
        resumed = org.mirror(NAME)
        for page in whole.pages[:stop]:
            resumed.take(Page(page.upserts, page.deletes, json.loads(json.dumps(page.checkpoint))))
        before, started = len(org.calls("/coql")), len(org.calls(START))
        with by(tier):
            came = await resumed.follow(bulk(org), "Accounts", page_size=6)
        assert resumed.rows == truth
        assert len(org.calls("/coql")) <= before + 1, "one query looks for what has come since"
        assert len(org.calls(START)) - started <= 1, "only the second job may be new"
        assert len(came) <= sum(len(page.upserts) for page in whole.pages[stop:]), "nothing is given again"
        org.clock.advance(60)  # ten downloads a minute


@pytest.mark.parametrize("tier", ["rest", with_sdk])
async def test_a_job_that_is_gone_is_given_up_and_queries_read_the_rest(make_org: World, tier: str) -> None:
    org = make_org({"Accounts": 45})
    seen = org.mirror(NAME)
    with by(tier):
        pages = bulk(org).read(ReadRequest("Accounts", (NAME,), page_size=6))
        for _ in range(4):
            seen.take(await anext(pages))
        await pages.aclose()
        cast("ZohoDouble", org.double).org.jobs._jobs.clear()  # pyright: ignore[reportPrivateUsage]
        await seen.follow(bulk(org), "Accounts", page_size=6)
    assert seen.rows == org.truth("Accounts", NAME)
    assert len(told(org, "bulk_read.given_up")) == 1
    assert len(org.calls(START)) == 1


async def test_a_job_that_fails_is_given_up_and_queries_read_the_rest(make_org: World) -> None:
    org = make_org({"Accounts": 45}, faults=("job_failure",))
    seen = org.mirror(NAME)
    await seen.follow(bulk(org), "Accounts", page_size=6)
    assert seen.rows == org.truth("Accounts", NAME)
    assert told(org, "bulk_read.given_up") == ["the bulk read job has failed"]


async def test_a_job_that_takes_too_long_is_given_up_and_the_waits_grow(make_org: World) -> None:
    org = make_org({"Accounts": 45}, settings={"bulk_delay": "1000"})
    began = org.clock.monotonic()
    pages = await read(org, bulk(org, timeout=600), "Accounts", NAME)
    assert set(rows_of(pages)) == set(org.truth("Accounts"))
    assert told(org, "bulk_read.given_up") == ["the bulk read job was not done after 600 seconds"]
    assert 540 < org.clock.monotonic() - began <= 600
    assert len(org.calls("GET /crm/bulk/")) < 30
    org = make_org({"Accounts": 45}, settings={"bulk_delay": "500"})
    await read(org, bulk(org), "Accounts", NAME)
    assert not told(org, "bulk_read.given_up")


async def test_a_start_whose_reply_is_lost_is_not_made_again(make_org: World) -> None:
    org = make_org({"Accounts": 45})
    Between(org, START, lambda _: Response(b"", 201, media_type="application/json"), after=True)
    pages = await read(org, bulk(org), "Accounts", NAME)
    assert set(rows_of(pages)) == set(org.truth("Accounts"))
    assert len(org.calls(START)) == 1
    assert len(told(org, "bulk_read.given_up")) == 1


async def test_a_next_page_whose_token_has_expired_is_given_up(make_org: World) -> None:
    org = make_org({"Accounts": 45}, settings={"bulk_page": "20"})
    seen = org.mirror(NAME)
    pages = bulk(org).read(ReadRequest("Accounts", (NAME,), page_size=6))
    for _ in range(3):
        seen.take(await anext(pages))
    await pages.aclose()
    Between(
        org,
        START,
        lambda _: JSONResponse(
            {
                "code": "EXPIRED_VALUE",
                "details": {},
                "message": "The token given is expired",
                "status": "error",
            },
            400,
        ),
    )
    await seen.follow(bulk(org), "Accounts", page_size=6)
    assert seen.rows == org.truth("Accounts", NAME)
    assert "expired" in str(told(org, "bulk_read.given_up")[0])


def edited(change: Callable[[str], str]) -> Callable[[bytes], Response]:
    return lambda content: Response(zipped(change(unzipped(content))), media_type="application/zip")


def fixed(content: bytes) -> Callable[[bytes], Response]:
    return lambda _: Response(content, media_type="application/zip")


def page(_: bytes) -> Response:
    return HTMLResponse("<html><h1>Maintenance")


def half(content: bytes) -> Response:
    return Response(content[: len(content) // 2], media_type="application/zip")


BROKEN: list[tuple[Callable[[bytes], Response], str]] = [
    (page, "HTML or XML"),
    (half, "not a whole zip"),
    (fixed(b"nothing of the kind"), "not a whole zip"),
    (fixed(zipped("id\n", "a.csv", "b.csv")), "2 files"),
    (fixed(zipped("")), "no header"),
    (fixed(zipped(b"id,\xff\xfe\n")), "not UTF-8"),
    (edited(lambda text: text.replace(NAME, "Other")), f"no column {NAME}"),
    (edited(lambda text: text[: text.rindex("\n", 0, -1) + 1]), "45 rows"),
    (edited(lambda text: text + text.splitlines(keepends=True)[-1]), "45 rows"),
    (edited(lambda text: text + "1,2\n"), "2 cells"),
    (edited(lambda text: text.replace(",", "," + "x" * 1_100_000, 1)), "longer than"),
    (edited(lambda text: text + '"open'), "not CSV"),
]


@pytest.mark.parametrize(("answer", "why"), BROKEN, ids=[f"{n} {why}" for n, (_, why) in enumerate(BROKEN)])
async def test_a_file_that_is_not_what_it_should_be_is_given_up_and_nothing_is_lost(
    make_org: World, answer: Callable[[bytes], Response], why: str
) -> None:
    org = make_org({"Accounts": 45})
    Between(org, RESULT, answer, after=True)
    pages = await read(org, bulk(org), "Accounts", NAME, "Description")
    assert set(rows_of(pages)) == set(org.truth("Accounts"))
    (said,) = told(org, "bulk_read.given_up")
    assert why in str(said)
    assert pages[-1].checkpoint is not None
    assert pages[-1].checkpoint["mode"] == "changes"


async def test_what_changes_while_a_job_runs_is_right_in_the_end(make_org: World) -> None:
    org = make_org({"Accounts": 60}, settings={"bulk_page": "25", "bulk_delay": "300"})
    connector, seen = bulk(org), org.mirror(NAME)
    pages = connector.read(ReadRequest("Accounts", (NAME,), page_size=6))
    ids = sorted(org.truth("Accounts"))
    number = 0
    async for page in pages:
        seen.take(page)
        number += 1
        org.clock.advance(7)
        await org.change("Accounts", ids[number::11], Account_Name=f"During {number}")
        if number % 4 == 0:
            await org.remove("Accounts", ids[-number:][:1])
            await org.add("Accounts", 1)
        left = set(org.truth("Accounts"))
        ids = [one for one in ids if one in left]
    assert number > 10
    await seen.follow(connector, "Accounts", page_size=100)
    assert seen.rows == org.truth("Accounts", NAME)


async def test_the_file_is_gone_however_the_read_ends(
    make_org: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    org = make_org({"Accounts": 45})
    pages = bulk(org).read(ReadRequest("Accounts", (NAME,), page_size=6))
    for _ in range(5):
        await anext(pages)
        assert not names(tmp_path), "it has no name even while it is read"
    await pages.aclose()
    await read(org, bulk(org), "Accounts", NAME)
    assert not names(tmp_path)


@pytest.mark.parametrize("damage", [{"job": ""}, {"job": 5}, {"done": -1}, {"done": "1"}, {"began": ""}])
async def test_a_damaged_checkpoint_of_a_job_is_refused(make_org: World, damage: dict[str, object]) -> None:
    org = make_org({"Accounts": 45})
    seen = org.mirror(NAME)
    pages = bulk(org).read(ReadRequest("Accounts", (NAME,), page_size=6))
    for _ in range(4):
        seen.take(await anext(pages))
    await pages.aclose()
    saved = json.loads(json.dumps(seen.checkpoint)) | damage
    with pytest.raises(BadRequest, match="it is damaged"):
        await org.pages(bulk(org), "Accounts", NAME, since=saved)


# ── how fast ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("tier", ["rest", with_sdk])
async def test_no_more_than_ten_results_a_minute_are_fetched(make_org: World, tier: str) -> None:
    org = make_org({"Accounts": 75}, settings={"bulk_page": "5"})
    zoho = org.connect(bulk_read_from=1, page_size=5)
    with by(tier):
        pages = await org.pages(zoho, "Accounts", "Account_Name")
    assert rows_of(pages).keys() == org.truth("Accounts").keys()
    assert len(org.calls("/result")) == 15, "none of them was refused"
