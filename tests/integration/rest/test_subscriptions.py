"""Subscriptions to messages that end by themselves, and those of others."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from crmhub.clock import ManualClock
from crmhub.errors import ConfigError, UsageError
from crmhub.hub import Hub
from crmhub.powers import SupportsWebhooks
from crmhub_rest.conformance.pipedrive import PipedriveOrg
from crmhub_rest.connector import connector
from crmhub_rest.language.load import parse
from tests.integration.rest.desk import DESK, FIRMS, KEY, Desk

pytestmark = pytest.mark.anyio
URL = "https://hooks.example.com/desk"
SUBSCRIBE = """
  subscribe:
    words: {people: person}
    create:
      post: /v1/hooks
      body: {on: "${word}", to: "${url}", by: "crmhub ${connection}", until: "${until}"}
    list: {get: /v1/hooks, rows: data, page: {next: {cursor: next}, size: {limit: 1}}}
    delete: {delete: "/v1/hooks/${id}"}
    word: on
    url: to
    own: {by: "crmhub ${connection}"}
    alive: {state: "on"}
    renewal: {expires: until, life: 604800}
"""
CALL = SUBSCRIBE.replace(
    "life: 604800", 'life: 604800, call: {patch: "/v1/hooks/${id}", body: {until: "${until}"}}'
)


class Switchboard(Desk):
    """A desk with subscriptions, one of which is another application's."""

    def __init__(self) -> None:
        super().__init__(0)
        self.hooks: dict[str, dict[str, object]] = {}
        self._add({"on": "person", "to": "https://other.example", "by": "another", "until": None})
        self.app.router.routes.extend(
            [
                Route("/v1/hooks", self._all, methods=["GET"]),
                Route("/v1/hooks", self._new, methods=["POST"]),
                Route("/v1/hooks/{id}", self._hook, methods=["PATCH", "DELETE"]),
            ]
        )

    def _add(self, body: dict[str, object]) -> dict[str, object]:
        id_ = str(len(self.calls) + len(self.hooks))
        self.hooks[id_] = {"id": id_, "state": "on", **body}
        return self.hooks[id_]

    async def _all(self, request: Request) -> JSONResponse:
        self._said(request)
        rows, start = [*self.hooks.values()], int(request.query_params.get("cursor", "0"))
        more = {"next": str(start + 1)} if start + 1 < len(rows) else {}
        return JSONResponse({"data": rows[start : start + 1], **more})

    async def _new(self, request: Request) -> JSONResponse:
        self._said(request)
        return JSONResponse(self._add(await request.json()), 201)

    async def _hook(self, request: Request) -> JSONResponse:
        self._said(request)
        if request.method == "PATCH":
            self.hooks[request.path_params["id"]] |= await request.json()
        else:
            del self.hooks[request.path_params["id"]]
        return JSONResponse({})


def _opened(desk: Switchboard, clock: ManualClock, way: str) -> tuple[Hub, SupportsWebhooks]:
    hub = Hub(transports={"desk": desk.transport}, clock=clock)
    made = hub.add("desk", connector(parse(DESK + FIRMS + way, "desk.yaml")), key=KEY).connector
    assert isinstance(made, SupportsWebhooks)
    return hub, made


@pytest.mark.parametrize("way", [SUBSCRIBE, CALL])
async def test_what_would_end_soon_is_renewed_and_others_are_left_alone(way: str) -> None:
    desk, clock = Switchboard(), ManualClock()
    hub, hooks = _opened(desk, clock, way)
    async with hub:
        (made,) = await hooks.subscribe(["people"], URL)
        assert made.expires_at == clock.now() + timedelta(days=7)
        clock.advance(timedelta(days=5).total_seconds())
        assert await hooks.renew_due(clock.now()) == [made]
        clock.advance(timedelta(days=1).total_seconds())
        (renewed,) = await hooks.renew_due(clock.now())
        assert renewed.expires_at == clock.now() + timedelta(days=7)
        assert (renewed.id == made.id) is (way is CALL)
        desk.hooks[renewed.id]["state"] = "off"
        assert await hooks.renew_due(clock.now()) == []
        await hooks.unsubscribe(["people"])
        await hooks.unsubscribe()
    assert [hook["by"] for hook in desk.hooks.values()] == ["another"]


async def test_one_that_has_ended_is_not_told_as_standing() -> None:
    desk, clock = Switchboard(), ManualClock()
    hub, hooks = _opened(desk, clock, SUBSCRIBE)
    async with hub:
        await hooks.subscribe(["people"], URL)
        clock.advance(timedelta(days=8).total_seconds())
        assert await hooks.renew_due(clock.now()) == []
        with pytest.raises(UsageError, match="no time zone"):
            await hooks.renew_due(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the mistake
        with pytest.raises(UsageError, match="give an https URL"):
            await hooks.subscribe(["people"], "http://hooks.example.com/desk")


async def test_what_messages_are_proved_by_is_set_before_they_are_asked_for() -> None:
    org = PipedriveOrg()
    hooks = org.connect(webhook_password=None)
    assert isinstance(hooks, SupportsWebhooks)
    with pytest.raises(ConfigError, match=r"\$\{webhook_password\} has no value"):
        await hooks.subscribe(["deals"], URL)
    assert org.calls == []
    await org.aclose()
