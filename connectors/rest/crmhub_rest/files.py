"""Connectors of a project's own: ``connector: ./my-crm.yaml``."""

from __future__ import annotations

from pathlib import Path

from crmhub.connector_files import FromFile
from crmhub_rest.connector import connector

__all__ = ["described"]


def described(path: Path) -> FromFile:
    """The connector that a file describes, with its mapping where the file has ``maps``.

    Raises :class:`~crmhub.errors.ConfigError`, one line for each mistake.
    """
    made = connector(path)
    return FromFile(made.crm.crm, made, path if made.crm.maps else None)
