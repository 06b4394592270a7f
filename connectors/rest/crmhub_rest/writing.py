"""Writing: many records in a call where the CRM takes them, an outcome for each record.

A call that does the same when it is sent twice may be repeated by the HTTP client; a create whose reply was
lost is ``unknown``. A batch that is refused as a whole is cut in halves, so that one bad record costs one
record. References that are not fields are tied once their record is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence

from crmhub.clock import Clock
from crmhub.connector import NOT_SENT, Context, Missing, Outcome, Problem, Value, WriteRequest
from crmhub.errors import BadResponse, ConnectorError, UnknownOutcome
from crmhub.http import Response
from crmhub_rest.api import Api
from crmhub_rest.batches import Ready, demand, prepared
from crmhub_rest.bodies import Bodies
from crmhub_rest.guards import unheard
from crmhub_rest.language.write import Batch, Operation, Single, Write
from crmhub_rest.links import limited
from crmhub_rest.lookup import Lookup
from crmhub_rest.refusals import ABOUT_RECORDS, problem_of
from crmhub_rest.results import Results, folded, lost
from crmhub_rest.schemas import Described, Schemas
from crmhub_rest.ties import Ties

__all__ = ["Writer"]


class Writer:
    """Writes of one connection; see the module."""

    def __init__(self, api: Api, schemas: Schemas, lookup: Lookup, context: Context) -> None:
        self._api = api
        self._schemas = schemas
        self._lookup = lookup
        self._context = context

    async def write(self, request: WriteRequest) -> list[Outcome]:
        """See :meth:`crmhub.connector.Connector.write`."""
        of = await self._schemas.writable(request.object, [item.fields for item in request.items])
        write = demand(request, of, self._api.crm.title)
        run = _Run(self._api, self._lookup, of, write, request, self._context.clock)
        ready: list[Ready] = []
        for place, item in enumerate(request.items):
            made = prepared(request, of, place, item)
            if isinstance(made, Ready):
                ready.append(made)
            else:
                run.outcomes[place] = Outcome("rejected", item.id, problem=made)
        await run.all(ready)
        if run.stopped is not None:
            run.stopped.at(connection=self._context.connection, object=of.name)
            if not run.sent:
                raise run.broken or run.stopped
        return [outcome or run.not_sent() for outcome in run.outcomes]


class _Run:
    """One write request on its way."""

    def __init__(
        self, api: Api, lookup: Lookup, of: Described, write: Write, request: WriteRequest, clock: Clock
    ) -> None:
        self._api = api
        self._lookup = lookup
        self._of = of
        self._write = write
        self._operation: Operation = request.operation
        self._match = request.match
        self._bodies = Bodies(api, lookup, of, write, request, clock)
        self._results = Results(api, of, request)
        self._ties = Ties(api, of)
        self.outcomes: list[Outcome | None] = [None] * len(request.items)
        self.sent = False
        self.stopped: ConnectorError | None = None
        self.broken: Exception | None = None

    def not_sent(self) -> Outcome:
        """The outcome of what was never sent, since the run had to stop."""
        why = f"an earlier call failed: {self.stopped.what}" if self.stopped else "an earlier call failed"
        return Outcome("rejected", problem=Problem(NOT_SENT, why, permanent=False))

    async def all(self, items: Sequence[Ready]) -> None:
        """Write all items, or as many as can be: ``stopped`` is then why it had to end."""
        items = await self._leading(await self._unchanged(items))
        items = await self._only_tied(items)
        batch = self._write.batch.get(self._operation)
        single: Single | None = getattr(self._write, self._operation)
        if batch is not None and (len(items) > 1 or single is None):
            for group in _groups(items, batch.most):
                await self._guarded(group, lambda group=group: self._halving(batch, single, group))
        elif single is not None:
            call = single
            for group in _groups(items, len(items)):  # what is told of one record twice is told in order
                jobs = [
                    lambda item=item: self._guarded([item], lambda: self._alone(call, item)) for item in group
                ]
                await limited(jobs, self._api.concurrency)

    async def _guarded(self, items: Sequence[Ready], job: Callable[[], Awaitable[None]]) -> None:
        """Do a job unless the run has stopped. What is under way then still comes to its end.

        So it does when seams or a description make an error of another kind: what was written is told.
        """
        if self.stopped is not None:
            return
        try:
            await job()
        except ConnectorError as error:
            self.stopped = self.stopped or error
        except Exception as error:  # noqa: BLE001 - raised by Writer.write where nothing was written yet
            self.broken = self.broken or error
            untold = UnknownOutcome(f"{type(error).__name__} while it was written")
            self.stopped = self.stopped or untold
            for item in items:
                self.outcomes[item.place] = self.outcomes[item.place] or lost(untold, item)

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

    async def _leading(self, items: Sequence[Ready]) -> list[Ready]:
        """Those whose references that the CRM does not check lead somewhere; the others are rejected."""
        names = {name: to for name, field in self._of.says.fields.items() if (to := field.checked)}
        lost: dict[int, str] = {}
        for name, to in names.items():
            held = {item.place: str(item.fields[name]) for item in items if item.fields.get(name) is not None}
            ids = list(dict.fromkeys(held.values()))
            found = await self._lookup.get(to, ids, ()) if ids else ()
            missing = {one.id for one in found if isinstance(one, Missing)}
            lost |= {place: name for place, id_ in held.items() if id_ in missing}
        for place, name in lost.items():
            problem = Problem("LEADS_NOWHERE", f"there is no such record of {names[name]}", name)
            self.outcomes[place] = Outcome("rejected", problem=problem)
        return [item for item in items if item.place not in lost]

    async def _only_tied(self, items: Sequence[Ready]) -> list[Ready]:
        """Those with fields to be written; of the others nothing but their links is sent."""
        often = Counter(item.id for item in items)
        bare = [item for item in items if not item.fields and often[item.id] == 1]
        if self._operation != "update" or not bare:
            return list(items)
        same = {item.place: Outcome("updated", item.id) for item in bare}
        await self._guarded(bare, lambda: self._keep(bare, same))
        self.sent = True
        return [item for item in items if item.place not in same]

    async def _alone(self, call: Single, item: Ready) -> None:
        """Write one record by a call of its own."""
        outcome: Outcome | None = Outcome("updated", item.id)
        if self._operation != "update" or item.fields:
            try:
                outcome = await self._one(call, item)
            except ConnectorError as error:
                outcome = self._results.refused(error, item)
                if outcome is None:
                    raise
        self.sent = True
        await self._keep([item], {item.place: outcome})

    async def _one(self, call: Single, item: Ready) -> Outcome:
        scope = await self._bodies.scope(item)
        in_body = call.by_body and not call.each and self._operation != "delete"
        body = await self._bodies.body(item, scope) if in_body else {}
        response = await self._api.send(
            self._operation,
            call,
            scope,
            items=[scope],
            fields=(call.fields or self._write.fields, body) if in_body else None,
            idempotent=call.idempotent if self._operation == "create" else True,
            read=self._operation in {"create", "upsert"}
            or (self._operation == "update" and call.tells_record),
        )
        outcome = self._results.one(call, item, response)
        self._listen(call, item, response)
        if outcome.status == "created" and outcome.id is not None:
            self._lookup.made(self._of, outcome.id)
        return outcome

    def _listen(self, call: Single, item: Ready, response: Response) -> None:
        """Tell observers, once, where a reply shows nothing of what was sent: it may not have arrived."""
        seen = (self._of.name, self._operation)
        row = call.row.find(response.peek()) if seen not in self._api.heard else None
        if self._operation == "delete" or not isinstance(row, dict) or not item.fields:
            return
        try:
            names = unheard(self._of, self._lookup.flat(self._of, row), item.fields)
        except BadResponse:
            return  # no record as a whole: nothing can be said of it
        self._api.heard.add(seen)
        if names:
            why = f"its reply shows nothing of {', '.join(names)}: write.fields, or {self._operation}.fields"
            self._api.tell("write.dangling", self._of.name, operation=self._operation, error=why)

    async def _halving(self, batch: Batch, single: Single | None, items: Sequence[Ready]) -> None:
        """Send; a batch that is refused as a whole is sent in halves, a record alone by its own call."""
        if len(items) == 1 and single is not None:
            await self._alone(single, items[0])
            return
        try:
            outcomes = await self._many(batch, items)
        except ConnectorError as error:
            told = [self._results.refused(error, item) for item in items]
            if None in told:
                raise
            self.sent = True
            if len(items) > 1 and isinstance(error, ABOUT_RECORDS):
                half = len(items) // 2
                await self._halving(batch, single, items[:half])
                await self._halving(batch, single, items[half:])
                return
            outcomes = {item.place: outcome for item, outcome in zip(items, told, strict=True) if outcome}
        self.sent = True
        await self._keep(items, outcomes)

    async def _keep(self, items: Sequence[Ready], outcomes: Mapping[int, Outcome]) -> None:
        """Tie the records' links, and keep their outcomes."""
        linked: dict[int, tuple[str, Mapping[str, Value]]] = {}
        for item in items:
            outcome = outcomes.get(item.place)
            if outcome is not None and outcome.ok and outcome.id is not None and item.links:
                linked[item.place] = (outcome.id, item.links)
            else:
                self.outcomes[item.place] = outcome
        failed = await self._ties.write([*linked.values()], created=self._operation == "create")
        for number, (place, (id_, links)) in enumerate(linked.items()):
            self.outcomes[place] = outcomes[place]
            if (error := failed.get(number)) is not None:
                problem, names = problem_of(error), ", ".join(links)
                why = f"written, but not tied by {names}: {problem.message}"
                told = Problem(problem.code, why, names, problem.permanent)
                self.outcomes[place] = Outcome("rejected", id_, problem=told)

    async def _many(self, batch: Batch, items: Sequence[Ready]) -> dict[int, Outcome]:
        response = await self._api.send(
            self._operation,
            batch,
            self._api.scope(self._of.name, {"match": self._match}),
            items=[await self._bodies.scope(item, fields=True) for item in items],
            idempotent=batch.idempotent if self._operation == "create" else True,
            read=batch.rows is not None or batch.errors is not None,
        )
        return self._results.many(batch, items, response)


def _groups(items: Sequence[Ready], most: int) -> list[list[Ready]]:
    """The items in order, in groups within which no id or key comes twice."""
    groups: list[list[Ready]] = []
    keys: set[str] = set()
    for item in items:
        key = folded(item.key or item.id)
        if not groups or len(groups[-1]) == most or (key and key in keys):
            groups.append([])
            keys = set()
        groups[-1].append(item)
        keys.add(key)
    return groups
