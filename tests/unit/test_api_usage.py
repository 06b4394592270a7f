"""What a caller does wrong, or stops halfway: told at once, and nothing leaks."""

from __future__ import annotations

import gc
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import anyio
import anyio.lowlevel
import httpx
import pytest

from crmhub.clock import ManualClock
from crmhub.config import Config
from crmhub.connection import Connection
from crmhub.connector import Context, Value
from crmhub.errors import ConfigError, InvalidRecord, PartialFailure, Unsupported, UsageError
from crmhub.http import HttpSettings
from crmhub.hub import Hub
from crmhub.models import Account, Contact, Record
from crmhub.testing.memory import MemoryConfig, MemoryConnector

pytestmark = pytest.mark.anyio

MAPPING = """
crm: memory
version: 1
maps:
  - model: account
    object: companies
    fields:
      name: name
      employees: {to: size, as: int}
      phones[role=main].raw: phone
      phones[role=fax].raw: fax
"""
FIELDS = {"name": "text", "size": "text", "phone": "text", "fax": "text"}


def rows(count: int) -> list[dict[str, str]]:
    return [{"id": f"c{number}", "name": f"Company {number}"} for number in range(count)]


@asynccontextmanager
async def hub_of(tmp_path: Path, *names: str, open_connections: int = 64) -> AsyncGenerator[Hub]:
    path = tmp_path / "memory.yaml"
    path.write_text(MAPPING)
    config = Config({}, store="sqlite:///:memory:")
    answer = httpx.MockTransport(lambda _: httpx.Response(200, json={"ok": True}))
    transports: dict[str, httpx.AsyncBaseTransport] = {"a": answer, "b": answer}
    async with Hub(
        config, clock=ManualClock(), open_connections=open_connections, transports=transports
    ) as hub:
        for name in names or ("crm",):
            add(hub, name, path)
        yield hub


def add(hub: Hub, name: str, mapping: Path, **more: Value) -> Connection:
    settings: dict[str, Value] = {"objects": cast("Value", {"companies": FIELDS}), "page_size": 2}
    settings["rows"] = cast("Value", {"companies": rows(5)})
    return hub.add(name, "memory", mapping=mapping, **(settings | more))


class Leisurely(MemoryConnector):
    """Takes a while to close."""

    async def aclose(self) -> None:
        for _ in range(5):
            await anyio.lowlevel.checkpoint()


class Stuck(MemoryConnector):
    """Cannot be closed."""

    async def aclose(self) -> None:
        raise RuntimeError("stuck")


class Calling(MemoryConnector):
    """Has an HTTP client, and waits for ``hold`` when it is closed."""

    hold: tuple[anyio.Event, anyio.Event] | None = None

    def __init__(self, config: MemoryConfig, context: Context) -> None:
        super().__init__(config, context)
        assert context.http is not None
        self._client = context.http(HttpSettings("http://localhost"))

    async def request(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, json: Value = None
    ) -> Value:
        return (await self._client.request(method, path, params=params, json=json)).json()

    async def aclose(self) -> None:
        if self.hold is not None:
            self.hold[0].set()
            await self.hold[1].wait()


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


async def test_a_closed_hub_says_so_whatever_is_asked_of_it(tmp_path: Path) -> None:
    async with hub_of(tmp_path) as hub:
        connection = hub["crm"]
        accounts = connection.accounts
        listing = accounts.list()
        assert await accounts.count() == 5
    for ask in (
        lambda: hub["crm"],
        lambda: hub.all,
        lambda: hub.add("x", "memory"),
    ):
        with pytest.raises(UsageError, match="the hub is closed"):
            ask()
    for awaitable in (
        accounts.count(),
        accounts.get("c1"),
        listing.collect(),
        hub.store(),
        connection.check(),
    ):
        with pytest.raises(UsageError, match="the hub is closed"):
            await awaitable


async def test_closing_twice_is_no_error(tmp_path: Path) -> None:
    async with hub_of(tmp_path) as hub:
        await hub.aclose()
        await hub.aclose()


async def test_a_removed_connection_is_gone_and_its_name_is_free(tmp_path: Path) -> None:
    async with hub_of(tmp_path) as hub:
        accounts = hub["crm"].accounts
        await hub.remove("crm")
        with pytest.raises(UsageError, match="it was removed from the hub"):
            await accounts.count()
        with pytest.raises(ConfigError, match="no connection 'crm'"):
            hub["crm"]
        add(hub, "crm", tmp_path / "memory.yaml")
        assert await hub["crm"].accounts.count() == 5


async def test_names_of_connections_are_as_in_the_file(tmp_path: Path) -> None:
    async with hub_of(tmp_path) as hub:
        for name in ("all", "a b", "", "x/y", 5):
            with pytest.raises(ConfigError, match="letters, digits"):
                hub.add(cast("str", name), "memory")


