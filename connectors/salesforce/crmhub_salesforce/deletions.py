"""The delete log: what is gone without a trace in the recycle bin.

Source: REST API Developer Guide, "sObject Get Deleted", and SOAP API Developer Guide, "getDeleted()": ids
and times of deletions in a window of whole minutes, at most 15 days back, at most 600,000; complete from
``earliestDateAvailable``, as the log is purged when it grows long, up to ``latestDateCovered``, where the
next window begins.

The log also names what is in the bin, what was merged, and what has been restored since. So ids that a read
of changes has not told already are looked up, and told as their records say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from crmhub.connector import Checkpoint, Context, Deletion, Native, Page, Value
from crmhub.errors import BadRequest, BadResponse, NotFound, PermissionDenied, Unsupported, Where
from crmhub_salesforce import checkpoint
from crmhub_salesforce.api import Api
from crmhub_salesforce.gone import deletion_of
from crmhub_salesforce.ids import full_id
from crmhub_salesforce.schema import Described
from crmhub_salesforce.soql import instant, quoted, select
from crmhub_salesforce.tiers.rest import Rest

__all__ = ["REACH", "DeleteLog", "Logged", "ending"]

REACH = timedelta(days=15)
"""How long deleted records and the log's entries are kept (Salesforce Help, "Recycle Bin")."""
_MARGIN = timedelta(minutes=5)  # the window must not reach back too far once the call arrives
_MINUTE = timedelta(minutes=1)
_LOOKED_UP = 400  # ids a query: what a URL has room for
_REFUSED = (BadRequest, NotFound, PermissionDenied, Unsupported)


@dataclass(frozen=True, slots=True)
class Logged:
    """Deletions, and the time from which the log is to be read next; ``None`` where there is none."""

    found: Sequence[Deletion]
    covered: datetime | None


@dataclass(frozen=True, slots=True)
class _Window:
    """What the log told of a window, by id."""

    gone: dict[str, datetime]
    earliest: datetime
    covered: datetime


class DeleteLog:
    """Reads the delete log of one connection."""

    def __init__(self, api: Api, context: Context) -> None:
        self._api = api
        self._context = context

    async def since(self, of: Described, start: datetime, now: datetime, told: Collection[str]) -> Logged:
        """Deletions from ``start`` to ``now`` but those of the ids ``told``. One call if there are none.

        The event ``read.deletions_uncertain`` tells when the log does not reach back to ``start``, or cannot
        be read: the changes arrive all the same.
        """
        first = max(start, now - REACH + _MARGIN)
        first = first.replace(second=0, microsecond=0)
        try:
            window = await self._window(of, first, now + _MINUTE)
        except _REFUSED as error:
            self._uncertain(of, start, error.what)
            return Logged((), start)  # asked for again by the next read
        earliest = max(window.earliest, first)
        if earliest > start:
            self._uncertain(of, start, f"the log begins at {instant(earliest)}")
        left = {id_: at for id_, at in window.gone.items() if id_ not in told}
        return Logged(await self._checked(of, left), max(min(window.covered, now), first))

    async def _window(self, of: Described, start: datetime, end: datetime) -> _Window:
        """The log from ``start`` to ``end``, in halves where it has more entries than an answer holds."""
        try:
            return await self._asked(of, start, end)
        except BadRequest as error:
            half = start + (end - start) / 2
            half = half.replace(second=0, microsecond=0)
            if error.code != "EXCEEDED_ID_LIMIT" or half <= start:
                raise
        older, newer = await self._window(of, start, half), await self._window(of, half, end)
        covered = older.covered if older.covered < half else newer.covered
        return _Window(older.gone | newer.gone, older.earliest, covered)

    async def _asked(self, of: Described, start: datetime, end: datetime) -> _Window:
        params = {"start": instant(start), "end": instant(end)}
        response = await self._api.data("GET", f"/sobjects/{of.name}/deleted", params=params)
        body = response.json()
        entries = body.get("deletedRecords") if isinstance(body, dict) else None
        if not isinstance(body, dict) or not isinstance(entries, list):
            raise response.unreadable("JSON without deletedRecords")
        gone: dict[str, datetime] = {}
        for entry in entries:
            id_, at = _entry(of, entry)
            gone[id_] = max(at, gone.get(id_, at))
        earliest, covered = (_told(of, body, name) for name in ("earliestDateAvailable", "latestDateCovered"))
        return _Window(gone, earliest, covered)

    async def _checked(self, of: Described, gone: dict[str, datetime]) -> list[Deletion]:
        """The deletions as their records tell them, where there are some; none of a record that lives."""
        found: list[Deletion] = []
        ids = list(gone)
        for start in range(0, len(ids), _LOOKED_UP):
            some = ids[start : start + _LOOKED_UP]
            rows = await self._rows(of, some)
            for id_ in some:
                row = rows.get(id_)
                if row is None:
                    found.append(Deletion(id_, gone[id_]))
                elif row.get("IsDeleted") is True:
                    found.append(deletion_of(row, gone[id_]))
        return found

    async def _rows(self, of: Described, ids: Sequence[str]) -> dict[str, Native]:
        fields = ("Id", *(name for name in ("IsDeleted", "MasterRecordId") if of.has(name)))
        soql = select(fields, of.name, (f"Id IN ({', '.join(map(quoted, ids))})",))
        rows = await Rest(self._api).rows(soql, of.name, deleted=of.has("IsDeleted"))
        return {str(row.get("Id")): row for row in rows}

    def _uncertain(self, of: Described, since: datetime, why: str) -> None:
        """Such deletions leave no trace; whoever needs them must read everything."""
        self._context.events.emit(
            "read.deletions_uncertain",
            connection=self._context.connection,
            object=of.name,
            since=instant(since),
            why=why,
        )


def ending(
    upserts: Sequence[Native], deletes: Sequence[Deletion], limit: int, since: Checkpoint
) -> Iterator[Page]:
    """The last page of a read of changes, before it pages of the deletions that it has no room for.

    Only the last has a checkpoint. Records that were deleted after they had been read are gone.
    """
    gone = {one.id for one in deletes}
    kept = [row for row in upserts if str(row["Id"]) not in gone]
    last = (len(deletes) - 1) // limit * limit if deletes else 0
    for start in range(0, last, limit):
        yield Page((), deletes[start : start + limit])
    yield Page(kept, deletes[last:], since)


def _entry(of: Described, entry: Value) -> tuple[str, datetime]:
    """Id and time of an entry; raises ``BadResponse``."""
    id_ = entry.get("id") if isinstance(entry, dict) else None
    full = full_id(id_) if isinstance(id_, str) else None
    if not isinstance(entry, dict) or full is None:
        raise BadResponse("an entry of the delete log has no id", where=Where(object=of.name))
    return full, _told(of, entry, "deletedDate")


def _told(of: Described, holder: Native, name: str) -> datetime:
    try:
        return checkpoint.moment(holder.get(name))
    except ValueError:
        raise BadResponse(f"{name} of the delete log is no time", where=Where(object=of.name)) from None
