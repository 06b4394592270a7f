"""One call, made ready: checked path, encoded query and body, and what may be done with it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import quote as percent_encode
from urllib.parse import urlencode

import msgspec

from crmhub.errors import BadRequest, ConnectorError, Unavailable, UnknownOutcome
from crmhub.http.lost import Lost
from crmhub.http.paths import checked_path
from crmhub.http.shown import shown_path
from crmhub.http.streams import Body, Sink
from crmhub.http.verdict import SAFE

if TYPE_CHECKING:
    from crmhub.native import Value

__all__ = ["Call", "Expected", "Params", "prepare"]

Params: TypeAlias = Mapping[str, str | int | Sequence[str | int]]
"""Query parameters: a list gives the name once for each element, truth is ``true`` or ``false``."""

Expected: TypeAlias = Literal["json", "done", "any"]
"""What a success must be: JSON, anything that does not look like a page, or anything."""

_REPEATABLE = SAFE | {"PUT", "DELETE"}  # idempotent by RFC 9110, 9.2.2
_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Call:
    """What is sent, the same for each attempt. ``path`` is what may be shown, ``target`` what is sent."""

    method: str
    target: str = field(repr=False)
    path: str
    headers: Mapping[str, str] = field(repr=False)
    content: bytes | Body | None = field(repr=False)
    repeatable: bool
    endpoint: str
    cost: int
    ok: Collection[int]
    expected: Expected
    into: Sink | None = field(default=None, repr=False)
    base: str | None = None

    def lost(self, lost: Lost, host: str) -> ConnectorError:
        """What it means that no reply came from that host."""
        if not lost.sent:
            what = f"{self.method} {self.path} could not be sent: {lost.why}"
            hint = lost.hint or f"check the connection's URL ({host}) and the network, and that it is up"
            error = Unavailable(what, hint=hint)
            error.retryable = not lost.hopeless
            return error
        what = f"{self.method} {self.path} got no complete answer: {lost.why}"
        if not self.repeatable:
            return UnknownOutcome(what, hint="it may have been applied; read back before sending it again")
        error = Unavailable(what)
        if self.method not in SAFE:
            error.applied = None
        return error


def _encoded(params: Params) -> str:
    plain = {
        name: ("true" if value else "false") if isinstance(value, bool) else value
        for name, value in params.items()
    }
    return urlencode(plain, doseq=True, quote_via=percent_encode)


def prepare(
    method: str,
    path: str,
    *,
    bases: Collection[str],
    params: Params | None,
    json: Value,
    content: bytes | Body | None,
    headers: Mapping[str, str] | None,
    idempotent: bool | None,
    endpoint: str,
    cost: int,
    ok: Collection[int],
    expected: Expected,
    into: Sink | None = None,
    base: str | None = None,
) -> Call:
    """The call for those arguments of ``HttpClient.request``; ``BadRequest`` for a bad path or text."""
    method = method.upper()
    path, query = checked_path(path, bases)
    try:
        if params:
            query += ("&" if query else "") + _encoded(params)
        body = None if json is None else _encoder.encode(json)
    except UnicodeEncodeError:
        raise BadRequest(
            "a text that was to be sent is not Unicode: half of a surrogate pair is in it",
            hint="clean it where it comes from",
        ) from None
    sent = {"accept": "application/json" if expected == "json" else "*/*"}
    if into is not None:
        sent["accept-encoding"] = "identity"
    if body is not None:
        content = body
        sent["content-type"] = "application/json"
    return Call(
        method=method,
        target=f"{path}?{query}" if query else path,
        path=shown_path(path),
        headers={**sent, **headers} if headers else sent,
        content=content,
        repeatable=method in _REPEATABLE if idempotent is None else idempotent,
        endpoint=endpoint,
        cost=cost,
        ok=ok,
        expected=expected,
        into=into,
        base=base,
    )
