"""The commands: they parse, call crmhub_rest, and print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crmhub.cli.running import CONFIG

__all__ = ["dev", "eject", "schema"]

dev = typer.Typer(add_completion=False)
eject = typer.Typer(add_completion=False)
schema = typer.Typer(add_completion=False)


@dev.command()
def dev_(
    file: Annotated[Path, typer.Argument(help="The CRM's description.")],
    objects: Annotated[
        list[str] | None, typer.Option("--object", "-o", help="Look at this object; none: at all.")
    ] = None,
    given: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A setting, such as key=env:KEY.")
    ] = None,
    size: Annotated[int, typer.Option(min=1, help="Records of the first page.")] = 5,
    once: Annotated[bool, typer.Option("--once", help="Look once, and stop.")] = False,
    config: Path = CONFIG,
) -> None:
    """Check a CRM's description and read the first pages of its objects, whenever the file changes.

    Also tries what changed since and a record by its id, and checks that the mapping fits; nothing is
    written. Shows what is sent, what comes, and what becomes of the first record. Settings are those of the
    connection that names the file, if there is one. Prints values of records, never credentials.
    """
    from crmhub.cli.running import run
    from crmhub_rest.dev.watching import Session, changes

    session = Session(file, tuple(objects or ()), tuple(given or ()), config, size, typer.echo)
    good = run(lambda: session.follow(None if once else changes(file)))
    if not good:
        raise typer.Exit(1)


@eject.command()
def eject_(
    name: Annotated[str, typer.Argument(help="A connector that is described in YAML.")],
    folder: Annotated[Path, typer.Option(help="Where to put the files.")] = Path(),
) -> None:
    """Write a connector's description, mapping and Python into a folder, to be changed there."""
    from crmhub_rest.ejecting import eject as written

    files = written(name, folder)
    for path in files:
        typer.echo(f"wrote {path}")
    beside = ", with mappings: ./mappings" if len(files) > 2 else ""
    typer.echo(f"use it: connector: ./{files[0].name} in crmhub.yaml{beside}")


@schema.command()
def schema_() -> None:
    """Print the schema of the language in which REST CRMs are described."""
    import json

    from crmhub_rest.language.json_schema import connector_schema

    typer.echo(json.dumps(connector_schema(), indent=2, ensure_ascii=False))
