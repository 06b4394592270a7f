"""``crmhub conformance``: run the kit's checks against a connector."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from crmhub.testing.conformance.run import Result

__all__ = ["conformance"]


def conformance(
    connector: Annotated[str, typer.Argument(help="The connector's name, e.g. zoho.")],
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines.")] = False,
) -> None:
    """Run the conformance checks against the target that a connector brings; exit 1 when one fails."""
    from dataclasses import asdict

    from crmhub.cli.running import run as run_async
    from crmhub.testing.conformance.finding import find_target
    from crmhub.testing.conformance.run import run

    def tell(result: Result) -> None:
        typer.echo(json.dumps(asdict(result)) if as_json else _line(result))

    target = find_target(connector)
    report = run_async(lambda: run(target, tell=tell))
    counts = {"passed": report.count("pass"), "failed": report.count("fail"), "skipped": report.count("skip")}
    if as_json:
        typer.echo(json.dumps({"connector": connector, "ok": report.ok, **counts}))
    else:
        said = ", ".join(f"{count} {word}" for word, count in counts.items())
        typer.echo(f"{connector}: {said}")
    if not report.ok:
        raise typer.Exit(1)


def _line(result: Result) -> str:
    status = "FAIL" if result.status == "fail" else result.status
    return f"{result.number:2} {result.name:40} {status}  {result.detail}".rstrip()
