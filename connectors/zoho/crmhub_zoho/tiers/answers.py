"""What Zoho's record calls answer, checked for its shape; the same for every tier that makes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from crmhub.connector import Native, Value
from crmhub.errors import BadRequest
from crmhub.http import Response
from crmhub_zoho.errors import classify

__all__ = ["Answer", "WriteAnswer", "answer_of", "one_answer", "write_answer_of"]


@dataclass(frozen=True, slots=True)
class Answer:
    """A page of rows: ``more`` as Zoho says it (``None``: it does not), and the server's own time."""

    rows: list[Native]
    response: Response
    more: bool | None = None
    token: str | None = None

    @property
    def at(self) -> datetime | None:
        """The ``Date`` of the reply, aware UTC."""
        return self.response.sent_at

    def goes_on(self, per_page: int) -> bool:
        """Whether another page follows: by Zoho's word; without one, if this has ``per_page`` rows."""
        full = len(self.rows) >= per_page
        return bool(self.rows) and (full if self.more is None else self.more)


@dataclass(frozen=True, slots=True)
class WriteAnswer:
    """What a write was answered: an object for each record, in their order."""

    items: list[Native]
    response: Response


def answer_of(body: Value, response: Response, key: str = "data") -> Answer:
    """The rows under ``key`` of a reply's decoded ``body``; ``None`` has none."""
    if body is None:  # 204 and 304: nothing there
        return Answer([], response, more=False)
    if not isinstance(body, dict):
        raise response.unreadable("JSON that is not an object")
    found = body.get(key)
    if not isinstance(found, list):
        raise response.unreadable(f"JSON without a list {key!r}")
    rows: list[Native] = []
    for row in found:
        if not isinstance(row, dict):
            raise response.unreadable(f"a list {key!r} that holds something else than objects")
        rows.append(row)
    info = body.get("info")
    more = info.get("more_records") if isinstance(info, dict) else None
    token = info.get("next_page_token") if isinstance(info, dict) else None
    return Answer(
        rows,
        response,
        more=more if isinstance(more, bool) else None,
        token=token if isinstance(token, str) and token else None,
    )


def write_answer_of(body: Value, response: Response, key: str = "data") -> WriteAnswer:
    """The items of a write, which are under ``key``.

    Raises what a bare error object means, since it speaks of the whole call.
    """
    items = body.get(key) if isinstance(body, dict) else None
    if isinstance(items, list) and all(isinstance(item, dict) for item in items):
        return WriteAnswer([item for item in items if isinstance(item, dict)], response)
    if response.status < 400:
        raise response.unreadable(f"JSON without a list {key!r}")
    error = classify(response) or BadRequest(
        f"{response.method} {response.path} was refused without a reason that can be read",
        status=response.status,
        request_id=response.request_id,
    )
    raise error.at(connection=response.connection)


def one_answer(answer: WriteAnswer) -> Native:
    """The outcome of a call that has one; raises ``BadResponse`` where it has not."""
    if len(answer.items) != 1:
        raise answer.response.unreadable("JSON without the one outcome")
    return answer.items[0]
