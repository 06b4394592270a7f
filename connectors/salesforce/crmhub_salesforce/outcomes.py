"""One write request on its way: what its results mean for each item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from crmhub.connector import NOT_SENT, Native, Outcome, Problem, WriteRequest
from crmhub.errors import ConnectorError
from crmhub_salesforce.batches import Ready, for_update
from crmhub_salesforce.errors import code_of, existing_id, is_gone, is_transient, problem_of, text_of
from crmhub_salesforce.foreign import unmet
from crmhub_salesforce.ids import full_id
from crmhub_salesforce.schema import Described

__all__ = ["Run", "not_sent", "refusal_of"]


class Run:
    """One write request on its way."""

    def __init__(self, request: WriteRequest, of: Described, size: int) -> None:
        self.request = request
        self.of = of
        self.outcomes: list[Outcome | None] = [None] * size
        self.sent = False
        self.by_job: list[Ready] = []
        self.stopped: ConnectorError | None = None

    @property
    def match(self) -> str:
        """The field by which the records are found."""
        return (self.request.match if self.request.operation == "upsert" else None) or "Id"

    def id_of(self, item: Ready) -> str | None:
        """The id, where it is known before the answer."""
        return item.key if self.request.operation in {"update", "delete"} else None

    def lose(self, items: Sequence[Ready], error: ConnectorError) -> None:
        """Items were sent, and nobody knows what became of them."""
        self.sent = True
        what = "sent, and nobody knows whether it was applied"
        problem = Problem(error.code or "lost", what, permanent=False)
        for item in items:
            self.outcomes[item.place] = Outcome("unknown", self.id_of(item), problem=problem)

    def settle(self, item: Ready, result: Native, *, last: bool) -> Ready | None:
        """Keep a record's outcome; or give what to send again for it, unless it was the last try."""
        refusal = refusal_of(result)
        again = None if refusal is None or last else self.retried(item, refusal)
        if again is None:
            self.outcomes[item.place] = self.outcome(item, result, refusal)
        return again

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
        known = full_id(id_) if isinstance(id_, str) else self.id_of(item)
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


def refusal_of(result: Native) -> Native | None:
    """Why a record was refused; ``None``: it was not."""
    if result.get("success") is True:
        return None
    errors = result.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    return first if isinstance(first, dict) else {}


def not_sent(error: ConnectorError | None) -> Outcome:
    """The outcome of what was never sent, since the run had to stop."""
    why = f"an earlier batch failed: {error.what}" if error else "an earlier batch failed"
    return Outcome("rejected", problem=Problem(NOT_SENT, why, permanent=False))
