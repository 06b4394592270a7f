"""crmhub dev shows a description at work; crmhub connectors eject takes a connector out to be changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from typer.testing import CliRunner

from crmhub.cli.app import app
from crmhub.config import Config
from crmhub.connector import Connector, Native, ReadRequest
from crmhub.errors import ConfigError
from crmhub.hub import Hub
from crmhub.mapping.load import load_mapping
from crmhub_rest import Seams
from crmhub_rest.connector import RestConnector, connector
from crmhub_rest.dev.watching import Session
from crmhub_rest.ejecting import eject
from tests.integration.rest.desk import DESK, KEY, MAPS, Desk, opened

pytestmark = pytest.mark.anyio


class Playing(Session):
    """A session whose network is a desk."""

    desk = Desk()

    def _hub(self) -> Hub:
        return Hub(Config({}, store="sqlite:///:memory:"), transports={"dev": self.desk.transport})


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLUMNS", "200")
    path = tmp_path / "desk.yaml"
    path.write_text(DESK + MAPS)
    return path


def change(file: Path, right: str, wrong: str) -> None:
    text = file.read_text()
    assert right in text
    file.write_text(text.replace(right, wrong, 1))


def session(file: Path, told: list[str], *given: str, size: int = 2) -> Session:
    return Playing(file, (), given or (f"key={KEY}",), file.parent / "crmhub.yaml", size, told.append)


async def test_it_shows_the_call_the_reply_the_record_and_what_the_mapping_makes_of_it(file: Path) -> None:
    told: list[str] = []
    assert await session(file, told).follow(None)
    text = "\n".join(told)
    assert "1 objects, 1 maps" in text
    assert "list: GET /v1/people?limit=2 → 200" in text
    assert "2 records, more follow" in text
    for call in (
        "list: GET /v1/people?cursor=2&limit=2",
        "links: GET /v1/people/100/friends",
        "get: GET /v1/people/100",
    ):
        assert f"{call} → 200" in text
    assert "changes: GET /v1/people?since=2026-05-01T12:01:59.000Z&limit=2 → 200" in text
    for part in (
        '"details": {',
        'friends: ["101"]',
        "city: Paris",
        "full_name: Person 0",
        "emails[role=work].value: p0@example",
    ):
        assert part in text


async def test_it_never_shows_credentials(file: Path) -> None:
    told: list[str] = []
    change(file, "get: /v1/people,", 'query: {note: "${key}"}, get: /v1/people,')
    assert await session(file, told).follow(None)
    assert KEY not in "\n".join(told)
    assert "note=[hidden]" in "\n".join(told)


async def test_a_mistake_is_shown_with_the_reply_in_which_nothing_was_found(file: Path) -> None:
    told: list[str] = []
    change(file, "rows: data", "rows: dta")
    assert not await session(file, told).follow(None)
    text = "\n".join(told)
    assert "error: the reply has no 'dta'" in text
    assert '"name": "Person 0"' in text


PAGE = "page: {next: {cursor: next}, size: {limit: 4}, total"
GET = 'get: {get: "/v1/people/${id}", row: data}'
SILENT = {
    "a page token that is sent under another name": (
        PAGE,
        PAGE.replace("cursor:", "curser:"),
        "the same records",
    ),
    "a page token that is something else": (PAGE, PAGE.replace("next}", "total}"), "already been read"),
    "a condition under another name": ('query: {since: "${since}"}', 'query: {sinse: "${since}"}', "ignores"),
    "a record elsewhere in the reply": (GET, GET.replace("data", "dta"), "the reply has no 'dta'"),
    "a record at another address": (GET, GET.replace("people", "persons"), "get does not find 100"),
    "a field that is not there": ("full_name: name", "full_name: nmae", "did you mean 'name'?"),
    "a model that is not there": ("model: contact", "model: contract", "did you mean 'contact'?"),
    "an object that is not there": ("    object: people", "    object: persons", "no object 'persons'"),
}


@pytest.mark.parametrize("mistake", SILENT)
async def test_what_a_first_page_does_not_show_is_looked_at_too(file: Path, mistake: str) -> None:
    right, wrong, said = SILENT[mistake]
    told: list[str] = []
    change(file, right, wrong)
    assert not await session(file, told).follow(None)
    assert said in "\n".join(told)


async def test_a_mapping_that_is_not_there_yet_is_no_mistake(file: Path) -> None:
    told: list[str] = []
    change(file, MAPS, "")
    assert await session(file, told).follow(None)
    assert "note: no mapping for 'desk'" in "\n".join(told)


async def test_it_looks_again_whenever_the_file_changes(file: Path) -> None:
    told: list[str] = []

    async def changes() -> AsyncIterator[None]:
        change(file, "modified:", "modifed:")
        yield
        change(file, "modifed:", "modified:")
        yield

    assert await session(file, told).follow(changes())
    mistakes = [line for line in told if "did you mean 'modified'" in line]
    assert len(mistakes) == 1
    assert sum("2 records" in line for line in told) == 2


async def test_pages_that_are_larger_than_asked_for_are_noticed(file: Path) -> None:
    told: list[str] = []
    change(file, "size: {limit: 4}, total", "size: {lmit: 4}, total")
    assert not await session(file, told).follow(None)
    assert "2 records were asked for, and 4 came: list.page.size does not reach the CRM" in "\n".join(told)


@pytest.mark.parametrize(("base", "noted"), [(0, True), (1, False)])
async def test_a_page_before_the_first_one_is_noticed(base: int, noted: bool) -> None:
    async def pages(request: Request) -> JSONResponse:
        number, size = (int(request.query_params[name]) for name in ("page", "limit"))
        start = max(number - base, 0) * size  # many CRMs take page 0 for page 1
        return JSONResponse({"data": [*desk.people.values()][start : start + size]})

    desk = Desk()
    desk.app.router.routes.append(Route("/v1/pages", pages))
    was = "list: {get: /v1/people, rows: data, page: {next: {cursor: next}, size: {limit: 4}, total: total}}"
    text = DESK.replace(was, "list: {get: /v1/pages, rows: data, page: {number: page, size: {limit: 4}}}")
    hub, made = opened(desk, text)
    async with hub:
        assert isinstance(made, RestConnector)
        seen = await made.look("people", 2)
    assert ("page 0 has records that page 1 has not: list.page.first is 0" in seen.notes) is noted


async def test_a_setting_is_a_name_and_a_value(file: Path) -> None:
    told: list[str] = []
    assert not await session(file, told, "key").follow(None)
    assert "--set key: a name and a value are expected" in "\n".join(told)


def test_the_command_uses_the_connection_that_names_the_file(file: Path) -> None:
    config = file.parent / "crmhub.yaml"
    config.write_text("connections:\n  desk: {connector: ./desk.yaml, key: env:NO_SUCH_KEY}\n")
    done = CliRunner().invoke(app, ["dev", str(file), "--once", "--config", str(config)])
    assert done.exit_code == 1
    assert "crmhub.yaml:2:34: environment variable NO_SUCH_KEY is not set" in done.output


# ── taking a connector out ───────────────────────────────────────────────────────────────────────


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A described connector that is installed, for whose CRM a mapping is; its description."""
    path = tmp_path / "installed.yaml"
    path.write_text(DESK.replace("crm: desk", "crm: zoho"))

    def found(name: str) -> type[Connector]:
        return connector(path)

    monkeypatch.setattr("crmhub_rest.ejecting.load_connector", found)
    return path


