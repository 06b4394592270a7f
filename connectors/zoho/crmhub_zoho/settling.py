"""Writes whose answer was lost on one way, found out and finished by another.

What is sent twice must do what it does once: an update of which the record shows that it was made is not
made again, an upsert and a delete may be, and so may a create that fills the ``sync_key``, whose values
Zoho keeps unique. A create without it stays unknown: Zoho has no other means to tell it from a second one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from crmhub.connector import Native, Outcome, Value, WriteItem, WriteRequest
from crmhub.errors import Unsupported
from crmhub_zoho.fetching import Fetcher
from crmhub_zoho.payloads import name_of, payload
from crmhub_zoho.records import ID, MODIFIED, instant
from crmhub_zoho.schema import ModuleSchema

__all__ = ["Settler"]


class Settler:
    """Finds out by reading back with ``fetcher``; the ``sync_key`` is the connection's, if it has one."""

    def __init__(self, fetcher: Fetcher, sync_key: str | None) -> None:
        self._fetcher = fetcher
        self._sync_key = sync_key

    async def settled(
        self,
        request: WriteRequest,
        schema: ModuleSchema,
        outcomes: Sequence[Outcome],
        write: Callable[[WriteRequest], Awaitable[Sequence[Outcome]]],
    ) -> Sequence[Outcome]:
        """The outcomes, with those that were unknown found out, or made again by ``write``.

        Raises :class:`~crmhub.errors.Unsupported` where none of them can be.
        """
        key = self._sync_key if self._sync_key in schema.unique else None
        places = _repeatable(request, outcomes, key)
        if not places:
            raise Unsupported("it cannot find out whether the records were written")
        found = list(outcomes)
        if request.operation == "update":
            for place, outcome in (await self._made(request, schema, places)).items():
                found[place] = outcome
            places = [place for place in places if found[place].status == "unknown"]
        if places:
            again = replace(request, items=tuple(request.items[place] for place in places))
            for place, outcome in zip(places, await write(again), strict=True):
                found[place] = _known(request, outcome, key)
        return found

    async def _made(
        self, request: WriteRequest, schema: ModuleSchema, places: Sequence[int]
    ) -> dict[int, Outcome]:
        """The updates that the records show to have been made, by place."""
        wanted = {place: payload(request, request.items[place], schema) for place in places}
        names = list(dict.fromkeys(name for row in wanted.values() for name in row if schema.has(name)))
        ids = [str(row[ID]) for row in wanted.values()]
        rows = await self._fetcher.by_ids(request.object, schema, ids, names)
        return {
            place: _updated(rows[str(sent[ID])])
            for place, sent in wanted.items()
            if str(sent[ID]) in rows and _same(sent, rows[str(sent[ID])])
        }


def _repeatable(request: WriteRequest, outcomes: Sequence[Outcome], key: str | None) -> list[int]:
    """The places of unknown items that may be sent again; ``key`` is a field of unique values.

    Of two items for one record neither may: the first, made again, would undo the second.
    """
    names = Counter(name_of(request, item) for item in request.items)
    return [
        place
        for place, (item, outcome) in enumerate(zip(request.items, outcomes, strict=True))
        if outcome.status == "unknown" and _may_repeat(request, item, key, names)
    ]


def _may_repeat(request: WriteRequest, item: WriteItem, key: str | None, names: Counter[str]) -> bool:
    if request.operation == "create":
        return key is not None and item.fields.get(key) is not None
    return item.if_version is None and names[name_of(request, item)] == 1


def _known(request: WriteRequest, outcome: Outcome, key: str | None) -> Outcome:
    """A create that is refused since its own sync key is taken was made the first time."""
    problem = outcome.problem
    if request.operation != "create" or problem is None or problem.field != key:
        return outcome
    taken = problem.code == "DUPLICATE_DATA" and outcome.id is not None
    return Outcome("created", outcome.id) if taken else outcome


def _updated(row: Native) -> Outcome:
    version = row.get(MODIFIED)
    return Outcome("updated", str(row[ID]), version if isinstance(version, str) else None)


def _same(sent: Value, held: Value) -> bool:
    """Whether that is held which was sent, whatever is held beside it; in doubt it is not."""
    if isinstance(sent, dict) and isinstance(held, dict):
        return all(_same(value, held.get(name)) for name, value in sent.items())
    if isinstance(sent, bool) or isinstance(held, bool):
        return sent is held
    if isinstance(sent, str) and isinstance(held, str) and sent != held:
        ours, theirs = instant(sent), instant(held)
        return ours is not None and ours == theirs
    return sent == held
