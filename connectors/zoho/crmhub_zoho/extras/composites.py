"""Several calls in one.

Source: Zoho CRM API v8, "Composite API": at most five parts; one that writes names one record, one that
reads gives 25.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from crmhub.connector import Native, Problem, Value
from crmhub.errors import BadRequest, UnknownOutcome, UsageError
from crmhub.http.paths import checked_path
from crmhub_zoho.errors import problem_of
from crmhub_zoho.extras.results import Call, CallResult
from crmhub_zoho.tiers.rest_extras import RestExtras

__all__ = ["Composites"]

_MOST = 5
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]*", re.ASCII)
_REFERENCE = re.compile(r"@\{[A-Za-z0-9_]+:[^{}\s]*\}")


class Composites:
    """Makes composite requests."""

    def __init__(self, rest: RestExtras) -> None:
        self._rest = rest

    async def run(self, calls: Sequence[Call], *, rollback: bool, parallel: bool) -> Sequence[CallResult]:
        """What became of each call, in order."""
        if not 1 <= len(calls) <= _MOST:
            raise BadRequest(f"a composite request has 1 to {_MOST} calls, and this one {len(calls)}")
        if rollback and parallel:
            raise UsageError(
                "what is rolled back is done in order", hint="leave out parallel=True, or rollback=True"
            )
        answer = await self._rest.composite(
            [_part(one, number) for number, one in enumerate(calls)], rollback=rollback, parallel=parallel
        )
        if len(answer.items) != len(calls):
            raise UnknownOutcome(
                f"Zoho answers {len(answer.items)} calls of {len(calls)}, so that none can be told apart",
                hint="read back what they were to change",
            )
        return [_result(item) for item in answer.items]


def _part(call: Call, number: int) -> Native:
    plain = _REFERENCE.sub("0", call.path)
    if not plain.startswith("/crm/"):
        raise BadRequest("a Zoho CRM path begins with /crm/", hint="for example /crm/v8/Leads")
    checked_path(plain, ())
    if call.name is not None and not _NAME.fullmatch(call.name):
        raise BadRequest("the name of a call is letters and digits")
    part: Native = {"sub_request_id": call.name or f"call{number}", "method": call.method, "uri": call.path}
    if call.params:
        part["params"] = dict(call.params)
    if call.json is not None:
        part["body"] = call.json
    return part


def _result(item: Native) -> CallResult:
    details = item.get("details")
    response = details.get("response") if isinstance(details, dict) else None
    if item.get("status") != "success" or not isinstance(response, dict):
        return CallResult(None, problem=problem_of(item))
    status, body = response.get("status_code"), response.get("body")
    code = status if isinstance(status, int) else None
    return CallResult(code, body, _refused(body, code))


def _refused(body: Value, status: int | None) -> Problem | None:
    """Why a part that was carried out has not done all that it asks for."""
    refusals = [one for one in _objects(body) if one.get("status") == "error"]
    if refusals:
        return problem_of(refusals[0])
    if status is None or status >= 400:
        return Problem(str(status), "refused without a reason that can be read")
    return None


def _objects(body: Value) -> Sequence[Native]:
    if not isinstance(body, dict):
        return []
    data = body.get("data")
    return [body, *(one for one in data if isinstance(one, dict))] if isinstance(data, list) else [body]
