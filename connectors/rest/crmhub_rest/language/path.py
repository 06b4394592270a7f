"""Paths into JSON: ``paging.next.after``, ``errors.0.code``, ``to.*.id``; ``.`` is the whole.

``lead|.`` is the first of several that is there; ``params.@json.option`` goes on in a text that is JSON.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final, Literal, TypeAlias, cast

import msgspec

from crmhub.native import Native, Value
from crmhub_rest.language.word import Word

__all__ = ["ABSENT", "Absent", "JsonPath", "put", "put_field"]


class Absent(Enum):
    """The type of :data:`ABSENT`."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
"""Nothing is there, which is not the same as an empty value."""

Maybe: TypeAlias = "Value | Literal[Absent.ABSENT]"
_STEP = re.compile(r"[A-Za-z0-9_$@-]+|\*")
_JSON = "@json"


class JsonPath(Word):
    """A path, read once. A number is a place in a list, ``*`` stands for each element of one."""

    __slots__ = ("_others", "steps")

    form = r"^[A-Za-z0-9_$@.|*-]+$"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        first, *others = text.split("|")
        self.steps = _steps(first)
        """Of the first way; what is written goes there."""
        self._others = tuple(_steps(other) for other in others)

    def find(self, value: Value) -> Maybe:
        """What is there, or :data:`ABSENT`. With a ``*`` it is always a list of what was found."""
        found = _find(value, self.steps)
        for steps in self._others:
            if found is not ABSENT:
                break
            found = _find(value, steps)
        return found

    def get(self, value: Value) -> Value:
        """What is there, or ``None``."""
        found = self.find(value)
        return None if found is ABSENT else found

    def text_in(self, value: Value) -> str | None:
        """The text or whole number that is there, as text."""
        found = self.get(value)
        if isinstance(found, bool) or not isinstance(found, str | int):
            return None
        return str(found)


def _steps(text: str) -> tuple[str | int, ...]:
    parts = [] if text == "." else text.split(".")
    for part in parts:
        if not _STEP.fullmatch(part):
            raise ValueError(f"{text!r} is not a path: words and numbers with dots between, or a dot alone")
    return tuple(int(part) if part.isdigit() else part for part in parts)


def _find(value: Value, steps: Sequence[str | int]) -> Maybe:
    for place, step in enumerate(steps):
        if step == _JSON and isinstance(value, str):
            try:
                value = cast("Value", msgspec.json.decode(value))
            except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
                return ABSENT
            continue
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
    _put(table, path.steps, value)


def put_field(table: Native, name: str, value: Value) -> None:
    """The same by a field's name, whatever it is made of: a dot in it leads into a table."""
    first, *others = name.split(".")
    _put(table, (first, *(int(part) if part.isdecimal() else part for part in others)), value)


def _put(table: Native, steps: Sequence[str | int], value: Value) -> None:
    here: Value = table
    for step, following in zip(steps, (*steps[1:], None), strict=True):
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
