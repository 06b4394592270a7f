"""Invoices and customers of Zoho Books as objects that are read.

Conditions are asked of Zoho as far as its lists can be asked, and what comes is compared once more. Invoices
that changed are chosen by their ``last_modified_time``; customers come with the last change first. An invoice
becomes overdue by the day alone: that is no change of it. Pages are told by number: what is deleted while a
list is read can hide a record, until the next full read.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product

from crmhub.clock import Clock
from crmhub.connector import (
    Checkpoint,
    Condition,
    Incremental,
    Missing,
    Native,
    ObjectCapabilities,
    ObjectSchema,
    Page,
    ReadRequest,
    Value,
)
from crmhub.errors import BadRequest, BadResponse, Where
from crmhub_zoho.records import instant, is_record_id
from crmhub_zoho.suite.books_calls import PAGE, BooksCalls
from crmhub_zoho.suite.books_objects import CHANGED, KINDS, Kind
from crmhub_zoho.suite.shaping import check_fields, described, holds, keyed, plain
from crmhub_zoho.together import together

__all__ = ["Books"]

_SECOND = timedelta(seconds=1)
_RANGES = {"eq": "", "ge": "_start", "gt": "_after", "le": "_end", "lt": "_before"}


class Books:
    """Reads invoices and customers."""

    def __init__(self, calls: BooksCalls, overlap: float, parallel: int, clock: Clock) -> None:
        self._calls = calls
        self._overlap = timedelta(seconds=overlap)
        self._parallel = parallel
        self._clock = clock

    def has(self, name: str) -> bool:
        """Whether the object is one of these."""
        return name in KINDS

    def capabilities(self) -> dict[str, ObjectCapabilities]:
        """They can be read, in whole, by conditions, and as they change; deletions do not show."""
        return {
            name: ObjectCapabilities(
                key=kind.key,
                name=kind.name,
                modified=CHANGED,
                created="created_time",
                page_size=PAGE,
                get_batch=1,
                incremental=Incremental(CHANGED, self._overlap.total_seconds()),
                filters=kind.filters,
            )
            for name, kind in KINDS.items()
        }

    def describe(self, name: str) -> ObjectSchema:
        """The fields that lists show; the GET of one record shows more."""
        kind = KINDS[name]
        return described(
            name, kind.label, kind.fields, key=kind.key, choices=kind.words, refers_to=kind.refers_to
        )

    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        """Pages of what meets the conditions, changed since the checkpoint; the last one has the next."""
        kind = KINDS[request.object]
        check_fields(request.filter, kind.filters, request.object)
        since = _since(request)
        changed = [since] if since else []
        changed += [
            instant(str(one.value)) or _unusable(request.object, one.field)
            for one in request.filter
            if one.field == CHANGED and one.op in {"ge", "gt", "eq"}
        ]
        size = min(request.page_size or PAGE, PAGE)
        began: datetime | None = None
        queries = list(_queries(kind, request))
        if not queries:  # one of no values
            yield Page((), (), self._checkpoint(request, self._clock.now()))
        for query in queries:
            asked = query | _order(kind, max(changed, default=None))
            number, more, previous = 1, True, set[str]()
            while more:
                page = await self._calls.page(kind.path, asked, number, size)
                began = began or page.at or self._clock.now()
                rows = keyed([plain(row, kind.fields) for row in page.rows], kind.key, request.object)
                ids = {str(row[kind.key]) for row in rows}
                if ids and ids <= previous:
                    raise BadResponse(f"the list of {request.object} is not advancing: a page came again")
                past = not kind.by_time and bool(changed) and _all_before(rows, max(changed))
                number, more, previous = number + 1, bool(rows) and page.more and not past, ids
                last = not more and query is queries[-1]
                yield Page(
                    [row for row in rows if _wanted(row, kind, request.filter, since)],
                    (),
                    self._checkpoint(request, began) if last else None,
                )

    async def get(self, name: str, ids: Sequence[str]) -> list[Native | Missing]:
        """The records of the ids, in order: a call for each."""
        found = await together(partial(self._one, name), list(dict.fromkeys(ids)), self._parallel)
        by_id = dict(zip(dict.fromkeys(ids), found, strict=True))
        return [by_id[one] for one in ids]

    async def _one(self, name: str, id: str) -> Native | Missing:
        kind = KINDS[name]
        row = await self._calls.one(kind.path, kind.one, id) if is_record_id(id) else None
        if row is None or any(row.get(key, value) != value for key, value in kind.always.items()):
            return Missing(id)
        return keyed([plain(row, kind.fields)], kind.key, name)[0]

    def _checkpoint(self, request: ReadRequest, began: datetime) -> Checkpoint:
        return {
            "v": 1,
            "object": request.object,
            "since": (began.replace(microsecond=0) - self._overlap).isoformat(),
            "filter": _saved(request.filter),
        }


def _queries(kind: Kind, request: ReadRequest) -> Iterator[dict[str, str]]:
    """The parameters that choose what the conditions choose, or somewhat more.

    One set for each of several values, since a list is asked for one value at a time.
    """
    choices: list[list[dict[str, str]]] = []
    for one in request.filter:
        if one.field == CHANGED:
            continue
        if one.op != "in" and one.field in kind.days:
            choices.append([{one.field + _RANGES[one.op]: _text(request.object, one.field, one.value)}])
        elif one.op in {"eq", "in"}:
            several = one.value if isinstance(one.value, list) else [one.value]
            values = dict.fromkeys(_text(request.object, one.field, value) for value in several)
            choices.append([_asked(kind, request.object, one.field, value) for value in values])
        else:
            raise BadRequest(
                f"{request.object} can be chosen by equal values of {one.field} only",
                where=Where(object=request.object, field=one.field),
            )
    for parts in product(*choices):
        query = dict(kind.always)
        for part in parts:
            query |= part
        yield query


def _asked(kind: Kind, object: str, name: str, value: str) -> dict[str, str]:
    words = kind.words.get(name)
    if words is None:
        return {kind.equal.get(name, name): value}
    if value not in words:
        raise BadRequest(
            f"no record of {object} has that {name}",
            hint=f"one of {', '.join(words)}",
            where=Where(object=object, field=name),
        )
    return {kind.equal[name]: words[value]}


def _order(kind: Kind, changed: datetime | None) -> dict[str, str]:
    """The oldest first, so that what is new comes at the end; what changed last, where time is asked for."""
    if changed is None:
        return {"sort_column": "created_time", "sort_order": "A"}
    if kind.by_time:  # it chooses what changed after a time, not at it
        after = f"{changed.astimezone(UTC) - _SECOND:%Y-%m-%dT%H:%M:%S%z}"
        return {CHANGED: after, "sort_column": "created_time", "sort_order": "A"}
    return {"sort_column": CHANGED, "sort_order": "D"}


def _wanted(row: Native, kind: Kind, filter: Sequence[Condition], since: datetime | None) -> bool:
    if any(row.get(key, value) != value for key, value in kind.always.items()):
        return False
    at = instant(str(row.get(CHANGED)))
    return (since is None or at is None or at >= since) and holds(row, filter, kind.fields)


def _all_before(rows: Sequence[Native], changed: datetime) -> bool:
    """Whether the page has come to what did not change since."""
    times = [at for row in rows if (at := instant(str(row.get(CHANGED)))) is not None]
    return len(times) == len(rows) and bool(times) and min(times) < changed


def _since(request: ReadRequest) -> datetime | None:
    if request.since is None:
        return None
    saved = request.since
    at = instant(str(saved.get("since")))
    if saved.get("v") != 1 or saved.get("object") != request.object or at is None:
        raise _of_another(request, "it is damaged, or of another object")
    if saved.get("filter") != _saved(request.filter):
        raise _of_another(request, "it was made under other conditions")
    return at


def _of_another(request: ReadRequest, why: str) -> BadRequest:
    return BadRequest(
        f"the checkpoint cannot be used: {why}",
        hint="start a full read (without a checkpoint)",
        where=Where(object=request.object),
    )


def _unusable(object: str, name: str) -> datetime:
    raise BadRequest(f"{name} needs a time with its offset", where=Where(object=object, field=name))


def _saved(filter: Sequence[Condition]) -> Value:
    return [[one.field, one.op, one.value] for one in filter]


def _text(object: str, name: str, value: Value) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise BadRequest(
            f"{object} can be chosen by a text in {name} only", where=Where(object=object, field=name)
        )
    return str(value)
