"""What real sockets do: cut, refuse, hang, and show a certificate that nobody trusts."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TypeAlias

import anyio
import pytest
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSListener
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from crmhub.clock import Clock
from crmhub.errors import Unavailable, UnknownOutcome
from crmhub.events import Events
from crmhub.http import HttpClient, HttpSettings

pytestmark = pytest.mark.anyio

Handler: TypeAlias = Callable[[ByteStream], Awaitable[None]]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n"
BODY = b'{"ok":true}'


@asynccontextmanager
async def server(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncGenerator[str]:
    """A TCP server on a free port; gives its base URL."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(SocketAttribute.local_port)
    served = TLSListener(listener, tls, standard_compatible=False) if tls else listener

    async def serve(stream: ByteStream) -> None:
        async with stream:
            await handler(stream)

    async with served, anyio.create_task_group() as group:
        group.start_soon(served.serve, serve)
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        group.cancel_scope.cancel()


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


@pytest.fixture
def self_signed(tmp_path: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    return context


async def test_a_certificate_that_nobody_trusts_is_refused_and_not_tried_again(
    self_signed: ssl.SSLContext,
) -> None:
    async def answer(_: ByteStream) -> None:
        raise AssertionError("nothing may be sent")

    async with server(answer, self_signed) as url, client(url) as http:
        with pytest.raises(Unavailable, match="certificate is not trusted") as caught:
            await http.request("POST", "/v1/x")
    assert (caught.value.retryable, caught.value.applied) == (False, False)
