"""Reads by a job: started, asked after until it is done, picked up again; its records wherever they are."""

from __future__ import annotations

import gzip
import json
from random import Random

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from crmhub.clock import ManualClock
from crmhub.connector import Checkpoint, Connector, Context, Page, ReadRequest
from crmhub.errors import BadRequest, ConfigError, Unavailable
from crmhub.events import Events
from crmhub.http import HttpClient, HttpSettings
from crmhub.hub import Hub
from crmhub_rest.connector import connector
from crmhub_rest.language.load import parse
from tests.integration.rest.desk import DESK, KEY, Desk

pytestmark = pytest.mark.anyio

LIST = "list: {get: /v1/people, rows: data, page: {next: {cursor: next}, size: {limit: 4}, total: total}}"
CHANGES = """\
    changes:
      get: /v1/people
      query: {since: "${since}"}
      rows: data
      page: {next: {cursor: next}, size: {limit: 4}}
"""
JOB = """\
job:
        start: {post: /v1/exports, body: {columns: "${fields}"}}
        poll: {get: "/v1/exports/${job}"}
        state: state
        done: [ready]
        failed: [broken]
        message: why
        every: 10
        within: 60
"""
PAGES = """list:
      get: "/v1/exports/${job}/people"
      rows: data
      page: {next: {cursor: next}, size: {limit: 4}}
      """
INLINE = 'list:\n      get: "/v1/exports/${job}"\n      rows: people\n      '
LINES = """list:
      get: "/v1/exports/${job}"
      file: {at: link, form: json_lines}
      """
TABLE = """list:
      get: "/v1/exports/${job}"
      file: {at: link, form: csv, columns: {Person: id}, hosts: [files.example]}
      """