def test_an_ejected_connector_is_ready_to_be_changed(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "mine"
    files = eject("zoho", mine)
    assert files == [mine / "zoho.yaml", mine / "mappings" / "zoho.yaml", mine / "zoho.py"]
    assert files[0].read_text() == installed.read_text()
    assert load_mapping(files[1]).crm == "zoho"
    spec = spec_from_file_location("ejected", files[2])
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    made: type[RestConnector] = module.Zoho
    assert issubclass(made, RestConnector)
    assert made.seams is module.ZohoSeams
    with pytest.raises(ConfigError, match=r"zoho\.yaml, .*: there already"):
        eject("zoho", mine)


def test_what_is_ejected_with_its_maps_needs_no_other_file(installed: Path, tmp_path: Path) -> None:
    installed.write_text(installed.read_text() + MAPS)
    mine = tmp_path / "mine"
    done = CliRunner().invoke(app, ["connectors", "eject", "zoho", "--folder", str(mine)])
    assert sorted(path.name for path in mine.iterdir()) == ["zoho.py", "zoho.yaml"]
    assert done.output.splitlines()[-1] == "use it: connector: ./zoho.yaml in crmhub.yaml"
    assert 'mapping="zoho.yaml"' in (mine / "zoho.py").read_text()


def test_seams_that_a_description_names_are_those_that_an_ejected_one_begins_with(
    installed: Path, tmp_path: Path
) -> None:
    installed.write_text(f"{installed.read_text()}seams: crmhub_rest.seams:Seams\n")
    text = eject("zoho", tmp_path / "mine")[2].read_text()
    assert "from crmhub_rest.seams import Seams as Given\n" in text
    assert "class ZohoSeams(Given):\n" in text


async def test_what_an_ejected_connector_overrides_counts(installed: Path) -> None:
    class Louder(Seams):
        def decode(self, object: str, record: Native) -> Native:
            return {**record, "name": str(record["name"]).upper()}

    class Loud(connector(installed)):  # pyright: ignore[reportUntypedBaseClass, reportGeneralTypeIssues]
        seams = Louder

    async with Hub(transports={"desk": Desk(1).transport}) as hub:
        opened = hub.add("desk", Loud, key=KEY).connector
        pages = [page async for page in opened.read(ReadRequest("people", ("name",)))]
    assert [row["name"] for page in pages for row in page.upserts] == ["PERSON 0"]


def test_a_connector_in_python_cannot_be_ejected(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'memory' is not described in YAML"):
        eject("memory", tmp_path)


def test_the_connectors_are_listed() -> None:
    done = CliRunner().invoke(app, ["connectors", "list"])
    assert any(line.split() == ["memory", "crmhub", "0.1.0"] for line in done.output.splitlines())


def test_help_lists_what_plugins_bring() -> None:
    assert "eject" in CliRunner().invoke(app, ["connectors", "--help"]).output
    assert "dev" in CliRunner().invoke(app, ["--help"]).output
