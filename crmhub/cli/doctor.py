"""``crmhub doctor``."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crmhub.cli.running import CONFIG

if TYPE_CHECKING:
    from crmhub.doctor import Finding

__all__ = ["doctor"]


def doctor(
    offline: Annotated[bool, typer.Option("--offline", help="Leave the network out.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines.")] = False,
    config: Path = CONFIG,
) -> None:
    """Look at everything that the configuration names; say what is wrong and how to mend it."""
    from dataclasses import asdict

    from crmhub.cli.running import run
    from crmhub.doctor import examine

    counts = Counter[str]()

    def tell(finding: Finding) -> None:
        counts[finding.severity] += 1
        typer.echo(json.dumps(asdict(finding)) if as_json else str(finding))

    run(lambda: examine(config, tell, offline=offline))
    if not as_json:
        typer.echo(f"{counts['fail']} failed, {counts['warn']} warnings, {counts['ok']} ok")
    if counts["fail"]:
        raise typer.Exit(1)
