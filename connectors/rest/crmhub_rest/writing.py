"""Writing: many records in a call where the CRM takes them, an outcome for each record.

A call that does the same when it is sent twice may be repeated by the HTTP client; a create whose reply was
lost is ``unknown``. A batch that is refused as a whole is cut in halves, so that one bad record costs one
record. References that are not fields are tied once their record is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crmhub.clock import Clock
from crmhub.connector import NOT_SENT, Context, Native, Outcome, Problem, Value, WriteRequest
from crmhub.errors import (
    AlreadyExists,
    BadRequest,
    BadResponse,
    Conflict,
    ConnectorError,
    InvalidRecord,
    NotFound,
    UnknownOutcome,
)
from crmhub.http import Response
from crmhub_rest.api import Api
from crmhub_rest.batches import Ready, demand, prepared, with_defaults
from crmhub_rest.language.path import ABSENT
from crmhub_rest.language.template import Scope
from crmhub_rest.language.times import TimeForm
from crmhub_rest.language.write import Batch, Single, Write
from crmhub_rest.links import Links, ids_in, limited
from crmhub_rest.lookup import Lookup
from crmhub_rest.refusals import problem_of, refused
from crmhub_rest.schemas import Described, Schemas

__all__ = ["Writer"]

_ABOUT_RECORDS = (BadRequest, InvalidRecord, AlreadyExists, NotFound, Conflict)
"""What a call can be refused for because of a record in it."""


_NOW = TimeForm("iso")


class Writer:
    """Writes of one connection; see the module."""

    def __init__(self, api: Api, schemas: Schemas, lookup: Lookup, context: Context) -> None:
        self._api = api
        self._schemas = schemas
        self._lookup = lookup
        self._context = context

    async def write(self, request: WriteRequest) -> list[Outcome]:
        """See :meth:`crmhub.connector.Connector.write`."""
        of = await self._schemas.of(request.object)
        write = demand(request, of, self._api.crm.title)
        run = _Run(self._api, self._lookup, of, write, request, self._context.clock)
        ready: list[Ready] = []
        for place, item in enumerate(request.items):
            made = prepared(request, of, place, item)
            if isinstance(made, Ready):
                ready.append(made)
            else:
                run.outcomes[place] = Outcome("rejected", item.id, problem=made)
        try:
            await run.all(ready)
        except ConnectorError as error:
            error.at(connection=self._context.connection, object=of.name)
            if not run.sent:
                raise
            run.stopped = error
        return [outcome or run.not_sent() for outcome in run.outcomes]


class _Run:
    """One write request on its way."""

    def __init__(
        self,
        api: Api,
        lookup: Lookup,
        of: Described,
        write: Write,
        request: WriteRequest,
        clock: Clock,
    ) -> None:
        self._api = api
        self._lookup = lookup
        self._of = of
        self._write = write
        self._request = request
        self._clock = clock
        self._links = Links(api, of)
        self.outcomes: list[Outcome | None] = [None] * len(request.items)
        self.sent = False
        self.stopped: ConnectorError | None = None

    def not_sent(self) -> Outcome:
        """The outcome of what was never sent, since the run had to stop."""
        why = f"an earlier call failed: {self.stopped.what}" if self.stopped else "an earlier call failed"
        return Outcome("rejected", problem=Problem(NOT_SENT, why, permanent=False))

    async def all(self, items: Sequence[Ready]) -> None:
        """Write all items."""
        items = await self._unchanged(items)
        batch = self._write.batch.get(self._request.operation)
        single: Single | None = getattr(self._write, self._request.operation)
        if batch is not None and (len(items) > 1 or single is None):
            for group in _groups(items, batch.most):
                await self._halving(batch, single, group)
        elif single is not None:
            call = single
            await limited(
                [lambda item=item: self._alone(call, item) for item in items], self._api.concurrency
            )

    async def _unchanged(self, items: Sequence[Ready]) -> list[Ready]:
        """Those that have not changed since the version that they were made from; the others conflict."""
        guarded = {item.id: item for item in items if item.if_version is not None and item.id is not None}
        says = self._of.says
        if not guarded or says.modified is None:
            return list(items)
        found = await self._lookup.raw(self._of, list(guarded), (says.modified,))
        fit: list[Ready] = []
        for item in items:
            row = found.get(item.id or "")
            if item.id not in guarded:
                fit.append(item)
            elif row is None:
                problem = Problem("NOT_FOUND", "the record is gone")
                self.outcomes[item.place] = Outcome("conflict", problem=problem)
            elif says.times.read(row.get(says.modified)) == says.times.read(item.if_version):
                fit.append(item)
            else:
                problem = Problem("VERSION_CONFLICT", "the record changed since it was read")
                version = str(row.get(says.modified))
                self.outcomes[item.place] = Outcome("conflict", item.id, version, problem)
        return fit

    # ── one by one ───────────────────────────────────────────────────────────────────────────────

    async def _alone(self, call: Single, item: Ready) -> None:
        try:
            outcome = await self._one(call, item)
        except ConnectorError as error:
            outcome = self._refused(error, item)
            if outcome is None:
                raise
        self.outcomes[item.place] = await self._tied(item, outcome)

    async def _one(self, call: Single, item: Ready) -> Outcome:
        operation = self._request.operation
        scope = await self._scope(item)
        body = await self._body(item, scope)
        response = await self._api.send(
            operation,
            call,
            scope,
            items=[scope],
            fields=(call.fields or self._write.fields, body) if call.by_body and not call.each else None,
            idempotent=True if operation in {"update", "upsert", "delete"} else call.idempotent,
        )
        self.sent = True
        if operation == "delete":
            return Outcome("deleted", item.id)
        known = item.id if operation == "update" else None
        row = self._api.row(call, scope, response) if response.content else None
        id_ = call.id.text_in(row) or known
        if id_ is None:
            raise response.unreadable(f"JSON that has no id at {call.id.text!r}")
        if known is not None and id_ != known:
            return Outcome("updated", known)
        created = operation == "create" or (
            call.created is not None and call.created.get(response.json()) is True
        )
        return Outcome("created" if created else "updated", id_)

    # ── many in a call ───────────────────────────────────────────────────────────────────────────

    async def _halving(self, batch: Batch, single: Single | None, items: Sequence[Ready]) -> None:
        """Send; a batch that is refused as a whole is sent in halves, a record alone by its own call."""
        if len(items) == 1 and single is not None:
            await self._alone(single, items[0])
            return
        try:
            outcomes = await self._many(batch, items)
        except ConnectorError as error:
            if error.applied is None or isinstance(error, BadResponse):
                for item in items:
                    self.outcomes[item.place] = _lost(error, item)
                self.sent = True
                return
            if not isinstance(error, _ABOUT_RECORDS):
                raise
            self.sent = True
            if len(items) == 1:
                self.outcomes[items[0].place] = self._refused(error, items[0])
                return
            half = len(items) // 2
            await self._halving(batch, single, items[:half])
            await self._halving(batch, single, items[half:])
            return
        for item in items:
            self.outcomes[item.place] = await self._tied(item, outcomes[item.place])

    async def _many(self, batch: Batch, items: Sequence[Ready]) -> dict[int, Outcome]:
        operation = self._request.operation
        scopes = [await self._scope(item, fields=True) for item in items]
        response = await self._api.send(
            operation,
            batch,
            self._api.scope(self._of.name, {"match": self._request.match}),
            items=scopes,
            idempotent=True if operation in {"update", "upsert", "delete"} else batch.idempotent,
        )
        self.sent = True
        if operation == "delete" and batch.rows is None and batch.errors is None:
            return {item.place: Outcome("deleted", item.id) for item in items}
        return self._told(batch, items, response)

    def _told(self, batch: Batch, items: Sequence[Ready], response: Response) -> dict[int, Outcome]:
        """What the reply tells of each record. One that it does not tell of is ``unknown``."""
        scope = self._api.scope(self._of.name)
        rows = self._api.rows(self._request.operation, batch, scope, response) if response.content else []
        outcomes: dict[int, Outcome] = {}
        if batch.match == "order":
            if len(rows) != len(items):
                raise response.unreadable("JSON that is not one result for each record")
            for item, row in zip(items, rows, strict=True):
                outcomes[item.place] = self._result(batch, item, row)
        else:
            by = {_folded(batch.told.text_in(row)): row for row in rows}
            for item in items:
                if (row := by.get(_folded(self._matched(batch, item)))) is not None:
                    outcomes[item.place] = self._result(batch, item, row)
        for item, error in self._errors(batch, items, response):
            outcomes[item.place] = self._refused(error, item) or _lost(error, item)
        silent = UnknownOutcome("the reply does not tell what became of the record")
        return {item.place: outcomes.get(item.place) or _lost(silent, item) for item in items}

    def _errors(
        self, batch: Batch, items: Sequence[Ready], response: Response
    ) -> list[tuple[Ready, ConnectorError]]:
        """Records that the reply says were refused."""
        if batch.errors is None or not response.content:
            return []
        listed = batch.errors.at.get(response.json())
        found: list[tuple[Ready, ConnectorError]] = []
        for entry in listed if isinstance(listed, list) else []:
            told = batch.errors.ids.find(entry)
            named = {_folded(id_) for id_ in ids_in(None if told is ABSENT else told)}
            error = refused(self._api.crm, 400, entry, f"{self._api.crm.title} refused the record")
            found += [
                (item, error) for item in items if not named or _folded(self._matched(batch, item)) in named
            ]
        return found

    def _result(self, batch: Batch, item: Ready, row: Value) -> Outcome:
        operation = self._request.operation
        if operation == "delete":
            return Outcome("deleted", item.id)
        id_ = batch.id.text_in(row) or item.id
        if id_ is None:
            return _lost(UnknownOutcome("the reply has no id for the record"), item)
        created = operation == "create" or (batch.created is not None and batch.created.get(row) is True)
        return Outcome("created" if created else "updated", id_)

    def _matched(self, batch: Batch, item: Ready) -> str | None:
        match batch.match:
            case "id":
                return item.id
            case "key":
                return item.key
            case _:
                return f"crmhub-{item.place}"

    # ── what is sent, and what the refusal of it means ───────────────────────────────────────────

    async def _scope(self, item: Ready, *, fields: bool = False) -> dict[str, Value]:
        now = _NOW.write(self._clock.now())
        values: Native = {"trace": f"crmhub-{item.place}", "match": self._request.match, "now": now}
        if item.id is not None:
            values["id"] = self._api.id_sent(item.id)
        if item.key is not None:
            values["key"] = item.key
        if self._request.operation == "create" and (linked := self._linked(item)):
            values["links"] = linked
        scope = self._api.scope(self._of.name, values)
        if fields:
            scope["fields"] = await self._body(item, scope)
        return scope

    async def _body(self, item: Ready, scope: Scope) -> Native:
        """The fields as the CRM takes them."""
        fields = item.fields
        if self._request.operation in {"create", "upsert"}:
            fields = with_defaults(self._write, fields, scope)
        if self._api.crm.ids == "int":
            fields = {name: self._reference(name, value) for name, value in fields.items()}
        if self._of.codes:
            fields = {name: self._of.coded(name, value) for name, value in fields.items()}
        record = self._of.says.record
        needed = record.needs_held(fields) if self._request.operation == "update" else ()
        held: Mapping[str, Value] = {}
        if (needed or self._write.whole) and item.id is not None and self._request.operation == "update":
            held = await self._held(item.id)
            flat = record.decode(dict(held))
            fields = {**{name: flat.get(name) for name in self._write.whole if name in flat}, **fields}
        return self._api.seams.encode(self._of.name, record.encode(fields, held))

    async def _held(self, id_: str) -> Mapping[str, Value]:
        """The raw record as it stands."""
        call = self._of.says.get
        if call is None:
            return {}
        scope = self._api.scope(self._of.name, {"id": self._api.id_sent(id_)})
        response = await self._api.send("get", call, scope, idempotent=True)
        row = self._api.row(call, scope, response)
        return row if isinstance(row, dict) else {}

    def _reference(self, name: str, value: Value) -> Value:
        spec = self._of.schema.fields.get(name)
        if spec is not None and spec.type == "ref" and isinstance(value, str) and value.isdigit():
            return int(value)
        return value

    def _linked(self, item: Ready) -> list[Value]:
        """What a create's call has for links."""
        entries = [
            link.on_create.fill(self._links.scope(link, {"to": id_}))
            for name, value in item.links.items()
            if (link := self._of.says.links[name]).on_create is not None
            for id_ in ids_in(value)
        ]
        return [entry for entry in entries if entry is not ABSENT]

    async def _tied(self, item: Ready, outcome: Outcome | None) -> Outcome | None:
        """The outcome once the record's links are as they are wanted."""
        if outcome is None or not outcome.ok or not item.links or outcome.id is None:
            return outcome
        try:
            await self._links.write(outcome.id, item.links, created=outcome.status == "created")
        except ConnectorError as error:
            problem = problem_of(error)
            names = ", ".join(item.links)
            told = Problem(
                problem.code, f"written, but not tied by {names}: {problem.message}", names, problem.permanent
            )
            return Outcome("rejected", outcome.id, problem=told)
        return outcome

    def _refused(self, error: ConnectorError, item: Ready) -> Outcome | None:
        """The outcome of a record whose call failed; ``None`` when the failure is not the record's own."""
        operation = self._request.operation
        if error.applied is None or isinstance(error, BadResponse):
            self.sent = True
            return _lost(error, item)
        if not isinstance(error, _ABOUT_RECORDS):
            return None
        self.sent = True
        if operation == "delete" and isinstance(error, NotFound):
            return Outcome("deleted", item.id)
        existing = error.existing_id if isinstance(error, AlreadyExists) else None
        return Outcome("rejected", existing or item.id, problem=problem_of(error))


def _lost(error: ConnectorError, item: Ready) -> Outcome:
    what = "sent, and nobody knows whether it was applied"
    return Outcome("unknown", item.id, problem=Problem(error.code or "lost", what, permanent=False))


def _folded(text: str | None) -> str:
    return (text or "").casefold()


def _groups(items: Sequence[Ready], most: int) -> list[list[Ready]]:
    """The items in order, in groups within which no id or key comes twice."""
    groups: list[list[Ready]] = []
    keys: set[str] = set()
    for item in items:
        key = _folded(item.key or item.id)
        if not groups or len(groups[-1]) == most or (key and key in keys):
            groups.append([])
            keys = set()
        groups[-1].append(item)
        keys.add(key)
    return groups
