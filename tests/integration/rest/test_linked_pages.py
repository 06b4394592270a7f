"""Pages that a reply links to: by a URL, or by a path from the root."""

from __future__ import annotations

import json

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from crmhub.connector import ReadRequest
from crmhub.errors import BadRequest
from tests.integration.rest.desk import DESK, Desk, opened

pytestmark = pytest.mark.anyio
LINKED = DESK.replace("page: {next: {cursor: next}, size: {limit: 4}, total: total}", "page: {link: next}")


class Linking(Desk):
    """Links to the next page in this way; {} stands for where it begins."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way

    async def _list(self, request: Request) -> JSONResponse:
        body = json.loads(bytes((await super()._list(request)).body))
        if "next" in body:
            body["next"] = self.way.format(body["next"])
        return self._replied(body)


async def names(way: str) -> list[object]:
    hub, desk = opened(Linking(way), LINKED)
    async with hub:
        pages = [page async for page in desk.read(ReadRequest("people", ("name",)))]
        return [row["name"] for page in pages for row in page.upserts]


@pytest.mark.parametrize("way", ["http://localhost/v1/people?cursor={}", "/v1/people?cursor={}"])
async def test_all_pages_come(way: str) -> None:
    assert await names(way) == [f"Person {number}" for number in range(10)]


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("?cursor={}", "a link in the reply is neither a URL .* object people"),
        ("//elsewhere.example/v1/people?cursor={}", "a link in the reply is neither a URL .* object people"),
        ("https://elsewhere.example/v1/people", "outside of the connection's own base URL .* object people"),
    ],
)
async def test_a_link_that_cannot_be_followed_says_what_it_is(way: str, said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        await names(way)
