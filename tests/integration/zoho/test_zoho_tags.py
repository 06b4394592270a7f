"""Tags of records, through any endpoint: the calls that the docs name."""

from __future__ import annotations

from typing import cast

import pytest

from crmhub.errors import InvalidRecord
from crmhub.models import Account
from crmhub.native import Native, Value
from tests.integration.api_doubles import both

pytestmark = pytest.mark.anyio


def shown(reply: Value) -> list[Value]:
    """The names of the tags in the answer for one record."""
    assert isinstance(reply, dict)
    (record,) = cast("list[Native]", reply["data"])
    return [tag["name"] for tag in cast("list[Native]", record["Tag"])]


async def test_tags_are_put_on_a_record_shown_and_taken_off() -> None:
    async with both(rows=1) as world:
        zoho = world.connection("zoho")
        account = str((await zoho.accounts.create(Account(name="Acme"))).id)
        tags: Native = {"tags": [{"name": "hot"}, {"name": "spring"}]}
        await zoho.request("POST", f"/crm/v8/Accounts/{account}/actions/add_tags", json=tags)
        assert shown(await zoho.request("GET", f"/crm/v8/Accounts/{account}")) == ["hot", "spring"]
        off: Native = {"tags": [{"name": "hot"}]}
        await zoho.request("POST", f"/crm/v8/Accounts/{account}/actions/remove_tags", json=off)
        assert shown(await zoho.request("GET", f"/crm/v8/Accounts/{account}")) == ["spring"]


async def test_a_tag_on_a_deleted_record_is_refused() -> None:
    async with both(rows=1) as world:
        zoho = world.connection("zoho")
        account = str((await zoho.accounts.create(Account(name="Acme"))).id)
        await zoho.accounts.delete(account)
        tags: Native = {"tags": [{"name": "hot"}]}
        with pytest.raises(InvalidRecord, match="INVALID_DATA"):
            await zoho.request("POST", f"/crm/v8/Accounts/{account}/actions/add_tags", json=tags)
