"""Threat 21: somebody who can write to the database changes the audit log, and is found out."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import anyio
import pytest
from sqlalchemy import Connection

from crmhub.clock import Clock
from crmhub.errors import StoreError, UsageError
from crmhub.store import Store
from crmhub.store.chain import Head, Verified
from tests.stores import behind_its_back

ROWS = 8


async def filled(url: str, rows: int = ROWS) -> Head:
    async with await Store.open(url) as store:
        for number in range(rows):
            await store.audit.append({"kind": "call.intent", "n": number, "text": 'a "quoted" \u0000 é'})
        return await store.audit.head()


async def verified(url: str, head: Head | None = None) -> Verified:
    async with await Store.open(url) as store:
        return await store.audit.verify(head)


def do(*statements: str) -> Callable[[Connection], None]:
    def run(connection: Connection) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement)

    return run


SWAP = (
    "UPDATE audit_log SET seq = 100 WHERE seq = 4",
    "UPDATE audit_log SET seq = 4 WHERE seq = 5",
    "UPDATE audit_log SET seq = 5 WHERE seq = 100",
)
COPY = (
    "UPDATE audit_log SET seq = -(seq + 1) WHERE seq >= 5",
    "UPDATE audit_log SET seq = -seq WHERE seq < 0",
    "INSERT INTO audit_log SELECT stream, 5, kid, mac, body FROM audit_log WHERE seq = 4",
)
TAMPERED: dict[str, tuple[Callable[[Connection], None], int, str]] = {
    "one value flipped": (
        do("UPDATE audit_log SET body = replace(body, '\"n\":3', '\"n\":4') WHERE seq = 4"),
        4,
        "changed",
    ),
    "a row deleted": (do("DELETE FROM audit_log WHERE seq = 4"), 4, "missing"),
    "the first row deleted": (do("DELETE FROM audit_log WHERE seq = 1"), 1, "missing"),
    "two rows swapped": (do(*SWAP), 4, "changed or moved"),
    "a row doubled": (do(*COPY), 5, "changed or moved"),
    "the end cut off": (do("DELETE FROM audit_log WHERE seq > 6"), 7, "missing"),
    "a row added": (
        do("INSERT INTO audit_log SELECT stream, 9, kid, mac, body FROM audit_log WHERE seq = 8"),
        9,
        "changed or moved",
    ),
    "a key of one's own": (do("UPDATE audit_log SET kid = 'mine' WHERE seq = 4"), 4, "another key"),
    "the log's key taken away": (do("DELETE FROM named_key"), 1, "key"),
    "all of it emptied": (do("DELETE FROM audit_log"), 1, "missing"),
}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with some rows in its log; tests change copies of it."""
    file = tmp_path_factory.mktemp("audit") / "state.db"
    url = f"sqlite:///{file}"
    anyio.run(filled, url)
    assert anyio.run(verified, url).broken is None
    return file


def copied(original: Path, folder: Path) -> str:
    for name in ("state.db", "state.db.key"):
        shutil.copy(original.with_name(name), folder / name)
    return f"sqlite:///{folder}/state.db"


@pytest.mark.parametrize("how", TAMPERED)
def test_threat_21_a_log_that_was_tampered_with_fails_at_the_first_bad_row(
    original: Path, tmp_path: Path, how: str
) -> None:
    tamper, seq, why = TAMPERED[how]
    url = copied(original, tmp_path)
    with behind_its_back(url) as connection:
        tamper(connection)

    broken = anyio.run(verified, url).broken
    assert broken is not None
    assert (broken.seq, why in broken.why) == (seq, True), broken


CUT = (
    "DELETE FROM audit_log WHERE seq > 6",
    "UPDATE audit_head SET seq = 6, mac = (SELECT mac FROM audit_log WHERE seq = 6)",
)


@pytest.mark.parametrize("cut", [CUT, ("DELETE FROM audit_log", "DELETE FROM audit_head")])
def test_threat_21_an_end_cut_off_with_its_head_shows_against_a_published_head(
    original: Path, tmp_path: Path, cut: tuple[str, ...]
) -> None:
    url = copied(original, tmp_path)
    published = Head.parse(str(anyio.run(verified, url).head))
    with behind_its_back(url) as connection:
        do(*cut)(connection)

    assert anyio.run(verified, url).broken is None, "a chain alone does not show it"
    broken = anyio.run(partial(verified, url, published)).broken
    assert broken is not None
    assert "a head of row 8 was published" in broken.why


