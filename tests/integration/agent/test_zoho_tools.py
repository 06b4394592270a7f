"""The pack ``zoho`` over the double: what it answers is what Zoho holds, and what it writes is there."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import cast

import pytest

from crmhub.agent.assembling import assemble
from crmhub.agent.gate import Gate, Reply
from crmhub.agent.packs import PACKS
from crmhub.agent.tool import Toolbox
from tests.agents import BOT, ORIGIN, agents_of
from tests.integration.api_doubles import Both, both

pytestmark = pytest.mark.anyio

WHOLE = {"fields": {"allow": ["*"]}}
MODELS = dict.fromkeys(("account", "contact", "deal", "activity", "user", "stage"), WHOLE)
Rows = list[dict[str, object]]


@asynccontextmanager
async def served(rows: int = 12, **policy: object) -> AsyncGenerator[tuple[Both, Gate]]:
    rules: dict[str, object] = {
        "tools": ["pack:zoho"], "connections": ["salesforce", "zoho"], "models": MODELS,
        "approval": {"default": "never"},
    }  # fmt: skip
    async with both(rows) as hubs:
        yield hubs, (await assemble(hubs.hub, agents_of(**(rules | policy)), Toolbox(PACKS))).gate


async def ask(gate: Gate, tool: str, **given: object) -> Reply:
    return await gate.call(BOT, tool, given, origin=ORIGIN)


async def items(gate: Gate, tool: str, **given: object) -> Rows:
    """All pages of a list."""
    found: Rows = []
    cursor: object = None
    while True:
        reply = await ask(gate, tool, **given, **({"cursor": cursor} if cursor else {}))
        assert not reply.is_error, reply
        found += cast("Rows", reply.structured[tool.partition("_")[2]])
        cursor = reply.structured.get("next_cursor")
        if cursor is None:
            return found


def written(reply: Reply) -> tuple[str, str]:
    assert not reply.is_error, reply
    (one,) = cast("list[dict[str, str]]", reply.structured["results"])
    return one["status"], one["id"]


def fields_of(reply: Reply) -> Mapping[str, object]:
    return cast("Mapping[str, Mapping[str, object]]", reply.structured["record"])["fields"]


async def test_the_pack_has_the_twelve_operations_and_shares_tools_with_other_packs() -> None:
    async with served(1, tools=["pack:zoho", "pack:questions", "pack:writes"]) as (_, gate):
        names = [each.name for each in gate.tools(BOT)]
    assert len(names) == len(set(names))
    assert {
        "get_account", "list_accounts", "search_accounts", "update_account", "create_account", "get_deal",
        "list_deals", "update_deal", "create_deal", "get_activities", "create_task", "add_note",
    } <= {*names}  # fmt: skip


async def test_lists_are_of_zoho_alone_whole_and_as_the_conditions_say() -> None:
    async with served() as (hubs, gate):
        zoho = hubs.hub["zoho"]
        accounts = {f"account:zoho:{each.id}" async for each in zoho.accounts.list()}
        listed = [str(row["id"]) for row in await items(gate, "list_accounts", limit=5)]
        assert len(listed) == len(set(listed))
        assert set(listed) == accounts
        deals = [each async for each in zoho.deals.list()]
        won = {f"deal:zoho:{each.id}" for each in deals if each.status == "won"}
        assert {row["id"] for row in await items(gate, "list_deals", status="won")} == won
        users = {user.id: user.email async for user in zoho.users.list()}
        owner = next(users[each.owner.id] for each in deals if each.owner and each.owner.id)
        mine = {
            f"deal:zoho:{each.id}" for each in deals if each.owner and users[each.owner.id or ""] == owner
        }
        assert {row["id"] for row in await items(gate, "list_deals", owner=owner)} == mine
        foreign = await ask(gate, "list_accounts", connection="salesforce", limit=1)
        assert str(cast("Rows", foreign.structured["accounts"])[0]["id"]).startswith("account:salesforce:")


async def test_accounts_and_deals_are_created_read_and_changed() -> None:
    async with served() as (_, gate):
        status, account = written(await ask(gate, "create_account", values={"name": "Lilac Ltd"}))
        assert (status, account.split(":")[:2]) == ("created", ["account", "zoho"])
        await ask(gate, "update_account", account_id=account, values={"website": "https://lilac.example"})
        own = account.rpartition(":")[2]
        told = fields_of(await ask(gate, "get_account", account_id=own))
        assert (told["name"], told["website"]) == ("Lilac Ltd", "https://lilac.example")
        values = {"name": "Shears", "account": account, "amount": "1250.00", "expected_close": "2030-01-31"}
        stage = {"stage": "Qualification"}
        status, deal = written(await ask(gate, "create_deal", values=values | stage))
        assert status == "created"
        assert (
            written(await ask(gate, "update_deal", deal_id=deal, values={"amount": "99.50"}))[0] == "updated"
        )
        told = fields_of(await ask(gate, "get_deal", deal_id=deal))
        assert cast("dict[str, str]", told["amount"])["amount"].startswith("99.5")
        assert cast("dict[str, str]", told["account"])["name"] == "Lilac Ltd"


async def test_a_note_that_is_added_is_the_latest_activity() -> None:
    async with served() as (hubs, gate):
        account = (await hubs.hub["zoho"].accounts.list(limit=1))[0]
        record = f"account:zoho:{account.id}"
        before = await ask(gate, "get_activities", record_id=record)
        status, note = written(await ask(gate, "add_note", record_id=record, note="Asked for lilac."))
        assert status == "created"
        after = await ask(gate, "get_activities", record_id=record, limit=50)
        rows = {str(row["id"]): row for row in cast("Rows", after.structured["activities"])}
        assert cast("dict[str, object]", rows[note]["body"])["text"] == "Asked for lilac."
        assert after.structured["total"] == cast("int", before.structured["total"]) + 1


async def test_writes_wait_for_a_person_unless_the_policy_says_otherwise() -> None:
    async with served(approval={}) as (hubs, gate):
        names = hubs.account_names("zoho")
        own = (await hubs.hub["zoho"].accounts.list(limit=1))[0].id
        values = {"name": "Lilac Ltd"}
        for reply in (
            await ask(gate, "create_account", values=values),
            await ask(gate, "update_account", account_id=own, values=values),
        ):
            assert reply.structured["status"] == "pending_approval"
        assert hubs.account_names("zoho") == names
