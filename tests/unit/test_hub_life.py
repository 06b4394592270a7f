"""Hubs, connections and listings that are closed, left, shared or asked together: nothing leaks."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path
from typing import cast

import anyio
import anyio.lowlevel
import pytest

from crmhub.connector import Context, Value
from crmhub.errors import ConfigError, InvalidRecord, PartialFailure, UsageError
from crmhub.http import HttpSettings
from crmhub.hub import Hub
from crmhub.models import Account
from crmhub.testing.memory import MemoryConfig, MemoryConnector
from tests.memory_hub import FIELDS, add, hub_of, rows

pytestmark = pytest.mark.anyio


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
