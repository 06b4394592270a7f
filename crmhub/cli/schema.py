"""``crmhub schema``: JSON Schemas of crmhub's files, for editors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import typer

from crmhub.cli.plugged import PluggedSchema
from crmhub.cli.running import CONFIG

if TYPE_CHECKING:
    from crmhub.connector import ConnectorConfig
    from crmhub.mapping.codecs import Factory
    from crmhub.mapping.rules import ModelOf
    from crmhub.models import Record
    from crmhub.native import Native
    from crmhub.plugins import Plugins

__all__ = ["schema"]

schema = typer.Typer(
    cls=PluggedSchema, help="Print JSON Schemas of crmhub's files, for editors.", no_args_is_help=True
)


@schema.command("config")
def config_(config: Path = CONFIG) -> None:
    """Print the schema of crmhub.yaml, with the settings of every connector that is installed or in it."""
    from crmhub.config_schema import config_schema
    from crmhub.plugins import Plugins

    plugins = Plugins()
    models, codecs = _words(plugins, config)
    schemes = cast("Mapping[str, Callable[[str], str]]", plugins.secrets())
    configs = {**_installed(), **_from_files(config)}
    _print(config_schema(configs, models=models, codecs=codecs, schemes=schemes), plugins)


@schema.command()
def mapping(config: Path = CONFIG) -> None:
    """Print the schema of mapping files, with the models and codecs of plugins and of the configuration."""
    from crmhub.mapping.json_schema import mapping_schema
    from crmhub.plugins import Plugins

    plugins = Plugins()
    models, codecs = _words(plugins, config)
    _print(mapping_schema(models, codecs), plugins)


@schema.command()
def agents() -> None:
    """Print the schema of the file that says which agents there are, and what each may do."""
    from crmhub.agent.policy.schema import agents_schema
    from crmhub.plugins import Plugins

    _print(agents_schema(), Plugins())


def _words(plugins: Plugins, config: Path) -> tuple[ModelOf, Mapping[str, Factory]]:
    """The models and codecs that mappings can name; a configuration that is not there names none."""
    from crmhub.config import load_config
    from crmhub.mapping.codecs import CODECS
    from crmhub.models.registry import import_model, with_models

    named = [import_model(name) for name in load_config(config).models] if config.exists() else []
    plugged = cast("Sequence[type[Record]]", plugins.models())
    return with_models([*plugged, *named]), {**CODECS, **cast("Mapping[str, Factory]", plugins.codecs())}


def _installed() -> Mapping[str, type[ConnectorConfig]]:
    """The settings of the installed connectors; one that cannot be loaded is left out, and said so."""
    from crmhub.errors import PluginError
    from crmhub.plugins import connector_names, load_connector

    configs: dict[str, type[ConnectorConfig]] = {}
    for name in connector_names():
        try:
            configs[name] = load_connector(name).Config
        except PluginError as error:
            typer.echo(f"note: left out: {error}", err=True)
    return configs


def _from_files(config: Path) -> Mapping[str, type[ConnectorConfig]]:
    """The settings of connectors that the configuration has by file; one with mistakes is left out."""
    from crmhub.config import load_config
    from crmhub.connector_files import is_file, read_connector
    from crmhub.errors import ConfigError, PluginError

    configs: dict[str, type[ConnectorConfig]] = {}
    for settings in load_config(config).connections.values() if config.exists() else ():
        if is_file(settings.connector) and settings.connector not in configs:
            try:
                configs[settings.connector] = read_connector(
                    settings.connector, config.parent
                ).connector.Config
            except (ConfigError, PluginError) as error:
                typer.echo(f"note: left out: {error}", err=True)
    return configs


def _print(found: Native, plugins: Plugins) -> None:
    import json

    for line in plugins.broken:
        typer.echo(f"note: left out: plugin {line.name}: {line.error}", err=True)
    typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
