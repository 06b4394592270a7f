"""Writing: collections of 200 records a call, an outcome for each record.

Updates, deletes and upserts do the same when they are sent twice, so the HTTP client may repeat them; a
create whose reply was lost is ``unknown``. A record that met a locked row is sent again by itself. A
batch that is refused as a whole is cut in halves, so that one bad record costs one record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from crmhub.connector import NOT_SENT, Context, Native, Outcome, Problem, Value, WriteRequest
from crmhub.errors import BadResponse, ConnectorError
from crmhub.http import Response, path
from crmhub_salesforce import checkpoint
from crmhub_salesforce.api import Api
from crmhub_salesforce.batches import Ready, demand, for_update, in_batches, prepared
from crmhub_salesforce.errors import (
    code_of,
    existing_id,
    is_about_records,
    is_gone,
    is_transient,
    passes,
    problem_of,
    text_of,
)
from crmhub_salesforce.foreign import unmet
from crmhub_salesforce.schema import Described
from crmhub_salesforce.schemas import Schemas
from crmhub_salesforce.soql import literal, quoted, select

__all__ = ["Writer"]

_TRIES = 4
_FIRST_WAIT = 0.5  # seconds; a locked row is held for a transaction's length


class Writer:
    """Writes of one connection; see the module."""

    def __init__(self, api: Api, schemas: Schemas, context: Context) -> None:
        self._api = api
        self._schemas = schemas
        self._context = context

    async def write(self, request: WriteRequest) -> list[Outcome]:
        """See :meth:`crmhub.connector.Connector.write`."""
        of = await self._schemas.of(request.object)
        demand(request, of)
        run = _Run(request, of, len(request.items))
        ready: list[Ready] = []
        for place, item in enumerate(request.items):
            made = prepared(request, of, place, item)
            if isinstance(made, Ready):
                ready.append(made)
            else:
                run.outcomes[place] = Outcome("rejected", item.id, problem=made)
        for batch in in_batches(ready):
            await self._guarded(run, batch)
        return [outcome or _not_sent(run.stopped) for outcome in run.outcomes]

    async def _guarded(self, run: _Run, batch: list[Ready]) -> None:
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

    async def _checked(self, run: _Run, batch: list[Ready]) -> None:
        """Send what has not changed since the version that it was made from."""
        versions = await self._versions(run, [item for item in batch if item.if_version is not None])
        fit: list[Ready] = []
        for item in batch:
            if item.if_version is None or _is_same(
                versions.get((item.key or "").casefold()), item.if_version
            ):
                fit.append(item)
            else:
                run.outcomes[item.place] = _conflict(versions.get((item.key or "").casefold()))
        await self._persistently(run, fit)

    async def _versions(self, run: _Run, items: Sequence[Ready]) -> dict[str, tuple[str, str]]:
        """Id and present stamp of records, by key."""
        cursor = run.of.cursor
        if not items or cursor is None:
            return {}
        name = run.request.match if run.request.operation == "upsert" else "Id"
        kind = run.of.type_of(name or "Id")
        values = [literal(item.key, kind) if kind != "id" else quoted(item.key or "") for item in items]
        soql = select(("Id", cursor, name or "Id"), run.of.name, [f"{name} IN ({', '.join(values)})"])
        reply = await self._api.query(soql, object=run.of.name)
        return {
            str(row.get(name or "Id")).casefold(): (str(row["Id"]), str(row.get(cursor)))
            for row in reply.records
        }

    async def _persistently(self, run: _Run, items: list[Ready]) -> None:
        """Send, and send those again that failed for a reason that passes."""
        for tries_left in reversed(range(_TRIES)):
            items = await self._halving(run, items, last=tries_left == 0)
            if not items:
                return
            wait = _FIRST_WAIT * 2.0 ** (_TRIES - 1 - tries_left)
            await self._context.clock.sleep(wait * self._context.random.uniform(0.5, 1.0))

    async def _halving(self, run: _Run, items: list[Ready], *, last: bool) -> list[Ready]:
        """Send; a batch that is refused as a whole is sent in halves. Gives what is to be sent again."""
        if not items:
            return []
        try:
            results = await self._send(run, items)
        except ConnectorError as error:
            if error.applied is None or isinstance(error, BadResponse):
                return self._lost(run, items, error)
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

    async def _send(self, run: _Run, items: Sequence[Ready]) -> list[Native]:
        request = run.request
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
        return _results(response, len(items))

    def _lost(self, run: _Run, items: Sequence[Ready], error: ConnectorError) -> list[Ready]:
        run.sent = True
        problem = Problem(
            error.code or "lost", "sent, and nobody knows whether it was applied", permanent=False
        )
        for item in items:
            run.outcomes[item.place] = Outcome("unknown", run.id_of(item), problem=problem)
        return []

    def _wait_for(self, run: _Run, items: list[Ready], error: ConnectorError, *, last: bool) -> list[Ready]:
        """A batch that met a lock as a whole is sent again, or rejected for now."""
        run.sent = True
        if not last:
            return items
        for item in items:
            run.outcomes[item.place] = _refused(error, permanent=False)
        return []

    def _settle(
        self, run: _Run, items: Sequence[Ready], results: Sequence[Native], *, last: bool
    ) -> list[Ready]:
        run.sent = True
        again: list[Ready] = []
        for item, result in zip(items, results, strict=True):
            refusal = _refusal(result)
            retried = None if refusal is None or last else run.retried(item, refusal)
            if retried is not None:
                again.append(retried)
            else:
                run.outcomes[item.place] = run.outcome(item, result, refusal)
        return again


class _Run:
    """One write request on its way."""

    def __init__(self, request: WriteRequest, of: Described, size: int) -> None:
        self.request = request
        self.of = of
        self.outcomes: list[Outcome | None] = [None] * size
        self.sent = False
        self.stopped: ConnectorError | None = None

    def id_of(self, item: Ready) -> str | None:
        """The id, where it is known before the answer."""
        return item.key if self.request.operation in {"update", "delete"} else None

    def retried(self, item: Ready, refusal: Native) -> Ready | None:
        """What to send again for a refused record, if that can help."""
        if is_transient(refusal):
            return item
        if self.request.operation != "upsert":
            return None
        code = code_of(refusal)
        if code == "INVALID_FIELD_FOR_INSERT_UPDATE":
            # The record is there, perhaps by a try whose reply was lost: what is set on create is set.
            return for_update(item, self.of, self.request.match)
        # Another writer created the record meanwhile; sent again, it is updated.
        race = code in {"DUPLICATE_VALUE", "DUPLICATE_EXTERNAL_ID"} and (
            problem_of(refusal).field == self.request.match
        )
        return item if race else None

    def outcome(self, item: Ready, result: Native, refusal: Native | None) -> Outcome:
        """What a record's result means."""
        operation = self.request.operation
        id_ = result.get("id")
        known = id_ if isinstance(id_, str) else self.id_of(item)
        if refusal is not None:
            if operation == "delete" and is_gone(refusal):
                return Outcome("deleted", known)
            return Outcome("rejected", existing_id(refusal) or known, problem=self._problem(item, refusal))
        if operation == "delete":
            return Outcome("deleted", known)
        created = operation == "create" or (operation == "upsert" and result.get("created") is True)
        return Outcome("created" if created else "updated", known)

    def _problem(self, item: Ready, refusal: Native) -> Problem:
        """Why a record was refused, with what is missing named: the record itself, or one it refers to.

        Salesforce gives both the same codes, and names no field (``fields`` is empty). A record to be
        changed or deleted is itself what is missing if it refers to no other; if it refers to some,
        nobody knows which.
        """
        problem = unmet(problem_of(refusal), text_of(refusal.get("message")), item.foreign)
        if problem.code not in {"INVALID_CROSS_REFERENCE_KEY", "ENTITY_IS_DELETED"} or problem.field:
            return problem
        given = [name for name, value in item.body.items() if value is not None and self.of.has(name)]
        references = [name for name in given if self.of.type_of(name) == "reference"]
        if self.request.operation in {"update", "delete"}:
            return problem if references else Problem(problem.code, "no such record", missing=True)
        return replace(problem, field=references[0]) if len(references) == 1 else problem


