from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from crmhub.clock import Clock
from crmhub.errors import StoreError
from crmhub.events import Event, Events
from crmhub.store import Store
from crmhub.store.schema import HEAD
from crmhub.store.tables import metadata
from tests.stores import KEY, behind_its_back

pytestmark = pytest.mark.anyio


async def refusal(url: str, **options: float) -> str:
    with pytest.raises(StoreError) as raised:
        await Store.open(url, **options)  # pyright: ignore[reportArgumentType]
    assert raised.value.hint
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.trio
async def test_the_first_start_makes_the_tables_the_second_finds_them(empty_url: str) -> None:
    heard: list[Event] = []
    events = Events(Clock())
    events.subscribe(heard.append)
    for _ in range(2):
        async with await Store.open(empty_url, events=events) as store:
            await store.checkpoints.put("job", "stream", {})

    given = "CRMHUB_KEY" in os.environ  # a server's store has no other
    assert [event.name for event in heard] == ["store.migrated", *([] if given else ["store.key_made"])]


async def test_a_key_that_was_given_is_not_said_to_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRMHUB_KEY", KEY)
    heard: list[Event] = []
    events = Events(Clock())
    events.subscribe(heard.append)
    async with await Store.open(f"sqlite:///{tmp_path}/state.db", events=events):
        pass

    assert [event.name for event in heard] == ["store.migrated"]
    assert not (tmp_path / "state.db.key").exists()


async def test_a_relative_path_starts_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    async with await Store.open("sqlite:///state.db"):
        pass

    assert (tmp_path / "state.db").is_file()


async def test_the_migrations_make_the_tables_that_the_code_uses(empty_url: str) -> None:
    async with await Store.open(empty_url):
        pass
    with behind_its_back(empty_url) as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)

    assert differences == []


def test_the_known_head_is_the_newest_migration() -> None:
    from crmhub.store import migrations

    assert ScriptDirectory(str(Path(str(migrations.__file__)).parent)).get_current_head() == HEAD


def test_a_database_is_loaded_only_when_a_store_is_asked_for() -> None:
    script = (
        "import crmhub, crmhub.store, sys; print([m for m in ('sqlalchemy', 'alembic') if m in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_an_unknown_name_of_the_package_is_an_attribute_error() -> None:
    import crmhub.store

    with pytest.raises(AttributeError, match="Stores"):
        _ = crmhub.store.Stores  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType, reportUnknownMemberType]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("crmhub.db", "cannot be read"),
        ("", "cannot be read"),
        ("postgresql+asyncpg://root:canary-password@localhost/crm", "is not supported"),
        ("mysql://root:canary-password@localhost/crm", "'mysql' is not supported"),
        ("sqlite+aiosqlite:///crmhub.db", "is not supported"),
        ("sqlite:///crmhub.db?mode=ro", "no options"),
    ],
)
async def test_a_url_that_is_no_store_says_how_to_write_it(url: str, says: str) -> None:
    said = await refusal(url)

    assert says in said
    assert "sqlite:///crmhub.db" in said
    assert "canary" not in said


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    said = await refusal(f"sqlite:///{tmp_path}/nowhere/state.db")

    assert f"{tmp_path}/nowhere" in said
    assert "create it" in said


async def test_a_folder_is_not_a_store(tmp_path: Path) -> None:
    assert "is a folder" in await refusal(f"sqlite:///{tmp_path}")


async def test_another_kind_of_file_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "notes.db"
    file.write_text("These are notes, and not a database. " * 50)
    before = file.read_bytes()

    assert "is not an SQLite database" in await refusal(f"sqlite:///{file}")
    assert file.read_bytes() == before
    assert not (tmp_path / "notes.db.key").exists()


async def test_the_database_of_another_program_is_left_as_it_is(empty_url: str) -> None:
    with behind_its_back(empty_url) as connection:
        connection.execute(text("CREATE TABLE cheese (name TEXT)"))

    assert "is not a crmhub store" in await refusal(empty_url)
    with behind_its_back(empty_url) as connection:
        assert inspect(connection).get_table_names() == ["cheese"]


async def test_a_store_of_a_newer_crmhub_is_refused(store_url: str) -> None:
    async with await Store.open(store_url):
        pass
    with behind_its_back(store_url) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    said = await refusal(store_url)

    assert "schema 9999" in said
    assert "upgrade crmhub" in said


async def test_a_damaged_store_says_so(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    async with await Store.open(f"sqlite:///{file}") as store:
        await store.checkpoints.put("job", "stream", {"filler": "x" * 20_000})
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    file.write_bytes(content)

    assert "damaged" in await refusal(f"sqlite:///{file}")


@contextmanager
def unprivileged() -> Generator[None]:
    """As somebody who is not root, also when root runs it."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@pytest.fixture
def closed_folder() -> Generator[Path]:
    """A folder that the test may not write to."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        with unprivileged():
            yield folder
        folder.chmod(0o700)


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
async def test_a_folder_that_may_not_be_written_is_named(closed_folder: Path) -> None:
    said = await refusal(f"sqlite:///{closed_folder}/state.db")

    assert f"{closed_folder}/state.db cannot be written: Permission denied" in said


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
async def test_a_store_that_may_not_be_written_any_more_is_named() -> None:
    with TemporaryDirectory() as name:
        file = Path(name) / "state.db"
        async with await Store.open(f"sqlite:///{file}") as store:
            await store.checkpoints.put("job", "stream", {"page": 1})
        file.chmod(0o444)
        file.parent.chmod(0o755)
        with unprivileged():
            said = await refusal(f"sqlite:///{file}")
    assert f"{file} cannot be written: Permission denied" in said


async def test_a_path_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    name = "x" * 300

    assert "cannot be written: File name too long" in await refusal(f"sqlite:///{tmp_path}/{name}.db")


async def test_a_store_that_stays_locked_says_so(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    async with await Store.open(f"sqlite:///{file}", busy_timeout=0.05) as store:
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(StoreError, match="locked by another process") as raised:
            await store.checkpoints.put("job", "stream", {})
        assert raised.value.hint
        assert await store.checkpoints.all("job") == {}  # readers do not wait

        other.execute("ROLLBACK")
        other.close()
        await store.checkpoints.put("job", "stream", {"now": "free"})


async def test_a_new_file_that_another_process_holds_is_waited_for_and_then_named(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    said = await refusal(f"sqlite:///{file}", busy_timeout=0.1)

    other.close()
    assert "locked by another process" in said


def permissions(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


async def test_the_files_of_a_store_are_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        async with await Store.open(f"sqlite:///{tmp_path}/state.db") as store:
            await store.checkpoints.put("job", "stream", {})
            modes = permissions(tmp_path)
    finally:
        os.umask(before)

    assert {"state.db", "state.db-wal", "state.db.key"} <= set(modes)
    assert set(modes.values()) == {0o600}