class Depot(Desk):
    """A desk that lists its people by exports, each of which takes three questions."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: dict[str, int] = {}
        self.state = "ready"
        self.steps = 3
        self.link = "http://localhost/files/people"
        self.file = b""
        self.strangers: list[str | None] = []
        self.app.router.routes.extend(
            [
                Route("/v1/exports", self._start, methods=["POST"]),
                Route("/v1/exports/{job}", self._look),
                Route("/v1/exports/{job}/people", self._list),
                Route("/files/people", self._file),
            ]
        )

    async def _start(self, request: Request) -> JSONResponse:
        self._said(request)
        self.jobs[job := f"job-{len(self.jobs)}"] = 0
        return self._replied({"id": job}, 202)

    async def _look(self, request: Request) -> JSONResponse:
        self._said(request)
        job = request.path_params["job"]
        if job not in self.jobs:
            return self._replied({"error": {"code": "gone", "message": "no such export"}}, 404)
        self.jobs[job] += 1
        if self.jobs[job] < self.steps:
            return self._replied({"state": "working"})
        people = [*self.people.values()]
        return self._replied(
            {"state": self.state, "why": "disk is full", "people": people, "link": self.link}
        )

    async def _file(self, request: Request) -> Response:
        self.strangers.append(request.headers.get("x-key"))
        return Response(self.file)

    @property
    def started(self) -> int:
        return len(self.jobs)


class Org:
    """A depot, a connection to it as ``way`` reads it, and a clock that is turned by hand."""

    def __init__(self, way: str, *, changes: bool = False) -> None:
        self.desk, self.clock = Depot(), ManualClock()
        text = DESK.replace(LIST, way + JOB.rstrip()).replace(
            "record: {rename: {city: details.city}, ", "record: {"
        )
        if changes:
            by_job = CHANGES.replace("get: /v1/people", 'get: "/v1/exports/${job}/people"')
            text = text.replace(CHANGES, by_job + "      " + JOB.replace("}}", ', since: "${since}"}}'))
        self.hub = Hub(transports={"desk": self.desk.transport}, clock=self.clock)
        self.text = text
        self.connection = self.hub.add("desk", connector(parse(text, "desk.yaml")), key=KEY)

    @property
    def connector(self) -> Connector:
        return self.connection.connector

    async def pages(self, since: Checkpoint | None = None, size: int | None = None) -> list[Page]:
        request = ReadRequest("people", ("name", "email", "cf_vip"), since=since, page_size=size)
        return [page async for page in self.connector.read(request)]


def _names(pages: list[Page]) -> list[object]:
    return [row["name"] for page in pages for row in page.upserts]


ALL = [f"Person {number}" for number in range(10)]


def _lines(desk: Depot) -> bytes:
    return "\n".join(json.dumps(row) for row in desk.people.values()).encode()


def _table(desk: Depot) -> bytes:
    rows = [f'{one["id"]},"{one["name"]}",,true,{one["changed"]}' for one in desk.people.values()]
    return "\r\n".join(["Person,name,email,cf_vip,changed", *rows]).encode()


@pytest.mark.parametrize("way", [PAGES, INLINE, LINES])
async def test_all_records_come_once_the_job_is_done(way: str) -> None:
    org = Org(way)
    org.desk.file = gzip.compress(_lines(org.desk))
    async with org.hub:
        began = org.clock.monotonic()
        assert _names(await org.pages(size=4)) == ALL
        assert org.clock.monotonic() - began == 20  # two waits of ten seconds
        assert org.desk.started == 1


@pytest.mark.parametrize("way", [PAGES, LINES])
async def test_from_every_checkpoint_a_read_goes_on_with_the_same_job(way: str) -> None:
    org = Org(way)
    org.desk.file = _lines(org.desk)
    async with org.hub:
        pages = await org.pages(size=4)
        assert [len(page.upserts) for page in pages] == [0, 4, 4, 2]
        for place, page in enumerate(pages[:-1]):
            assert _names(await org.pages(page.checkpoint, size=4)) == ALL[place * 4 :]
        assert org.desk.started == 1


async def test_a_job_that_is_gone_or_failed_meanwhile_is_started_anew() -> None:
    org = Org(PAGES)
    async with org.hub:
        first = (await org.pages(size=4))[1].checkpoint
        org.desk.jobs.clear()
        assert _names(await org.pages(first, size=4)) == ALL
        assert org.desk.started == 1


async def test_a_job_that_fails_is_an_error_that_says_why() -> None:
    org = Org(PAGES)
    org.desk.state = "broken"
    async with org.hub:
        with pytest.raises(Unavailable, match="job has failed: disk is full") as caught:
            await org.pages()
    assert caught.value.where.object == "people"


async def test_a_job_that_takes_too_long_is_waited_for_by_the_next_read() -> None:
    org = Org(PAGES)
    org.desk.steps = 9
    async with org.hub:
        pages = org.connector.read(ReadRequest("people", ("name",)))
        kept = (await anext(pages)).checkpoint
        with pytest.raises(Unavailable, match="still 'working' after 60 seconds"):
            await anext(pages)
        assert org.clock.monotonic() <= 60
        assert _names(await org.pages(kept)) == ALL
        assert org.desk.started == 1


async def test_a_table_on_another_host_is_read_by_its_fields_types_and_gets_no_credentials() -> None:
    org = Org(TABLE)
    org.desk.file, org.desk.link = _table(org.desk), "https://eu.files.example/files/people?signed=abc"
    async with org.hub:
        pages = await org.pages()
        rows = [row for page in pages for row in page.upserts]
        assert [row["id"] for row in rows] == [*org.desk.people]
        assert (rows[0]["email"], rows[0]["cf_vip"]) == (None, True)
        assert org.desk.strangers == [None]
        org.desk.link = "https://elsewhere.example/files/people"
        with pytest.raises(BadRequest, match="outside of the connection's own base URL"):
            await org.pages()
        assert len(org.desk.strangers) == 1


@pytest.mark.parametrize(
    ("given", "reach"),
    [
        ({"base_url": "https://crm.example"}, "public"),
        ({"base_url": "http://127.1:8080"}, "loopback"),
        ({"base_url": "https://crm.example", "private_hosts": True}, "any"),
    ],
)
async def test_the_crm_and_its_files_are_reached_in_a_private_network_only_if_that_is_allowed(
    given: dict[str, object], reach: str
) -> None:
    org = Org(TABLE)
    org.desk.file, org.desk.link = _table(org.desk), "https://files.example/files/people"
    made: list[HttpSettings] = []

    def make(settings: HttpSettings) -> HttpClient:
        made.append(settings)
        return HttpClient(
            settings,
            connection="desk",
            clock=org.clock,
            events=Events(),
            random=Random(7),
            transport=org.desk.transport,
        )

    kind = connector(parse(org.text, "desk.yaml"))
    config = kind.Config.model_validate({"key": KEY, **given})
    desk = kind(config, Context("desk", clock=org.clock, http=make))  # pyright: ignore[reportArgumentType]
    assert [page async for page in desk.read(ReadRequest("people", ("name",)))]
    assert [settings.reach for settings in made] == [reach, reach]


async def test_changes_can_be_a_job_too() -> None:
    org = Org(PAGES, changes=True)
    async with org.hub:
        since = (await org.pages())[-1].checkpoint
        org.desk.add({"name": "Later"})
        assert _names(await org.pages(since)) == ["Person 9", "Later"]
        assert org.desk.started == 2


async def test_a_file_without_a_job_is_a_mistake() -> None:
    text = Org(LINES).text.replace(JOB.rstrip(), "since: iso")
    with pytest.raises(ConfigError, match="a file belongs to a job"):
        parse(text, "desk.yaml")
