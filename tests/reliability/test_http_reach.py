"""Where a client may connect to: the addresses of a name are looked at when a connection is opened."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from socket import EAI_NONAME, gaierror
from urllib.parse import urlsplit

import anyio
import pytest
from anyio.abc import ByteStream

from crmhub.clock import Clock
from crmhub.errors import Unavailable
from crmhub.events import Events
from crmhub.http import HttpClient, HttpSettings, Reach
from tests.sockets import BODY, HEAD, self_signed, server

pytestmark = pytest.mark.anyio
PRIVATE = (
    "10.1.2.3",
    "127.0.0.1",
    "169.254.169.254",
    "0.0.0.0",
    "::1",
    "fe80::1",
    "fd00::1",
    "::ffff:10.0.0.1",
)


class Names:
    """A resolver that gives one answer after the other, the last one for good."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = [*answers]
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@asynccontextmanager
async def client(
    base_url: str,
    resolve: Callable[[str, int], Awaitable[Sequence[str]]] | None,
    reach: Reach = "loopback",
    patience: float = 5.0,
) -> AsyncGenerator[HttpClient]:
    http = HttpClient(
        HttpSettings(base_url, reach=reach, timeout=patience, retries=0),
        connection="crm",
        clock=Clock(),
        events=Events(),
        random=Random(7),
        resolve=resolve,
    )
    try:
        yield http
    finally:
        await http.aclose()


class Desk:
    """Answers on a socket of this machine, so many calls a connection, and keeps what came."""

    def __init__(self, calls: int = 99) -> None:
        self.calls = calls
        self.heard: list[bytes] = []
        self.accepted = 0

    async def __call__(self, stream: ByteStream) -> None:
        self.accepted += 1
        try:
            for _ in range(self.calls):
                self.heard.append(await stream.receive())
                await stream.send(HEAD + BODY)
        except anyio.EndOfStream:
            return


def named(url: str, host: str = "crm.test") -> str:
    """The URL of a server under another name."""
    return url.replace("127.0.0.1", host)


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_name_that_leads_to_a_private_address_is_refused_before_anything_is_sent(
    address: str,
) -> None:
    async with client("https://crm.test", Names(["8.8.8.8", address]), "public") as http:
        with pytest.raises(Unavailable, match=r"crm\.test leads to a private network") as caught:
            await http.request("POST", "/v1/x")
    error = caught.value
    assert (error.retryable, error.applied) == (False, False)
    assert "set private_hosts: true" in str(error)
    assert address not in str(error)


@pytest.mark.parametrize("url", ["http://localhost:1", "http://127.1:1", "http://[::ffff:127.0.0.1]:1"])
async def test_the_systems_own_answers_are_looked_at_too(url: str) -> None:
    async with client(url, None, "public") as http:
        with pytest.raises(Unavailable, match="leads to a private network or to this machine"):
            await http.request("GET", "/v1/x")


async def test_the_connection_goes_to_the_address_that_was_checked_and_keeps_the_name() -> None:
    desk, names = Desk(), Names(["127.0.0.1"], ["10.1.2.3"])
    async with server(desk) as url, client(named(url), names) as http:
        for _ in range(3):
            assert (await http.request("GET", "/v1/x")).json() == {"ok": True}
        port = urlsplit(url).port
    assert f"host: crm.test:{port}\r\n".encode() in desk.heard[0].lower()
    assert (desk.accepted, names.asked) == (1, ["crm.test"]), "looked up once for each connection"


async def test_a_name_that_leads_elsewhere_later_is_refused_with_the_next_connection() -> None:
    desk, names = Desk(calls=1), Names(["127.0.0.1"], ["10.1.2.3"])
    async with server(desk) as url, client(named(url), names) as http:
        await http.request("GET", "/v1/x")
        with pytest.raises(Unavailable, match=r"crm\.test leads to a private network"):
            await http.request("GET", "/v1/x")
    assert len(desk.heard) == 1


async def test_token_endpoints_are_looked_at_as_well() -> None:
    desk, names = Desk(), Names(["127.0.0.1"], ["10.1.2.3"])
    async with server(desk) as url, client(named(url), names) as http:
        await http.request("GET", "/v1/x")
        with pytest.raises(Unavailable, match=r"login\.test leads to a private network"):
            await http.wire.post(named(url, "login.test"), {"grant_type": "client_credentials"})
    assert len(desk.heard) == 1


async def test_tls_is_asked_for_the_name(tmp_path: Path) -> None:
    asked: list[str | None] = []
    tls = self_signed(tmp_path)
    tls.sni_callback = lambda _socket, name, _context: asked.append(name)

    async with server(Desk(), tls) as url, client(named(url), Names(["127.0.0.1"])) as http:
        with pytest.raises(Unavailable, match="certificate is not trusted"):
            await http.request("GET", "/v1/x")
    assert asked == ["crm.test"]


async def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    desk = Desk()
    async with server(desk) as url, client(named(url), Names(["127.0.0.2", "127.0.0.1"])) as http:
        assert (await http.request("GET", "/v1/x")).json() == {"ok": True}
    async with client(named(url), Names(["127.0.0.2", "127.0.0.1"])) as http:
        with pytest.raises(Unavailable, match="could not be sent: ConnectError") as caught:
            await http.request("GET", "/v1/x")
    assert (caught.value.retryable, caught.value.applied) == (True, False)


async def test_a_name_without_an_address_or_an_answer_may_have_one_later() -> None:
    async def nothing(host: str, port: int) -> Sequence[str]:
        raise gaierror(EAI_NONAME, f"{host}:{port} is not known")

    async def silence(host: str, port: int) -> Sequence[str]:
        await anyio.sleep_forever()
        return [host, str(port)]

    for resolve, said in ((nothing, "is not known"), (silence, "ConnectTimeout"), (Names([]), "no address")):
        async with client("https://crm.test", resolve, "public", 0.1) as http:
            with pytest.raises(Unavailable, match=said) as caught:
                await http.request("POST", "/v1/x")
            assert (caught.value.retryable, caught.value.applied) == (True, False)


async def test_a_proxy_of_the_environment_looks_names_up_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    desk, names = Desk(), Names(["10.1.2.3"])
    async with server(desk) as url:
        monkeypatch.setenv("http_proxy", url)
        monkeypatch.setenv("no_proxy", "inside.test")
        async with client("http://crm.test", names, "public") as http:
            assert (await http.request("GET", "/v1/x")).json() == {"ok": True}
        async with client("http://inside.test", names, "public") as http:
            with pytest.raises(Unavailable, match=r"inside\.test leads to a private network"):
                await http.request("GET", "/v1/x")
    assert desk.heard[0].startswith(b"GET http://crm.test/v1/x")
    assert names.asked == ["inside.test"]
