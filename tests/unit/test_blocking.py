"""The blocking API: the same objects without ``async``, and nothing left behind."""

from __future__ import annotations

import gc
import inspect
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, cast

import anyio
import pytest

from crmhub import blocking
from crmhub.blocking.faces import ASYNC_ONLY, FACED, RENAMED, face_of
from crmhub.config import Config
from crmhub.connector import Page, ReadRequest, Value, WriteRequest
from crmhub.errors import ConfigError, NotFound, PartialFailure, UsageError
from crmhub.http import asgi_transport
from crmhub.models import Account, Deal
from crmhub.routing import routed
from crmhub.testing.memory import MemoryConnector
from crmhub.testing.simulator.options import Options
from crmhub_zoho.simulator import create

MAPPING = """
crm: memory
version: 1
maps:
  - {model: account, object: companies, fields: {name: name}}
  - {model: deal, object: deals, fields: {name: name}}
"""
OBJECTS = {"companies": {"name": "text"}, "deals": {"name": "text"}}
DEALS = [{"id": f"d{number}", "name": f"Deal {number}"} for number in range(7)]


class Watched(MemoryConnector):
    """Counts the reads that are under way, and can hold one up for ever."""

    under_way: ClassVar[list[str]] = []
    pages: ClassVar[list[int]] = []
    stuck: ClassVar[threading.Event] = threading.Event()
    hold: ClassVar[bool] = False

    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        self.under_way.append(request.object)
        try:
            if self.hold:
                self.stuck.set()
                await anyio.sleep_forever()
            async for page in super().read(request):
                self.pages.append(len(page.upserts))
                yield page
        finally:
            self.under_way.remove(request.object)


class Scoped(Watched):
    """Holds something open between pages that only the task it began in can close."""

    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        with anyio.CancelScope():
            async for page in super().read(request):
                yield page


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Generator[None]:
    Watched.pages.clear()
    Watched.stuck.clear()
    Watched.hold = False
    yield
    assert Watched.under_way == []
    assert [thread.name for thread in threading.enumerate() if "portal" in thread.name] == []


@contextmanager
def crm(tmp_path: Path, *names: str, kind: type[MemoryConnector] = Watched) -> Generator[blocking.Hub]:
    path = tmp_path / "memory.yaml"
    path.write_text(MAPPING)
    with blocking.Hub(Config({}, store="sqlite:///:memory:")) as hub:
        for name in names or ("crm",):
            hub.add(
                name, kind, mapping=path, objects=cast("Value", OBJECTS), page_size=2,
                rows=cast("Value", {"deals": DEALS}),
            )  # fmt: skip
        yield hub


# ── the same as the asynchronous one ─────────────────────────────────────────────────────────────


def test_a_record_is_created_read_changed_and_deleted(tmp_path: Path) -> None:
    with crm(tmp_path) as hub:
        deals = hub["crm"].deals
        id_ = deals.create(Deal(name="Big")).id
        assert deals.get(id_).name == "Big"
        assert deals.update(id_, Deal(name="Bigger")).status == "updated"
        assert [deal.name for deal in deals.list(where={"name": "Bigger"})] == ["Bigger"]
        assert deals.count() == 8
        assert deals.delete(id_).status == "deleted"
        assert deals.get_many([id_, "d1"])[0] is None
        assert [outcome.ok for outcome in deals.create_many([Deal(name="a"), Deal(name="b")])] == [True, True]


def test_records_come_one_by_one_in_pages_and_all_together(tmp_path: Path) -> None:
    with crm(tmp_path) as hub:
        listing = hub["crm"].deals.list()
        assert [deal.id for deal in listing] == [row["id"] for row in DEALS]
        assert [len(page) for page in listing.pages()] == [2, 2, 2, 1]
        assert len(listing.collect()) == 7
        assert [len(page.records) for page in hub["crm"].deals.changes() if page.records] == [2, 2, 2, 1]


