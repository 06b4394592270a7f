"""What comes with the connector: its mapping."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from crmhub import hookimpl

__all__ = ["crmhub_mappings"]

_FOLDER = Path(__file__).parent


@hookimpl
def crmhub_mappings() -> Mapping[str, Path]:
    """Rollout's mapping."""
    return {"rollout": _FOLDER / "mapping.yaml"}
