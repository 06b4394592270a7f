"""Bodies that are sent and received a piece at a time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random

import httpx
import pytest

from crmhub.clock import ManualClock
from crmhub.errors import BadResponse, NotFound, RateLimited, Unavailable, UnknownOutcome
from crmhub.events import Events
from crmhub.http import FormFile, HttpClient, HttpSettings

pytestmark = pytest.mark.anyio


class Pieces(httpx.AsyncByteStream):
    """A stream of pieces that counts what was taken; an exception among them is raised."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self.rest = list(pieces)
        self.given = 0

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self.rest:
            raise StopAsyncIteration
        piece = self.rest.pop(0)
        if isinstance(piece, Exception):
            raise piece
        self.given += 1
        return piece


class Source:
    """A body that counts how often it was opened and how many pieces were asked for."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces
        self.opened: list[Pieces] = []

    @property
    def size(self) -> int:
        return sum(map(len, self.pieces))

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[AsyncIterator[bytes]]:
        self.opened.append(Pieces(*self.pieces))
        yield self.opened[-1]


class Sink:
    """What was written since the last beginning; ``fails`` is raised at a write."""

    def __init__(self, fails: Exception | None = None) -> None:
        self.begun = 0
        self.chunks: list[bytes] = []
        self.fails = fails

    async def begin(self) -> None:
        self.begun += 1
        self.chunks.clear()

    async def write(self, chunk: bytes) -> None:
        if self.fails:
            raise self.fails
        self.chunks.append(chunk)


class Wire(httpx.AsyncBaseTransport):
    """Answers each call by the next function."""

    def __init__(self, *answers: Callable[[httpx.Request], httpx.Response]) -> None:
        self.answers = list(answers)
        self.bodies: list[list[bytes]] = []
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        self.requests.append(request)
        self.bodies.append([piece async for piece in request.stream])
        return self.answers.pop(0)(request)


def answered(
    status: int, *pieces: bytes | Exception, **headers: str
) -> Callable[[httpx.Request], httpx.Response]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: httpx.Response(status, headers=named, stream=Pieces(*pieces))


def client(wire: Wire, retries: int = 0, max_body: int = 50_000_000) -> HttpClient:
    return HttpClient(
        HttpSettings("https://crm.test", retries=retries, max_body=max_body),
        connection="crm",
        clock=ManualClock(),
        events=Events(),
        random=Random(7),
        transport=wire,
    )


async def test_a_body_is_sent_in_its_pieces_with_its_length() -> None:
    wire = Wire(answered(200, b"{}"))
    body = Source(b"one", b"two", b"three")
    await client(wire).request("POST", "/files", content=body)
    assert wire.bodies == [[b"one", b"two", b"three"]]
    assert wire.requests[0].headers["content-length"] == "11"
    assert "transfer-encoding" not in wire.requests[0].headers


async def test_a_form_stands_around_the_file_and_its_name_cannot_leave_the_header() -> None:
    wire = Wire(answered(200, b"{}"))
    form = FormFile("file", 'a"\r\nX-Evil: 1.txt', Source(b"one", b"two"), "b0undary")
    await client(wire).request("POST", "/files", content=form, headers={"content-type": form.content_type})
    (pieces,) = wire.bodies
    assert pieces[1:] == [b"one", b"two", b"\r\n--b0undary--\r\n"]
    assert b'filename="a%22%0D%0AX-Evil: 1.txt"\r\n' in pieces[0]
    assert int(wire.requests[0].headers["content-length"]) == sum(map(len, pieces)) == form.size


async def test_a_body_is_opened_anew_for_each_try() -> None:
    wire = Wire(answered(429), answered(200, b"{}"))
    body = Source(b"one", b"two")
    await client(wire, retries=1).request("POST", "/files", content=body)
    assert wire.bodies == [[b"one", b"two"]] * 2
    assert len(body.opened) == 2


async def test_an_upload_whose_answer_is_lost_is_not_sent_again() -> None:
    wire = Wire(answered(200, httpx.ReadError("cut")))
    with pytest.raises(UnknownOutcome):
        await client(wire, retries=3).request("POST", "/files", content=Source(b"one"))
    assert len(wire.bodies) == 1


async def test_a_reply_goes_into_the_sink_as_it_comes_and_may_be_larger_than_any_that_is_held() -> None:
    wire = Wire(answered(200, b"12345", b"67890", b"!"))
    sink = Sink()
    response = await client(wire, max_body=4).request("GET", "/files/1", into=sink)
    assert (response.taken, response.content, sink.begun) == (11, b"", 1)
    assert b"".join(sink.chunks) == b"1234567890!"
    assert len(sink.chunks) == 3
    assert wire.requests[0].headers["accept-encoding"] == "identity"


async def test_a_download_that_is_cut_begins_anew() -> None:
    wire = Wire(answered(200, b"123", httpx.ReadError("cut")), answered(200, b"whole"))
    sink = Sink()
    await client(wire, retries=1).request("GET", "/files/1", into=sink)
    assert (sink.begun, sink.chunks) == (2, [b"whole"])


async def test_a_refusal_does_not_touch_the_sink() -> None:
    sink = Sink()
    with pytest.raises(NotFound, match="404"):
        await client(Wire(answered(404, b"<p>gone</p>"))).request("GET", "/files/1", into=sink)
    with pytest.raises(RateLimited):
        await client(Wire(answered(429))).request("GET", "/files/1", into=sink)
    with pytest.raises(Unavailable):
        await client(Wire(answered(502))).request("GET", "/files/1", into=sink)
    nothing = await client(Wire(answered(204))).request("GET", "/files/1", into=sink)
    assert (nothing.taken, sink.begun) == (None, 0)


async def test_a_packed_body_that_was_not_asked_for_is_refused() -> None:
    sink = Sink()
    with pytest.raises(BadResponse, match="content encoding"):
        await client(Wire(answered(200, b"x", content_encoding="gzip"))).request("GET", "/f", into=sink)
    assert sink.begun == 0


async def test_what_the_sink_raises_comes_through_and_nothing_is_tried_again() -> None:
    wire = Wire(answered(200, b"123", b"456"))
    with pytest.raises(OSError, match="disk full"):
        await client(wire, retries=3).request("GET", "/f", into=Sink(OSError("disk full")))
    assert len(wire.requests) == 1
