"""Records of more fields than one statement takes: read in parts, and put together by id.

A record whose stamp is not the same in all parts has changed between them, and is read again. To the second,
that is, which is as exact as stamps are: what changes within one is read again with the next changes, as
everything that changes during a read is. Fields of a parent are as they were when their part was read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeAlias

from crmhub.connector import Native
from crmhub.errors import BadRequest, BadResponse, Unavailable, Where
from crmhub_salesforce.schema import CURSORS, Described

__all__ = ["Ask", "Parts", "joined"]

Ask: TypeAlias = Callable[[tuple[str, ...], Sequence[str]], Awaitable[Iterable[Native]]]
"""Some fields of the records of those ids, as far as they are there."""

_ROUNDS = 5
_LONGEST = 45_000
"""Characters of fields in a part: beside them a statement has room for 2,000 ids."""
_SHORTEST = 200
"""Characters of fields in a part; so few are not what makes a query too complicated."""
_TOO_WIDE = "QUERY_TOO_COMPLICATED"
_BETWEEN = len(", ")


class Parts:
    """The fields of one read in as few parts as can be asked for: one, unless that is too long.

    Records that do not tell that they have changed are never read in parts.
    """

    def __init__(self, of: Described, fields: Sequence[str]) -> None:
        self._keys = ("Id", of.cursor) if of.cursor in CURSORS[:2] else ()
        self._fields = tuple(fields)
        self.all: list[tuple[str, ...]] = [self._fields]

    def fit(self, room: int) -> None:
        """Make parts where all fields have more than ``room`` characters, which is not next to none."""
        if len(self.all) == 1 and _length(self._fields) > room >= _SHORTEST:
            self._part(min(_LONGEST, room))

    def halve(self, error: BadRequest) -> bool:
        """Make smaller parts where a query had too many fields; whether that was so, and could be done."""
        longest, before = max(map(_length, self.all)), len(self.all)
        if error.code == _TOO_WIDE and longest > _SHORTEST:
            self._part(longest // 2)
        return len(self.all) > before

    def _part(self, characters: int) -> None:
        if not self._keys:
            return
        parts: list[list[str]] = [[]]
        size = 0
        for name in self._fields:
            if name in self._keys:
                continue
            if parts[-1] and size + len(name) > characters:
                parts.append([])
                size = 0
            parts[-1].append(name)
            size += len(name) + _BETWEEN
        self.all = [(*filter(None, self._keys), *part) for part in parts]


async def joined(
    of: Described, first: Iterable[Native], parts: Sequence[tuple[str, ...]], ask: Ask
) -> list[Native]:
    """The records of the ``first`` part with the fields of all, without those that are gone meanwhile.

    Raises ``Unavailable`` where records change faster than they can be read.
    """
    known = {_id(of, row): row for row in first}
    if len(parts) == 1:
        return list(known.values())
    order = list(known)
    whole: dict[str, Native] = {}
    for _ in range(_ROUNDS):
        changed: list[str] = []
        for part in parts[1:]:
            if not known:
                break
            more = {_id(of, row): row for row in await ask(part, list(known))}
            for id_, row in list(known.items()):
                if (found := more.get(id_)) is None:
                    del known[id_]
                elif not _fits(of, row, found):
                    del known[id_]
                    changed.append(id_)
                else:
                    _merge(row, found)
        whole |= known
        if not changed:
            return [whole[id_] for id_ in order if id_ in whole]
        known = {_id(of, row): row for row in await ask(parts[0], changed)}
    raise Unavailable(
        "records change faster than they can be read in parts",
        hint="ask for fewer fields, so that one query reads them",
        where=Where(object=of.name),
    )


def _fits(of: Described, row: Native, more: Native) -> bool:
    """Whether two parts are of one version of the record, with the same parents."""
    if row.get(of.cursor or "") != more.get(of.cursor or ""):
        return False
    return _same_parents(row, more)


def _same_parents(row: Native, more: Native) -> bool:
    for name in row.keys() & more.keys():
        one, other = row[name], more[name]
        if isinstance(one, dict) and isinstance(other, dict):
            if not _same_parents(one, other):
                return False
        elif isinstance(one, dict) != isinstance(other, dict):
            return False
    return True


def _merge(row: Native, more: Native) -> None:
    for name, value in more.items():
        known = row.get(name)
        if isinstance(known, dict) and isinstance(value, dict):
            _merge(known, value)
        else:
            row[name] = value


def _id(of: Described, row: Native) -> str:
    id_ = row.get("Id")
    if not isinstance(id_, str):
        raise BadResponse("a record came without its Id", where=Where(object=of.name, field="Id"))
    return id_


def _length(fields: Sequence[str]) -> int:
    return sum(len(name) + _BETWEEN for name in fields)