async def test_a_listing_that_is_left_early_lets_go_of_its_connection(tmp_path: Path) -> None:
    async with hub_of(tmp_path) as hub:
        async with aclosing(aiter(hub["crm"].accounts.list())) as accounts:
            async for _account in accounts:
                assert hub["crm"].busy
                break
        assert not hub["crm"].busy


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # trio wants aclosing, and says so
async def test_a_listing_that_is_forgotten_lets_go_of_its_connection_too(
    tmp_path: Path, anyio_backend: str
) -> None:
    async with hub_of(tmp_path) as hub:
        async for _account in hub["crm"].accounts.list():
            break
        gc.collect()
        await anyio.wait_all_tasks_blocked()
        assert not hub["crm"].busy


async def test_a_listing_closes_what_was_begun_of_it(tmp_path: Path) -> None:
    async with hub_of(tmp_path) as hub:
        async with aclosing(hub["crm"].accounts.list()) as accounts:
            async for _account in accounts:
                break
            assert hub["crm"].busy
        assert not hub["crm"].busy


async def test_a_cancelled_listing_lets_go_of_its_connection(tmp_path: Path) -> None:
    async with hub_of(tmp_path) as hub:
        seen = 0
        with anyio.CancelScope() as scope:
            async with aclosing(hub["crm"].accounts.list().pages()) as pages:
                async for page in pages:
                    seen += len(page)
                    scope.cancel()
                    await anyio.lowlevel.checkpoint()
        assert scope.cancelled_caught
        assert seen == 2
        assert not hub["crm"].busy
        assert await hub["crm"].accounts.count() == 5


async def test_each_iteration_begins_anew(tmp_path: Path) -> None:
    async with hub_of(tmp_path) as hub:
        listing = hub["crm"].accounts.list(limit=3)
        assert [account.id for account in await listing] == ["c0", "c1", "c2"]
        assert [account.id async for account in listing] == ["c0", "c1", "c2"]


async def test_records_that_cannot_be_read_are_told_of_and_left_out_on_request(tmp_path: Path) -> None:
    async with hub_of(tmp_path) as hub:
        bad = cast("Value", {"companies": [*rows(2), {"id": "bad", "name": "B", "size": "many"}]})
        accounts = add(hub, "odd", tmp_path / "memory.yaml", rows=bad).accounts
        told: list[InvalidRecord] = []
        found = await accounts.list(on_invalid=told.append)
        assert [account.id for account in found] == ["c0", "c1"]
        assert [(error.where.record, error.where.field) for error in told] == [("bad", "size")]
        assert len(await accounts.list(fields=["name"])) == 3
        with pytest.raises(InvalidRecord, match="record bad, field size"):
            await accounts.list()


async def test_no_more_connections_are_open_than_the_hub_may_have(tmp_path: Path) -> None:
    names = [f"tenant-{number}" for number in range(40)]
    async with hub_of(tmp_path, *names, open_connections=3) as hub:
        for name in names:
            assert await hub[name].accounts.count() == 5
        assert [name for name in names if hub[name].is_open] == names[-3:]
        assert await hub[names[0]].accounts.count() == 5  # opens again
        assert [name for name in names if hub[name].is_open] == [names[0], *names[-2:]]


async def test_a_connection_at_work_is_not_closed_to_make_room(tmp_path: Path) -> None:
    async with (
        hub_of(tmp_path, "a", "b", "c", open_connections=1) as hub,
        aclosing(aiter(hub["a"].accounts.list())) as accounts,
    ):
        await anext(accounts)
        assert await hub["b"].accounts.count() == 5
        assert await hub["c"].accounts.count() == 5
        assert hub["a"].is_open
        assert len([account async for account in accounts]) == 4


async def test_many_tasks_share_few_open_connections(tmp_path: Path) -> None:
    async with hub_of(tmp_path, open_connections=1) as hub:
        names = [f"tenant-{number}" for number in range(10)]
        for name in names:
            objects = cast("Value", {"companies": FIELDS})
            held = cast("Value", {"companies": rows(5)})
            hub.add(name, Leisurely, mapping=tmp_path / "memory.yaml", objects=objects, rows=held)

        async def work(task: int) -> None:
            for turn in range(6):
                accounts = hub[names[(task + turn * (1 + task % 7)) % 10]].accounts
                assert (await accounts.update_many([Account(id="c1", name="X")]))[0].ok
                assert await accounts.count() == 5

        async with anyio.create_task_group() as tasks:
            for task in range(50):
                tasks.start_soon(work, task)
        await hub[names[0]].accounts.count()  # those that were at work when another one opened are closed
        assert [name for name in names if hub[name].is_open] == names[:1]


