"""A secret and an e-mail address in every slot: neither may come out anywhere."""

from __future__ import annotations

import logging
import traceback
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import TypeAlias

import httpx
import pytest
from pydantic import SecretStr

from crmhub.clock import ManualClock
from crmhub.errors import BadRequest, ConnectorError, CrmhubError
from crmhub.events import Events, log_observer
from crmhub.http import (
    HttpClient,
    HttpSend,
    HttpSettings,
    OAuth,
    Response,
    StaticHeaders,
    Token,
    path,
    read_token,
)
from crmhub.redact import HIDDEN, redact, register

pytestmark = pytest.mark.anyio

SECRET = "canary-s3cret-0123456789"
EMAIL = "jane.canary@example.com"
BOTH = f"{SECRET} {EMAIL}"
JSON = {"content-type": "application/json"}
Answer: TypeAlias = Callable[[httpx.Request], httpx.Response]


def raising(error: Exception) -> Answer:
    def answer(_: httpx.Request) -> httpx.Response:
        raise error

    return answer


def always(status: int, body: str, headers: dict[str, str] | None = None) -> Answer:
    return lambda _: httpx.Response(status, headers=headers or JSON, content=body.encode())


def classify(reply: Response) -> ConnectorError | None:
    body = reply.peek()
    if isinstance(body, dict) and "message" in body:
        return BadRequest(f"the CRM says: {body['message']}", code="X", hint=f"ask {BOTH}")
    return None


class Watched:
    """A client of which everything it shows is gathered."""

    def __init__(self, answer: Answer, auth: OAuth | StaticHeaders | None = None) -> None:
        self.shown: list[str] = []
        events = Events()
        events.subscribe(lambda event: self.shown.append(repr(event)))
        events.subscribe(log_observer)
        self.settings = HttpSettings(
            "https://crm.test",
            auth=auth or StaticHeaders({"authorization": SecretStr(f"Bearer {SECRET}"), "x-user": EMAIL}),
            headers={"x-app": BOTH},
            classify=classify,
            retries=1,
        )
        self.http = HttpClient(
            self.settings,
            connection="crm",
            clock=ManualClock(),
            events=events,
            random=Random(7),
            transport=httpx.MockTransport(answer),
        )

    async def call(self, method: str, target: str | None = None) -> None:
        try:
            reply = await self.http.request(
                method,
                target or path("/v1/contacts/{email}/{token}", email=EMAIL, token=SECRET),
                params={"email": EMAIL, "token": SECRET},
                json={"Email": EMAIL, "Password": SECRET},
                headers={"x-who": BOTH},
            )
            self.shown.append(repr(reply))
            reply.json()
        except CrmhubError as error:
            self.shown += [
                str(error),
                repr(error),
                repr(error.args),
                "".join(traceback.format_exception(error)),
            ]
        self.shown += [repr(self.settings), repr(self.http)]


