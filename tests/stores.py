"""Where the tests keep state: the same tests run on SQLite and, marked ``pg``, on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, create_engine

from crmhub.clock import ManualClock
from crmhub.store import Store
from tests.postgres import Server, serve

__all__ = [
    "KEY",
    "any_url",
    "behind_its_back",
    "clock",
    "empty_url",
    "memory_url",
    "new_postgres_url",
    "postgres",
    "postgres_template",
    "postgres_url",
    "store",
    "store_url",
]

KEY = "dGhlIGtleSBvZiB0aGUgdGVzdHMgaGFzIDMyIGJ5dGU="
"""The key of every store on PostgreSQL, in the environment of its tests."""

_POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.pg)


@pytest.fixture(scope="session")
def postgres() -> Generator[Server]:
    """The server of this test process; started when the first test asks for it."""
    with serve() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres: Server) -> str:
    """A database that is a new store: its copies need no migration."""
    name = postgres.make_database()

    async def make() -> None:
        async with await Store.open(postgres.url(name), key=SecretStr(KEY)):
            pass

    with ThreadPoolExecutor(1) as thread:  # the test's own event loop is left alone
        thread.submit(anyio.run, make).result()
    return name


@pytest.fixture(params=["sqlite", _POSTGRESQL])
def store_url(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Generator[str]:
    """A store that several may open: a file, or a database on the server."""
    yield from _url(request, monkeypatch, f"sqlite:///{tmp_path}/state.db")


@pytest.fixture(params=["sqlite", _POSTGRESQL])
def memory_url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Generator[str]:
    """A store for one: in memory, or a database on the server."""
    yield from _url(request, monkeypatch, "sqlite:///:memory:")


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands until it is turned."""
    return ManualClock()


@pytest.fixture
async def store(memory_url: str, clock: ManualClock) -> AsyncGenerator[Store]:
    """A store for one, open, by that clock."""
    async with await Store.open(memory_url, clock=clock) as opened:
        yield opened


@pytest.fixture(params=["file", "memory", _POSTGRESQL])
def any_url(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Generator[str]:
    """A store, in each place there is."""
    file = "sqlite:///:memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/state.db"
    yield from _url(request, monkeypatch, file)


@pytest.fixture(params=["sqlite", _POSTGRESQL])
def empty_url(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Generator[str]:
    """A store that is still to be made: a missing file, or an empty database on the server."""
    yield from _url(request, monkeypatch, f"sqlite:///{tmp_path}/state.db", empty=True)


@pytest.fixture
def postgres_url(postgres: Server, postgres_template: str, monkeypatch: pytest.MonkeyPatch) -> Generator[str]:
    """A store on the server."""
    yield from _database(postgres, postgres_template, monkeypatch)


@pytest.fixture
def new_postgres_url(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> Generator[str]:
    """An empty database on the server."""
    yield from _database(postgres, "template0", monkeypatch)


def _url(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, file: str, *, empty: bool = False
) -> Generator[str]:
    if request.param != "postgresql":
        yield file
        return
    template = "template0" if empty else request.getfixturevalue("postgres_template")
    yield from _database(request.getfixturevalue("postgres"), template, monkeypatch)


def _database(server: Server, template: str, monkeypatch: pytest.MonkeyPatch) -> Generator[str]:
    monkeypatch.setenv("CRMHUB_KEY", KEY)
    name = server.make_database(template)
    yield server.url(name)
    server.drop_database(name)


@contextmanager
def behind_its_back(url: str) -> Generator[Connection]:
    """A transaction on the store's database that crmhub knows nothing of."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()
