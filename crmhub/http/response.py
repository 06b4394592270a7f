"""The reply of a call: status, headers, bytes, and JSON read exactly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, cast

import msgspec

from crmhub.errors import BadResponse, ConnectorError, UnknownOutcome, Where
from crmhub.http.shown import excerpt, shown_name

if TYPE_CHECKING:
    from crmhub.native import Value

__all__ = ["Response"]

_BOM = b"\xef\xbb\xbf"
_DATA = re.compile(rb'^\s*[\[{]|["\]}]\s*[,:\]}]|\{\s*"')
"""Pieces of JSON or CSV, in which records are perhaps."""
_WITHOUT_BODY = frozenset({204, 205, 304})
_decoder = msgspec.json.Decoder(float_hook=Decimal)


class Response:
    """What a CRM answered.

    ``headers`` finds names in any case. ``path`` is the path as it may be shown. ``repeatable`` says
    whether the call was safe to repeat; it decides what an unreadable reply means. ``problem`` says why
    the body could not be had at all, which leaves ``content`` empty; it is empty itself otherwise.
    Of one that is ``private`` a success is never shown, since a token may be in it.
    ``taken`` is how many bytes of the body went into the call's sink; ``None``: it had none.
    """

    __slots__ = (
        "_json",
        "_passing",
        "_private",
        "connection",
        "content",
        "headers",
        "method",
        "path",
        "problem",
        "repeatable",
        "request_id",
        "status",
        "taken",
    )

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        content: bytes,
        *,
        method: str = "GET",
        path: str = "/",
        request_id: str | None = None,
        repeatable: bool = True,
        connection: str | None = None,
        problem: str = "",
        passing: bool = True,
        taken: int | None = None,
        private: bool = False,
    ) -> None:
        self.status = status
        self.headers = headers
        self.content = content
        self.method = method
        self.path = path
        self.request_id = request_id
        self.repeatable = repeatable
        self.connection = connection
        self.problem = problem
        self.taken = taken
        self._passing = passing
        self._private = private
        self._json: tuple[Value] | None = None

    def __repr__(self) -> str:
        return f"<Response {self.status} to {self.method} {self.path}, {len(self.content)} bytes>"

    @property
    def text(self) -> str:
        """The body as UTF-8 text; undecodable bytes become U+FFFD."""
        return self.content.decode("utf-8", "replace")

    @property
    def sent_at(self) -> datetime | None:
        """The server's time of the reply (``Date``, RFC 9110, 6.6.1), aware UTC; ``None``: it tells none."""
        try:
            at = parsedate_to_datetime(self.headers.get("date", ""))
            return at.astimezone(UTC) if at.tzinfo else None
        except (TypeError, ValueError, OverflowError):
            return None

    @property
    def media_type(self) -> str:
        """The content type without parameters, in lower case; empty when the reply names none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def is_page(self) -> bool:
        """Whether the body looks like HTML or XML, whatever it is called."""
        return self.content[:200].removeprefix(_BOM).lstrip().startswith(b"<")

    def json(self) -> Value:
        """The decoded body; numbers with a fraction are ``Decimal``; ``None`` for 204, 205 and 304.

        Raises :class:`~crmhub.errors.BadResponse` when the body is no JSON: HTML, empty, cut off, too
        deep, not UTF-8, or under another content type. For a call that is not safe to repeat and was
        answered 2xx it raises :class:`~crmhub.errors.UnknownOutcome` instead.
        """
        if self._json is None:
            self._json = (self._decode(),)
        return self._json[0]

    def peek(self) -> Value:
        """The decoded body, or ``None`` when it is no JSON; for looking for a vendor's error code."""
        try:
            return self.json()
        except (BadResponse, UnknownOutcome):
            return None

    def unreadable(self, problem: str) -> ConnectorError:
        """The error for a reply that cannot be understood, with what may be shown of the body."""
        kind = UnknownOutcome if not self.repeatable and 200 <= self.status < 300 else BadResponse
        shown = self.shown()
        error = kind(
            f"{self.method} {self.path} was answered with {problem}"
            f" (content type {shown_name(self.media_type) if self.media_type else 'not named'})"
            + (f": {shown}" if shown else ""),
            hint=_UNKNOWN_HINT if kind is UnknownOutcome else None,
            where=Where(connection=self.connection),
            status=self.status,
            request_id=self.request_id,
        )
        error.retryable = self.repeatable and self._passing  # half a page may come whole the next time
        return error

    def shown(self) -> str:
        """What may be shown of the body: of a page or a sentence its first words, of data nothing."""
        if self._private and self.status < 400:
            return ""
        kind, start = self.media_type, self.content.removeprefix(_BOM).lstrip()
        if start.startswith(b"<"):
            return excerpt(self.content)
        sentence = kind in {"", "text/plain", "text/html"} and not _DATA.search(self.content)
        return excerpt(self.content) if sentence else ""

    def _decode(self) -> Value:
        if self.status in _WITHOUT_BODY and not self.content and not self.problem:
            return None
        if problem := self._not_json():
            raise self.unreadable(problem)
        try:
            return cast("Value", _decoder.decode(self.content.removeprefix(_BOM)))
        except RecursionError:
            problem = "JSON that is nested too deeply"
        except UnicodeDecodeError:
            problem = "text that is not UTF-8"
        except (msgspec.DecodeError, InvalidOperation) as error:
            cut_off = "truncated" in str(error)
            problem = "JSON that is cut off" if cut_off else "text that is not valid JSON"
        raise self.unreadable(problem)

    def _not_json(self) -> str:
        if self.problem:
            return self.problem
        start = self.content[:200].removeprefix(_BOM).lstrip()
        if not start:
            return "an empty body where JSON was expected"
        if self.is_page:
            return "HTML or XML where JSON was expected"
        if self.media_type and not self._claims_json():
            return "another content type than JSON"
        return ""

    def _claims_json(self) -> bool:
        kind = self.media_type
        return kind in {"application/json", "text/json"} or kind.endswith("+json")


_UNKNOWN_HINT = "the write may have been applied; read back before sending it again"