def test_several_connections_answer_as_one(tmp_path: Path) -> None:
    with crm(tmp_path, "a", "b") as hub:
        assert list(hub) == ["a", "b"]
        assert [deal.connection for deal in hub.all.deals.list(limit=1)] == ["a", "b"]
        assert hub.only("b").deals.count()["b"] == 7
        assert {name: len(found) for name, found in hub.all.deals.list().answers().values.items()} == {
            "a": 7,
            "b": 7,
        }
        hub.remove("a")
        assert list(hub) == ["b"]


def test_a_sync_is_planned_and_run(tmp_path: Path) -> None:
    with crm(tmp_path, "a", "b") as hub:
        assert sum(len(plan.writes) for plan in hub.plan("a", "b", models=["deals"])) == 7
        report = hub.sync("a", "b", models=["deals"])
        assert report.totals["created"] == 7
        assert hub["b"].deals.count() == 14


def test_public_attributes_are_the_same_and_private_ones_hidden(tmp_path: Path) -> None:
    with crm(tmp_path) as hub:
        assert hub["crm"].name == "crm"
        assert hub["crm"] == hub["crm"]
        assert hub.config.connections == {}
        for name in ("_connections", "store", "aclose"):
            with pytest.raises(AttributeError, match=name):
                getattr(hub, name)


@pytest.mark.parametrize("kind", FACED, ids=lambda kind: kind.__name__)
def test_names_and_signatures_are_those_of_the_asynchronous_class(kind: type) -> None:
    face = face_of(kind)
    own = {name for name in dir(kind) if not name.startswith("_")} - ASYNC_ONLY
    assert {name for name in dir(face) if not name.startswith("_")} == {
        RENAMED.get(each, each) for each in own
    }
    for name in own:
        there = inspect.getattr_static(kind, name)
        here = inspect.getattr_static(face, RENAMED.get(name, name))
        assert isinstance(here, property) == isinstance(there, property)
        if not isinstance(there, property):
            there, here = getattr(kind, name), getattr(face, RENAMED.get(name, name))
            assert inspect.signature(here) == inspect.signature(there)
            assert not inspect.iscoroutinefunction(here)
        assert inspect.getdoc(here)


def test_only_a_hub_is_made_by_hand() -> None:
    with pytest.raises(UsageError, match="ask a hub"):
        blocking.Connection()


# ── errors ───────────────────────────────────────────────────────────────────────────────────────


def test_errors_pass_through_unchanged(tmp_path: Path) -> None:
    with crm(tmp_path) as hub:
        with pytest.raises(NotFound, match="connection crm, object deals, record nobody"):
            hub["crm"].deals.get("nobody")
        with pytest.raises(ConfigError, match="did you mean 'crm'"):
            hub["crn"]
        with pytest.raises(UsageError, match="nmae"):
            hub["crm"].deals.list(fields=["nmae"])
        error = Refusal("not today")
        with pytest.raises(Refusal) as caught:
            hub["crm"].deals.list(on_invalid=lambda _: None).pages().throw(error)
        assert caught.value is error


class Refusal(Exception):
    """An error of the caller's own."""


def test_an_error_comes_where_it_is_met_and_is_the_connectors_own(tmp_path: Path) -> None:
    moved = NotFound("the list has moved")

    class Breaking(Watched):
        async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
            async for page in super().read(request):
                yield page
                raise moved

    with crm(tmp_path, kind=Breaking) as hub:
        items = iter(hub["crm"].deals.list())
        assert [next(items).id, next(items).id] == ["d0", "d1"]
        with pytest.raises(NotFound) as caught:
            next(items)
        assert caught.value is moved


def test_an_error_of_one_connection_comes_after_what_the_others_have(tmp_path: Path) -> None:
    with crm(tmp_path, "a") as hub:
        path = tmp_path / "memory.yaml"
        hub.add("b", "memory", mapping=path, objects=cast("Value", {"companies": {}}))
        items = iter(hub.all.deals.list())
        assert [next(items).connection for _ in DEALS] == ["a"] * 7
        with pytest.raises(PartialFailure) as caught:
            next(items)
        assert list(caught.value.errors) == ["b"]


