"""``crmhub mapping``: check, prove, explain, lossy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from crmhub.cli.running import CONFIG

if TYPE_CHECKING:
    from crmhub.connector import Native
    from crmhub.hub import Hub
    from crmhub.mapping.check import Finding
    from crmhub.mapping.explain import Explanation, Row
    from crmhub.mapping.losses import Loss
    from crmhub.mapping.rules import MappingSpec

__all__ = ["mapping", "print_table"]

mapping = typer.Typer(help="Check, prove and explain mappings; name what they lose.", no_args_is_help=True)

_NAMES = typer.Argument(
    metavar="[FILE|CRM|CONNECTION]...", help="Mapping files, CRMs or connections; none: all that there are."
)


@mapping.command()
def check(
    names: Annotated[list[str] | None, _NAMES] = None,
    config: Path = CONFIG,
) -> None:
    """Check mappings; those of connections against the CRM's own schema too."""
    from crmhub.cli.running import run
    from crmhub.errors import ConfigError

    mappings = _Mappings(config)
    failed = False
    for name in names or mappings.all():
        try:
            spec = mappings.spec(name)
        except ConfigError as error:
            typer.echo(str(error))
            failed = True
            continue
        findings: list[Finding] = []
        if mappings.is_connection(name):
            findings = run(lambda name=name: mappings.findings(name))
        for finding in findings:
            typer.echo(str(finding))
        failed |= any(finding.severity == "error" for finding in findings)
        typer.echo(_summary(spec, findings, name if mappings.is_connection(name) else None))
    if failed:
        raise typer.Exit(1)


@mapping.command()
def prove(
    names: Annotated[list[str] | None, _NAMES] = None,
    samples: Annotated[int, typer.Option(min=1, help="Random records for each map.")] = 200,
    seed: Annotated[int, typer.Option(help="The same seed gives the same records.")] = 0,
    config: Path = CONFIG,
) -> None:
    """Try the round trip on generated records; print the smallest counterexample where it fails."""
    from crmhub.mapping.prove import prove as prove_mapping

    mappings = _Mappings(config)
    failed = False
    for name in names or mappings.all():
        spec = mappings.spec(name)
        found = prove_mapping(spec, samples, seed)
        for counterexample in found:
            typer.echo(str(counterexample))
        failed |= bool(found)
        said = f"{len(found)} counterexamples" if found else "proved"
        typer.echo(f"{spec.name}: {said}: {len(spec.maps)} maps, {samples} records each, seed {seed}")
    if failed:
        raise typer.Exit(1)


@mapping.command()
def explain(
    connection: Annotated[
        str, typer.Argument(help="The connection; with --record also a mapping file or CRM.")
    ],
    object: Annotated[str, typer.Argument(help="The CRM's own record type.")],
    id: Annotated[str | None, typer.Argument(help="The record's id.")] = None,
    to: Annotated[str | None, typer.Option(help="Follow it into this connection.")] = None,
    record: Annotated[
        Path | None, typer.Option(help="A native record as JSON, instead of asking the CRM.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
    config: Path = CONFIG,
) -> None:
    """Show one record's way through the mapping, field by field. Prints the record's values."""
    from crmhub.cli.running import run, wants_json
    from crmhub.errors import ConfigError

    mappings = _Mappings(config)
    if record is not None:
        explanation = mappings.explain_offline(connection, object, _native(record), to)
    elif id is not None:
        explanation = run(lambda: mappings.explain(connection, object, id, to))
    else:
        raise ConfigError("which record?", hint="give its id, or a file with --record")
    if wants_json(as_json):
        _print_json(explanation)
    else:
        print_table(explanation)


@mapping.command()
def lossy(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="FROM TO [TO]...", help="Connections in the order of the syncs; or files, CRMs."
        ),
    ],
    models: Annotated[
        str, typer.Option(help="Which models, separated by commas.")
    ] = "accounts,contacts,deals,activities",
    owner: Annotated[
        str, typer.Option(help="Owners that the target lacks: default, default:<e-mail> or reject.")
    ] = "default",
    stage: Annotated[str, typer.Option(help="Stages that the target lacks: outcome or reject.")] = "outcome",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    config: Path = CONFIG,
) -> None:
    """Name what does not come through as it is, from one CRM into the next; nothing is written."""
    from crmhub.cli.running import list_of, run, wants_json

    mappings = _Mappings(config)
    found = run(lambda: mappings.losses(names, list_of(models), owner, stage))
    if wants_json(as_json):
        _print_losses_as_json(found)
    else:
        _print_losses(found)


