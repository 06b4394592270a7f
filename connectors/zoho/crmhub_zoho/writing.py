"""Writing records: batches of 100, one outcome for each item, in order.

What Zoho refuses for one record costs that record. A batch that is refused as a whole is cut in halves
until the bad record is alone. A batch whose reply was lost is ``unknown``. When the run cannot go on
(credentials, credits, breaker), what was not sent is told as ``not_sent``; where nothing at all was sent,
the error is raised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from crmhub.connector import NOT_SENT, Native, Outcome, Problem, Value, WriteItem, WriteRequest
from crmhub.errors import (
    ApprovalRequired,
    BadRequest,
    BadResponse,
    Conflict,
    ConnectorError,
    UnknownOutcome,
    Unsupported,
    Where,
)
from crmhub.native import unsayable_part
from crmhub_zoho.config import ZohoConfig
from crmhub_zoho.errors import is_about_records
from crmhub_zoho.fetching import Fetcher
from crmhub_zoho.modules import NO_UPSERT
from crmhub_zoho.outcomes import is_gone, outcome_of, unknown
from crmhub_zoho.payloads import name_of, payload
from crmhub_zoho.records import ID, is_record_id
from crmhub_zoho.schema import ModuleSchema
from crmhub_zoho.tiers.calls import RecordCalls
from crmhub_zoho.tiers.rest import MOST_WRITES, WriteAnswer
from crmhub_zoho.together import together

__all__ = ["Writer", "check", "invalid", "may_have_happened", "not_sent"]


_OF_ONE = frozenset({"update", "delete"})
"""Operations with a record that was there before."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """An item with its place in the request."""

    place: int
    item: WriteItem


@dataclass(slots=True)
class _Run:
    """One write request under way."""

    request: WriteRequest
    schema: ModuleSchema
    outcomes: list[Outcome | None] = field(default_factory=list["Outcome | None"])

    @property
    def sent(self) -> bool:
        """Whether Zoho was asked for anything and answered, or may have done it."""
        return any(one is not None and not _is_ours(one) for one in self.outcomes)


class Writer:
    """Writes to modules."""

    def __init__(
        self, calls: RecordCalls, fetcher: Fetcher, config: ZohoConfig, at_once: Callable[[], int]
    ) -> None:
        self._calls = calls
        self._fetcher = fetcher
        self._at_once = at_once
        self._trigger: list[Value] | None = None if config.trigger is None else list(config.trigger)

    async def write(
        self, request: WriteRequest, schema: ModuleSchema, keys: Sequence[str]
    ) -> Sequence[Outcome]:
        """One outcome for each item, in order. ``keys`` are the fields an upsert may match by."""
        check(request, keys)
        run = _Run(request, schema, [invalid(request, item, schema) for item in request.items])
        parallel = self._at_once()
        for wave in _waves(run, parallel):
            # A call under way is never cancelled for another one's sake: its outcome would be lost.
            errors = await together(lambda batch: self._attempt(run, batch), wave, parallel)
            stop = next((error for error in errors if error is not None), None)
            if stop is not None:
                if not run.sent:
                    raise stop
                run.outcomes = [outcome or not_sent(stop) for outcome in run.outcomes]
                break
        return [outcome for outcome in run.outcomes if outcome is not None]

    async def _attempt(self, run: _Run, batch: Sequence[_Entry]) -> ConnectorError | None:
        """Send a batch; the error that stops the run, if any."""
        try:
            await self._send(run, batch)
        except ConnectorError as error:
            return error
        return None

    async def _send(self, run: _Run, batch: Sequence[_Entry]) -> None:
        """Send a batch and note the outcomes. Raises what stops the whole run."""
        try:
            answer = await self._call(run, batch)
        except ConnectorError as error:
            if isinstance(error, ApprovalRequired):
                raise  # neither done nor refused
            if may_have_happened(error) or _may_be_gone(run.request, error):
                for entry in batch:
                    run.outcomes[entry.place] = unknown(error, entry.item.id)
                return
            if isinstance(error, Conflict) and len(batch) == 1:
                run.outcomes[batch[0].place] = _conflict(error, batch[0].item)
                return
            if not is_about_records(error):
                raise
            if len(batch) == 1:
                run.outcomes[batch[0].place] = _refused(error)
                if error.code == "INVALID_DATA" and error.where.field in {None, ID}:
                    await self._look_again(run, batch)
                return
            middle = len(batch) // 2
            await self._send(run, batch[:middle])
            await self._send(run, batch[middle:])
            return
        await self._note(run, batch, answer)

    async def _call(self, run: _Run, batch: Sequence[_Entry]) -> WriteAnswer:
        request, module = run.request, run.request.object
        if request.operation == "delete":
            ids = [str(entry.item.id) for entry in batch]
            return await self._calls.delete(module, ids, triggers=self._trigger != [])
        rows: list[Value] = [payload(request, entry.item, run.schema) for entry in batch]
        body: Native = {"data": rows}
        if self._trigger is not None:
            body["trigger"] = self._trigger
        first = batch[0].item
        if first.if_version is not None and first.id is not None:
            return await self._calls.update_if(module, first.id, body, first.if_version)
        if request.operation == "create":
            return await self._calls.insert(module, body, len(batch))
        if request.operation == "update":
            return await self._calls.update(module, body, len(batch))
        body["duplicate_check_fields"] = [request.match]
        return await self._calls.upsert(module, body, len(batch))

    async def _note(self, run: _Run, batch: Sequence[_Entry], answer: WriteAnswer) -> None:
        request = run.request
        if len(answer.items) != len(batch):
            error = answer.response.unreadable(
                f"{len(answer.items)} results for {len(batch)} records, so that none can be told apart"
            )
            for entry in batch:
                run.outcomes[entry.place] = unknown(error, entry.item.id)
            return
        for entry, item in zip(batch, answer.items, strict=True):
            run.outcomes[entry.place] = outcome_of(request.operation, entry.item, item)
        if request.operation == "delete":
            await self._look_again(
                run, [entry for entry, item in zip(batch, answer.items, strict=True) if is_gone(item)]
            )

    async def _look_again(self, run: _Run, refused: Sequence[_Entry]) -> None:
        """A record that cannot be deleted because there is none is deleted; for an update it is missing."""
        if not refused or run.request.operation not in _OF_ONE:
            return
        ids = [str(entry.item.id) for entry in refused]
        present = await self._fetcher.by_ids(run.request.object, run.schema, ids, [ID])
        for entry in refused:
            if str(entry.item.id) not in present:
                run.outcomes[entry.place] = _none_there(run.request, entry.item)


def check(request: WriteRequest, keys: Sequence[str]) -> None:
    """Raise ``Unsupported`` for an upsert by a field that is none of the ``keys``."""
    if request.operation != "upsert":
        return
    where = Where(object=request.object, field=request.match)
    if request.object in NO_UPSERT:
        raise Unsupported(f"Zoho cannot upsert {request.object}", hint="create or update them", where=where)
    if request.match is None or request.match not in keys:
        raise Unsupported(
            f"Zoho cannot upsert {request.object} by {request.match or 'nothing'}",
            hint=f"match by one of: {', '.join(keys)}",
            where=where,
        )


def invalid(request: WriteRequest, item: WriteItem, schema: ModuleSchema) -> Outcome | None:
    """The outcome of an item that need not be sent."""
    if request.operation in {"update", "delete"} and not is_record_id(item.id):
        problem = Problem("invalid_id", f"{request.operation} needs the id of a Zoho record: a number", ID)
        return Outcome("rejected", item.id, problem=problem)
    if request.operation == "upsert" and not item.key:
        return Outcome(
            "rejected", problem=Problem("missing_key", "an upsert needs the value to match by", request.match)
        )
    unsaid = unsayable_part(item.fields) or unsayable_part({request.match or "": item.key})
    if unsaid is not None:
        problem = Problem("invalid_value", f"it cannot be sent: {unsaid[1]}", unsaid[0])
        return Outcome("rejected", item.id, problem=problem)
    strange = next((name for name in item.fields if not schema.takes(name)), None)
    if strange is not None:
        hint = schema.nearest(strange)
        said = f"{request.object} has no such field" + (f": {hint}" if hint else "")
        problem = Problem("unknown_field", said, strange)
        return Outcome("rejected", item.id, problem=problem)
    closed = next((name for name in item.fields if _is_closed(schema, name, request.operation)), None)
    if closed is not None:
        problem = Problem("read_only", f"Zoho fills {closed} itself and would ignore the value", closed)
        return Outcome("rejected", item.id, problem=problem)
    return None


def _is_closed(schema: ModuleSchema, name: str, operation: str) -> bool:
    """Whether the field is known and cannot be set by the operation: Zoho leaves it out without a word."""
    spec = schema.schema.fields.get(name)
    if spec is None or name == ID or schema.data_types.get(name) == "tags":
        return False
    allowed = {"create": spec.creatable, "update": spec.updatable}
    return not allowed.get(operation, spec.creatable or spec.updatable)


def _waves(run: _Run, most: int) -> Iterator[list[list[_Entry]]]:
    """Batches to send at once, at most ``most``: never two items of one id or key in a wave.

    A conditional update is a batch of its own.
    """
    wave: list[list[_Entry]] = []
    batch: list[_Entry] = []
    taken: set[str] = set()
    for place, item in enumerate(run.request.items):
        if run.outcomes[place] is not None:
            continue
        name = name_of(run.request, item)
        alone = item.if_version is not None and run.request.operation == "update"
        if batch and (alone or len(batch) == MOST_WRITES or name in taken):
            wave.append(batch)
            batch = []
        if wave and (len(wave) == most or name in taken):
            yield wave
            wave, taken = [], set()
        taken |= {name} - {""}
        if alone:
            wave.append([_Entry(place, item)])
        else:
            batch.append(_Entry(place, item))
    if batch:
        wave.append(batch)
    if wave:
        yield wave


def may_have_happened(error: ConnectorError) -> bool:
    """Whether a call that failed so may have been applied."""
    if isinstance(error, UnknownOutcome) or error.applied is None:
        return True
    return isinstance(error, BadResponse) and error.status is not None and 200 <= error.status < 300


def _may_be_gone(request: WriteRequest, error: ConnectorError) -> bool:
    """Whether a delete was sent again after a reply that could not be read, and is refused unreadably now."""
    return request.operation == "delete" and error.status == 400 and error.code is None


def _none_there(request: WriteRequest, item: WriteItem) -> Outcome:
    if request.operation == "delete":
        return Outcome("deleted", item.id)
    return Outcome("rejected", item.id, problem=Problem("INVALID_DATA", "no such record", missing=True))


def _is_ours(outcome: Outcome) -> bool:
    return outcome.problem is not None and outcome.problem.code in {
        *("invalid_id", "invalid_value", "missing_key", "read_only", "unknown_field")
    }


def not_sent(error: ConnectorError) -> Outcome:
    """The outcome of an item for which the run did not get far enough."""
    return Outcome("rejected", problem=Problem(NOT_SENT, f"not sent: {error.what}", permanent=False))


def _conflict(error: ConnectorError, item: WriteItem) -> Outcome:
    return Outcome("conflict", item.id, problem=Problem(error.code or "changed", error.what))


def _refused(error: ConnectorError) -> Outcome:
    permanent = isinstance(error, BadRequest) or not error.retryable
    problem = Problem(error.code or type(error).__name__, error.what, error.where.field, permanent=permanent)
    return Outcome("rejected", getattr(error, "existing_id", None), problem=problem)