# ── stopping ─────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_fetched_that_is_not_asked_for(tmp_path: Path) -> None:
    with crm(tmp_path) as hub:
        listing = hub["crm"].deals.list()
        assert Watched.pages == []
        items = iter(listing)
        assert [next(items).id, next(items).id] == ["d0", "d1"]
        assert Watched.pages == [2]
        items.close()


def test_a_reader_who_stops_early_closes_the_reading(tmp_path: Path) -> None:
    with crm(tmp_path) as hub:
        for deal in hub["crm"].deals.list():
            assert deal.id == "d0"
            break
        gc.collect()
        assert Watched.under_way == []
        assert Watched.pages == [2]


def test_what_a_reading_holds_open_is_closed_by_the_task_that_opened_it(tmp_path: Path) -> None:
    with crm(tmp_path, kind=Scoped) as hub:
        assert len(hub["crm"].deals.list().collect()) == 7
        assert len(list(hub["crm"].deals.list())) == 7
        for _ in hub["crm"].deals.list():
            break


def test_a_reader_who_raises_closes_the_reading(tmp_path: Path) -> None:
    with crm(tmp_path) as hub:
        with pytest.raises(ZeroDivisionError):
            [1 // 0 for _ in hub["crm"].deals.list()]
        gc.collect()
        assert Watched.under_way == []


def test_an_iterator_that_is_forgotten_is_closed(tmp_path: Path) -> None:
    with crm(tmp_path) as hub:
        items = iter(hub["crm"].deals.list().pages())
        cycle: list[object] = [items]
        cycle.append(cycle)
        next(items)
        assert Watched.under_way == ["deals"]
        del items, cycle
        gc.collect()
        assert Watched.under_way == []


def test_closing_the_hub_closes_what_is_still_being_read(tmp_path: Path) -> None:
    with crm(tmp_path) as hub:
        items = iter(hub["crm"].deals.list())
        next(items)
    assert Watched.under_way == []
    next(items)  # of the page that was fetched
    with pytest.raises(UsageError, match="the hub is closed"):
        next(items)


@pytest.fixture
def ctrl_c() -> Generator[None]:
    """Ctrl-C is heard, also where the tests run in the background, which begins with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_cancels_the_call_and_leaves_the_hub_working(tmp_path: Path) -> None:
    with crm(tmp_path) as hub:
        Watched.hold = True
        main = threading.main_thread().ident
        assert main is not None

        def interrupt() -> None:
            Watched.stuck.wait()
            signal.pthread_kill(main, signal.SIGINT)

        helper = threading.Thread(target=interrupt)
        helper.start()
        with pytest.raises(KeyboardInterrupt):
            hub["crm"].deals.list().collect()
        helper.join()
        assert Watched.under_way == []
        Watched.hold = False
        assert len(hub["crm"].deals.list().collect()) == 7


# ── threads and loops ────────────────────────────────────────────────────────────────────────────


def test_several_threads_use_one_hub_at_once(tmp_path: Path) -> None:
    together = threading.Barrier(4)
    with crm(tmp_path) as hub:

        def work(number: int) -> Sequence[str | None]:
            together.wait()
            hub["crm"].accounts.create(Account(name=f"Account {number}"))
            return [deal.id for deal in hub["crm"].deals.list()]

        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(work, range(4)))
        assert found == [[row["id"] for row in DEALS]] * 4
        assert hub["crm"].accounts.count() == 4


def test_all_hubs_share_one_thread_which_ends_with_the_last(tmp_path: Path) -> None:
    before = threading.active_count()
    with crm(tmp_path) as one:
        one["crm"].deals.count()
        with crm(tmp_path) as other:
            other["crm"].deals.count()
            assert threading.active_count() == before + 1
        assert one["crm"].deals.count() == 7
    assert threading.active_count() == before


def test_a_hub_can_be_used_without_with_and_closed(tmp_path: Path) -> None:
    (tmp_path / "crmhub.yaml").write_text(
        "store: 'sqlite:///:memory:'\nconnections: {a: {connector: memory}}\n"
    )
    hub = blocking.Hub.load(tmp_path / "crmhub.yaml")
    assert hub["a"].capabilities().objects == {}
    connection = hub["a"]
    hub.close()
    hub.close()
    with pytest.raises(UsageError, match="the hub is closed"):
        hub["a"]
    with pytest.raises(UsageError, match="the hub is closed"):
        connection.capabilities()


LOOP_CALLS: list[Callable[[blocking.Hub], object]] = [
    lambda hub: hub["crm"].deals.count(),
    lambda hub: list(hub["crm"].deals.list()),
    lambda hub: hub.close(),
]


@pytest.mark.anyio
@pytest.mark.parametrize("call", LOOP_CALLS)
async def test_inside_an_event_loop_it_names_the_asynchronous_api(
    tmp_path: Path, call: Callable[[blocking.Hub], object]
) -> None:
    def refused() -> None:
        with pytest.raises(UsageError, match=r"crmhub\.Hub with async with"):
            call(hub)

    cm = crm(tmp_path)
    hub = await anyio.to_thread.run_sync(cm.__enter__)
    refused()
    assert await anyio.to_thread.run_sync(hub["crm"].deals.count) == 7
    await anyio.to_thread.run_sync(cm.__exit__, None, None, None)


def test_a_callback_cannot_call_back_into_the_blocking_api(tmp_path: Path) -> None:
    class Calling(Watched):
        hub: ClassVar[blocking.Hub]

        async def write(self, request: WriteRequest) -> Sequence[object]:  # pyright: ignore[reportIncompatibleMethodOverride]
            return [self.hub["crm"].deals.count()]

    with crm(tmp_path, kind=Calling) as hub:
        Calling.hub = hub
        with pytest.raises(UsageError, match="event loop"):
            hub["crm"].deals.create(Deal(name="x"))


FORKED = """
import os
import sys
from pathlib import Path
from crmhub.blocking import Hub
from crmhub.config import Config
from crmhub.errors import UsageError

def names(hub):
    return list(hub.add("x", "memory").capabilities().objects)

with Hub(Config({})) as hub:
    assert names(hub) == []
    child = os.fork()
    if child == 0:
        try:
            hub["x"].capabilities()
        except UsageError as error:
            with Hub(Config({})) as own:
                assert names(own) == []
            print(error.what, flush=True)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert hub["x"].capabilities().objects == {}
"""


def test_after_a_fork_the_child_makes_its_own_hub() -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORKED]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "the hub was made before a fork\n"


# ── over HTTP ────────────────────────────────────────────────────────────────────────────────────


def test_a_simulated_crm_is_read_and_written(tmp_path: Path) -> None:
    double = create(Options(rows=30, seed=1, base_url="http://localhost:8080"))
    config = Config({}, store="sqlite:///:memory:")
    with blocking.Hub(config, transports={"zoho": asgi_transport(double.app)}) as hub:
        secrets = {name: double.credentials[name] for name in ("client_id", "client_secret", "refresh_token")}
        settings: dict[str, Value] = {"api_url": "http://localhost:8080", "page_size": 7, **secrets}
        zoho = hub.add("zoho", "zoho", mapping=None, **settings)
        assert zoho.accounts.count() == len(list(zoho.accounts.list())) == len(list(double.truth("Accounts")))
        id_ = zoho.accounts.create(Account(name="Blocked & Sons")).id
        zoho.accounts.update(id_, Account(website="https://blocked.example"))
        assert zoho.accounts.get(id_).website == "https://blocked.example"
        with routed("fallback") as route:
            for account in zoho.accounts.list():
                assert account.id
                break
        assert [(call.operation, call.tier) for call in route.served] == [("read", "rest")]
    assert [row["Account_Name"] for row in double.truth("Accounts") if row["id"] == id_] == ["Blocked & Sons"]
