"""The CRMs that come with crmhub-rest: ``presets.hubspot`` is HubSpot's connector, made when asked for."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from crmhub_rest.connector import RestConnector, connector

__all__ = ["names", "preset"]

_FOLDER = Path(__file__).parent


def names() -> list[str]:
    """The presets, by name."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


@cache
def preset(name: str) -> type[RestConnector]:
    """The connector of a preset."""
    return connector(_FOLDER / f"{name}.yaml")


def __getattr__(name: str) -> type[RestConnector]:
    if name in names():
        return preset(name)
    raise AttributeError(name)
