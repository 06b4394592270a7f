"""A double's own choices: the texts of `--set name=value`, read and checked."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from crmhub.testing.simulator.errors import SimulatorError


class Switches:
    """The choices that were given, by name. `known` says what each one means.

    Every reading method raises SimulatorError naming the choice and what is wrong with it.
    """

    def __init__(self, simulator: str, known: Mapping[str, str], given: Mapping[str, str]) -> None:
        for name in given:
            if name not in known:
                there = "; ".join(f"{one}: {meaning}" for one, meaning in known.items())
                raise SimulatorError(f"{simulator} has no setting {name!r}; it has {there}")
        self._given = given

    def text(self, name: str, default: str = "") -> str:
        """The text, as it was given."""
        return self._given.get(name, default)

    def texts(self, name: str, default: Sequence[str] = ()) -> list[str]:
        """A list, comma-separated or with spaces."""
        text = self._given.get(name)
        return list(default) if text is None else text.replace(",", " ").split()

    def one_of(self, name: str, default: str, *words: str) -> str:
        """One of `words`."""
        text = self._given.get(name, default)
        if text not in words:
            raise SimulatorError(f"setting {name}: {text!r} is not one of {', '.join(words)}")
        return text

    def zone(self, name: str) -> tzinfo:
        """A time zone by its name, such as `Europe/Berlin`; UTC without one."""
        text = self._given.get(name, "UTC")
        try:
            return UTC if text == "UTC" else ZoneInfo(text)
        except (ZoneInfoNotFoundError, ValueError):
            raise SimulatorError(f"setting {name}: {text!r} is not a time zone") from None

    def flag(self, name: str, *, default: bool = False) -> bool:
        """`true` or `yes`, `false` or `no`."""
        text = self._given.get(name, str(default)).lower()
        if text not in {"true", "yes", "false", "no"}:
            raise SimulatorError(f"setting {name}: {text!r} is neither true nor false")
        return text in {"true", "yes"}

    def whole(self, name: str, default: int, least: int = 0) -> int:
        """A whole number of at least `least`."""
        return int(self.number(name, default, least, whole=True))

    def number(self, name: str, default: float, least: float = 0, *, whole: bool = False) -> float:
        """A number of at least `least`."""
        text = self._given.get(name)
        try:
            value = default if text is None else float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or (whole and value != int(value)):
            raise SimulatorError(f"setting {name}: {text!r} is not a {'whole ' if whole else ''}number")
        if value < least:
            raise SimulatorError(f"setting {name}: {text} is less than {least:g}")
        return value