@dataclass
class _Mappings:
    """Finds mappings by what the command line calls them."""

    config: Path
    _hub: Hub | None = None
    _files: dict[Path, MappingSpec] = field(default_factory=dict["Path", "MappingSpec"])

    @property
    def hub(self) -> Hub:
        """The hub of the configuration; without a file, one that has no connections."""
        if self._hub is None:
            from crmhub.cli.running import open_hub
            from crmhub.config import Config
            from crmhub.hub import Hub

            self._hub = open_hub(self.config) if self.config.exists() else Hub(Config({}))
        return self._hub

    def take(self) -> Hub:
        """The hub, for one use that closes it; the next use has a new one."""
        taken, self._hub = self.hub, None
        return taken

    def all(self) -> list[str]:
        """Every mapping that is installed, then the project's."""
        own = self.hub.config.mappings
        files = [*self.installed().values(), *(sorted(own.glob("*.yaml")) if own else ())]
        return [str(path) for path in files]

    def installed(self) -> Mapping[str, Path]:
        """The mapping files of crmhub and of plugins, by CRM."""
        from crmhub.mapping.load import shipped_mappings

        return {**shipped_mappings(), **cast("Mapping[str, Path]", self.hub.plugins.mappings())}

    def is_connection(self, name: str) -> bool:
        """Whether the configuration has a connection of that name."""
        return name in self.hub

    def spec(self, name: str) -> MappingSpec:
        """The mapping of a connection, of a file, or the one that is installed for a CRM."""
        from crmhub.document import suggest
        from crmhub.errors import ConfigError

        if self.is_connection(name):
            return self.hub[name].spec
        installed = self.installed()
        path = Path(name) if Path(name).suffix in {".yaml", ".yml"} else installed.get(name)
        if path is None:
            known = {*self.hub, *installed}
            raise ConfigError(f"no mapping file, CRM or connection {name!r}", hint=suggest(name, known))
        if path not in self._files:
            self._files[path] = self.hub.read_mapping(path)
        return self._files[path]

    async def findings(self, name: str) -> list[Finding]:
        """How a connection's mapping fits the CRM's own schema."""
        from crmhub.doctor import examine_mapping

        async with self.take() as hub:
            _, findings = await examine_mapping(hub[name])
            return findings

    async def explain(self, name: str, object: str, id: str, to: str | None) -> Explanation:
        """One record of a connection."""
        from crmhub.sync.explain import explain_record

        async with self.take() as hub:
            source, target = hub[name], hub[to] if to else None
            store = await hub.store() if target else None
            today = hub.clock.now().date()
            return await explain_record(source, object, id, target, store=store, today=today)

    async def losses(
        self, names: Sequence[str], models: Sequence[str], owner: str, stage: str
    ) -> Sequence[Loss]:
        """What a chain loses: connections are asked, of a file or a CRM the mapping alone is known."""
        from contextlib import AsyncExitStack

        from crmhub.errors import ConfigError
        from crmhub.mapping.load import ConnectionMapping
        from crmhub.sync.losses import Station, losses_along, station_of

        if len(names) < 2:
            raise ConfigError("a way has two ends", hint="crmhub mapping lossy FROM TO")
        known = {name: ConnectionMapping(self.spec(name)) for name in names if not self.is_connection(name)}
        async with self.take() as hub, AsyncExitStack() as stack:
            for name in names:
                if name not in known:
                    await stack.enter_async_context(hub[name].held())
            stations = [
                Station(name, known[name], {}) if name in known else await station_of(hub[name], models)
                for name in names
            ]
            return await losses_along(stations, models, owner=owner, stage=stage)

    def explain_offline(self, name: str, object: str, record: Native, to: str | None) -> Explanation:
        """One record that is given; no CRM is asked."""
        from crmhub.mapping.explain import explain
        from crmhub.mapping.load import ConnectionMapping
        from crmhub.sync.explain import counterpart, map_of, models_of

        source = ConnectionMapping(self.spec(name))
        models_of(source.spec, object)
        mapped = map_of(source, object, record)
        target = counterpart(mapped, ConnectionMapping(self.spec(to))) if to else None
        return explain(record, mapped, target, today=self.hub.clock.now().date())


