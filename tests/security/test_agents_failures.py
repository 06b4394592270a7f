"""Threat 20: a CRM that fails is taken for one that has nothing to tell."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from crmhub.errors import AuthError, CircuitOpen, ConnectorError, RateLimited, Unavailable, Unsupported
from crmhub.hub import Hub
from crmhub.testing.memory.connector import MemoryConnector
from tests.agents import BOT, ORIGIN, ListedAudit, gate_to, hub_of_two

pytestmark = pytest.mark.anyio

BODY = "<html>stack trace: secret-canary at 10.0.0.1</html>"


def broken(hub: Hub, name: str, error: ConnectorError) -> None:
    """Let every call to the connection fail."""

    @asynccontextmanager
    async def wire(_: str) -> AsyncGenerator[None]:
        raise error
        yield

    cast("MemoryConnector", hub[name].connector).crm.wire = wire


async def test_a_crm_that_is_down_is_named_and_the_others_still_answer(tmp_path: Path) -> None:
    async with hub_of_two(tmp_path) as hub:
        gate = await gate_to(hub)
        broken(hub, "north", Unavailable(BODY, status=503))
        reply = await gate.call(BOT, "find_people", {}, origin=ORIGIN)
    sources = cast("list[Mapping[str, object]]", reply.structured["sources"])
    assert reply.structured["status"] == "partial"
    assert [(each["connection"], each["state"], each.get("code")) for each in sources] == [
        ("north", "failed", "crm_unavailable"),
        ("south", "ok", None),
    ]
    assert len(cast("list[object]", reply.structured["people"])) == 4
    assert "canary" not in str(reply)


@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [
        (Unavailable(BODY, status=503), "crm_unavailable", True),
        (CircuitOpen(BODY), "crm_unavailable", True),
        (RateLimited(BODY, retry_after=12.5), "crm_rate_limited", True),
        (AuthError(BODY, status=401, code="secret-canary"), "crm_sign_in", False),
        (ConnectorError(BODY), "crm_failed", False),
    ],
)
async def test_when_all_fail_there_is_an_error_and_never_an_empty_list(
    tmp_path: Path, error: ConnectorError, code: str, retryable: bool
) -> None:
    audit = ListedAudit()
    async with hub_of_two(tmp_path) as hub:
        gate = await gate_to(hub, audit)
        broken(hub, "north", error)
        broken(hub, "south", error)
        listed = await gate.call(BOT, "find_people", {}, origin=ORIGIN)
        gotten = await gate.call(BOT, "get_person", {"id": "p1"}, origin=ORIGIN)
    for reply in (listed, gotten):
        problem = cast("Mapping[str, object]", reply.structured["error"])
        assert (reply.is_error, problem["code"], problem["retryable"]) == (True, code, retryable)
        assert problem["hint"]
        assert "canary" not in str(reply)
    if isinstance(error, RateLimited):
        assert "'retry_after_s': 13" in str(listed.structured)
        assert "'retry_after_s': 13" in str(gotten.structured)
    assert [each.code for each in audit.outcomes.values()] == [code, code]


async def test_a_crm_that_lacks_the_data_is_unsupported_and_never_an_empty_list(tmp_path: Path) -> None:
    async with hub_of_two(tmp_path) as hub:
        gate = await gate_to(hub)
        broken(hub, "north", Unsupported(BODY))
        partly = await gate.call(BOT, "find_people", {}, origin=ORIGIN)
        broken(hub, "south", Unsupported(BODY))
        reply = await gate.call(BOT, "find_people", {}, origin=ORIGIN)
    assert (partly.structured["status"], reply.structured["status"]) == ("partial", "unsupported")
    assert not reply.is_error
    assert "canary" not in str([partly, reply])


async def test_what_nobody_expected_is_told_without_a_word_of_it(tmp_path: Path) -> None:
    async with hub_of_two(tmp_path) as hub:
        gate = await gate_to(hub)
        broken(hub, "north", cast("ConnectorError", ValueError(BODY)))
        reply = await gate.call(BOT, "get_person", {"id": "p1"}, origin=ORIGIN)
    assert cast("Mapping[str, object]", reply.structured["error"])["code"] == "internal"
    assert "canary" not in str(reply)
