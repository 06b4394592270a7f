"""Where agents are described, and what their policies can name: for commands about agents."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmhub.agent.policy.load import Known
    from crmhub.agent.tool import Toolbox
    from crmhub.models import Record

__all__ = ["known_agents"]


def known_agents(file: Path | None, config: Path) -> tuple[Path, Known, Toolbox]:
    """The file to check, and what it can name: of a configuration that is not there, the built-in words."""
    from crmhub.agent.packs import toolbox_of
    from crmhub.agent.policy.load import Known
    from crmhub.config import load_config
    from crmhub.errors import ConfigError
    from crmhub.models.registry import import_model, with_models
    from crmhub.plugins import Plugins

    plugins = Plugins()
    settings = load_config(config) if config.exists() else None
    named = [import_model(name) for name in settings.models] if settings else []
    models = with_models([*cast("Sequence[type[Record]]", plugins.models()), *named])
    path = file or (settings.agents if settings else None)
    if path is None:
        raise ConfigError(
            f"{config}: it names no agents",
            hint="add agents and policies, or agents: ./agents.yaml; crmhub agents example prints one",
        )
    toolbox = toolbox_of(plugins)
    return (
        path,
        Known(
            models, settings.connections if settings else None, toolbox, settings.jobs if settings else None
        ),
        toolbox,
    )
