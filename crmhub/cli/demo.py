"""``crmhub demo``: the main job between two simulated CRMs, in a folder that stays to look at."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from crmhub.connector import Value
    from crmhub.hub import Hub
    from crmhub.sync import Job, SyncReport
    from crmhub.testing.simulator.serve import Running

__all__ = ["demo"]

_MARK = ".crmhub-demo"
_PEOPLE = {"Contacts": 120, "Leads": 40, "Tasks": 90, "Events": 30, "Calls": 40}
"""What the simulated Zoho has besides the accounts and deals of the files."""
_NEXT = """
a Zoho of your own, which any Zoho client may call:
  crmhub simulate zoho --port 8080 --rows 500 --admin
are the shipped mappings right, and does every value survive the round trip?
  crmhub mapping check
  crmhub mapping prove
what is installed:
  crmhub plugins
then write crmhub.yaml with your own connections (see the README); what would be written?
  crmhub sync zoho salesforce --plan"""


def demo(
    folder: Annotated[Path, typer.Option(help="Where the files of the demo are put.")] = Path("crmhub-demo"),
    accounts: Annotated[int, typer.Option(min=2, help="How many accounts.")] = 60,
    deals: Annotated[int, typer.Option(min=1, help="How many deals.")] = 1200,
    seed: Annotated[int, typer.Option(help="The same seed gives the same data.")] = 1,
) -> None:
    """Fill a simulated Zoho, sync it to a simulated Salesforce, change some records, sync again."""
    from rich.console import Console

    from crmhub.cli.running import run

    console = Console()
    _require_parts()
    with _stage(console, folder, accounts=accounts, deals=deals, seed=seed) as hub:

        async def play() -> None:
            async with hub:
                await _play(hub, console, folder / "data")

        run(play)
    _what_next(console, folder)


def _require_parts() -> None:
    """Say what to install when a part of the demo is missing."""
    from crmhub.errors import ConfigError
    from crmhub.plugins import connector_names

    missing = [name for name in ("csv", "salesforce", "zoho") if name not in connector_names()]
    if missing:
        raise ConfigError(f"the demo needs {', '.join(missing)}", hint="pip install 'crmhub[demo]'")


@contextmanager
def _stage(console: Console, folder: Path, *, accounts: int, deals: int, seed: int) -> Generator[Hub]:
    """Both simulators running, sales data on disk, and a hub that knows them."""
    from crmhub.config import Config, ConnectionSettings
    from crmhub.hub import Hub
    from crmhub.testing.sales import generate
    from crmhub.testing.simulator.finding import make_double
    from crmhub.testing.simulator.options import Options
    from crmhub.testing.simulator.serve import running

    _make_room(folder)
    data = folder / "data"
    generate(data, accounts=accounts, deals=deals, seed=seed)
    console.rule("1 · two CRMs, simulated")
    with ExitStack() as stack:
        connections: dict[str, ConnectionSettings] = {}
        for name in ("zoho", "salesforce"):
            rows = _PEOPLE if name == "zoho" else 0
            options = Options(
                rows=rows, seed=seed, schema=_example(f"{name}-schema.yaml"), users=data / "users.csv"
            )
            served = stack.enter_context(running(make_double(name, options)))
            connections[name] = ConnectionSettings(name, name, _settings(name, served))
            console.print(f"{name}: {served.url}")
        hub = Hub(Config(connections, store=f"sqlite:///{folder.resolve() / 'crmhub.db'}"))
        yield hub


def _make_room(folder: Path) -> None:
    """A folder with nothing but the demo's mark: what an earlier demo left goes, nobody else's files do."""
    from crmhub.errors import ConfigError

    another = "name another --folder"
    try:
        if (folder / _MARK).exists():
            shutil.rmtree(folder)
        elif folder.is_dir() and any(folder.iterdir()):
            raise ConfigError(f"{folder}: holds files that are not the demo's", hint=another)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _MARK).write_text("made by crmhub demo, and cleared by the next one\n")
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written: {error.strerror}", hint=another) from None


def _settings(name: str, served: Running) -> Mapping[str, Value]:
    """How a connection reaches its simulator, and with which credentials."""
    urls = {"zoho": ("api_url", "accounts_url"), "salesforce": ("instance_url", "login_url")}[name]
    keys = {
        "zoho": ("client_id", "client_secret", "refresh_token"),
        "salesforce": ("client_id", "client_secret"),
    }
    return dict.fromkeys(urls, served.url) | {key: served.credentials[key] for key in keys[name]}


async def _play(hub: Hub, console: Console, data: Path) -> None:
    from crmhub.cli.progress import show_report
    from crmhub.loading import load_job
    from crmhub.sync import Job

    console.rule("2 · messy CSV files into Zoho")
    loaded = await _sync(hub, load_job(hub, "zoho", data, _example("mapping.yaml"), name="files"))
    show_report(loaded, as_json=False)

    console.rule("3 · Zoho into Salesforce")
    across = Job("zoho", "salesforce")
    first = await _sync(hub, across)
    show_report(first, as_json=False)

    console.rule("4 · three deals and one account change in Zoho, then the same sync again")
    changed = await _change(hub)
    again = await _sync(hub, across)
    show_report(again, as_json=False)
    console.print(f"[bold]{again.writes} records moved, of {first.totals['read']:,}[/bold]")

    console.rule("5 · one record's way through the mappings")
    await _explain(hub, changed)


async def _sync(hub: Hub, job: Job) -> SyncReport:
    from crmhub.cli.progress import show_progress

    with show_progress(hub.events, as_json=False):
        return await hub.run(job)


async def _change(hub: Hub) -> str:
    """Change a few records in Zoho through the unified API; the id of one deal."""
    from crmhub.models import Account, Deal, Money

    deals = [deal async for deal in hub["zoho"].deals.list(limit=3)]
    for deal in deals:
        amount = deal.amount.amount if deal.amount else Decimal(0)
        await hub["zoho"].deals.update(
            str(deal.id), Deal(amount=Money(amount + 100), next_step="Call on Monday")
        )
    async for account in hub["zoho"].accounts.list(limit=1):
        await hub["zoho"].accounts.update(str(account.id), Account(website="https://changed.example"))
    return str(deals[0].id)


async def _explain(hub: Hub, id_: str) -> None:
    from crmhub.cli.mapping import print_table
    from crmhub.sync.explain import explain_record

    explanation = await explain_record(
        hub["zoho"], "Deals", id_, hub["salesforce"], store=await hub.store(), today=hub.clock.now().date()
    )
    print_table(explanation, only_held=True)


def _example(name: str) -> Path:
    """A file of the sales example, as it is installed."""
    from importlib import resources

    return Path(str(resources.files("crmhub.examples").joinpath("sales", name)))


def _what_next(console: Console, folder: Path) -> None:
    console.rule("what to try next")
    console.print(f"The data, the state and its key are in {folder}/", highlight=False)
    console.print(_NEXT, highlight=False)
