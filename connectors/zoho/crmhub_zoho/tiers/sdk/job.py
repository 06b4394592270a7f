"""One SDK call, and how it reaches Zoho: every request that the SDK makes is handed to a job.

Written for zohocrmsdk8-0 7.x. Its own transport has no deadline on anything but GET, opens a connection
for each call, knows no limits and asks for tokens by itself; so requests made on behalf of a job go out
through the connection's HTTP client instead, which owns the token, the limits, the waits and the retries.
Requests that anybody else makes with the SDK in the same process are left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from crmhub.http import FormFile, Response, Sink

__all__ = ["CURRENT", "READ", "Job", "Kind", "Request"]

_SUCCESS = frozenset(range(200, 300))
READ = _SUCCESS | {304}


@dataclass(frozen=True, slots=True)
class Kind:
    """How the HTTP client has to treat a call; see :meth:`crmhub.http.HttpClient.request`."""

    ok: frozenset[int] = READ
    endpoint: str = "default"
    cost: int = 1
    repeatable: bool = True
    expect: Literal["json", "any"] = "json"
    into: Sink | None = None
    base: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the SDK wants to make it; ``path`` without host."""

    method: str
    path: str
    params: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | FormFile | None = field(repr=False)


_Send: TypeAlias = Callable[[Request], Response]


@dataclass(slots=True)
class Job:
    """What one SDK call has done so far. ``send`` is called in the worker's thread and blocks it.

    The SDK swallows and rewraps exceptions, so the one that counts is kept here.
    """

    send: _Send
    response: Response | None = None
    error: BaseException | None = None

    def exchange(
        self,
        method: str,
        url: str,
        params: Mapping[str, object],
        headers: Mapping[str, object],
        body: bytes | FormFile | None,
    ) -> Response:
        """Send what the SDK made; its credentials are a placeholder and stay here."""
        target = urlsplit(url)
        request = Request(
            method,
            target.path,
            {**dict(parse_qsl(target.query)), **{name: _text(value) for name, value in params.items()}},
            {name: str(headers[name]) for name in headers if name.lower() in _FORWARDED},
            body,
        )
        try:
            self.response = self.send(request)
        except BaseException as error:
            self.error = error
            raise
        return self.response

    def refuse(self, error: Exception) -> Exception:
        """Keep ``error`` as what went wrong; gives it back to be raised."""
        self.error = self.error or error
        return error


CURRENT: ContextVar[Job | None] = ContextVar("crmhub_zoho_sdk_job", default=None)
"""The job for which the running thread works."""

_FORWARDED = frozenset({"if-modified-since", "x-external", "feature", "x-crm-org"})


def _text(value: object) -> str:
    """A parameter's value; the SDK writes booleans as Python does."""
    text = str(value)
    return text.lower() if text in {"True", "False"} else text
