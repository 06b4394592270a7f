"""The admin routes, for tests and curious people on the same machine: `/_truth`, `/_faults`, `/_clock`,
`/_outbox`, `/_stats`, `/_code`, `/_settings`, `/_act`.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import datetime
from typing import Protocol, cast

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from crmhub.testing.simulator.clock import SimClock, iso_seconds
from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.faults import Faults
from crmhub.testing.simulator.jsons import dump_json, json_response, load_json
from crmhub.testing.simulator.stats import Stats
from crmhub.testing.simulator.table import Row


class Played(Protocol):
    """What the admin routes need of a double."""

    clock: SimClock
    faults: Faults
    stats: Stats

    def objects(self) -> list[str]:
        """The names of the objects that ``truth`` knows."""
        ...

    def truth(self, name: str, *, deleted: bool = False) -> Iterator[Row]:
        """All live (or deleted) rows of an object."""
        ...

    def outbox(self, *, clear: bool = False) -> list[dict[str, object]]:
        """What the vendor would have sent to others' addresses, oldest first; `clear` forgets it."""
        ...

    def console_code(self) -> str:
        """A code as the vendor's console gives it, to be pasted; raises SimulatorError where none does."""
        ...

    def change_settings(self, changes: Mapping[str, str]) -> dict[str, str]:
        """Make other choices while the double runs; all that were made."""
        ...

    def act(self, name: str, given: Mapping[str, str]) -> dict[str, object]:
        """What happens at the vendor without its API; what came of it."""
        ...


_PAGES = ("_truth", "_faults", "_clock", "_outbox", "_stats", "_code", "_settings", "_act")
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_CHUNK = 500


def is_admin_path(request: Request) -> bool:
    """Whether the call is for an admin route."""
    return request.url.path.split("/", 2)[1] in _PAGES


async def admin_answer(double: Played, request: Request) -> Response:
    """Answer a call to an admin route; 403 from anywhere but this machine."""
    if request.client is None or request.client.host not in _LOOPBACK:
        return _refused(403, "admin routes answer only callers on this machine")
    parts = request.url.path.strip("/").split("/")
    try:
        match (request.method, parts):
            case ("GET", ["_truth"]):
                return json_response({"objects": double.objects()})
            case ("GET", ["_truth", name]):
                return _truth(double, request, name)
            case (("GET" | "DELETE"), ["_stats"]):
                return _stats(double, reset=request.method == "DELETE")
            case (("GET" | "DELETE"), ["_outbox"]):
                return json_response({"outbox": double.outbox(clear=request.method == "DELETE")})
            case ("POST", ["_code"]):
                return json_response({"code": double.console_code()})
            case (("GET" | "PUT"), ["_faults"]):
                if request.method == "PUT":
                    double.faults.replace(_rules(load_json(await request.body())))
                return json_response({"faults": double.faults.rules})
            case ("PUT", ["_settings"]) | ("POST", ["_act", _]):
                return _altered(double, parts, _texts(load_json(await request.body() or b"{}")))
            case (("GET" | "POST"), ["_clock"]):
                return _clock(double, load_json(await request.body()) if request.method == "POST" else None)
            case _:
                return _refused(404, f"no admin route {request.method} {request.url.path}")
    except (SimulatorError, msgspec.DecodeError) as problem:
        return _refused(400, str(problem))


def _refused(status: int, message: str) -> Response:
    return json_response({"error": message}, status)


def _stats(double: Played, *, reset: bool) -> Response:
    if reset:
        double.stats.reset()
    return json_response(double.stats.as_dict())


def _truth(double: Played, request: Request, name: str) -> Response:
    if name not in double.objects():
        return _refused(404, f"no object {name!r}; there are {', '.join(double.objects())}")
    deleted = request.query_params.get("deleted", "").lower() in {"1", "true"}
    rows = double.truth(name, deleted=deleted)
    lines = "ndjson" in request.headers.get("accept", "") or request.query_params.get("format") == "ndjson"
    media = "application/x-ndjson" if lines else "application/json"
    return StreamingResponse(_streamed(rows, lines=lines), media_type=media)


async def _streamed(rows: Iterator[Row], *, lines: bool) -> AsyncIterator[bytes]:
    joint, chunk = (b"\n" if lines else b","), list[bytes]()
    first = True
    if not lines:
        yield b"["
    for row in rows:
        chunk.append(dump_json(row))
        if len(chunk) == _CHUNK:
            yield (b"" if first else joint) + joint.join(chunk)
            first, chunk = False, []
    if chunk:
        yield (b"" if first else joint) + joint.join(chunk)
    yield b"\n" if lines else b"]"


def _altered(double: Played, parts: list[str], given: dict[str, str]) -> Response:
    if parts[0] == "_settings":
        return json_response({"settings": double.change_settings(given)})
    return json_response(double.act(parts[1], given))


def _texts(body: object) -> dict[str, str]:
    if not isinstance(body, dict):
        raise SimulatorError('send an object of names and texts, e.g. {"page_rows": "100"}')
    pairs = cast("dict[str, object]", body).items()
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in pairs}


def _rules(body: object) -> list[str]:
    if isinstance(body, dict):
        body = cast("dict[str, object]", body).get("faults")
    items = cast("list[object]", body) if isinstance(body, list) else None
    if items is None or not all(isinstance(item, str) for item in items):
        raise SimulatorError('send a list of rules, e.g. ["429:5%"], or {"faults": [...]}')
    return cast("list[str]", items)


def _clock(double: Played, turn: object | None) -> Response:
    if turn is not None:
        _turn(double, turn)
    return json_response({"now": iso_seconds(double.clock.now())})


def _turn(double: Played, body: object) -> None:
    values = cast("dict[str, object]", body) if isinstance(body, dict) else {}
    match values:
        case {"advance": (int() | float()) as seconds}:
            double.clock.advance(seconds)
        case {"now": str() as text}:
            try:
                double.clock.set(datetime.fromisoformat(text))
            except ValueError as problem:
                raise SimulatorError(f"now: {problem}") from problem
        case _:
            raise SimulatorError('send {"advance": seconds} or {"now": "2026-01-31T09:00:00Z"}')
