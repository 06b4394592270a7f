"""Updates that Salesforce itself refuses when a record has changed: the condition goes with each of them.

Sources: REST API Developer Guide, "Conditional Request Headers" (``If-Unmodified-Since``, on records, to
the second) and "Composite" (25 requests in a call, with headers of their own).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from email.utils import format_datetime

from crmhub.connector import Native, Outcome, Value
from crmhub.http import path
from crmhub_salesforce import checkpoint
from crmhub_salesforce.api import Api
from crmhub_salesforce.batches import Ready

__all__ = ["MOST_GUARDED", "guarded", "may_be_conflict"]

MOST_GUARDED = 25
_CHANGED = "PRECONDITION_FAILED"
_BESIDE = frozenset({"attributes", "id"})


async def guarded(api: Api, object: str, items: Sequence[Ready]) -> list[Native]:
    """Update the records unless they have changed since their versions; results as collections have them.

    It is not repeated when its reply is lost: a second try would be refused for what the first has done.
    """
    requests: list[Value] = [_request(api, object, item, place) for place, item in enumerate(items)]
    sent: Value = {"allOrNone": False, "compositeRequest": requests}
    response = await api.data("POST", "/composite", json=sent, idempotent=False)
    body = response.json()
    answers = body.get("compositeResponse") if isinstance(body, dict) else None
    found = [one for one in answers if isinstance(one, dict)] if isinstance(answers, list) else []
    by_name = {
        str(one.get("referenceId")): one for one in found if isinstance(one.get("httpStatusCode"), int)
    }
    if len(found) != len(items) or by_name.keys() != {_name(place) for place in range(len(items))}:
        raise response.unreadable("JSON that is not one answer for each record")
    return [_result(item, by_name[_name(place)]) for place, item in enumerate(items)]


def may_be_conflict(outcome: Outcome | None, *, gone: bool) -> bool:
    """Whether a record was refused since it has changed, or since it is ``gone``."""
    if outcome is None or outcome.status != "rejected" or outcome.problem is None:
        return False
    return gone or outcome.problem.code == _CHANGED


def _request(api: Api, object: str, item: Ready, place: int) -> Native:
    since = checkpoint.moment(item.if_version)
    if since.microsecond:  # the header has whole seconds: the record itself must not seem to be newer
        since = since.replace(microsecond=0) + timedelta(seconds=1)
    return {
        "method": "PATCH",
        "url": api.base + path("/sobjects/{object}/{id}", object=object, id=item.key or ""),
        "referenceId": _name(place),
        "httpHeaders": {"If-Unmodified-Since": format_datetime(since, usegmt=True)},
        "body": {name: value for name, value in item.body.items() if name not in _BESIDE},
    }


def _name(place: int) -> str:
    return f"r{place}"


def _result(item: Ready, answer: Native) -> Native:
    status, body = answer.get("httpStatusCode"), answer.get("body")
    if isinstance(status, int) and 200 <= status < 300:
        return {"id": item.key, "success": True, "errors": []}
    first = body[0] if isinstance(body, list) and body else body
    refusal: Native = dict(first) if isinstance(first, dict) else {}
    if status == 412:
        refusal["errorCode"] = _CHANGED
    return {"id": item.key, "success": False, "errors": [refusal]}
