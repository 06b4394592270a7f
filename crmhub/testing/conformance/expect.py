"""The one way in which a check fails."""

from __future__ import annotations

__all__ = ["expect"]


def expect(holds: object, message: str) -> None:
    """Raise ``AssertionError`` with ``message`` (what was expected, what came) unless ``holds``."""
    if not holds:
        raise AssertionError(message)
