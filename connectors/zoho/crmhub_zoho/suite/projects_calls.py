"""Zoho Projects' REST API, as far as projects, tasks and milestones are read.

Source: Zoho Projects API v3, "Portals", "Projects", "Tasks" and "Phases" (milestones): pages of at most 200,
inside of an object with ``page_info`` or alone; an empty one has no body.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import anyio

from crmhub.connector import Native, Value
from crmhub.errors import BadResponse, NotFound
from crmhub.http import HttpClient, Response, path
from crmhub_zoho.suite.books_calls import only_one

__all__ = ["PAGE", "ProjectsCalls"]

PAGE = 200
_ROOT = "/api/v3"
_ID = "id"


class ProjectsCalls:
    """See the module. Without a ``portal`` the user's only one is used, once it is known."""

    def __init__(self, http: HttpClient, portal: str | None, connection: str) -> None:
        self._http = http
        self._portal = portal
        self._connection = connection
        self._turn = anyio.Lock()

    async def projects(self, size: int = PAGE) -> AsyncGenerator[list[Native]]:
        """Pages of all projects."""
        async with aclosing(self._pages(await self._place(), ("projects",), size)) as pages:
            async for page in pages:
                yield page

    async def within(self, project: str, kind: str, size: int = PAGE) -> AsyncGenerator[list[Native]]:
        """Pages of a project's ``tasks`` or ``phases``; none where there is no such project."""
        place = path(f"{await self._place()}/{{project}}/{{kind}}", project=project, kind=kind)
        try:
            async with aclosing(self._pages(place, (kind, "milestones"), size)) as pages:
                async for page in pages:
                    yield page
        except NotFound:
            return

    async def one(self, *parts: str) -> Native | None:
        """A project by its id, or by project, ``tasks`` or ``phases`` and id one of its records."""
        steps = {f"step{number}": part for number, part in enumerate(parts)}
        place = path(await self._place() + "".join(f"/{{{step}}}" for step in steps), **steps)
        try:
            response = await self._http.request("GET", place)
        except NotFound:
            return None
        body = response.json()
        if body is None:
            return None
        if not isinstance(body, dict):
            raise response.unreadable("JSON that is not an object")
        # Some calls wrap the one record in a list under its kind, as the older API does.
        wrapped = [inner for found in body.values() if isinstance(found, list) for inner in found]
        inner = wrapped[0] if len(wrapped) == 1 and _ID not in body else body
        return inner if isinstance(inner, dict) else None

    async def _place(self) -> str:
        async with self._turn:
            if self._portal is None:
                found: list[str] = []
                async for page in self._pages(f"{_ROOT}/portals", ("portals",), PAGE):
                    found += [str(one.get(_ID)) for one in page]
                self._portal = only_one(found, "projects.portal", "Zoho Projects", self._connection)
            return path(f"{_ROOT}/portal/{{portal}}/projects", portal=self._portal)

    async def _pages(self, place: str, keys: Sequence[str], size: int) -> AsyncGenerator[list[Native]]:
        number, previous = 1, set[str]()
        while True:
            response = await self._http.request("GET", place, params={"page": number, "per_page": size})
            rows, more = _page(response, keys, size)
            ids = {str(row.get(_ID)) for row in rows}
            if ids and ids <= previous:
                raise BadResponse(f"the list {response.path} is not advancing: a page came again")
            yield rows
            if not rows or not more:
                return
            number, previous = number + 1, ids


def _page(response: Response, keys: Sequence[str], size: int) -> tuple[list[Native], bool]:
    """A page's rows, and whether there are more."""
    body = response.json()
    if body is None:
        return [], False
    found: Value = body
    more: Value = None
    if isinstance(body, dict):
        found = next((body[key] for key in keys if key in body), None)
        info = body.get("page_info")
        more = info.get("has_next_page", info.get("has_more_page")) if isinstance(info, dict) else None
    if not isinstance(found, list):
        raise response.unreadable(f"JSON without a list {keys[0]!r}")
    rows = [row for row in found if isinstance(row, dict)]
    if len(rows) != len(found):
        raise response.unreadable(f"a list {keys[0]!r} that holds something else than objects")
    if isinstance(more, str):
        more = more.lower() == "true"
    return rows, more if isinstance(more, bool) else len(rows) >= size
