"""``crmhub load``: a folder of CSV files into a connection."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crmhub.cli.running import CONFIG

if TYPE_CHECKING:
    from crmhub.connector import Value
    from crmhub.document import Document
    from crmhub.hub import Hub

__all__ = ["add_folder", "load"]


def load(
    target: Annotated[str, typer.Argument(metavar="CONNECTION", help="The connection to write to.")],
    folder: Annotated[Path, typer.Option("--from", help="The folder of CSV files.")],
    mapping: Annotated[Path, typer.Option(help="The mapping of the files' columns.")],
    models: Annotated[
        str | None, typer.Option(help="Which models, separated by commas; all that are mapped without.")
    ] = None,
    owner: Annotated[
        str, typer.Option(help="Owners that the target lacks: default, default:<e-mail> or reject.")
    ] = "default",
    name: Annotated[
        str | None,
        typer.Option(help="What the folder is called in links and runs; csv-<folder> without. Keep it."),
    ] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Take up all open dead letters once more.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines instead of bars.")] = False,
    config: Path = CONFIG,
) -> None:
    """Load a folder of CSV files; load it again after changes to bring over what changed."""
    from crmhub.cli.progress import show_progress, show_report
    from crmhub.cli.running import PARTIAL, open_hub, run, wants_json
    from crmhub.sync import Job, SyncReport

    hub = open_hub(config)
    source = add_folder(hub, folder, mapping, name)
    job = Job(source, target, _models(hub, source, models), owner)
    quiet = wants_json(as_json)

    async def load_it() -> SyncReport:
        async with hub:
            with show_progress(hub.events, as_json=quiet):
                return await hub.run(job, retry=retry)

    report = run(load_it)
    show_report(report, as_json=quiet)
    if report.letters:
        raise typer.Exit(PARTIAL)


def add_folder(hub: Hub, folder: Path, mapping: Path, name: str | None = None) -> str:
    """Make the folder a connection of the hub, and return its name, which is the same at every run.

    A file's key column is what the mapping's ``id`` reads, else its first column. A mapping that has
    changed has everything read again. Raises :class:`ConfigError` and :class:`MappingError`.
    """
    from crmhub.document import Document
    from crmhub.mapping.values import digest

    document = Document.load(mapping)
    settings: dict[str, Value] = {"folder": str(folder.resolve()), "keys": dict(_keys(document))}
    settings["reread"] = digest({"mapping": document.data}).hex()
    name = name or f"csv-{_plain(folder.resolve().name)}"
    added = hub.add(name, "csv", mapping=mapping, **settings)
    return added.name


def _keys(document: Document) -> dict[str, str]:
    """The key column by object. What else is wrong with the mapping is told when it is parsed."""
    maps = document.part(("maps",))
    keys: dict[str, str] = {}
    for index in range(len(maps) if isinstance(maps, list) else 0):
        object_ = document.part(("maps", index, "object"))
        rule = document.part(("maps", index, "fields", "id"))
        column = rule.get("to") if isinstance(rule, dict) else rule
        if isinstance(object_, str) and isinstance(column, str):
            keys[object_] = column
    return keys


def _models(hub: Hub, source: str, given: str | None) -> tuple[str, ...]:
    from crmhub.errors import ConfigError
    from crmhub.sync import ORDER

    spec = hub[source].spec
    mapped = {entry.model for entry in spec.maps}
    chosen = tuple(model for model in ORDER if model in mapped) if given is None else tuple(given.split(","))
    if not chosen:
        raise ConfigError(
            f"{spec.name}: maps none of {', '.join(ORDER)}", hint="add a map, or name your models: --models"
        )
    return chosen


def _plain(name: str) -> str:
    """The folder's name as part of a connection's name: letters, digits, - and _."""
    plain = "".join(char if char.isalnum() or char in "-_" else "-" for char in name).strip("-")
    return plain or "folder"
