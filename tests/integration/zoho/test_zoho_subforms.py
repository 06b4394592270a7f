"""Subforms and several look-ups in one field, by a connection: read, made, changed row by row."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from crmhub.config import Config, ConnectionSettings
from crmhub.connection import Connection
from crmhub.errors import InvalidRecord, Unsupported
from crmhub.http import asgi_transport
from crmhub.hub import Hub
from crmhub.models import Account, CustomObject
from crmhub.testing.simulator.finding import make_double
from crmhub.testing.simulator.options import Options
from tests.integration.api_doubles import KEYS

pytestmark = pytest.mark.anyio
SCHEMA = """
Contacts:
  - name: Languages
    type: subform
    fields:
      - {name: Language, type: text, required: true}
      - {name: Level, type: integer}
  - {name: Partners, type: multiselectlookup, reference_to: Accounts}
"""


@pytest.fixture
async def zoho(tmp_path: Path) -> AsyncIterator[Connection]:
    """A Zoho whose contacts have a subform and a look-up of several accounts."""
    schema = tmp_path / "schema.yaml"
    schema.write_text(SCHEMA, "utf-8")
    double = make_double("zoho", Options(rows=0, schema=schema, base_url="http://localhost"))
    values = {key: double.credentials[key] for key in KEYS["zoho"]}
    settings = ConnectionSettings("zoho", "zoho", {"api_url": "http://localhost", **values})
    config = Config({"zoho": settings}, "sqlite:///:memory:")
    async with Hub(config, transports={"zoho": asgi_transport(double.app)}) as hub:
        yield hub["zoho"]


def record(**fields: object) -> CustomObject:
    return CustomObject.model_validate({"custom": fields})


async def contact(zoho: Connection, *rows: dict[str, object]) -> str:
    made = await zoho.object("Contacts").create(record(Last_Name="Ada", Languages=list(rows)))
    return str(made.id)


async def languages(zoho: Connection, contact: str) -> list[dict[str, object]]:
    return cast("list[dict[str, object]]", (await zoho.object("Contacts").get(contact)).custom["Languages"])


async def test_rows_are_made_with_their_record(zoho: Connection) -> None:
    ada = await contact(zoho, {"Language": "French", "Level": 2}, {"Language": "Dutch"})
    shown = await languages(zoho, ada)
    assert [(row["Language"], row["Level"]) for row in shown] == [("French", 2), ("Dutch", None)]
    assert all(isinstance(row["id"], str) for row in shown)


async def test_rows_are_changed_one_by_one(zoho: Connection) -> None:
    ada = await contact(zoho, {"Language": "French"}, {"Language": "Dutch"})
    french, dutch = await languages(zoho, ada)
    rows = [{"id": dutch["id"], "Level": 3}, {"id": french["id"], "_delete": None}, {"Language": "Thai"}]
    await zoho.object("Contacts").update(ada, record(Languages=rows))
    assert [(row["Language"], row["Level"]) for row in await languages(zoho, ada)] == [
        ("Dutch", 3),
        ("Thai", None),
    ]
    await zoho.object("Contacts").update(ada, record(Languages=[]))
    assert await languages(zoho, ada) == []


async def test_several_records_are_looked_up(zoho: Connection) -> None:
    acme = str((await zoho.accounts.create(Account(name="Acme"))).id)
    ada = await contact(zoho)
    await zoho.object("Contacts").update(ada, record(Partners=[{"Partners": {"id": acme}}]))
    (row,) = cast("list[dict[str, object]]", (await zoho.object("Contacts").get(ada)).custom["Partners"])
    assert row["Partners"] == {"name": "Acme", "id": acme}


async def test_a_list_has_rows_when_it_is_asked_for_them(zoho: Connection) -> None:
    ada = await contact(zoho, {"Language": "French"})
    (plain,) = await zoho.object("Contacts").list()
    assert "Languages" not in plain.custom
    for found in (
        await zoho.object("Contacts").list(fields=["Last_Name", "Languages"]),
        await zoho.object("Contacts").get_many([ada], fields=["Last_Name", "Languages"]),
    ):
        (shown,) = found
        assert shown is not None
        (row,) = cast("list[dict[str, object]]", shown.custom["Languages"])
        assert (shown.custom["Last_Name"], row["Language"]) == ("Ada", "French")


async def test_nothing_is_chosen_by_rows(zoho: Connection) -> None:
    with pytest.raises(Unsupported, match="Languages"):
        await zoho.object("Contacts").list(where={"Languages": "French"})


@pytest.mark.parametrize(
    ("row", "code", "field"),
    [
        ({"Level": 1}, "MANDATORY_NOT_FOUND", "Language"),
        ({"Language": "A", "Level": "high"}, "INVALID_DATA", "Level"),
        ({"Language": "A", "id": "5"}, "INVALID_DATA", "id"),
    ],
)
async def test_a_wrong_row_is_told_by_its_field(
    zoho: Connection, row: dict[str, object], code: str, field: str
) -> None:
    ada = await contact(zoho, {"Language": "French"})
    with pytest.raises(InvalidRecord) as caught:
        await zoho.object("Contacts").update(ada, record(Languages=[row]))
    assert (caught.value.code, caught.value.where.record) == (code, ada)
    assert field in (caught.value.where.field or "")
    assert [one["Language"] for one in await languages(zoho, ada)] == ["French"]