@asynccontextmanager
async def nothing_shown(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> AsyncGenerator[list[str]]:
    register(SECRET)
    shown: list[str] = []
    with caplog.at_level(logging.DEBUG):
        yield shown
    captured = capsys.readouterr()
    everything = "\n".join(
        [*shown, captured.out, captured.err, *(record.getMessage() for record in caplog.records)]
    )
    assert "http.call" in everything
    for canary in (SECRET, EMAIL, "jane.canary", EMAIL.replace("@", "%40")):
        assert canary not in everything


PAGE = f"<html>{BOTH} <a href='mailto:{EMAIL}'>x</a></html>"
ANSWERS: dict[str, Answer] = {
    "an echoed record": always(200, f'{{"Email": "{EMAIL}", "Token": "{SECRET}"}}'),
    "a torn record": always(200, f'{{"Email": "{EMAIL}", "Token": "{SECRET}'),
    "a page": always(200, PAGE, {"content-type": "text/html"}),
    "a page claiming to be JSON": always(200, PAGE),
    "an error page": always(500, PAGE, {"content-type": "text/html"}),
    "a text": always(400, BOTH, {"content-type": f"text/plain {BOTH}"}),
    "a secret at the cut": always(400, "x" * 190 + SECRET, {"content-type": "text/plain"}),
    "an error that echoes": always(400, f'{{"Email": "{BOTH}"}}'),
    "a vendor's message": always(400, f'{{"message": "{BOTH} is taken"}}'),
    "a redirect": always(302, "", {"location": f"https://crm.test/?q={EMAIL}&token={SECRET}"}),
    "a request id": always(404, "{}", {**JSON, "x-request-id": BOTH, "set-cookie": SECRET}),
    "an encoding": always(200, "{}", {**JSON, "content-encoding": SECRET}),
    "a refused token": always(401, f'{{"Email": "{EMAIL}"}}'),
    "a network error": raising(httpx.ReadError(f"reset by {BOTH}")),
    "a protocol error": raising(httpx.RemoteProtocolError(f"illegal header line: bytearray(b'{BOTH}')")),
    "a failed connection": raising(httpx.ConnectError(f"cannot connect {BOTH}")),
}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_a_call_shows_neither_secrets_nor_personal_data(
    answer: Answer, method: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    async with nothing_shown(caplog, capsys) as shown:
        crm = Watched(answer)
        await crm.call(method)
        shown.extend(crm.shown)


@pytest.mark.parametrize("status", [200, 302, 400, 401, 500])
@pytest.mark.parametrize(
    "body",
    [
        PAGE,
        f'{{"error": "{SECRET}", "error_description": "{EMAIL}"}}',
        f'{{"error": {{"who": "{EMAIL}"}}}}',
        f'{{"error": "invalid_grant", "error_description": "{BOTH}"}}',
        f'{{"access_token": "{SECRET}", "refresh_token": "{SECRET}-2", "id": "{EMAIL}"}}',
        f'{{"access_token": "{SECRET}", "api_domain": "https://{EMAIL}"}}',
        f'{{"access_token": "{SECRET}',
    ],
)
async def test_a_token_request_shows_neither_secrets_nor_personal_data(
    status: int, body: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fetch(send: HttpSend, previous: Token | None) -> Token:
        form = {"client_secret": SECRET, "username": EMAIL}
        reply = await send(form, {"authorization": SECRET})
        token = read_token(reply, now=clock.now(), base_url="api_domain")
        crm.shown.append(repr((token, previous, reply)))
        return token

    def answer(request: httpx.Request) -> httpx.Response:
        token_asked = request.url.path == "/token"
        return httpx.Response(
            status if token_asked else 401, headers=JSON, content=body.encode() if token_asked else b"{}"
        )

    clock = ManualClock()
    async with nothing_shown(caplog, capsys) as shown:
        auth = OAuth(fetch, token_url="https://crm.test/token", connection="crm", secrets=(SECRET, EMAIL))
        crm = Watched(answer, auth)
        await crm.call("GET")
        await crm.call("POST")
        shown.extend([*crm.shown, repr(auth)])


@pytest.mark.parametrize(
    "target",
    [f"https://{EMAIL}/x", f"/x?email={EMAIL}", f"/{EMAIL} x", f"https://evil.test/{SECRET}", f"//{SECRET}"],
)
async def test_a_refused_path_is_not_repeated_in_the_error(
    target: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    async with nothing_shown(caplog, capsys) as shown:
        crm = Watched(always(200, "{}"))
        await crm.call("GET", target)
        await crm.call("GET")
        shown.extend(crm.shown)


async def test_other_users_of_httpx_keep_their_log(caplog: pytest.LogCaptureFixture) -> None:
    transport = httpx.MockTransport(always(200, "{}"))
    async with httpx.AsyncClient(transport=transport) as other:
        with caplog.at_level(logging.INFO, logger="httpx"):
            await other.get("https://other.test/x")
    assert "https://other.test/x" in caplog.text


@pytest.mark.parametrize("key", [f"{SECRET}\n", f"{SECRET}\r\nX-Other: 1", f" {SECRET}", f"{SECRET}\0", "ké"])
async def test_a_key_that_no_header_can_hold_is_not_sent_and_not_repeated_in_the_error(
    key: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(request: httpx.Request) -> httpx.Response:
        raise httpx.LocalProtocolError(f"Illegal header value {request.headers['x-key']!r}")

    async with nothing_shown(caplog, capsys) as shown:
        crm = Watched(refused, StaticHeaders({"x-key": SecretStr(key)}))
        await crm.call("GET")
        assert any("the header x-key would hold a line break" in line for line in crm.shown)
        shown.extend(crm.shown)


def test_a_secret_is_hidden_whole_where_a_shorter_one_overlaps_it() -> None:
    register("Bearer q")
    register("q-0123-canary-4567")
    assert redact("no user for Bearer q-0123-canary-4567") == f"no user for Bearer {HIDDEN}"
