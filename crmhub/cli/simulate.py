"""``crmhub simulate``: serve a local double of a CRM."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from crmhub.testing.simulator.serve import Running

__all__ = ["simulate"]


def simulate(
    name: Annotated[str, typer.Argument(help="The CRM to play, e.g. zoho.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes any free one.")] = 0,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    rows: Annotated[
        str, typer.Option(help="Seeded rows in each main object, or e.g. Accounts=85,Deals=8800.")
    ] = "0",
    seed: Annotated[int, typer.Option(help="The same seed gives the same data and the same faults.")] = 1,
    schema: Annotated[Path | None, typer.Option(help="YAML or JSON: custom fields of each object.")] = None,
    users: Annotated[Path | None, typer.Option(help="YAML, JSON or CSV: the people of the org.")] = None,
    fault: Annotated[
        list[str] | None, typer.Option(help="What goes wrong, e.g. 429:5% or lost@POST /crm/v8/Deals:1x.")
    ] = None,
    latency: Annotated[str, typer.Option(help="Time that every call takes, e.g. 50ms.")] = "0",
    admin: Annotated[
        bool, typer.Option("--admin", help="Answer /_truth, /_faults, /_clock, /_stats.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON line instead of text.")] = False,
    tls: Annotated[bool, typer.Option("--tls", help="Speak https with a throw-away certificate.")] = False,
    tls_dir: Annotated[Path | None, typer.Option(help="Where the certificate is put (with --tls).")] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="A choice of the double's own, name=value.")
    ] = None,
) -> None:
    """Serve a strict local double of a CRM and print its URL and working credentials."""
    try:
        import starlette  # noqa: F401  # pyright: ignore[reportUnusedImport]
        import uvicorn  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ModuleNotFoundError as missing:
        from crmhub.errors import ConfigError

        raise ConfigError(
            f"simulators need {missing.name}, which is not installed", hint="pip install 'crmhub[simulate]'"
        ) from missing

    import tempfile

    from crmhub.testing.simulator.finding import make_double
    from crmhub.testing.simulator.options import Options, parse_latency, parse_rows, parse_settings
    from crmhub.testing.simulator.serve import serve

    options = Options(
        rows=parse_rows(rows),
        seed=seed,
        schema=schema,
        users=users,
        faults=tuple(fault or ()),
        latency=parse_latency(latency),
        admin=admin,
        settings=parse_settings(setting or ()),
    )
    double = make_double(name, options)
    say = _say_json if json else _say_text
    if not tls:
        serve(double, host=host, port=port, on_ready=say)
        return
    with tempfile.TemporaryDirectory(prefix="crmhub-tls-") as folder:
        serve(double, host=host, port=port, tls_dir=tls_dir or Path(folder), on_ready=say)


def _say_json(state: Running) -> None:
    from crmhub.testing.simulator.jsons import dump_json

    shown: dict[str, object] = {"url": state.url, "credentials": state.credentials}
    if state.ca_file is not None:
        shown["ca_file"] = str(state.ca_file)
    sys.stdout.write(dump_json(shown).decode() + "\n")
    sys.stdout.flush()


def _say_text(state: Running) -> None:
    lines = [
        f"listening on {state.url}",
        *(f"  {name}: {value}" for name, value in state.credentials.items()),
    ]
    if state.ca_file is not None:
        lines.append(f"  trust this certificate authority: {state.ca_file}")
    lines.append("stop with Ctrl-C")
    typer.echo("\n".join(lines))
    sys.stdout.flush()