@pytest.mark.anyio
async def test_threat_21_an_old_copy_that_was_put_back_shows_until_somebody_stands_for_it(
    tmp_path: Path,
) -> None:
    file, copy = tmp_path / "state.db", tmp_path / "copy.db"
    url = f"sqlite:///{file}"
    async with await Store.open(url) as store:
        await store.audit.append({"kind": "call.intent", "n": 1})
        await store.backup(copy)
        await store.audit.append({"kind": "call.intent", "n": 2})
        published = await store.audit.head()
    shutil.copy(copy, file)
    for rest in ("-wal", "-shm"):
        file.with_name(file.name + rest).unlink(missing_ok=True)

    async with await Store.open(url) as store:
        assert (await store.audit.verify(published)).broken
        await store.audit.append({"kind": "call.intent", "n": "other"})
        broken = (await store.audit.verify(published)).broken
        assert broken is not None
        assert (broken.seq, "another row" in broken.why) == (2, True)

        await store.audit.restored(published, by="ada")
        found = await store.audit.verify(published)
        assert found.broken is None
        assert found.notes == ("3: restored from a backup, rows up to 2 were lost",)
        with pytest.raises(UsageError, match="nothing was lost"):
            await store.audit.restored(await store.audit.head(), by="ada")


def test_threat_21_a_log_of_another_installation_does_not_pass_for_this_one(
    original: Path, tmp_path: Path
) -> None:
    ours = f"sqlite:///{tmp_path}/ours.db"
    anyio.run(filled, ours, 2)
    with behind_its_back(ours) as connection:
        connection.exec_driver_sql(f"ATTACH '{original}' AS theirs")
        for table in ("audit_log", "audit_head", "named_key"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
            connection.exec_driver_sql(f"INSERT INTO {table} SELECT * FROM theirs.{table}")

    broken = anyio.run(verified, ours).broken
    assert broken is not None
    assert (broken.seq, "key" in broken.why) == (1, True)


@pytest.mark.anyio
async def test_keys_changed_and_rows_pruned_stand_in_the_chain_and_hold(store_url: str) -> None:
    before = await filled(store_url)
    async with await Store.open(store_url) as store:
        await store.rotate_key()
        await store.audit.append({"kind": "call.intent", "n": 9})
        middle = await store.audit.head()
        assert await store.audit.prune(5, by="ada") == 4
        await store.audit.append({"kind": "call.intent", "n": 10})
        for head in (None, before, middle):
            found = await store.audit.verify(head)
            assert (found.broken, found.first, found.rows) == (None, 5, 8)
        assert found.notes == ("9: another key from here on", "11: rows before 5 were pruned")
        with pytest.raises(UsageError, match="no row 99"):
            await store.audit.prune(99, by="ada")
        assert [entry.seq async for entry in store.audit.entries(since=10)] == [11, 12]
    with behind_its_back(store_url) as connection:
        connection.exec_driver_sql("DELETE FROM audit_log WHERE seq = 5")
    broken = (await verified(store_url)).broken
    assert broken is not None
    assert broken.seq == 1, "nobody said that row 5 is gone"


@pytest.mark.anyio
async def test_a_row_that_only_quotes_what_the_log_says_of_itself_is_no_such_row(store_url: str) -> None:
    async with await Store.open(store_url) as store:
        told = {"kind": "audit.pruned", "first": 2, "before": "x"}
        await store.audit.append({"kind": "call.intent", "arguments": told, "text": str(told)})
        await store.audit.append({"kind": "call.intent", "arguments": {"kind": "audit.key"}})
        await store.audit.append({"kind": "call.intent"})
        found = await store.audit.verify()
    assert (found.broken, found.notes) == (None, ())
    with behind_its_back(store_url) as connection:
        connection.exec_driver_sql("DELETE FROM audit_log WHERE seq = 1")
    assert (await verified(store_url)).broken


@pytest.mark.anyio
async def test_what_was_left_without_waiting_is_stored_with_the_next_rows_in_order(store_url: str) -> None:
    async with await Store.open(store_url, clock=Clock()) as store:
        waiting = store.audit.put({"kind": "call.intent", "n": 1})
        await store.audit.append({"kind": "call.intent", "n": 2}, durable=False)
        assert waiting.is_stored
        store.audit.put({"kind": "call.intent", "n": 3})
    async with await Store.open(store_url) as store:
        bodies = [entry.body async for entry in store.audit.entries()]
    assert [body.partition('"n":')[2] for body in bodies] == ["1}", "2}", "3}"]


@pytest.mark.parametrize("text", ["", "agents", "agents:x:y", "agents:5:", f"agents:0:{'a' * 64}", os.sep])
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no head"):
        Head.parse(text)


def stumble(_connection: Connection, _bodies: Sequence[str]) -> Head:
    raise ZeroDivisionError


@pytest.mark.anyio
async def test_rows_that_are_lost_with_their_writer_are_not_taken_for_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await Store.open(f"sqlite:///{tmp_path}/state.db") as store:
        await store.audit.append({"kind": "call.intent", "n": 1})
        waiting = store.audit.put({"kind": "call.intent", "n": 2})
        with monkeypatch.context() as patch:
            patch.setattr(store.audit, "add", stumble)
            with pytest.raises(ZeroDivisionError):
                await store.audit.append({"kind": "call.intent", "n": 3})
        with pytest.raises(StoreError, match="were lost"):
            await store.audit.flush(waiting)
        await store.audit.append({"kind": "call.intent", "n": 4})
        found = await store.audit.verify()
    assert (found.rows, found.broken) == (2, None)
