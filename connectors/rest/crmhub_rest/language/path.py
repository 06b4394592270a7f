"""Paths into JSON: ``paging.next.after``, ``errors.0.code``, ``to.*.id``; ``.`` is the whole."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final, Literal, TypeAlias

from crmhub.native import Native, Value
from crmhub_rest.language.word import Word

__all__ = ["ABSENT", "Absent", "JsonPath", "put"]


class Absent(Enum):
    """The type of :data:`ABSENT`."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
"""Nothing is there, which is not the same as an empty value."""

Maybe: TypeAlias = "Value | Literal[Absent.ABSENT]"
_STEP = re.compile(r"[A-Za-z0-9_$@-]+|\*")


class JsonPath(Word):
    """A path, read once. A number is a place in a list, ``*`` stands for each element of one."""

    __slots__ = ("steps",)

    def __init__(self, text: str) -> None:
        super().__init__(text)
        parts = [] if text == "." else text.split(".")
        for part in parts:
            if not _STEP.fullmatch(part):
                raise ValueError(
                    f"{text!r} is not a path: words and numbers with dots between, or a dot alone"
                )
        self.steps: tuple[str | int, ...] = tuple(int(part) if part.isdigit() else part for part in parts)

    def find(self, value: Value) -> Maybe:
        """What is there, or :data:`ABSENT`. With a ``*`` it is always a list of what was found."""
        return _find(value, self.steps)

    def get(self, value: Value) -> Value:
        """What is there, or ``None``."""
        found = _find(value, self.steps)
        return None if found is ABSENT else found

    def text_in(self, value: Value) -> str | None:
        """The text or whole number that is there, as text."""
        found = self.get(value)
        if isinstance(found, bool) or not isinstance(found, str | int):
            return None
        return str(found)


def _find(value: Value, steps: Sequence[str | int]) -> Maybe:
    for place, step in enumerate(steps):
        if step == "*":
            if not isinstance(value, list):
                return ABSENT
            found = [_find(item, steps[place + 1 :]) for item in value]
            return [item for item in found if item is not ABSENT]
        if isinstance(value, dict):
            key = str(step)
            if key not in value:
                return ABSENT
            value = value[key]
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return ABSENT
    return value


def put(table: Native, path: JsonPath, value: Value) -> None:
    """Put ``value`` into the table; tables and lists on the way are made. A table is merged into one."""
    if not path.steps:
        if not isinstance(value, Mapping):
            raise TypeError("only a table can be put at the top")
        for name, part in value.items():
            table[name] = part
        return
    here: Value = table
    for step, following in zip(path.steps, (*path.steps[1:], None), strict=True):
        if following is None:
            _set(here, step, value)
            return
        below = _find(here, (step,))
        if not isinstance(below, dict | list):
            below = list[Value]() if isinstance(following, int) else dict[str, Value]()
            _set(here, step, below)
        here = below


def _set(holder: Value, step: str | int, value: Value) -> None:
    if isinstance(holder, list) and isinstance(step, int):
        holder.extend([None] * (step + 1 - len(holder)))
        holder[step] = value
    elif isinstance(holder, dict):
        old = holder.get(str(step))
        if isinstance(old, dict) and isinstance(value, dict):
            holder[str(step)] = {**old, **value}
        else:
            holder[str(step)] = value
    else:
        raise TypeError("there is no table to put it in")
