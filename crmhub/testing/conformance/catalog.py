"""All checks of the kit, in the order of their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from crmhub.testing.conformance.check import ConformanceCheck, registered

__all__ = ["all_checks"]

_MODULES = (
    "config", "schema", "reading", "contents", "associations", "increments", "writing", "auth", "faults",
    "choosing", "webhooks", "files", "tiers", "newest", "costs",
)  # fmt: skip


def all_checks() -> Sequence[ConformanceCheck]:
    """Every check, by number."""
    for module in _MODULES:
        import_module(f"crmhub.testing.conformance.{module}")
    return [check for _, check in sorted(registered().items())]
