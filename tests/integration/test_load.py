"""Loading a folder of CSV files: into memory and into the Zoho double, whole, once, and again."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
import typer
from typer.testing import CliRunner

from crmhub.cli.load import load
from crmhub.clock import ManualClock
from crmhub.config import Config, ConnectionSettings
from crmhub.connector import Native, Value
from crmhub.errors import BadResponse, ConfigError, MappingError
from crmhub.http import asgi_transport
from crmhub.hub import Hub
from crmhub.loading import load_job
from crmhub.sync import SyncReport
from crmhub.testing.memory import MemoryConnector
from crmhub.testing.sales import generate
from crmhub.testing.simulator.app import Double
from crmhub.testing.simulator.finding import make_double
from crmhub.testing.simulator.options import Options
from tests.integration import sales_expected as expected

pytestmark = pytest.mark.anyio

EXAMPLE = Path(__file__).parents[2] / "examples" / "sales"
SALES = EXAMPLE / "mapping.yaml"

MEMORY = """
crm: memory
version: 1
maps:
  - {model: user, object: users, fields: {name: {to: name, dir: read}, email: {to: email, dir: read}}}
  - {model: stage, object: stages, fields: {label: {to: label, dir: read}}}
  - model: account
    object: companies
    fields:
      name: name
      industry: industry
      annual_revenue: {to: revenue, as: money}
      employees: {to: employees, as: int}
      addresses[role=billing].country: country
      parent: {ref: account, to: parent}
      owner: {ref: user, to: owner, by: email}
      custom.year_established: {to: year, as: int}
  - model: deal
    object: deals
    fields:
      name: name
      owner: {ref: user, to: owner, by: email}
      account: {ref: account, to: account}
      stage: {ref: stage, to: stage, by: label}
      expected_close: {to: close, as: date}
      amount: {to: amount, as: money}
      custom.product: product
      custom.engage_date: {to: engaged, as: date}
      custom.opportunity_id: opportunity
"""
OBJECTS = {
    "users": "name email",
    "stages": "label",
    "companies": "name industry revenue employees country parent owner year",
    "deals": "name owner account stage close amount product engaged opportunity",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "sales data"
    generate(made, accounts=40, deals=150, agents=5, seed=2)
    return made


def memory_settings(folder: Path) -> dict[str, Value]:
    """A CRM in memory with the folder's agents as users and the stages of a usual pipeline."""
    agents = [row["sales_agent"] for row in expected.table(folder / "sales_teams.csv")]
    return {
        "objects": {name: dict.fromkeys(fields.split(), "text") for name, fields in OBJECTS.items()},
        "rows": {
            "users": [
                {"name": agent, "email": f"{number}@example.com"} for number, agent in enumerate(agents)
            ],
            "stages": [{"id": stage, "label": stage} for stage in expected.STAGES.values()],
        },
    }


@asynccontextmanager
async def opened(folder: Path, tmp_path: Path) -> AsyncGenerator[Hub]:
    """A hub with one connection, ``crm``, that lives in memory."""
    (tmp_path / "memory.yaml").write_text(MEMORY, encoding="utf-8")
    settings = ConnectionSettings("crm", "memory", memory_settings(folder))
    config = Config({"crm": settings}, store=f"sqlite:///{tmp_path}/state.db", mappings=tmp_path)
    async with Hub(config, clock=ManualClock()) as hub:
        yield hub


def records(hub: Hub, object: str) -> dict[str, Native]:
    return cast("MemoryConnector", hub["crm"].connector).records[object]


def outcome(report: SyncReport) -> tuple[int, int, int]:
    """Records created, updated, and set aside."""
    return report.totals.get("created", 0), report.totals.get("updated", 0), sum(report.letters.values())


