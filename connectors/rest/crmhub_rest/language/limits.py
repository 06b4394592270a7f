"""How fast, and how much a day."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import Field

from crmhub.native import Value
from crmhub_rest.language.part import Part
from crmhub_rest.language.word import Word

__all__ = ["Daily", "Pace", "Rate"]

_RATE = r"(\d+)/(\d*)(s|min|h)"
_SETTING = r"\$\{([a-z][a-z0-9_]*)\}"
_SECONDS = {"s": 1, "min": 60, "h": 3600}


class Rate(Word):
    """So many calls in so long: ``5/s``, ``100/10s``, ``500/min``; or ``${name}``, a setting that says it."""

    __slots__ = (
        "calls",
        "seconds",
        "setting",
    )

    form = f"^({_RATE}|{_SETTING})$"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.calls, self.seconds, self.setting = 0, 0.0, ""
        if (named := re.fullmatch(_SETTING, text)) is not None:
            self.setting = named[1]
            return
        found = re.fullmatch(_RATE, text)
        if found is None or int(found[1]) == 0 or found[2] == "0":
            raise ValueError("a rate is written like 5/s, 100/10s or 500/min")
        self.calls = int(found[1])
        self.seconds = float(int(found[2] or 1) * _SECONDS[found[3]])

    def bound(self, settings: Mapping[str, Value]) -> Rate | None:
        """The rate itself; ``None`` where the setting has no value."""
        given = settings.get(self.setting) if self.setting else self.text
        return Rate(given) if isinstance(given, str) else None


class Pace(Part):
    """One limit on calls."""

    rate: Rate | None = None
    """Calls in a time: ``5/s``, ``100/10s``, ``500/min``; or the setting that says it, ``${burst}``."""
    at_once: int | None = Field(default=None, ge=1)
    """Calls under way at a time."""
    of: list[str] = []
    """The classes of calls (``limit:`` of a call) that it is for; none: all calls."""


class Daily(Part):
    """What the account may use in a day."""

    most: int | None = Field(default=None, ge=1)
    """Units, where the preset can know it."""
    setting: str | None = None
    """The setting that says how many units there are."""
    unit: str = "calls"
    """What is counted: ``calls``, ``tokens``."""
    left: str | None = None
    """The reply header that says how many units are left."""
    granted: str | None = None
    """The reply header that says how many units there are in all."""
