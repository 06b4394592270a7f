"""What a caller does wrong is told at once, and nothing is sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import pytest

from crmhub.clock import ManualClock
from crmhub.connector import Value
from crmhub.errors import ConfigError, InvalidRecord, Unsupported, UsageError
from crmhub.models import Account, Contact, Record
from tests.memory_hub import FIELDS, hub_of

pytestmark = pytest.mark.anyio

# Calls as somebody without a type checker would write them.
Call = Callable[[Any], object]  # pyright: ignore[reportExplicitAny]

WRONG: dict[str, tuple[Call, str]] = {
    "limit as text": (lambda a: a.list(limit="ten"), "limit: a str is not a number"),
    "limit below zero": (lambda a: a.list(limit=-1), "limit: -1 is not a number of records"),
    "limit as bool": (lambda a: a.list(limit=True), "limit: a bool"),
    "fields as text": (lambda a: a.list(fields="name"), "fields: a list is expected, not a str"),
    "unknown field": (lambda a: a.list(fields=["nmae"]), "Account has no field 'nmae'.*did you mean 'name'"),
    "field of no text": (lambda a: a.list(fields=[3]), "fields: a text is expected, not an int"),
    "unknown condition": (
        lambda a: a.list(where={"nmae": "x"}),
        "where: Account has no field 'nmae'.*'name'",
    ),
    "where as text": (lambda a: a.list(where="name"), "where: a str is not a table"),
    "naive time": (lambda a: a.list(modified_since=datetime(2026, 1, 1)), "names no time zone"),  # noqa: DTZ001
    "time as text": (lambda a: a.list(modified_since="2026-01-01"), "a datetime with a time zone"),
    "empty search": (lambda a: a.search("  "), "text: a text is expected, not an empty text"),
    "search without a limit": (lambda a: a.search("x", limit=None), "limit: None is not a number"),
    "path as field": (
        lambda a: a.list(fields=["phones[role=main].raw"]),
        "not the name of a field.*'phones'",
    ),
    "search for a number": (lambda a: a.search(5), "text: a text is expected, not an int"),
}
AWAITED: dict[str, tuple[Call, str]] = {
    "id as number": (lambda a: a.get(5), "id: an id is a text that is not empty, not an int"),
    "empty id": (lambda a: a.get(""), "id: an id"),
    "ids as text": (lambda a: a.get_many("abc"), "ids: a list is expected, not a str"),
    "record as dict": (lambda a: a.create({"name": "A"}), "records: a dict where an Account is expected"),
    "record of another model": (lambda a: a.create(Contact()), "a Contact where an Account is expected"),
    "records as one": (lambda a: a.create_many(Account()), "records: a list is expected, not an Account"),
    "changes as dict": (lambda a: a.update("c1", {"name": "A"}), "changes: a dict where an Account"),
    "match as number": (lambda a: a.upsert(Account(name="A"), match=5), "match: a text is expected"),
    "unknown match": (lambda a: a.upsert(Account(name="A"), match="nmae"), "has no field 'nmae'"),
    "several rules": (lambda a: a.count(where={"phones": "1"}), "phones: say which of phones"),
    "wrong object": (lambda a: a.delete("c1", object="persons"), "'persons' holds no account.*companies"),
    "version as number": (lambda a: a.update("c1", Account(name="A"), if_version=5), "if_version: a text"),
    "one model as ends": (lambda a: a.associations("c1", to=Contact), "to: a list is expected"),
    "names as ends": (lambda a: a.associations("c1", to=["contact"]), "to: a str is not a model"),
    "count by text": (lambda a: a.count(modified_since="x"), "a datetime"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_a_wrong_argument_is_told_where_the_call_is_made(tmp_path: Path, name: str) -> None:
    call, message = WRONG[name]
    async with hub_of(tmp_path) as hub:
        with pytest.raises(UsageError, match=message):
            call(hub["crm"].accounts)


@pytest.mark.parametrize("name", AWAITED)
async def test_a_wrong_argument_is_told_before_anything_is_sent(tmp_path: Path, name: str) -> None:
    call, message = AWAITED[name]
    async with hub_of(tmp_path) as hub:
        with pytest.raises(UsageError, match=message):
            await cast("Any", call(hub["crm"].accounts))  # pyright: ignore[reportExplicitAny]
        assert await hub["crm"].accounts.count() == 5


OF_ALL: dict[str, tuple[Call, str]] = {
    "record as dict": (lambda a: a.create({"name": "A"}), "record: a dict where an Account is expected"),
    "upsert of text": (lambda a: a.upsert("A", match="name"), "record: a str where an Account is expected"),
    "match as number": (lambda a: a.upsert(Account(name="A"), match=5), "match: a text is expected"),
    "changes as text": (
        lambda a: a.update({"crm": "c1"}, "A"),
        "changes: a str where an Account is expected",
    ),
    "ids as list": (lambda a: a.update(["crm"], Account(name="A")), "ids: a list is not a table"),
    "id as number": (lambda a: a.update({"crm": 5}, Account(name="A")), "ids: an id is a text"),
    "empty id": (lambda a: a.delete({"crm": ""}), "ids: an id is a text that is not empty"),
    "unknown condition": (lambda a: a.count(where={"nmae": "x"}), "has no field 'nmae'"),
    "count by text": (lambda a: a.count(modified_since="x"), "a datetime"),
}


@pytest.mark.parametrize("name", OF_ALL)
async def test_a_wrong_argument_is_no_answer_of_several_connections(tmp_path: Path, name: str) -> None:
    call, message = OF_ALL[name]
    async with hub_of(tmp_path) as hub:
        with pytest.raises(UsageError, match=message):
            await cast("Any", call(hub.all.accounts))  # pyright: ignore[reportExplicitAny]
        assert await hub["crm"].accounts.count() == 5


async def test_a_hub_is_asked_by_name(tmp_path: Path) -> None:
    async with hub_of(tmp_path) as hub:
        asked = cast("Any", hub)  # pyright: ignore[reportExplicitAny]
        for call in (
            lambda: asked[5],
            lambda: asked.only(5),
            lambda: asked.add("x", 5),
            lambda: asked["crm"].object("companies").list(where="name"),
            lambda: asked["crm"].object("companies").list(where={5: "x"}),
        ):
            with pytest.raises(UsageError, match=r"is expected, not an int|a str is not a table"):
                call()


@pytest.mark.parametrize("model", [int, "account", None, object])
async def test_a_model_is_a_class_of_records(tmp_path: Path, model: object) -> None:
    async with hub_of(tmp_path) as hub:
        with pytest.raises(UsageError, match="is not a model"):
            hub["crm"].of(cast("type[Record]", model))


async def test_a_checkpoint_of_another_kind_is_refused(tmp_path: Path) -> None:
    async with hub_of(tmp_path) as hub:
        wrongs: list[object] = [{}, {"of": "deal", "objects": {}}, "checkpoint", {"of": "account"}]
        wrongs.append({"of": "account", "connection": "crm", "objects": {"companies": "x"}})
        for wrong in wrongs:
            with pytest.raises(UsageError, match="no checkpoint of account"):
                _ = [page async for page in hub["crm"].accounts.changes(cast("dict[str, Value]", wrong))]


async def test_a_checkpoint_of_another_connection_is_refused(tmp_path: Path) -> None:
    async with hub_of(tmp_path, "one", "other") as hub:
        *_, last = [page.checkpoint async for page in hub["one"].accounts.changes()]
        saved = cast("dict[str, Value]", json.loads(json.dumps(last)))
        assert [page async for page in hub["one"].accounts.changes(saved) if page.records] == []
        with pytest.raises(UsageError, match="checkpoint of another connection than 'other'"):
            _ = [page async for page in hub["other"].accounts.changes(saved)]


async def test_an_update_that_sets_nothing_is_not_sent(tmp_path: Path) -> None:
    async with hub_of(tmp_path) as hub:
        accounts = hub["crm"].accounts
        before = (await accounts.get("c1")).version
        cast("ManualClock", hub.clock).advance(60)
        assert (await accounts.update("c1", Account())).status == "unchanged"
        outcomes = await accounts.update_many([Account(id="c0", name="New"), Account(id="c1")])
        assert [outcome.status for outcome in outcomes] == ["updated", "unchanged"]
        assert (await accounts.get("c1")).version == before


async def test_an_id_of_ones_own_is_refused_on_create(tmp_path: Path) -> None:
    async with hub_of(tmp_path) as hub:
        with pytest.raises(InvalidRecord, match=r"an id is given by the CRM.*field id"):
            await hub["crm"].accounts.create(Account(id="mine", name="A"))


async def test_a_condition_on_a_field_that_the_crm_lacks_is_refused(tmp_path: Path) -> None:
    async with hub_of(tmp_path) as hub:
        with pytest.raises(Unsupported, match="no record of account has legal_name in this CRM"):
            await hub["crm"].accounts.list(where={"legal_name": "X"})


@pytest.mark.parametrize(("name", "way"), [("id", "get_many"), ("employees.count", "'employees'")])
async def test_a_condition_that_can_be_put_otherwise_says_how(tmp_path: Path, name: str, way: str) -> None:
    async with hub_of(tmp_path) as hub:
        with pytest.raises(Unsupported, match=f"account cannot be chosen by {name}.*{way}"):
            await hub["crm"].accounts.list(where={name: "c1"})


@pytest.mark.parametrize("models", ["accounts", 5, ["account", 5], [""]])
async def test_models_of_a_sync_are_a_list_of_names(tmp_path: Path, models: object) -> None:
    async with hub_of(tmp_path, "one", "other") as hub:
        with pytest.raises(UsageError, match=r"models: a (list|text) is expected"):
            await hub.sync("one", "other", models=cast("list[str]", models))
        with pytest.raises(UsageError, match=r"models: a (list|text) is expected"):
            _ = [page async for page in hub.plan("one", "other", models=cast("list[str]", models))]


async def test_a_mapping_is_named_by_text_or_by_path(tmp_path: Path) -> None:
    async with hub_of(tmp_path) as hub:
        objects = cast("Value", {"companies": FIELDS})
        hub.add("text", "memory", mapping=str(tmp_path / "memory.yaml"), objects=objects)
        assert await hub["text"].accounts.count() == 0
        hub.add("nowhere", "memory", mapping="nowhere.yaml", objects=objects)
        with pytest.raises(ConfigError, match=r"nowhere\.yaml: no such file"):
            await hub["nowhere"].accounts.count()
        with pytest.raises(UsageError, match="mapping: a file's path is expected, not a dict"):
            hub.add("dict", "memory", mapping=cast("Path", {}))


async def test_a_model_that_is_not_mapped_says_where_to_map_it(tmp_path: Path) -> None:
    async with hub_of(tmp_path) as hub:
        with pytest.raises(ConfigError, match=r"Contact is not mapped.*add a map with model: contact"):
            await hub["crm"].contacts.get("1")


async def test_a_records_text_form_holds_no_personal_data() -> None:
    account = Account(id="1", name="Secret Ltd", website="secret.example")
    assert repr(account) == "Account(id='1', fields=['name', 'website'])"
    assert "Secret" not in str(account)