async def test_a_connection_that_opens_again_while_it_is_closed_keeps_its_new_client(tmp_path: Path) -> None:
    async with hub_of(tmp_path, open_connections=1) as hub:
        closing, closed = anyio.Event(), anyio.Event()
        for name in ("a", "b"):
            connection = hub.add(name, Calling, mapping=tmp_path / "memory.yaml")
            cast("Calling", connection.connector).hold = (closing, closed) if name == "a" else None
        assert await hub["a"].request("GET", "/") == {"ok": True}
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hub["b"].request, "GET", "/")
            await closing.wait()  # to make room for b
            assert await hub["a"].request("GET", "/") == {"ok": True}
            closed.set()
        assert await hub["a"].request("GET", "/") == {"ok": True}


async def test_a_connector_that_cannot_be_closed_leaves_nothing_else_open(tmp_path: Path) -> None:
    async with hub_of(tmp_path, "first") as hub:
        hub.add("stuck", Stuck, mapping=tmp_path / "memory.yaml")
        hub.add("last", "memory", mapping=tmp_path / "memory.yaml")
        connections = [hub[name] for name in hub]
        assert all(connection.connector for connection in connections)
        await hub.store()
        with pytest.raises(RuntimeError, match="stuck"):
            await hub.aclose()
    assert not any(connection.is_open for connection in connections)
    with pytest.raises(UsageError, match="closed"):
        await hub.store()


async def test_after_a_burst_no_more_connections_are_open_than_may_be(tmp_path: Path) -> None:
    names = [f"tenant-{number}" for number in range(8)]
    async with hub_of(tmp_path, *names, open_connections=2) as hub:
        assert await hub.all.accounts.list().answers()
        assert sum(hub[name].is_open for name in names) == 2


async def test_tenants_of_one_crm_share_one_mapping(tmp_path: Path) -> None:
    async with hub_of(tmp_path, "a", "b") as hub:
        assert hub["a"].spec is hub["b"].spec


async def test_all_connections_answer_as_one(tmp_path: Path) -> None:
    async with hub_of(tmp_path, "a", "b", "c") as hub:
        found = await hub.all.accounts.list(fields=["name"])
        assert sorted((str(each.connection), str(each.id)) for each in found) == sorted(
            (name, f"c{number}") for name in "abc" for number in range(5)
        )
        assert [len(page) async for page in hub.only("a", "b").accounts.list().pages()] == [2, 2, 2, 2, 1, 1]
        assert dict((await hub.all.accounts.count()).values) == {"a": 5, "b": 5, "c": 5}
        assert list(hub.only("c", "a", "c")) == ["c", "a"]


async def test_one_connection_that_fails_keeps_no_other_from_answering(tmp_path: Path) -> None:
    async with hub_of(tmp_path, "a", "b") as hub:
        add(hub, "broken", tmp_path / "memory.yaml", objects={}, rows={})
        seen: list[str] = []

        async def read_all() -> None:
            async for account in hub.all.accounts.list():
                seen.append(str(account.connection))  # noqa: PERF401 - what came before the error counts

        with pytest.raises(PartialFailure, match=r"broken: .*companies") as caught:
            await read_all()
        assert sorted(seen) == ["a"] * 5 + ["b"] * 5
        assert set(caught.value.errors) == {"broken"}
        answers = await hub.all.accounts.list().answers()
        assert {name: len(found) for name, found in answers.values.items()} == {"a": 5, "b": 5}
        assert list(answers.errors) == ["broken"]
        assert len(answers["a"]) == 5
        with pytest.raises(type(answers.errors["broken"])):
            answers["broken"]
        with pytest.raises(PartialFailure):
            answers.demand_all()


async def test_a_write_to_several_connections_gives_one_outcome_for_each(tmp_path: Path) -> None:
    async with hub_of(tmp_path, "a", "b") as hub:
        made = await hub.all.accounts.create(Account(name="Everywhere"))
        assert {name: outcome.status for name, outcome in made.values.items()} == {
            "a": "created",
            "b": "created",
        }
        ids = {name: str(outcome.id) for name, outcome in made.values.items()}
        changed = await hub.all.accounts.update(ids, Account(name="Elsewhere"))
        assert [outcome.status for outcome in changed.values.values()] == ["updated", "updated"]
        gone = await hub.all.accounts.delete({"a": ids["a"]})
        assert list(gone) == ["a"]
        refused = await hub.all.accounts.create(Account(website="no place for it"))
        assert [outcome.status for outcome in refused.values.values()] == ["rejected", "rejected"]
        with pytest.raises(ConfigError, match="no connection 'c' among these"):
            await hub.all.accounts.delete({"c": "1"})


async def test_a_hub_without_connections_says_what_to_do() -> None:
    async with Hub() as hub:
        with pytest.raises(ConfigError, match="no connection is named"):
            _ = hub.all


async def test_a_records_text_form_holds_no_personal_data() -> None:
    account = Account(id="1", name="Secret Ltd", website="secret.example")
    assert repr(account) == "Account(id='1', fields=['name', 'website'])"
    assert "Secret" not in str(account)
