"""The ASGI application around a double: latency, faults, counting, and the admin routes."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from email.utils import formatdate
from typing import ClassVar

import anyio
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crmhub.testing.simulator.admin import admin_answer, is_admin_path
from crmhub.testing.simulator.clock import SimClock
from crmhub.testing.simulator.errors import ConnectionCut, SimulatorError
from crmhub.testing.simulator.faults import FaultRule, Faults
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.stats import Stats
from crmhub.testing.simulator.table import Row

PATTERN_KEY = "crmhub.pattern"
"""Where in the ASGI scope a double notes which route pattern it answered, for the statistics."""

_HTML = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


class Double(ABC):
    """A vendor's API, played locally. Subclasses answer calls; this class holds what all doubles have.

    `credentials` are working ones for any client; `places` are paths that clients are told beside them, by
    name; `app` is the ASGI application.
    """

    name: ClassVar[str]

    def __init__(self, options: Options) -> None:
        self.options = options
        self.clock = SimClock(options.now)
        self.faults = Faults(options.faults, options.seed)
        self.stats = Stats()
        self.credentials: dict[str, str] = {}
        self.places: dict[str, str] = {}
        self.app: ASGIApp = SimulatorApp(self)

    @abstractmethod
    async def answer(self, request: Request) -> Response:
        """Answer one call as the vendor would. Await `lag()` where the vendor spends its time."""

    @abstractmethod
    def objects(self) -> list[str]:
        """The names of the objects that `truth` knows."""

    @abstractmethod
    def truth(self, name: str, *, deleted: bool = False) -> Iterator[Row]:
        """All live (or deleted) rows of an object in the vendor's shape, without any limit; KeyError if
        unknown.
        """

    def outbox(self, *, clear: bool = False) -> list[dict[str, object]]:
        """What the vendor would have sent to others' addresses, oldest first: `{"url", "body"}` each.

        `clear` forgets it.
        """
        del clear
        return []

    def console_code(self) -> str:
        """A code as the vendor's own console gives it, to be pasted by whoever signs in.

        Raises SimulatorError where the vendor's console gives none.
        """
        raise SimulatorError("this vendor's console gives no codes: sign in with a browser")

    def change_settings(self, changes: Mapping[str, str]) -> dict[str, str]:
        """Make other choices of the double's own while it runs; all that were made, by name.

        Raises SimulatorError where it can not be.
        """
        raise SimulatorError(f"this double's choices are made when it starts: {', '.join(changes)}")

    def act(self, name: str, given: Mapping[str, str]) -> dict[str, object]:
        """What happens at the vendor without its API, such as a merge by hand; what came of it.

        Raises SimulatorError where there is no such thing.
        """
        del given
        raise SimulatorError(f"nothing of the name {name!r} happens here")

    @abstractmethod
    def expire_tokens(self) -> None:
        """Let all access tokens expire now."""

    @abstractmethod
    def failure(self, status: int) -> Response:
        """What the vendor sends with this HTTP status when a fault rule asks for it."""

    async def lag(self) -> None:
        """Spend the latency that was asked for."""
        if self.options.latency > 0:
            await anyio.sleep(self.options.latency)

    def base_url(self, request: Request) -> str:
        """Where this double lives, as seen by the caller; no trailing slash."""
        return self.options.base_url.rstrip("/") or f"{request.url.scheme}://{request.url.netloc}"


class SimulatorApp:
    """The ASGI application of a double. Raises ConnectionCut where the connection is to be cut."""

    def __init__(self, double: Double) -> None:
        self._double = double

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP call."""
        if scope["type"] != "http":
            raise ValueError(f"a simulator speaks HTTP, not {scope['type']}")
        request = Request(scope, receive)
        if self._double.options.admin and is_admin_path(request):
            response = await admin_answer(self._double, request)
            await response(scope, receive, send)
            return
        with self._double.stats.in_flight():
            await self._answer(request, scope, receive, send)

    async def _answer(self, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        double = self._double
        rule = double.faults.on_call(request.method, request.url.path)
        if rule is None:
            response = await double.answer(request)
        else:
            double.stats.faults[rule.kind] += 1
            response = await self._struck(rule, request, receive)
        pattern = scope.get(PATTERN_KEY) or request.url.path
        if response is None:
            double.stats.count(request.method, pattern, rule.kind if rule else "none")
            raise ConnectionCut(f"{request.method} {request.url.path}")
        double.stats.count(request.method, pattern, str(response.status_code))
        response.headers["date"] = formatdate(double.clock.now(), usegmt=True)
        await response(scope, receive, send)

    async def _struck(self, rule: FaultRule, request: Request, receive: Receive) -> Response | None:
        double = self._double
        if rule.status is not None:
            await double.lag()
            response = double.failure(rule.status)
            if rule.wait is not None:
                response.headers["retry-after"] = str(rule.wait)
            return response
        match rule.kind:
            case "cut":
                return None
            case "hang":
                await _client_gone(request, receive)
                return None
            case "html":
                await double.lag()
                return HTMLResponse(_HTML, 502)
            case "expire":
                double.expire_tokens()
                return await double.answer(request)
            case kind:
                return await _mangled(kind, await double.answer(request))


async def _mangled(kind: str, response: Response) -> Response | None:
    body = bytes(response.body)
    media = response.headers.get("content-type", "application/json")
    match kind:
        case "lost":
            return None
        case "empty":
            return Response(b"", 200, media_type=media)
        case "truncated":
            return Response(body[: len(body) // 2], response.status_code, media_type=media)
        case _:
            return Response(body, response.status_code, media_type="text/plain")


async def _client_gone(request: Request, receive: Receive) -> None:
    await request.body()
    message: Message = {"type": "http.request"}
    while message["type"] != "http.disconnect":
        message = await receive()
