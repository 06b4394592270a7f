"""Which records an agent may see, and whether the words of a search stand where it sees them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import cast

from pydantic import BaseModel

from crmhub.agent.policy.decide import ALWAYS, head_of
from crmhub.connection import Connection
from crmhub.models import Record, Ref, UserRef

__all__ = ["Asked", "Rows", "meets", "told_by"]

_USER = ("email", "name")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the CRM is asked for."""

    where: Mapping[str, object]
    exact: bool
    """Whether it is asked for exactly the records that the agent may see."""


class Rows:
    """The row filters of one model in one connection; false where there are none."""

    def __init__(self, allowed: Mapping[str, Sequence[object]], connection: Connection) -> None:
        self._allowed = allowed
        self._connection = connection
        self._users: dict[str, frozenset[str] | None] = {}

    def __bool__(self) -> bool:
        return bool(self._allowed)

    @property
    def fields(self) -> frozenset[str]:
        """The fields that have to be read to tell."""
        return frozenset(head_of(path) for path in self._allowed)

    async def asked(self, where: Mapping[str, object]) -> Asked | None:
        """The agent's conditions with those of the policy; ``None`` where no record can meet them."""
        pushed, exact = dict(where), True
        for path, values in self._allowed.items():
            if not values:
                return None
            head, _, rest = path.partition(".")
            if head in pushed or path in pushed:
                exact = False  # ours are held against what comes
                continue
            if rest in _USER:
                ids = await self._ids(path, rest, values)
                if ids is None:
                    exact = False
                elif not ids:
                    return None
                else:
                    pushed[head] = [UserRef(id=id_) for id_ in sorted(ids)]
            else:
                pushed[head if rest == "id" else path] = values[0] if len(values) == 1 else [*values]
        return Asked(pushed, exact)

    async def meet(self, record: Record) -> bool:
        """Whether the record is one that the agent may see."""
        for path, values in self._allowed.items():
            head, _, rest = path.partition(".")
            held = {_plain(value) for value in _at(record, path)}
            wanted = {_plain(value) for value in values}
            if held & wanted or (None in wanted and not held):
                continue
            if rest in _USER and not held:  # the record tells its owner by the id alone
                ids = await self._ids(path, rest, values)
                if ids and ids & {str(value) for value in _at(record, f"{head}.id")}:
                    continue
            return False
        return True

    async def _ids(self, path: str, by: str, values: Sequence[object]) -> frozenset[str] | None:
        """The ids of the users that are meant; ``None`` where this CRM has no table of users."""
        if path not in self._users:
            async with self._connection.in_use():
                directory = await self._connection.directory("user")
            found = None if directory is None else {directory.find(by, value) for value in values}
            self._users[path] = None if found is None else frozenset(each for each in found if each)
        return self._users[path]


def meets(record: Record, where: Mapping[str, object]) -> bool:
    """Whether the record meets conditions that its CRM cannot be asked for."""
    return all(_holds(record, path, value) for path, value in where.items())


def _holds(record: Record, path: str, value: object) -> bool:
    several = cast("list[object]", value) if isinstance(value, list | tuple) else [value]
    if any(isinstance(each, Ref | UserRef) for each in several):
        path = path if path.endswith(".id") else f"{path}.id"
        several = [each.id if isinstance(each, Ref | UserRef) else each for each in several]
    held = {_plain(each) for each in _at(record, path)} or {None}
    return bool(held & {_plain(each) for each in several})


def told_by(record: Record, words: str) -> bool:
    """Whether each word stands somewhere in the record as it is shown."""
    shown = record.model_fields_set - ALWAYS
    text = " ".join(_folded(each) for name in shown for each in _texts(getattr(record, name)))
    digits = "".join(char for char in text if char.isdigit())
    for word in words.split():
        said = _folded(word)
        plain = "".join(char for char in said if char.isalnum())
        number = plain.isdigit() and len(plain) >= 4
        if said not in text and not (plain and plain in text) and not (number and plain in digits):
            return False
    return True


def _at(value: object, path: str) -> list[object]:
    """The values at a path; those of all items of a list."""
    if isinstance(value, list | tuple):
        return [found for each in cast("list[object]", value) for found in _at(each, path)]
    if value is None:
        return []
    if not path:
        return [value]
    head, _, rest = path.partition(".")
    inner = (
        cast("Mapping[str, object]", value).get(head)
        if isinstance(value, dict)
        else getattr(value, head, None)
    )
    return _at(inner, rest)


def _plain(value: object) -> object:
    """A value to compare by: numbers exactly, texts case and spacing aside."""
    if value is None:
        return None
    if isinstance(value, bool):  # which would be equal to 0 or 1
        return str(value).lower()
    if isinstance(value, int | Decimal):
        return Decimal(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    return " ".join(str(value).split()).casefold()


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, BaseModel):
        for name in value.model_fields_set:
            yield from _texts(getattr(value, name))
    elif isinstance(value, dict):
        for each in cast("dict[str, object]", value).values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in cast("list[object]", value):
            yield from _texts(each)


def _folded(text: str) -> str:
    """Without case and accents."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in apart if not unicodedata.combining(char))
