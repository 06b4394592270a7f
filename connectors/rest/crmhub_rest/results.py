"""What replies tell of the records that were written."""

from __future__ import annotations

from collections.abc import Sequence

from crmhub.connector import Outcome, Problem, Value, WriteRequest
from crmhub.errors import (
    AlreadyExists,
    BadResponse,
    ConnectorError,
    UnknownOutcome,
)
from crmhub.http import Response
from crmhub_rest.api import Api
from crmhub_rest.batches import Ready
from crmhub_rest.bodies import trace_of
from crmhub_rest.language.members import together
from crmhub_rest.language.path import ABSENT
from crmhub_rest.language.write import Batch, Single
from crmhub_rest.links import ids_in
from crmhub_rest.nowhere import members
from crmhub_rest.refusals import ABOUT_RECORDS, is_gone, problem_of, refused
from crmhub_rest.schemas import Described

__all__ = ["Results", "folded", "lost"]


class Results:
    """The replies to one request."""

    def __init__(self, api: Api, of: Described, request: WriteRequest) -> None:
        self._api = api
        self._of = of
        self._request = request

    def one(self, call: Single, item: Ready, response: Response) -> Outcome:
        """What the reply to one record's call tells."""
        operation = self._request.operation
        if operation == "delete":
            return Outcome("deleted", item.id)
        scope = self._api.scope(self._of.name)
        if operation == "update":
            if call.tells_record and response.content:
                self._api.row(call, scope, response)  # a reply without it says something else
            return Outcome("updated", item.id)
        row = self._api.row(call, scope, response) if response.content else None
        id_ = self._whole(call.id.text_in(row), item, row)
        if id_ is None:
            raise response.unreadable(f"JSON that has no id at {call.id.text!r}")
        new = call.created is not None and call.created.get(response.json()) is True
        return Outcome("created" if operation == "create" or new else "updated", id_)

    def _whole(self, id: str | None, item: Ready, row: Value) -> str | None:
        """The id, with the parts of it that stand in the reply or in what was sent."""
        parts = self._of.says.parts
        if not parts:
            return id
        known = {**item.fields, **(row if isinstance(row, dict) else {})}
        return together([*(known.get(name) for name in parts[:-1]), id])

    def many(self, batch: Batch, items: Sequence[Ready], response: Response) -> dict[int, Outcome]:
        """What the reply tells of each record, by place. One that it does not tell of is ``unknown``."""
        if self._request.operation == "delete" and batch.rows is None and batch.errors is None:
            return {item.place: Outcome("deleted", item.id) for item in items}
        scope = self._api.scope(self._of.name)
        rows = self._api.rows(self._request.operation, batch, scope, response) if response.content else []
        outcomes: dict[int, Outcome] = {}
        if batch.match == "order":
            if len(rows) != len(items):
                raise response.unreadable("JSON that is not one result for each record")
            for item, row in zip(items, rows, strict=True):
                outcomes[item.place] = self._result(batch, item, row)
        else:
            by = {folded(batch.told.text_in(row)): row for row in rows}
            for item in items:
                if (row := by.get(folded(self._matched(batch, item)))) is not None:
                    outcomes[item.place] = self._result(batch, item, row)
        for item, error in self._errors(batch, items, response):
            outcomes[item.place] = self.refused(error, item) or lost(error, item)
        silent = UnknownOutcome(f"the reply does not tell what became of the record{_untold(batch, rows)}")
        return {item.place: outcomes.get(item.place) or lost(silent, item) for item in items}

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
            named = {folded(id_) for id_ in ids_in(None if told is ABSENT else told)}
            error = refused(self._api.crm, 400, entry, f"{self._api.crm.title} refused the record")
            found += [
                (item, error) for item in items if not named or folded(self._matched(batch, item)) in named
            ]
        return found

    def _result(self, batch: Batch, item: Ready, row: Value) -> Outcome:
        operation = self._request.operation
        if operation == "delete":
            return Outcome("deleted", item.id)
        id_ = batch.id.text_in(row) or item.id
        if id_ is None:
            return lost(UnknownOutcome("the reply has no id for the record"), item)
        created = operation == "create" or (batch.created is not None and batch.created.get(row) is True)
        return Outcome("created" if created else "updated", id_)

    def _matched(self, batch: Batch, item: Ready) -> str | None:
        match batch.match:
            case "id":
                return item.id
            case "key":
                return item.key
            case _:
                return trace_of(item)

    def refused(self, error: ConnectorError, item: Ready) -> Outcome | None:
        """The outcome of a record whose call failed; ``None`` when the failure is not the record's own."""
        if error.applied is None or isinstance(error, BadResponse):
            return lost(error, item)
        if not isinstance(error, ABOUT_RECORDS):
            return None
        if self._request.operation == "delete" and is_gone(self._api.crm, error):
            return Outcome("deleted", item.id)
        existing = error.existing_id if isinstance(error, AlreadyExists) else None
        sent = [name for name in item.fields if name in self._of.schema.fields]
        return Outcome("rejected", existing or item.id, problem=problem_of(error, self._of, sent))


def _untold(batch: Batch, rows: Sequence[Value]) -> str:
    """Why results cannot be told apart, where that is the description's fault."""
    if batch.match == "order" or not rows or any(batch.told.find(row) is not ABSENT for row in rows):
        return ""
    return f": results have nothing at {batch.told.text!r} (told): {members(rows[0])}"


def lost(error: ConnectorError, item: Ready) -> Outcome:
    """The outcome of what was sent, and nobody knows."""
    what = "sent, and nobody knows whether it was applied"
    if isinstance(error, BadResponse | UnknownOutcome):
        what = f"{what}: {error.what}"
    return Outcome("unknown", item.id, problem=Problem(error.code or "lost", what, permanent=False))


def folded(text: str | None) -> str:
    """Without regard to case, as most CRMs match."""
    return (text or "").casefold()