def _results(response: Response, size: int) -> list[Native]:
    body = response.json()
    results = [result for result in body if isinstance(result, dict)] if isinstance(body, list) else []
    if len(results) != size or any(not isinstance(result.get("success"), bool) for result in results):
        raise response.unreadable("JSON that is not one result for each record")
    return results


def _refusal(result: Native) -> Native | None:
    if result.get("success") is True:
        return None
    errors = result.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    return first if isinstance(first, dict) else {}


def _refused(error: ConnectorError, *, permanent: bool = True) -> Outcome:
    problem = Problem(error.code or "refused", error.what, error.where.field, permanent)
    return Outcome("rejected", problem=problem)


def _not_sent(error: ConnectorError | None) -> Outcome:
    why = f"an earlier batch failed: {error.what}" if error else "an earlier batch failed"
    return Outcome("rejected", problem=Problem(NOT_SENT, why, permanent=False))


def _conflict(found: tuple[str, str] | None) -> Outcome:
    if found is None:
        return Outcome("conflict", problem=Problem("NOT_FOUND", "the record is gone"))
    problem = Problem("VERSION_CONFLICT", "the record changed since it was read")
    return Outcome("conflict", found[0], found[1], problem)


def _is_same(found: tuple[str, str] | None, version: str) -> bool:
    if found is None:
        return False
    try:
        return checkpoint.moment(found[1]) == checkpoint.moment(version)
    except ValueError:
        return False
