"""Writing: collections of 200 records a call, an outcome for each record.

Updates, deletes and upserts do the same when they are sent twice, so the HTTP client may repeat them; a
create whose reply was lost is ``unknown``. A record that met a locked row is sent again by itself. A
batch that is refused as a whole is cut in halves, so that one bad record costs one record. Large writes go
by jobs first (:mod:`.bulk.writing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from crmhub.connector import Context, Native, Outcome, Problem, Value, WriteRequest
from crmhub.errors import BadResponse, ConnectorError
from crmhub.http import Response, path
from crmhub_salesforce import checkpoint
from crmhub_salesforce.api import Api
from crmhub_salesforce.batches import Ready, by_parent, demand, folded, in_batches, prepared
from crmhub_salesforce.bulk.writing import BulkWriter
from crmhub_salesforce.errors import is_about_records, passes
from crmhub_salesforce.guarding import MOST_GUARDED, guarded, may_be_conflict
from crmhub_salesforce.ids import full_id
from crmhub_salesforce.outcomes import Run, not_sent
from crmhub_salesforce.received import checked
from crmhub_salesforce.schema import NUMBERS
from crmhub_salesforce.schemas import Schemas
from crmhub_salesforce.soql import literal, select
from crmhub_salesforce.tiers.rest import Rest

__all__ = ["Writer"]

_TRIES = 4
_FIRST_WAIT = 0.5  # seconds; a locked row is held for a transaction's length


class Writer:
    """Writes of one connection; see the module."""

    def __init__(self, api: Api, schemas: Schemas, context: Context, bulk: BulkWriter) -> None:
        self._api = api
        self._bulk = bulk
        self._schemas = schemas
        self._context = context

    async def write(self, request: WriteRequest) -> list[Outcome]:
        """See :meth:`crmhub.connector.Connector.write`."""
        of = await self._schemas.of(request.object)
        demand(request, of)
        run = Run(request, of, len(request.items))
        ready: list[Ready] = []
        for place, item in enumerate(request.items):
            made = prepared(request, of, place, item)
            if isinstance(made, Ready):
                ready.append(made)
            else:
                run.outcomes[place] = Outcome("rejected", item.id, problem=made)
        left = await self._bulk.done(run, by_parent(ready, of))
        for batch in in_batches(by_parent(left, of), of):
            await self._guarded(run, batch)
        return [outcome or not_sent(run.stopped) for outcome in run.outcomes]

    async def _guarded(self, run: Run, batch: list[Ready]) -> None:
        """Send a batch unless the run has stopped; what stops it is raised while nothing was sent."""
        if run.stopped is not None:
            return
        try:
            await self._checked(run, batch)
        except ConnectorError as error:
            error.at(connection=self._context.connection, object=run.of.name)
            if not run.sent:
                raise
            run.stopped = error

    async def _checked(self, run: Run, batch: list[Ready]) -> None:
        """Send what has not changed since the version that it was made from."""
        versions = await self._versions(run, [item for item in batch if item.if_version is not None])
        fit: list[Ready] = []
        for item in batch:
            found = versions.get(_name(run, item))
            if item.if_version is None or _is_same(found, item.if_version):
                fit.append(item)
            else:
                run.outcomes[item.place] = _conflict(found)
        alone = [item for item in fit if item.if_version is not None]
        if run.request.operation != "update" or len(alone) > MOST_GUARDED:
            alone = []
        await self._persistently(run, alone)
        await self._explained(run, alone)
        await self._persistently(run, [item for item in fit if item not in alone])

    async def _explained(self, run: Run, alone: Sequence[Ready]) -> None:
        """Those that were refused since they changed after the comparison are conflicts too."""
        refused = [item for item in alone if may_be_conflict(run.outcomes[item.place], gone=True)]
        now = await self._versions(run, refused)
        for item in refused:
            found = now.get(_name(run, item))
            if may_be_conflict(run.outcomes[item.place], gone=found is None):
                run.outcomes[item.place] = _conflict(found)

    async def _versions(self, run: Run, items: Sequence[Ready]) -> dict[str, tuple[str, str]]:
        """Id and present stamp of records, by key."""
        cursor = run.of.cursor
        if not items or cursor is None:
            return {}
        name, kind = run.match, run.of.type_of(run.match)
        keys = [_name(run, item) if kind in NUMBERS else item.key or "" for item in items]
        values = [literal(Decimal(key) if kind in NUMBERS else key, kind) for key in keys]
        soql = select(("Id", cursor, name), run.of.name, [f"{name} IN ({', '.join(values)})"])
        return {
            folded(str(row.get(name)), kind) or "": (str(row["Id"]), str(row.get(cursor)))
            for row in checked(run.of, await Rest(self._api).rows(soql, run.of.name))
        }

    async def _persistently(self, run: Run, items: list[Ready]) -> None:
        """Send, and send those again that failed for a reason that passes."""
        for tries_left in reversed(range(_TRIES)):
            items = await self._halving(run, items, last=tries_left == 0)
            if not items:
                return
            wait = _FIRST_WAIT * 2.0 ** (_TRIES - 1 - tries_left)
            await self._context.clock.sleep(wait * self._context.random.uniform(0.5, 1.0))

    async def _halving(self, run: Run, items: list[Ready], *, last: bool) -> list[Ready]:
        """Send; a batch that is refused as a whole is sent in halves. Gives what is to be sent again."""
        if not items:
            return []
        try:
            results = await self._send(run, items)
        except ConnectorError as error:
            if error.applied is None or isinstance(error, BadResponse):
                run.lose(items, error)
                return []
            if passes(error):
                return self._wait_for(run, items, error, last=last)
            if not is_about_records(error):
                raise
            run.sent = True
            if len(items) == 1:
                run.outcomes[items[0].place] = _refused(error)
                return []
        else:
            return self._settle(run, items, results, last=last)
        half = len(items) // 2
        first = await self._halving(run, items[:half], last=last)
        return first + await self._halving(run, items[half:], last=last)

    async def _send(self, run: Run, items: Sequence[Ready]) -> list[Native]:
        request = run.request
        versioned = all(item.if_version is not None for item in items)
        if request.operation == "update" and versioned and len(items) <= MOST_GUARDED:
            return await guarded(self._api, run.of.name, items)
        records: list[Value] = [item.body for item in items]
        body: Value = {"allOrNone": False, "records": records}
        below = "/composite/sobjects"
        if request.operation == "create":
            response = await self._api.data("POST", below, json=body)
        elif request.operation == "update":
            response = await self._api.data("PATCH", below, json=body, idempotent=True)
        elif request.operation == "upsert":
            below += path("/{object}/{field}", object=run.of.name, field=request.match or "")
            response = await self._api.data("PATCH", below, json=body, idempotent=True)
        else:
            ids = ",".join(item.key or "" for item in items)
            response = await self._api.data("DELETE", below, params={"ids": ids, "allOrNone": "false"})
        return _results(response, [run.id_of(item) for item in items], request.operation == "create")

    def _wait_for(self, run: Run, items: list[Ready], error: ConnectorError, *, last: bool) -> list[Ready]:
        """A batch that met a lock as a whole is sent again, or rejected for now."""
        run.sent = True
        if not last:
            return items
        for item in items:
            run.outcomes[item.place] = _refused(error, permanent=False)
        return []

    def _settle(
        self, run: Run, items: Sequence[Ready], results: Sequence[Native], *, last: bool
    ) -> list[Ready]:
        run.sent = True
        again = (run.settle(item, result, last=last) for item, result in zip(items, results, strict=True))
        return [item for item in again if item is not None]


def _results(response: Response, ids: Sequence[str | None], made: bool) -> list[Native]:
    """A result for each record, of which ``ids`` are known; where all are ``made``, no two are the same."""
    body = response.json()
    results = [result for result in body if isinstance(result, dict)] if isinstance(body, list) else []
    if len(results) != len(ids) or any(not isinstance(result.get("success"), bool) for result in results):
        raise response.unreadable("JSON that is not one result for each record")
    told = [full_id(id_) if isinstance(id_ := result.get("id"), str) else None for result in results]
    good = [id_ for id_, result in zip(told, results, strict=True) if result["success"]]
    if None in good or (made and len(set(good)) < len(good)):
        raise response.unreadable("JSON that does not tell the id of each record")
    if any(known and id_ and known != id_ for known, id_ in zip(ids, told, strict=True)):
        raise response.unreadable("JSON whose results are of other records, or in another order")
    return results


def _refused(error: ConnectorError, *, permanent: bool = True) -> Outcome:
    problem = Problem(error.code or "refused", error.what, error.where.field, permanent)
    return Outcome("rejected", problem=problem)


def _conflict(found: tuple[str, str] | None) -> Outcome:
    if found is None:
        return Outcome("conflict", problem=Problem("NOT_FOUND", "the record is gone"))
    problem = Problem("VERSION_CONFLICT", "the record changed since it was read")
    return Outcome("conflict", found[0], found[1], problem)


def _name(run: Run, item: Ready) -> str:
    """What says which record an item is about, as keys are compared."""
    return folded(item.key or "", run.of.type_of(run.match)) or ""


def _is_same(found: tuple[str, str] | None, version: str) -> bool:
    if found is None:
        return False
    try:
        return checkpoint.moment(found[1]) == checkpoint.moment(version)
    except ValueError:
        return False