async def test_every_mapped_value_arrives_mended(folder: Path, tmp_path: Path) -> None:
    async with opened(folder, tmp_path) as hub:
        report = await hub.run(load_job(hub, "crm", folder, SALES))
        companies, deals, users = (records(hub, name) for name in ("companies", "deals", "users"))

    assert outcome(report)[0] == 40 + 150
    assert not report.letters
    named = {id_: row["name"] for id_, row in companies.items()}
    assert {
        row["name"]: (
            row["industry"], row["revenue"], row["employees"], row["country"],
            named.get(str(row.get("parent"))), row["year"],
        )
        for row in companies.values()
    } == expected.accounts(folder)  # fmt: skip
    assert {
        row["opportunity"]: (
            row["name"], users[str(row["owner"])]["name"], row["product"], named.get(str(row.get("account"))),
            row["stage"], row.get("engaged"), row.get("close"), row.get("amount"),
        )
        for row in deals.values()
    } == expected.deals(folder)  # fmt: skip


@pytest.mark.parametrize("page_size", [1, 7])
async def test_pages_of_any_size_give_the_same(folder: Path, tmp_path: Path, page_size: int) -> None:
    async with opened(folder, tmp_path) as hub:
        hub.add("small", "csv", mapping=SALES, folder=str(folder), page_size=page_size,
                keys={"accounts": "account"})  # fmt: skip
        report = await hub.sync("small", "crm", models=("accounts",))
        parents = [row for row in records(hub, "companies").values() if row.get("parent")]

    assert report.totals["created"] == 40
    assert len(parents) == sum(bool(row["subsidiary_of"]) for row in expected.table(folder / "accounts.csv"))


async def test_a_second_load_writes_nothing_also_from_a_new_process(folder: Path, tmp_path: Path) -> None:
    async with opened(folder, tmp_path) as hub:
        job = load_job(hub, "crm", folder, SALES)
        await hub.run(job)
        assert outcome(await hub.run(job)) == (0, 0, 0)
    async with opened(folder, tmp_path) as hub:
        assert outcome(await hub.run(load_job(hub, "crm", folder, SALES))) == (0, 0, 0)


async def test_only_changed_and_new_rows_are_written_and_gone_ones_stay(folder: Path, tmp_path: Path) -> None:
    async with opened(folder, tmp_path) as hub:
        job = load_job(hub, "crm", folder, SALES)
        await hub.run(job)

        deals = folder / "sales_pipeline.csv"
        header, gone, first, *rest = deals.read_text(encoding="utf-8").splitlines()
        first = re.sub(
            r",(Won|Lost|Engaging|Prospecting),[^,]*,[^,]*,[^,]*$", ",Won,1/2/2024,3/4/2024,777", first
        )
        fresh = first.replace(first[:8], "NEW00001")
        deals.write_text("\n".join([header, *rest, first, fresh]) + "\n", encoding="utf-8")
        report = await hub.run(job)
        held = {str(row["opportunity"]): row for row in records(hub, "deals").values()}

    assert outcome(report) == (1, 1, 0)
    assert (held[first[:8]]["amount"], held[first[:8]]["close"]) == (777, "2024-03-04")
    assert {gone[:8], "NEW00001"} <= set(held)


async def test_a_changed_mapping_brings_the_changed_fields_over(folder: Path, tmp_path: Path) -> None:
    mapping = tmp_path / "mine.yaml"
    mapping.write_text(SALES.read_text(encoding="utf-8"), encoding="utf-8")
    async with opened(folder, tmp_path) as hub:
        await hub.run(load_job(hub, "crm", folder, mapping))
    mapping.write_text(
        SALES.read_text(encoding="utf-8").replace("Philipines: Philippines", "Philipines: PH"),
        encoding="utf-8",
    )
    async with opened(folder, tmp_path) as hub:
        report = await hub.run(load_job(hub, "crm", folder, mapping))

    wrong = [row for row in expected.table(folder / "accounts.csv") if row["office_location"] == "Philipines"]
    # A new process has a new memory, so that the updates find no record; that they are sent is what counts.
    assert report.totals["read"] >= 190
    assert report.totals.get("updated", 0) + report.totals.get("rejected", 0) == len(wrong)


