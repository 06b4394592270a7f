"""``crmhub route`` and ``crmhub tiers``: which tier of a connection makes a call, and how the tiers do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crmhub.cli.running import CONFIG

if TYPE_CHECKING:
    from crmhub.connector import Connector
    from crmhub.tiers import Choice, Figures, SupportsTiers

__all__ = ["route", "tiers"]

_CONNECTION = typer.Argument(help="The connection.")
_JSON = typer.Option("--json", help="JSON lines.")


def route(
    connection: Annotated[str, _CONNECTION],
    operation: Annotated[str, typer.Argument(help="What is to be done, e.g. list.")],
    context: Annotated[
        str | None,
        typer.Option("--context", help="agent, interactive, bulk, background or fallback."),
    ] = None,
    records: Annotated[int, typer.Option("--records", min=1, help="How many records.")] = 1,
    as_json: Annotated[bool, _JSON] = False,
    config: Path = CONFIG,
) -> None:
    """Show which tiers a call would try, in order, and why. Nothing is sent."""
    from crmhub.cli.running import open_hub, run

    async def work() -> list[Choice]:
        async with open_hub(config) as hub, hub[connection].in_use() as connector:
            router = _with_tiers(connector, connection).tiers
            return router.choices(operation, context=context, records=records)

    for place, choice in enumerate(run(work), 1):
        if as_json:
            told = {"tier": choice.tier, "state": choice.state, "why": choice.why, "absent": choice.absent}
            typer.echo(json.dumps({"place": place, **told}))
        else:
            said = choice.absent or choice.state
            typer.echo(f"{place}  {choice.tier:6} {said}  ({choice.why})")


def tiers(
    connection: Annotated[str, _CONNECTION],
    as_json: Annotated[bool, _JSON] = False,
    config: Path = CONFIG,
) -> None:
    """Make one cheap call by each tier of a connection; show its breaker and how long it took."""
    from dataclasses import asdict

    from crmhub.cli.running import open_hub, run

    async def work() -> list[Figures]:
        async with open_hub(config) as hub, hub[connection].in_use() as connector:
            able = _with_tiers(connector, connection)
            await able.try_tiers()
            return able.tiers.figures()

    found = run(work)
    for one in found:
        typer.echo(json.dumps({**asdict(one), "error_rate": one.error_rate}) if as_json else _line(one))
    if any(one.failures for one in found):
        raise typer.Exit(1)


def _with_tiers(connector: Connector, connection: str) -> SupportsTiers:
    from crmhub.errors import Unsupported
    from crmhub.tiers import SupportsTiers

    if isinstance(connector, SupportsTiers):
        return connector
    raise Unsupported(
        f"connection {connection!r} has one way to its CRM", hint="Zoho and Salesforce have tiers"
    )


def _line(one: Figures) -> str:
    if one.absent:
        return f"{one.tier:6} absent  {one.absent}"
    took = (
        "" if one.mean is None else f", mean {one.mean * 1000:.0f} ms, p95 {(one.p95 or 0.0) * 1000:.0f} ms"
    )
    why = f": {one.why}" if one.why else ""
    return f"{one.tier:6} {one.state}  {one.calls} calls, {one.failures} failed{took}{why}"
