"""Copying a store that is in use."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from pydantic import SecretStr

from crmhub.errors import StoreError
from crmhub.http import Token
from crmhub.store import Changes, Link, RecordRef, Store

pytestmark = pytest.mark.anyio

SIZE = 50


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/state.db"


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def commit_page(store: Store, page: int) -> None:
    """A page is links and its checkpoint: both or none."""
    refs = [RecordRef("zoho", "Accounts", f"{page}-{n}") for n in range(SIZE)]
    links = [Link("account", ref, RecordRef("sf", "Account", ref.id), base="x" * 200) for ref in refs]
    await store.commit(Changes(job="job", links=links, checkpoint=("Accounts", {"page": page})))


async def stored_pages(store: Store) -> int:
    """How many pages are stored; fails if one is stored in part."""
    checkpoint = await store.checkpoints.get("job", "Accounts")
    pages = int(str(checkpoint["page"])) + 1 if checkpoint else 0
    for page in range(pages + 1):
        found = await store.links.find(("zoho", "Accounts"), "sf", [f"{page}-{n}" for n in range(SIZE)])
        assert len(found) == (SIZE if page < pages else 0)
    return pages


@pytest.mark.trio
async def test_a_backup_made_under_writers_is_whole_and_restores(url: str, tmp_path: Path) -> None:
    copies = [tmp_path / f"copy{n}.db" for n in range(3)]
    async with await Store.open(url) as store, await Store.open(url) as other:
        await store.tokens.save("zoho", Token(SecretStr("access")))
        written = 0
        for _ in range(100):
            await commit_page(other, written)
            written += 1

        async def write() -> None:
            nonlocal written
            while True:
                await commit_page(other, written)
                written += 1

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(write)
            for copy in copies:
                await store.backup(copy)
                before = written
                while written == before:
                    await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()

    assert names_in(tmp_path) == ["copy0.db", "copy1.db", "copy2.db", "state.db", "state.db.key"]
    counts: list[int] = []
    for copy in copies:
        assert copy.stat().st_mode & 0o777 == 0o600
        with sqlite3.connect(copy) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()
        restored = tmp_path / "restored" / "crmhub.db"
        shutil.rmtree(restored.parent, ignore_errors=True)
        restored.parent.mkdir()
        shutil.copy(copy, restored)
        shutil.copy(tmp_path / "state.db.key", restored.with_name("crmhub.db.key"))
        async with await Store.open(f"sqlite:///{restored}") as again:
            counts.append(await stored_pages(again))
            assert await again.tokens.load("zoho") == Token(SecretStr("access"))
            await again.checkpoints.put("job", "other", {})
    assert 100 <= counts[0] < counts[1] < counts[2]


async def test_a_backup_overwrites_nothing(url: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    copy.write_text("precious")
    async with await Store.open(url) as store:
        with pytest.raises(StoreError, match="already"):
            await store.backup(copy)
    assert copy.read_text() == "precious"


async def test_a_backup_into_a_folder_that_is_not_there_says_so(url: str, tmp_path: Path) -> None:
    async with await Store.open(url) as store:
        with pytest.raises(StoreError, match=r"nowhere/copy\.db cannot be written: No such file"):
            await store.backup(tmp_path / "nowhere" / "copy.db")


def test_a_backup_that_finds_no_room_leaves_nothing_behind(url: str, tmp_path: Path) -> None:
    async def fill() -> None:
        async with await Store.open(url) as store:
            for page in range(20):
                await commit_page(store, page)

    anyio.run(fill)
    script = (
        "import anyio, resource, sys\n"
        "from pathlib import Path\n"
        "from crmhub.store import Store\n"
        "async def main():\n"
        "    async with await Store.open(sys.argv[1]) as store:\n"
        "        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "        await store.backup(Path(sys.argv[2]))\n"
        "anyio.run(main)\n"
    )
    copy = tmp_path / "copies" / "copy.db"
    copy.parent.mkdir()

    done = subprocess.run(
        [sys.executable, "-c", script, url, str(copy)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "StoreError" in done.stderr.splitlines()[-1]
    assert "free" in done.stderr.splitlines()[-1]
    assert names_in(copy.parent) == []


async def test_a_store_in_memory_is_not_backed_up(tmp_path: Path) -> None:
    async with await Store.open("sqlite:///:memory:") as store:
        with pytest.raises(StoreError, match="in memory"):
            await store.backup(tmp_path / "copy.db")


@pytest.mark.pg
async def test_a_store_on_a_server_names_the_servers_own_command_without_the_password(
    postgres_url: str, tmp_path: Path
) -> None:
    async with await Store.open(postgres_url) as store:
        with pytest.raises(StoreError) as raised:
            await store.backup(tmp_path / "copy.dump")
    said = str(raised.value)
    assert f"pg_dump --format=custom --file={tmp_path}/copy.dump postgresql://crmhub@127.0.0.1:" in said
    assert "canary" not in said
    assert names_in(tmp_path) == []
