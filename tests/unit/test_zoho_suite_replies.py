"""Replies of Zoho Books and Zoho Projects in the shapes that are met, and in those that cannot be used."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing
from random import Random
from typing import TypeVar

import anyio
import pytest
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from crmhub.clock import ManualClock
from crmhub.connector import Native, ReadRequest
from crmhub.errors import (
    AuthError,
    BadRequest,
    BadResponse,
    ConnectorError,
    NotFound,
    PermissionDenied,
    RateLimited,
)
from crmhub.events import Events
from crmhub.http import Classify, HttpClient, HttpSend, HttpSettings, OAuth, Token, asgi_transport
from crmhub_zoho.suite import errors
from crmhub_zoho.suite.books import Books
from crmhub_zoho.suite.books_calls import BooksCalls
from crmhub_zoho.suite.projects_calls import ProjectsCalls

_T = TypeVar("_T")
Reply = tuple[int, object]


def answering(classify: Classify, *replies: Reply) -> HttpClient:
    """A client whose calls get these replies, one after the other, and the last one for ever."""
    left: Iterator[Reply] = iter(replies)
    last = replies[-1]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        status, body = next(left, last)
        await JSONResponse(body, status)(scope, receive, send)

    clock = ManualClock()
    return HttpClient(
        HttpSettings("http://localhost", classify=classify, retries=0),
        connection="zoho",
        clock=clock,
        events=Events(clock),
        random=Random(1),
        transport=asgi_transport(app),
    )


def books_errors() -> errors.Books:
    async def never(send: HttpSend, last: Token | None) -> Token:
        raise AssertionError(f"no token is asked for here, by {send} after {last}")

    auth = OAuth(never, token_url="http://localhost/token", connection="zoho")
    return errors.Books(auth, ManualClock())


def asked(client: HttpClient, call: Callable[[], Awaitable[_T]]) -> _T:
    """What an asynchronous call gives."""

    async def run() -> _T:
        try:
            return await call()
        finally:
            await client.aclose()

    return anyio.run(run)


def books_page(*replies: Reply) -> tuple[list[Native], bool]:
    client = answering(books_errors(), *replies)
    page = asked(client, lambda: BooksCalls(client, "1", "zoho").page("invoices", {}, 1, 2))
    return page.rows, page.more


ROW = {"invoice_id": 5, "last_modified_time": "2026-01-01T00:00:00+0530", "status": "paid"}


@pytest.mark.parametrize(
    ("context", "rows", "more"),
    [
        ({"page_context": {"has_more_page": True}}, [ROW], True),
        ({"page_context": [{"has_more_page": True}]}, [ROW], True),
        ({"page_context": {"has_more_page": False}}, [ROW, ROW], False),
        ({}, [ROW, ROW], True),
        ({}, [ROW], False),
        ({"page_context": []}, [ROW], False),
    ],
)
def test_books_tells_in_its_context_whether_there_is_more_and_else_a_full_page_does(
    context: dict[str, object], rows: list[Native], more: bool
) -> None:
    assert books_page((200, {"code": 0, "invoices": rows, **context})) == (rows, more)


@pytest.mark.parametrize(
    "body", [{"code": 0}, {"code": 0, "invoices": {}}, {"code": 0, "invoices": [1]}, ["invoices"]]
)
def test_a_list_of_books_that_is_none_is_told(body: object) -> None:
    with pytest.raises(BadResponse):
        books_page((200, body))


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, {"code": 1038, "message": "JSON is not well formed"}, BadRequest),
        (400, {"code": 6041, "message": "not associated"}, BadRequest),
        (401, {"code": 14, "message": "invalid"}, AuthError),
        (404, {"code": 5, "message": "Invalid URL Passed"}, NotFound),
        (429, {"code": 44, "message": "blocked"}, RateLimited),
        (429, {"code": 1070, "message": "too many at once"}, RateLimited),
        (403, {"message": "no"}, PermissionDenied),
    ],
)
def test_codes_of_books_are_typed_whatever_the_status(
    status: int, body: dict[str, object], kind: type[ConnectorError]
) -> None:
    with pytest.raises(ConnectorError) as caught:
        books_page((status, body))
    assert type(caught.value) is kind
    assert caught.value.code == (str(body["code"]) if "code" in body else None)


def test_a_page_of_books_that_comes_again_is_told() -> None:
    client = answering(
        books_errors(), (200, {"code": 0, "invoices": [ROW], "page_context": {"has_more_page": True}})
    )
    books = Books(BooksCalls(client, "1", "zoho"), 60, 5, ManualClock())

    async def read() -> None:
        async with aclosing(books.read(ReadRequest("Books.Invoices", ()))) as pages:
            async for page in pages:
                assert page.upserts[0]["invoice_id"] == "5"

    with pytest.raises(BadResponse, match="not advancing"):
        asked(client, read)


def projects_rows(*replies: Reply) -> list[Native]:
    client = answering(errors.projects, *replies)
    calls = ProjectsCalls(client, "1", "zoho")

    async def read() -> list[Native]:
        async with aclosing(calls.projects(2)) as pages:
            return [row async for page in pages for row in page]

    return asked(client, read)


ONE, TWO, THREE = {"id": "1"}, {"id": "2"}, {"id": "3"}


@pytest.mark.parametrize(
    "replies",
    [
        [[ONE, TWO], [THREE]],
        [{"projects": [ONE, TWO], "page_info": {"has_next_page": True}}, {"projects": [THREE]}],
        [{"projects": [ONE, TWO], "page_info": {"has_next_page": "true"}}, {"projects": [THREE]}],
        [{"projects": [ONE, TWO], "page_info": {"has_more_page": True}}, [THREE]],
        [{"projects": [ONE, TWO]}, {"projects": [THREE], "page_info": {"has_next_page": False}}],
        [[ONE, TWO], [THREE], []],
    ],
)
def test_lists_of_projects_are_read_on_in_all_their_shapes(replies: list[object]) -> None:
    assert projects_rows(*((200, reply) for reply in replies)) == [ONE, TWO, THREE]


@pytest.mark.parametrize("body", [{"tasks": []}, {"projects": {}}, {"projects": [5]}, "projects"])
def test_a_list_of_projects_that_is_none_is_told(body: object) -> None:
    with pytest.raises(BadResponse):
        projects_rows((200, body))


def test_a_page_of_projects_that_comes_again_is_told() -> None:
    with pytest.raises(BadResponse, match="not advancing"):
        projects_rows((200, [ONE, TWO]))


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (401, {"title": "INVALID_OAUTHTOKEN"}, AuthError),
        (401, {"title": "INVALID_OAUTHSCOPE"}, PermissionDenied),
        (403, {"code": 6403, "message": "Forbidden"}, PermissionDenied),
        (404, {"title": "RESOURCE_NOT_FOUND", "details": [{"message": "gone"}]}, NotFound),
        (400, {"title": "PATTERN_NOT_MATCHED"}, BadRequest),
        (200, {"title": "EXTRA_PARAM_FOUND"}, BadRequest),
    ],
)
def test_titles_of_projects_are_typed(
    status: int, error: dict[str, object], kind: type[ConnectorError]
) -> None:
    with pytest.raises(ConnectorError) as caught:
        projects_rows((status, {"error": error}))
    assert type(caught.value) is kind
    assert caught.value.code == str(error.get("title") or error.get("code"))


@pytest.mark.parametrize(
    ("status", "message", "seconds"),
    [
        (
            400,
            "Cannot execute more than 100 requests per API in 2 minutes. Try again after 22 minutes.",
            1320,
        ),
        (429, "", 1800),
    ],
)
def test_a_lock_of_projects_tells_when_it_ends(status: int, message: str, seconds: float) -> None:
    error = {"title": "URL_ROLLING_THROTTLES_LIMIT_EXCEEDED", "details": {"message": message}}
    with pytest.raises(RateLimited) as caught:
        projects_rows((status, {"error": error}))
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize("body", [ONE, {"projects": [ONE]}])
def test_one_project_may_come_wrapped(body: object) -> None:
    client = answering(errors.projects, (200, body))
    assert asked(client, lambda: ProjectsCalls(client, "1", "zoho").one("1")) == ONE
