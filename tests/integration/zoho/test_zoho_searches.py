"""Searches by Zoho's index, through ``crmhub_zoho.Zoho``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import pytest

from crmhub.connection import Connection
from crmhub.errors import ConnectorError, UsageError
from crmhub.models import CustomObject
from crmhub_zoho import Zoho
from crmhub_zoho.extras.searching import Criterion
from tests.integration.api_doubles import Both, both

pytestmark = pytest.mark.anyio

TEXTS = ["plain", "a(b)c", "x,y", "back\\slash", "Ünïcode 😀", "and)or(id:not_equal:1"]


@pytest.fixture
async def world() -> AsyncIterator[Both]:
    async with both(rows=0) as world:
        yield world


@pytest.fixture
def connection(world: Both) -> Connection:
    return world.connection("zoho")


@pytest.fixture
def zoho(connection: Connection) -> Zoho:
    return Zoho(connection)


async def made(connection: Connection, module: str, **fields: object) -> str:
    """The id of a new record."""
    record = CustomObject.model_validate({"custom": fields})
    return str((await connection.object(module).create(record)).id)


async def names_found(zoho: Zoho, criteria: Sequence[Criterion]) -> list[str]:
    found = zoho.search("Accounts", fields=["Account_Name"], criteria=criteria)
    return sorted(str(row["Account_Name"]) for row in await found)


@pytest.mark.parametrize("name", TEXTS)
async def test_a_value_in_criteria_is_never_a_part_of_them(
    connection: Connection, zoho: Zoho, name: str
) -> None:
    for each in TEXTS:
        await made(connection, "Accounts", Account_Name=each)
    assert await names_found(zoho, [("Account_Name", "equals", name)]) == [name]
    assert await names_found(zoho, [("Account_Name", "in", [name, "nobody"])]) == [name]
    assert await names_found(zoho, [("Account_Name", "equals", name), ("Employees", "equals", 5)]) == []


async def test_numbers_and_times_are_found_between_two(connection: Connection, zoho: Zoho) -> None:
    for size in (5, 50, 500):
        await made(connection, "Accounts", Account_Name=f"Size {size}", Employees=size)
    assert await names_found(zoho, [("Employees", "between", [40, 60])]) == ["Size 50"]
    assert await names_found(
        zoho,
        [("Employees", "greater_equal", 50), ("Created_Time", "less_than", datetime(2100, 1, 1, tzinfo=UTC))],
    ) == ["Size 50", "Size 500"]


async def test_people_are_found_by_their_address_their_number_or_a_word(
    connection: Connection, zoho: Zoho
) -> None:
    await made(connection, "Contacts", Last_Name="Boyle", Email="boyle@example.com", Phone="+1 555 0100")
    for found in (
        zoho.search("Contacts", fields=["Last_Name"], email="boyle@example.com"),
        zoho.search("Contacts", fields=["Last_Name"], phone="+1 555 0100"),
        zoho.search("Contacts", fields=["Last_Name"], word="Boyle"),
    ):
        assert [row["Last_Name"] for row in await found] == ["Boyle"]
    assert await zoho.search("Contacts", fields=["Last_Name"], email="nobody@example.com") == []


@pytest.mark.parametrize(
    ("criteria", "said"),
    [
        ([], "1 to 15 conditions, and 0"),
        ([("Account_Name", "equals", "x")] * 16, "1 to 15 conditions, and 16"),
        ([("Account_Nam", "equals", "x")], "no field Account_Nam .*did you mean Account_Name"),
        ([("Account_Name", "equal", "x")], "no operator 'equal'.*did you mean 'equals'"),
        ([("Account_Name", "equals", "")], "cannot compare with that value"),
        ([("Account_Name", "equals", "a\nb")], "cannot compare with that value"),
        ([("Account_Name", "equals", {"secret": 1})], "cannot compare with that value"),
        ([("Account_Name", "in", "abc")], "in takes a list of 1 to 100 values"),
        ([("Account_Name", "in", ["x"] * 101)], "in takes a list of 1 to 100 values"),
        ([("Employees", "between", [1])], "between takes two values"),
        ([("Created_Time", "less_than", datetime(2026, 1, 1))], "names no time zone"),  # noqa: DTZ001
    ],
)
async def test_criteria_that_zoho_would_not_take_are_not_sent(
    zoho: Zoho, criteria: list[Criterion], said: str
) -> None:
    with pytest.raises(ConnectorError, match=said) as caught:
        await zoho.search("Accounts", fields=["Account_Name"], criteria=criteria)
    assert "secret" not in str(caught.value)


async def test_a_search_goes_by_one_thing_and_shows_some_fields(zoho: Zoho) -> None:
    for word, email in ((None, None), ("Acme", "a@b.c")):
        with pytest.raises(UsageError, match="one of criteria, email, phone and word"):
            zoho.search("Accounts", fields=["Account_Name"], word=word, email=email)
    with pytest.raises(ConnectorError, match="shows 1 to 50 fields, and 0"):
        await zoho.search("Accounts", fields=[], word="Acme")
