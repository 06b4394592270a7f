"""What real sockets do: cut, refuse, hang, and show a certificate that nobody trusts."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import anyio
import pytest
from anyio.abc import ByteStream

from crmhub.clock import Clock
from crmhub.errors import Unavailable, UnknownOutcome
from crmhub.events import Events
from crmhub.http import HttpClient, HttpSettings
from tests.sockets import BODY, HEAD, self_signed, server

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def client(base_url: str, *, patience: float = 5.0) -> AsyncGenerator[HttpClient]:
    http = HttpClient(
        HttpSettings(base_url, timeout=patience, retries=0),
        connection="crm",
        clock=Clock(),
        events=Events(),
        random=Random(7),
    )
    try:
        yield http
    finally:
        await http.aclose()


async def test_connections_are_kept_alive() -> None:
    accepted: list[int] = []

    async def answer(stream: ByteStream) -> None:
        accepted.append(1)
        try:
            while True:
                await stream.receive()
                await stream.send(HEAD + BODY)
        except anyio.EndOfStream:
            return

    async with server(answer) as url, client(url) as http:
        for _ in range(3):
            assert (await http.request("GET", "/v1/x")).json() == {"ok": True}
    assert len(accepted) == 1


@pytest.mark.parametrize("sent", [b"", HEAD, HEAD + BODY[:5], b"HTTP/1.1 2", b"not http at all\r\n\r\n"])
async def test_a_reply_that_is_cut_leaves_a_write_unknown_and_a_read_failed(sent: bytes) -> None:
    async def answer(stream: ByteStream) -> None:
        await stream.receive()
        if sent:
            await stream.send(sent)

    async with server(answer) as url, client(url) as http:
        with pytest.raises(UnknownOutcome, match="no complete answer"):
            await http.request("POST", "/v1/x", json={"a": 1})
        with pytest.raises(Unavailable, match="no complete answer"):
            await http.request("GET", "/v1/x")


async def test_a_refused_connection_is_known_not_to_be_applied() -> None:
    async def answer(_: ByteStream) -> None:
        return

    async with server(answer) as url:
        pass
    async with client(url) as http:
        with pytest.raises(Unavailable, match="could not be sent") as caught:
            await http.request("POST", "/v1/x", json={"a": 1})
    assert caught.value.applied is False


async def test_a_server_that_hangs_is_given_up_after_the_timeout() -> None:
    async def answer(stream: ByteStream) -> None:
        await stream.receive()
        await anyio.sleep_forever()

    async with server(answer) as url, client(url, patience=0.2) as http:
        with pytest.raises(UnknownOutcome, match=r"no complete answer"):
            await http.request("POST", "/v1/x", json={"a": 1})


async def test_a_certificate_that_nobody_trusts_is_refused_and_not_tried_again(
    tmp_path: Path,
) -> None:
    async def answer(_: ByteStream) -> None:
        raise AssertionError("nothing may be sent")

    async with server(answer, self_signed(tmp_path)) as url, client(url) as http:
        with pytest.raises(Unavailable, match="certificate is not trusted") as caught:
            await http.request("POST", "/v1/x")
    assert (caught.value.retryable, caught.value.applied) == (False, False)