async def test_an_account_that_no_row_describes_sets_its_deals_aside(folder: Path, tmp_path: Path) -> None:
    deals = folder / "sales_pipeline.csv"
    with deals.open("a", encoding="utf-8") as file:
        file.write("LOST0001,,Tarn 200,Nobody & Sons,Won,1/2/2024,3/4/2024,5\n")
    async with opened(folder, tmp_path) as hub:
        job = load_job(hub, "crm", folder, SALES)
        first = await hub.run(job)
        with (folder / "accounts.csv").open("a", encoding="utf-8") as file:
            file.write("Nobody & Sons,retail,2000,1.5,3,Kenya,\n")
        second = await hub.run(job)

    assert first.letters == {"waiting": 1}
    assert outcome(second) == (2, 0, 0)


async def test_a_value_that_the_mapping_does_not_know_sets_its_row_aside(
    folder: Path, tmp_path: Path
) -> None:
    with (folder / "accounts.csv").open("a", encoding="utf-8") as file:
        file.write("Space Inc,astrology,2000,1.5,3,Kenya,\nRound Inc,retail,2000,a lot,3,Kenya,\n")
    async with opened(folder, tmp_path) as hub:
        report = await hub.run(load_job(hub, "crm", folder, SALES))
        letters = await (await hub.store()).dead_letters.open(report.job)

    assert {(letter.source.id, letter.field) for letter in letters} == {
        ("Space Inc", "sector"),
        ("Round Inc", "revenue"),
    }
    assert report.totals["created"] == 190


async def test_a_broken_last_line_stops_the_load_before_its_first_write(folder: Path, tmp_path: Path) -> None:
    with (folder / "accounts.csv").open("a", encoding="utf-8") as file:
        file.write("Half a row,retail\n")
    async with opened(folder, tmp_path) as hub:
        with pytest.raises(BadResponse, match=r"accounts\.csv:\d+: 2 cells, fewer than the header's 7"):
            await hub.run(load_job(hub, "crm", folder, SALES))
        assert not records(hub, "companies")


async def test_the_connection_is_named_after_the_folder_or_as_told(folder: Path, tmp_path: Path) -> None:
    async with opened(folder, tmp_path) as hub:
        assert load_job(hub, "crm", folder, SALES).id == "csv-sales-data->crm"
        assert load_job(hub, "crm", folder, SALES, name="legacy", models=["deals"]).models == ("deal",)
        with pytest.raises(ConfigError, match="'legacy' is there already"):
            load_job(hub, "crm", folder, SALES, name="legacy")


async def test_wrong_names_and_files_say_what_is_right(folder: Path, tmp_path: Path) -> None:
    async with opened(folder, tmp_path) as hub:
        with pytest.raises(ConfigError, match=r"no connection 'cmr'.*did you mean 'crm'"):
            load_job(hub, "cmr", folder, SALES)
        with pytest.raises(ConfigError, match="name 'a->b': a connection's name is letters, digits"):
            load_job(hub, "crm", folder, SALES, name="a->b")
        with pytest.raises(ConfigError, match=r"no\.yaml: no such file"):
            load_job(hub, "crm", folder, folder / "no.yaml")
        (folder / "bad.yaml").write_text(
            "crm: csv\nversion: 1\nmaps: [{model: deal, object: x}]\n", encoding="utf-8"
        )
        with pytest.raises(MappingError, match=r"bad\.yaml:3:"):
            load_job(hub, "crm", folder, folder / "bad.yaml", name="bad")
        (folder / "users.yaml").write_text(
            "crm: csv\nversion: 1\nmaps: [{model: user, object: x, fields: {name: y}}]\n", encoding="utf-8"
        )
        with pytest.raises(ConfigError, match="maps none of account, contact, deal, activity"):
            load_job(hub, "crm", folder, folder / "users.yaml", name="users")


# ── the command ──────────────────────────────────────────────────────────────────────────────────


def command(*arguments: str) -> tuple[int, list[dict[str, object]]]:
    """The exit code of ``load`` and the JSON lines it printed."""
    app = typer.Typer()
    app.command()(load)
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, [
        cast("dict[str, object]", json.loads(line)) for line in result.stdout.splitlines()
    ]


@pytest.fixture
def config(folder: Path, tmp_path: Path) -> Path:
    (tmp_path / "memory.yaml").write_text(MEMORY, encoding="utf-8")
    path = tmp_path / "crmhub.yaml"
    data = {"mappings": ".", "connections": {"crm": {"connector": "memory", **memory_settings(folder)}}}
    path.write_text(json.dumps(data), encoding="utf-8")  # JSON is YAML too
    return path


