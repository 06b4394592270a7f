"""Connectors that a file of the project describes: ``connector: ./my-crm.yaml``.

What reads such a file is a plugin's: a function of the entry-point group ``crmhub.files``, under the file's
suffix without the dot, that takes the path and gives a :class:`FromFile`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import cast

from crmhub.connector import Connector
from crmhub.errors import PluginError, UnknownConnector

__all__ = ["FILES", "FromFile", "is_file", "read_connector"]

FILES = "crmhub.files"
_OURS = frozenset({"yaml", "yml"})
"""Suffixes that a distribution of this project reads."""


@dataclass(frozen=True, slots=True)
class FromFile:
    """A connector that a file describes."""

    crm: str
    """The CRM's name, after which its mapping is called."""
    connector: type[Connector]
    mapping: Path | None = None
    """The file that holds its mapping, where it brings one."""


def is_file(connector: str) -> bool:
    """Whether ``connector:`` names a file: connectors' own names have no dots and no slashes."""
    return any(sign in connector for sign in "./\\")


def read_connector(connector: str, folder: Path) -> FromFile:
    """The connector of a file; a relative path is taken from ``folder``.

    Raises :class:`UnknownConnector` where it is not there, or nothing installed reads such files,
    :class:`ConfigError` for one that has mistakes, and :class:`PluginError` where what reads it cannot be
    imported.
    """
    path = folder / connector
    kind = path.suffix.removeprefix(".").lower()
    found = list(entry_points(group=FILES, name=kind))
    if not found:
        known = sorted({f".{entry.name}" for entry in entry_points(group=FILES)})
        ours = "pip install 'crmhub[rest]'" if kind in _OURS else None
        raise UnknownConnector(
            f"nothing that is installed reads a connector from {connector!r}",
            hint=ours or f"files that can be read end in {', '.join(known) or 'nothing yet'}",
        )
    if not path.is_file():
        raise UnknownConnector(
            f"{path}: no such file", hint="the path is relative to the configuration's folder"
        )
    try:
        read = cast("Callable[[Path], FromFile]", found[0].load())
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"what reads {path.suffix} files ({found[0].value}) cannot be imported: "
            f"{type(error).__name__}: {error}",
            hint="reinstall or update its distribution",
        ) from error
    return read(path)
