"""What a call sends and what its reply becomes, without retries."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from decimal import Decimal
from random import Random
from typing import TypeAlias

import httpx
import pytest

from crmhub.clock import ManualClock
from crmhub.errors import (
    AuthError,
    BadRequest,
    BadResponse,
    ConfigError,
    Conflict,
    ConnectorError,
    InvalidRecord,
    NotFound,
    PermissionDenied,
    RateLimited,
    Unavailable,
    UnknownOutcome,
    UsageError,
)
from crmhub.events import Event, Events
from crmhub.http import BearerToken, Grant, HttpClient, HttpSettings, Response, Wire, asgi_transport, path

pytestmark = pytest.mark.anyio

BASE = "https://crm.test"
JSON = {"content-type": "application/json"}
Answer: TypeAlias = Callable[[httpx.Request], httpx.Response]


def client(answer: Answer, settings: HttpSettings | None = None, events: Events | None = None) -> HttpClient:
    return HttpClient(
        settings or HttpSettings(BASE, retries=0),
        connection="crm",
        clock=ManualClock(),
        events=events or Events(),
        random=Random(7),
        transport=httpx.MockTransport(answer),
    )


def raw(status: int, body: bytes = b"", headers: Mapping[str, str] = JSON) -> httpx.Response:
    return httpx.Response(status, headers=dict(headers), stream=httpx.ByteStream(body))


async def sent(method: str = "GET", target: str = "/v1/x", **more: object) -> httpx.Request:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return raw(200, b"{}")

    await client(answer).request(method, target, **more)  # pyright: ignore[reportArgumentType]
    return seen[0]


async def test_a_call_sends_its_query_body_and_headers() -> None:
    request = await sent(
        "post",
        path("/v1/{object}", object="Deals"),
        params={"fields": ["id", "Deal Name"], "page": 2, "q": "a&b=c", "all": True},
        json={"Amount": Decimal("10.10"), "Name": "Ümit"},
        headers={"X-Mode": "test"},
    )
    assert request.method == "POST"
    assert str(request.url) == f"{BASE}/v1/Deals?fields=id&fields=Deal%20Name&page=2&q=a%26b%3Dc&all=true"
    assert request.content == '{"Amount":10.10,"Name":"Ümit"}'.encode()
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept"] == "application/json"
    assert request.headers["accept-encoding"] == "gzip"
    assert request.headers["x-mode"] == "test"


async def test_a_body_can_be_given_as_bytes() -> None:
    request = await sent("PUT", content=b"a,b\n1,2", headers={"content-type": "text/csv"}, expect="any")
    assert (request.content, request.headers["content-type"], request.headers["accept"]) == (
        b"a,b\n1,2",
        "text/csv",
        "*/*",
    )


async def test_a_reply_gives_json_headers_in_any_case_and_the_request_id() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return raw(200, b'{"data": [1.50]}', {**JSON, "X-Request-ID": "abc-1"})

    reply = await client(answer).request("GET", "/v1/x")
    assert reply.json() == {"data": [Decimal("1.50")]}
    assert reply.headers["x-REQUEST-id"] == "abc-1"
    assert (reply.status, reply.request_id, reply.path) == (200, "abc-1", "/v1/x")


async def test_a_base_url_keeps_its_own_path() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return raw(200, b"{}")

    crm = client(answer, HttpSettings("http://localhost:8080/tenant/", retries=0))
    await crm.request("GET", "/v1/x")
    await crm.request("GET", "http://localhost:8080/tenant/v1/x?after=ab%3D", params={"limit": 5})
    assert seen == [
        "http://localhost:8080/tenant/v1/x",
        "http://localhost:8080/tenant/v1/x?after=ab%3D&limit=5",
    ]


@pytest.mark.parametrize("target", ["https://evil.test/x", "//evil.test/x", "/a/../b", "v1/x", "/x?id=1"])
async def test_a_path_that_leads_elsewhere_is_refused_before_anything_is_sent(target: str) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise AssertionError("nothing may be sent")

    with pytest.raises(BadRequest, match="refused"):
        await client(answer).request("GET", target)


@pytest.mark.parametrize(
    "url", ["crm.test", "ftp://crm.test", "https://u:p@crm.test", "https://crm.test?x=1"]
)
def test_a_wrong_base_url_is_a_config_error_that_names_the_connection(url: str) -> None:
    with pytest.raises(ConfigError, match="'crm'"):
        client(lambda _: raw(200), HttpSettings(url))


async def test_a_header_value_that_would_split_the_request_is_refused() -> None:
    with pytest.raises(Unavailable, match="could not be sent"):
        await client(lambda _: raw(200)).request("GET", "/v1/x", headers={"X-Name": "Ω"})


async def test_a_host_that_cannot_be_reached_is_named_with_its_connection() -> None:
    def unreachable(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("[Errno -2] Name or service not known")

    with pytest.raises(Unavailable, match=r"connection crm .*\(crm\.test\)"):
        await client(unreachable).request("GET", "/v1/x")
    with pytest.raises(Unavailable, match=r"connection crm .*\(login\.test\)"):
        await client(unreachable).wire.post("https://login.test/token", {"a": "b"})


@pytest.mark.parametrize(
    ("status", "kind", "repeatable_kind"),
    [
        (301, BadResponse, BadResponse),
        (307, BadResponse, BadResponse),
        (304, BadResponse, BadResponse),
        (400, BadRequest, BadRequest),
        (401, AuthError, AuthError),
        (403, PermissionDenied, PermissionDenied),
        (404, NotFound, NotFound),
        (405, BadRequest, BadRequest),
        (408, Unavailable, Unavailable),
        (409, Conflict, Conflict),
        (410, NotFound, NotFound),
        (412, Conflict, Conflict),
        (415, BadRequest, BadRequest),
        (422, BadRequest, BadRequest),
        (429, RateLimited, RateLimited),
        (451, BadRequest, BadRequest),
        (500, UnknownOutcome, Unavailable),
        (502, UnknownOutcome, Unavailable),
        (503, UnknownOutcome, Unavailable),
        (599, UnknownOutcome, Unavailable),
    ],
)
async def test_a_status_becomes_its_error(
    status: int, kind: type[ConnectorError], repeatable_kind: type[ConnectorError]
) -> None:
    crm = client(lambda _: raw(status, b'{"message": "Abernathy"}', {**JSON, "x-request-id": "r-9"}))
    with pytest.raises(kind) as caught:
        await crm.request("POST", "/v1/x")
    error = caught.value
    assert (type(error), error.status, error.request_id, error.where.connection) == (
        kind,
        status,
        "r-9",
        "crm",
    )
    assert f"POST /v1/x was answered {status}" in error.what
    assert "Abernathy" not in str(error)
    with pytest.raises(repeatable_kind):
        await crm.request("GET", "/v1/x")


async def test_an_error_page_is_shown_in_part() -> None:
    crm = client(lambda _: raw(400, b"<h1>Bad <b>gateway</b></h1>", {"content-type": "text/html"}))
    with pytest.raises(BadRequest, match="400 Bad Request: Bad gateway"):
        await crm.request("GET", "/v1/x")


async def test_a_redirect_is_never_followed() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.host)
        return raw(302, b"", {"location": "https://evil.test/steal"})

    settings = HttpSettings(BASE, auth=BearerToken("s3cret-token"), retries=3)
    with pytest.raises(BadResponse, match="redirects are not followed"):
        await client(answer, settings).request("GET", "/v1/x")
    assert seen == ["crm.test"]


async def test_a_status_that_the_caller_expects_is_no_error() -> None:
    crm = client(lambda _: raw(404, b"<html>", {"content-type": "text/html"}))
    assert (await crm.request("GET", "/v1/x", ok=(200, 404))).status == 404


async def test_a_success_that_the_caller_does_not_expect_is_a_bad_response() -> None:
    with pytest.raises(BadResponse, match="unexpected status 202"):
        await client(lambda _: raw(202, b"{}")).request("GET", "/v1/x", ok=(200,))


async def test_the_vendors_code_counts_before_the_status() -> None:
    def classify(reply: Response) -> ConnectorError | None:
        body = reply.json()
        if isinstance(body, dict) and body.get("code") == "INVALID_DATA":
            return InvalidRecord("the CRM refused jane@example.com", code="INVALID_DATA")
        return None

    settings = HttpSettings(BASE, classify=classify, retries=0)
    with pytest.raises(InvalidRecord) as caught:
        await client(lambda _: raw(200, b'{"code": "INVALID_DATA"}'), settings).request("POST", "/v1/x")
    error = caught.value
    assert (error.status, error.code, error.where.connection) == (200, "INVALID_DATA", "crm")
    assert "jane" not in str(error)
    assert "jane" not in repr(error)
    with pytest.raises(UnknownOutcome):
        await client(lambda _: raw(502, b"<html>", {}), settings).request("POST", "/v1/x")


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a": '])
async def test_a_successful_read_without_json_is_a_bad_response(body: bytes) -> None:
    with pytest.raises(BadResponse):
        await client(lambda _: raw(200, body)).request("GET", "/v1/x")


async def test_a_success_without_body_is_fine_where_nothing_is_read() -> None:
    reply = await client(lambda _: raw(204, b"", {})).request("DELETE", "/v1/x")
    assert reply.json() is None
    assert (await client(lambda _: raw(200, b"", {})).request("PATCH", "/v1/x")).status == 200


async def test_a_file_is_given_as_bytes() -> None:
    crm = client(lambda _: raw(200, b"id,name\n", {"content-type": "text/csv"}))
    reply = await crm.request("GET", "/v1/export", expect="any")
    assert (reply.content, reply.text, reply.media_type) == (b"id,name\n", "id,name\n", "text/csv")


async def test_a_gzipped_body_is_unpacked() -> None:
    body = gzip.compress(b'{"a":', mtime=0) + gzip.compress(b" 1}")
    crm = client(lambda _: raw(200, body, {**JSON, "content-encoding": "gzip"}))
    assert (await crm.request("GET", "/v1/x")).json() == {"a": 1}


@pytest.mark.parametrize(
    ("body", "coding", "says"),
    [
        (gzip.compress(b" " * 3_000_000, mtime=0), "gzip", "more than 1000000 bytes"),
        (b" " * 1_000_001, "identity", "more than 1000000 bytes"),
        (gzip.compress(b'{"a": 1}' * 50, mtime=0)[:-9], "gzip", "broken or cut off"),
        (b"not gzip", "gzip", "broken or cut off"),
        (b"\x1b\x03", "br", "not asked for"),
    ],
)
async def test_a_body_that_is_too_large_or_badly_packed_is_a_bad_response(
    body: bytes, coding: str, says: str
) -> None:
    settings = HttpSettings(BASE, max_body=1_000_000, retries=0)
    crm = client(lambda _: raw(200, body, {**JSON, "content-encoding": coding}), settings)
    with pytest.raises(BadResponse, match=says):
        await crm.request("GET", "/v1/x")
    with pytest.raises(UnknownOutcome, match=says):
        await crm.request("POST", "/v1/x")


async def test_cookies_are_not_kept() -> None:
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("cookie"))
        return raw(200, b"{}", {**JSON, "set-cookie": "sid=1; Path=/"})

    crm = client(answer)
    await crm.request("GET", "/v1/x")
    await crm.request("GET", "/v1/x")
    assert seen == [None, None]


async def test_each_call_is_told_with_path_status_code_and_request_id() -> None:
    told: list[Event] = []
    events = Events()
    events.subscribe(told.append)
    crm = client(lambda _: raw(404, b"{}", {**JSON, "x-request-id": "r-1"}), events=events)
    with pytest.raises(NotFound):
        await crm.request("GET", "/v1/x", params={"email": "jane@example.com"})
    assert [(event.name, event.connection) for event in told] == [("http.call", "crm")]
    assert told[0].detail == {
        "method": "GET",
        "path": "/v1/x",
        "status": 404,
        "code": None,
        "request_id": "r-1",
        "ms": 0.0,
        "attempt": 1,
        "bytes": 2,
        "skew": None,
        "error": "NotFound",
    }


async def test_refused_fixed_credentials_are_not_sent_again() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["authorization"])
        return raw(401, b"{}")

    with pytest.raises(AuthError, match="check the credentials"):
        await client(answer, HttpSettings(BASE, auth=BearerToken("s3cret-token"))).request("GET", "/v1/x")
    assert seen == ["Bearer s3cret-token"]


class Moved:
    """Credentials that are good at another place."""

    def __init__(self, base_url: str) -> None:
        self._grant = Grant({"authorization": "Bearer s3cret-token"}, base_url)

    async def grant(self, wire: Wire, refused: Grant | None = None) -> Grant:
        return self._grant


@pytest.mark.parametrize(
    "place",
    [
        "https://evil.test", "https://evilcrm.cloud", "http://eu.crm.cloud", "https://eu.crm.cloud:8443",
        "https://eu.crm.cloud@evil.test", "https://eu.crm.cloud?x=", "http://crm.test", "https://crm.test:444",
    ],
)  # fmt: skip
async def test_credentials_are_not_sent_to_a_host_that_is_not_allowed(place: str) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise AssertionError("nothing may be sent")

    settings = HttpSettings(BASE, auth=Moved(place), allow_hosts=frozenset({"crm.cloud"}))
    with pytest.raises(AuthError):
        await client(answer, settings).request("GET", "/v1/x")


@pytest.mark.parametrize("place", ["https://eu.crm.cloud", "https://crm.cloud/api", "https://crm.test/eu"])
async def test_a_token_may_move_the_base_url_to_an_allowed_host(place: str) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return raw(200, b"{}")

    settings = HttpSettings(BASE, auth=Moved(place), allow_hosts=frozenset({".CRM.cloud"}))
    crm = client(answer, settings)
    await crm.request("GET", "/v1/x")
    await crm.request("GET", f"{place}/v1/x?page=2")
    assert seen == [f"{place}/v1/x", f"{place}/v1/x?page=2"]


@pytest.mark.parametrize(
    "base", ["https://files.crm.cloud", "https://CRM.cloud", "https://crm.test", "https://crm.test:443"]
)
async def test_one_call_may_name_a_host_for_files_with_the_same_credentials(base: str) -> None:
    seen: list[tuple[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((str(request.url).lower(), request.headers["authorization"]))
        return raw(200, b"{}")

    settings = HttpSettings(BASE, auth=BearerToken("t"), file_hosts=frozenset({".CRM.cloud"}))
    crm = client(answer, settings)
    await crm.request("GET", "/v1/x", base=base)
    await crm.request("GET", "/v1/x")
    host = base.removesuffix(":443").lower()
    assert seen == [(f"{host}/v1/x", "Bearer t"), (f"{BASE}/v1/x", "Bearer t")]


@pytest.mark.parametrize(
    "base",
    [
        "https://crm.cloud.evil.test", "https://evilcrm.cloud", "http://files.crm.cloud",
        "https://files.crm.cloud:8443", "https://u:p@files.crm.cloud", "https://crm.test:8443", "crm.cloud",
        "http://crm.test", "https://files.crm.cloud?x", "https://evil.test/.crm.cloud", "",
    ],
)  # fmt: skip
async def test_no_call_can_name_any_other_host(base: str) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise AssertionError("nothing may be sent")

    settings = HttpSettings(
        BASE,
        auth=BearerToken("t"),
        file_hosts=frozenset({"crm.cloud"}),
        allow_hosts=frozenset({"evil.test"}),
    )
    with pytest.raises(BadRequest):
        await client(answer, settings).request("GET", "/v1/x", base=base)


async def test_a_closed_client_sends_nothing() -> None:
    crm = client(lambda _: raw(200, b"{}"))
    await crm.request("GET", "/v1/x")
    await crm.aclose()
    await crm.aclose()
    with pytest.raises(UsageError, match="was closed"):
        await crm.request("GET", "/v1/x")


async def test_a_mistake_in_an_application_mounted_in_process_comes_through() -> None:
    async def app(*_: object) -> None:
        raise ZeroDivisionError

    crm = HttpClient(
        HttpSettings(BASE),
        connection="crm",
        clock=ManualClock(),
        events=Events(),
        random=Random(7),
        transport=asgi_transport(app),
    )
    with pytest.raises(ZeroDivisionError):
        await crm.request("GET", "/v1/x")