def _summary(spec: MappingSpec, findings: list[Finding], connection: str | None) -> str:
    errors = sum(finding.severity == "error" for finding in findings)
    warnings = len(findings) - errors
    rules = sum(len(entry.rules) for entry in spec.maps)
    against = f" against connection {connection}" if connection else ""
    said = f"{errors} errors, {warnings} warnings" if findings else "ok"
    return f"{spec.name}: {said}: {len(spec.maps)} maps, {rules} rules checked{against}"


def _native(path: Path) -> Native:
    from decimal import Decimal

    import msgspec

    from crmhub.errors import ConfigError

    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        record = msgspec.json.Decoder(dict[str, object], float_hook=Decimal).decode(content)
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{path}: not a JSON object: {error}", hint="one native record") from None
    return cast("Native", record)


def _print_json(explanation: Explanation) -> None:
    import msgspec

    typer.echo(msgspec.json.Encoder(decimal_format="number", enc_hook=str).encode(explanation).decode())


def print_table(explanation: Explanation, *, only_held: bool = False) -> None:
    """Print an explanation as a table, a row for each canonical path; ``only_held`` leaves empty ones out."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for column in _columns(explanation):
        table.add_column(column, overflow="fold")
    for row in explanation.rows:
        if row.value is not None or row.sent is not None or not only_held:
            table.add_row(*(Text(cell) for cell in _cells(row, into=explanation.target is not None)))
    console = Console()
    console.print(table)
    if explanation.unread and not only_held:
        console.print(Text(f"read by no rule: {', '.join(explanation.unread)}", style="dim"))


def _print_losses(losses: Sequence[Loss]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for column in ("model", "field", "into", "fate", ""):
        table.add_column(column, overflow="fold")
    for loss in losses:
        model = f"{loss.model} ({loss.kind})" if loss.kind else loss.model
        table.add_row(*(Text(cell) for cell in (model, loss.path or "*", loss.target, loss.fate, loss.why)))
    Console().print(table)


def _print_losses_as_json(losses: Sequence[Loss]) -> None:
    import msgspec

    for loss in losses:
        typer.echo(msgspec.json.encode(loss).decode())


def _columns(explanation: Explanation) -> list[str]:
    columns = [explanation.source, "native value", explanation.model]
    return [*columns, explanation.target, "sent"] if explanation.target else [*columns, "codec", "value", ""]


def _cells(row: Row, *, into: bool) -> list[str]:
    given = " | ".join("" if value is None else str(value) for value in row.given)
    note = f"cannot be read: {row.fault}" if row.fault else row.note
    cells = [" | ".join(row.native), given, row.path]
    if not into:
        return [*cells, row.codec, "" if row.value is None else str(row.value), note]
    sent = "" if row.sent is None else ", ".join(str(part) for part in row.sent.values())
    said = f"({note})" if note else ""
    return [*cells, " | ".join(row.target), " ".join(part for part in (sent, said) if part)]
