"""One outcome for each record of a call that takes many, cut into what Zoho takes at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from crmhub.connector import NOT_SENT, Native, Outcome, Problem
from crmhub.errors import ConnectorError
from crmhub_zoho.errors import problem_of
from crmhub_zoho.outcomes import unknown
from crmhub_zoho.records import ID, is_record_id
from crmhub_zoho.tiers.answers import WriteAnswer

__all__ = ["in_batches"]

Done = Literal["updated", "deleted"]


async def in_batches(
    ids: Sequence[str],
    most: int,
    send: Callable[[Sequence[str]], Awaitable[WriteAnswer]],
    done: Done = "updated",
) -> list[Outcome]:
    """The outcomes in the order of ``ids``; what is no id of Zoho's is not sent.

    A batch whose reply was lost is ``unknown``. An error that stops the run is raised when nothing was
    sent before it; else what is left is told as ``not_sent``.
    """
    good = [one for one in dict.fromkeys(ids) if is_record_id(one)]
    outcomes: dict[str, Outcome] = {}
    for start in range(0, len(good), most):
        batch = good[start : start + most]
        try:
            outcomes |= _outcomes(batch, await send(batch), done)
        except ConnectorError as error:
            if error.applied is None:
                outcomes |= {one: unknown(error, one) for one in batch}
                continue
            if start == 0:
                raise
            left = Problem(NOT_SENT, f"not sent: {error.what}", permanent=False)
            outcomes |= {one: Outcome("rejected", one, problem=left) for one in good[start:]}
            break
    return [outcomes.get(one) or _no_id(one) for one in ids]


def _outcomes(batch: Sequence[str], answer: WriteAnswer, done: Done) -> dict[str, Outcome]:
    if len(answer.items) != len(batch):
        error = answer.response.unreadable(f"{len(answer.items)} results for {len(batch)} records")
        return {one: unknown(error, one) for one in batch}
    return {
        one: Outcome(done, one)
        if item.get("status") == "success"
        else Outcome("rejected", one, problem=_problem(item))
        for one, item in zip(batch, answer.items, strict=True)
    }


def _problem(item: Native) -> Problem:
    problem = problem_of(item)
    details = item.get("details")
    gone = problem.code == "INVALID_DATA" and isinstance(details, dict) and set(details) == {ID}
    return Problem(problem.code, "no such record", missing=True) if gone else problem


def _no_id(given: str) -> Outcome:
    return Outcome("rejected", given, problem=Problem("invalid_id", "a Zoho record's id is a number", ID))
