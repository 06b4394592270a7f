"""Tools' replies as the answers that REST gives, checked for their shape."""

from __future__ import annotations

from crmhub.connector import Native
from crmhub.errors import BadRequest
from crmhub.http import Response
from crmhub_zoho.errors import classify
from crmhub_zoho.tiers.rest import Answer, WriteAnswer

__all__ = ["read_answer", "write_answer"]


def read_answer(response: Response) -> Answer:
    """The rows of a reply; raises what Zoho's own error object means."""
    error = classify(response) if response.content else None
    if error is not None:
        raise error.at(connection=response.connection)
    body = response.json()
    if body is None:  # nothing found
        return Answer([], response, more=False)
    found = body.get("data") if isinstance(body, dict) else None
    rows = _objects(found)
    if rows is None or not isinstance(body, dict):
        raise response.unreadable("JSON without a list of records")
    info = body.get("info")
    more = info.get("more_records") if isinstance(info, dict) else None
    token = info.get("next_page_token") if isinstance(info, dict) else None
    return Answer(
        rows,
        response,
        more=more if isinstance(more, bool) else None,
        token=token if isinstance(token, str) and token else None,
    )


def write_answer(response: Response) -> WriteAnswer:
    """The items of a write; raises what a bare error object means, since it speaks of the whole call."""
    body = response.json()
    items = _objects(body.get("data") if isinstance(body, dict) else None)
    if items is not None:
        return WriteAnswer(items, response)
    if response.status < 400:
        raise response.unreadable("JSON without a list of outcomes")
    error = classify(response) or BadRequest(
        f"{response.path} was refused without a reason that can be read", status=response.status
    )
    raise error.at(connection=response.connection)


def _objects(found: object) -> list[Native] | None:
    if not isinstance(found, list):
        return None
    items: list[Native] = [one for one in found if isinstance(one, dict)]  # pyright: ignore[reportUnknownVariableType]
    return items if len(items) == len(found) else None  # pyright: ignore[reportUnknownArgumentType]