def test_the_command_prints_events_and_a_summary_and_ends_with_0(folder: Path, config: Path) -> None:
    code, lines = command(
        "crm", "--from", str(folder), "--mapping", str(SALES), "--config", str(config), "--json"
    )

    assert code == 0
    assert {line["event"] for line in lines} >= {"sync.started", "sync.page", "sync.finished", "summary"}
    summary = lines[-1]
    assert (summary["job"], summary["state"]) == ("csv-sales-data->crm", "done")
    assert cast("dict[str, dict[str, int]]", summary["models"])["deal"]["created"] == 150


def test_the_command_ends_with_3_when_records_were_set_aside(folder: Path, config: Path) -> None:
    with (folder / "accounts.csv").open("a", encoding="utf-8") as file:
        file.write("Space Inc,astrology,2000,1.5,3,Kenya,\n")

    code, lines = command(
        "crm", "--from", str(folder), "--mapping", str(SALES), "--config", str(config), "--models", "accounts"
    )

    assert code == 3
    assert lines[-1]["dead_letters"] == {"mapping": 1}


# ── the Zoho double ──────────────────────────────────────────────────────────────────────────────


def zoho(folder: Path, clock: ManualClock) -> Double:
    return make_double(
        "zoho",
        Options(
            schema=EXAMPLE / "zoho-schema.yaml",
            users=folder / "users.csv",
            now=lambda: clock.now().timestamp(),
        ),
    )


def zoho_hub(double: Double, clock: ManualClock, tmp_path: Path) -> Hub:
    credentials = {name: double.credentials[name] for name in ("client_id", "client_secret", "refresh_token")}
    settings: dict[str, Value] = {"api_url": "http://localhost:8080", **credentials}
    config = Config(
        {"zoho": ConnectionSettings("zoho", "zoho", settings)}, store=f"sqlite:///{tmp_path}/state.db"
    )
    return Hub(config, clock=clock, transports={"zoho": asgi_transport(double.app)})


@pytest.mark.parametrize("crm", ["zoho", "salesforce"])
def test_the_examples_schema_and_users_are_taken_by_the_double(folder: Path, crm: str) -> None:
    double = make_double(crm, Options(schema=EXAMPLE / f"{crm}-schema.yaml", users=folder / "users.csv"))

    assert {"Accounts", "Deals"} <= set(double.objects()) or {"Account", "Opportunity"} <= set(
        double.objects()
    )


async def test_the_zoho_double_holds_what_the_files_hold_and_a_second_load_writes_nothing(
    folder: Path, tmp_path: Path
) -> None:
    clock = ManualClock()
    double = zoho(folder, clock)
    async with zoho_hub(double, clock, tmp_path) as hub:
        report = await hub.run(load_job(hub, "zoho", folder, SALES, owner="reject"))
    clock.advance(3600)
    async with zoho_hub(double, clock, tmp_path) as hub:
        again = await hub.run(load_job(hub, "zoho", folder, SALES, owner="reject"))

    assert (outcome(report)[0], outcome(report)[2]) == (190, 0)
    assert outcome(again) == (0, 0, 0)
    accounts = list(double.truth("Accounts"))
    assert len(accounts) == 40
    assert {
        row["Account_Name"]: (
            row["Industry"], row["Annual_Revenue"], row["Employees"], row["Billing_Country"],
            name_of(row["Parent_Account"]), row["Year_Established"],
        )
        for row in accounts
    } == expected.accounts(folder)  # fmt: skip
    deals = list(double.truth("Deals"))
    assert len(deals) == 150
    assert {
        row["Opportunity_Id"]: (
            row["Deal_Name"], name_of(row["Owner"]), row["Product"], name_of(row["Account_Name"]),
            row["Stage"], row["Engage_Date"], row["Closing_Date"], row["Amount"],
        )
        for row in deals
    } == expected.deals(folder)  # fmt: skip


def name_of(reference: object) -> object:
    return cast("dict[str, object]", reference)["name"] if isinstance(reference, dict) else None
