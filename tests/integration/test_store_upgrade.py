"""Stores made by older versions of crmhub come up with all that is in them."""

from __future__ import annotations

import base64
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from pydantic import SecretStr
from sqlalchemy import Connection, text

from crmhub.clock import Clock
from crmhub.events import Event, Events
from crmhub.http import Token
from crmhub.store import RecordRef, Store, migrations
from crmhub.store.schema import HEAD
from crmhub.store.secrets import Place, seal
from tests.stores import behind_its_back

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def migrate(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(str(migrations.__file__)).parent))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def insert(open_: Connection, table: str, **values: object) -> None:
    names = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    open_.execute(text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), values)


def fill_0001(connection: Connection, key: bytes) -> None:
    data_key, at = os.urandom(32), "2026-01-01 00:00:00.000000"
    wrapped = seal(data_key, Place("data_key", "aa", "wrapped"), "aa", key)
    insert(connection, "data_key", kid="aa", wrapped=wrapped, created_at=at)
    value = seal(b'{"access":"old"}', Place("token", "zoho", "value"), "aa", data_key)
    insert(connection, "token", connection="zoho", value=value, updated_at=at)
    insert(connection, "checkpoint", job="job", stream="Accounts", value='{"page":7}', updated_at=at)
    sides = {"a_connection": "sf", "a_object": "Account", "a_id": "2"}
    sides |= {"b_connection": "zoho", "b_object": "Accounts", "b_id": "1"}
    insert(connection, "link", **sides, model="account", state="live")


async def test_a_store_of_the_first_schema_keeps_all_it_has(empty_url: str) -> None:
    key = os.urandom(32)
    with behind_its_back(empty_url) as connection:
        migrate(connection, "0001")
        fill_0001(connection, key)
    heard: list[Event] = []
    events = Events(Clock())
    events.subscribe(heard.append)

    given = SecretStr(base64.b64encode(key).decode())
    for _ in range(2):
        async with await Store.open(empty_url, key=given, events=events) as store:
            assert await store.tokens.load("zoho") == Token(SecretStr("old"))
            assert await store.checkpoints.get("job", "Accounts") == {"page": 7}
            (link,) = await store.links.of_record("zoho", "Accounts", "1")
            assert link.target == RecordRef("sf", "Account", "2")
            claim = await store.tokens.claim("zoho", 60.0)
            assert await store.tokens.save("zoho", Token(SecretStr("old")), claim)
            assert (await store.rotate_key()).resealed == 1

    assert [(event.name, event.detail.get("before")) for event in heard if "migrated" in event.name] == [
        ("store.migrated", "0001")
    ]
    with behind_its_back(empty_url) as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD
