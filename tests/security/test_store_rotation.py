"""Changing the keys of a store: what is asked for, what is left over, what is told."""

from __future__ import annotations

import base64
import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from crmhub.clock import Clock, ManualClock
from crmhub.errors import StoreError, UsageError
from crmhub.events import Event, Events
from crmhub.http import Token
from crmhub.store import Store
from tests.stores import behind_its_back

pytestmark = pytest.mark.anyio

TOKEN = Token(SecretStr("canary-access"), SecretStr("canary-refresh"))


def a_key() -> SecretStr:
    return SecretStr(base64.b64encode(os.urandom(32)).decode())


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("CRMHUB_KEY", raising=False)
    return tmp_path / "state.db"


def key_file(file: Path) -> Path:
    return file.with_name("state.db.key")


async def open_store(file: Path, key: SecretStr | None = None, clock: Clock | None = None) -> Store:
    return await Store.open(f"sqlite:///{file}", key=key, clock=clock)


async def load(file: Path, key: SecretStr | None = None) -> Token | None:
    async with await open_store(file, key) as store:
        return await store.tokens.load("zoho")


async def refusal(file: Path, key: SecretStr | None = None) -> str:
    with pytest.raises(StoreError) as raised:
        await open_store(file, key)
    return str(raised.value)


async def test_a_key_in_a_file_is_replaced_by_a_fresh_one_and_the_former_opens_nothing(file: Path) -> None:
    async with await open_store(file) as store:
        await store.tokens.save("zoho", TOKEN)
        former = key_file(file).read_text()
        done = await store.rotate_key()
        assert await store.tokens.load("zoho") == TOKEN

    assert (done.resealed, done.unreadable, done.replaced) == (1, (), True)
    assert key_file(file).read_text() != former
    assert await load(file) == TOKEN
    assert "is not the key" in await refusal(file, SecretStr(former))


async def test_a_key_in_a_file_may_be_replaced_by_a_given_one(file: Path) -> None:
    new = a_key()
    async with await open_store(file) as store:
        await store.tokens.save("zoho", TOKEN)
        await store.rotate_key(new)

    assert key_file(file).read_text().strip() == new.get_secret_value()
    assert await load(file, new) == TOKEN


async def test_a_given_key_stays_unless_a_new_one_is_given(file: Path) -> None:
    old, new = a_key(), a_key()
    async with await open_store(file, old) as store:
        await store.tokens.save("zoho", TOKEN)
        assert not (await store.rotate_key()).replaced
        assert await load(file, old) == TOKEN

        assert (await store.rotate_key(new)).replaced
        assert await store.tokens.load("zoho") == TOKEN
        await store.rotate_key()
        assert await store.tokens.load("zoho") == TOKEN
        await store.tokens.save("zoho", TOKEN)

    assert await load(file, new) == TOKEN
    assert "is not the key" in await refusal(file, old)
    assert not key_file(file).exists()


async def test_whoever_has_both_keys_in_the_environment_opens_the_store_before_and_after(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = a_key(), a_key()
    monkeypatch.setenv("CRMHUB_KEY", old.get_secret_value())
    monkeypatch.setenv("CRMHUB_NEW_KEY", new.get_secret_value())
    async with await open_store(file) as store:
        await store.tokens.save("zoho", TOKEN)
    assert await load(file) == TOKEN
    async with await open_store(file) as store:
        for _ in range(2):
            await store.rotate_key(new)
    assert await load(file) == TOKEN
    monkeypatch.delenv("CRMHUB_NEW_KEY")
    assert "is not the key" in await refusal(file)


async def test_a_process_with_the_former_key_goes_on_for_a_day_and_no_way_is_left_after_it(
    file: Path,
) -> None:
    old, new, clock = a_key(), a_key(), ManualClock()
    async with (
        await open_store(file, old, clock) as running,
        await open_store(file, old, clock) as late,
        await open_store(file, old, clock) as store,
    ):
        await store.tokens.save("zoho", TOKEN)
        await store.rotate_key(new)
        clock.advance(timedelta(hours=23).total_seconds())
        async with await open_store(file, new, clock):
            pass
        assert await running.tokens.load("zoho") == TOKEN

        clock.advance(timedelta(hours=2).total_seconds())
        async with await open_store(file, new, clock):
            pass
        assert await running.tokens.load("zoho") == TOKEN, "it knows the data key by now"
        with pytest.raises(StoreError, match="is not the key"):
            await late.tokens.load("zoho")
    with behind_its_back(f"sqlite:///{file}") as connection:
        assert connection.execute(text("SELECT handover FROM data_key")).scalars().all() == [None]


async def test_a_value_that_opens_with_no_key_is_named_and_left_as_it_is(store_url: str) -> None:
    async with await Store.open(store_url) as store:
        for name in ("sf", "zoho"):
            await store.tokens.save(name, TOKEN)
        with behind_its_back(store_url) as connection:
            spoilt = "UPDATE token SET value = 'v1.00000000.AAAA' WHERE connection = 'zoho'"
            connection.execute(text(spoilt))

        done = await store.rotate_key()

        assert (done.resealed, done.unreadable) == (1, ("zoho",))
        assert await store.tokens.load("sf") == TOKEN
        with pytest.raises(StoreError, match="sign in again for zoho"):
            await store.tokens.load("zoho")


async def test_more_values_than_one_look_takes_are_all_sealed_anew(store_url: str) -> None:
    async with await Store.open(store_url) as store:
        for n in range(250):
            await store.tokens.save(f"org {n}", TOKEN)

        assert (await store.rotate_key()).resealed == 250

    with behind_its_back(store_url) as connection:
        (kid,) = connection.execute(text("SELECT kid FROM data_key")).scalars().all()
        values = connection.execute(text("SELECT value FROM token")).scalars().all()
    assert {value.split(".")[1] for value in values} == {kid}


async def test_keys_made_by_a_clock_that_stands_still_keep_their_order(store_url: str) -> None:
    async with await Store.open(store_url, clock=Frozen()) as store:
        for _ in range(8):
            await store.tokens.save("zoho", TOKEN)
            await store.rotate_key()
            assert await store.tokens.load("zoho") == TOKEN


class Frozen(ManualClock):
    """A clock that stands still."""

    def now(self) -> datetime:
        return datetime.fromisoformat("2026-01-01T00:00:00Z")


async def test_a_new_key_that_is_none_changes_nothing(file: Path) -> None:
    async with await open_store(file) as store:
        await store.tokens.save("zoho", TOKEN)
        before = key_file(file).read_text()
        with pytest.raises(StoreError, match="the new key is not a key") as raised:
            await store.rotate_key(SecretStr("canary-key"))
    assert "canary" not in str(raised.value)
    assert key_file(file).read_text() == before
    assert await load(file) == TOKEN


async def test_a_key_file_that_cannot_be_written_stops_the_rotation_before_anything(file: Path) -> None:
    async with await open_store(file) as store:
        await store.tokens.save("zoho", TOKEN)
        blocked = key_file(file).with_name(f"state.db.key.{os.getpid()}")
        blocked.mkdir()  # where the draft would be
        with pytest.raises(StoreError, match="cannot be written"):
            await store.rotate_key()
        blocked.rmdir()
    assert await load(file) == TOKEN
    with behind_its_back(f"sqlite:///{file}") as connection:
        assert connection.execute(text("SELECT count(*) FROM data_key")).scalar() == 1


async def test_a_store_in_memory_has_no_key_to_rotate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CRMHUB_KEY", raising=False)
    async with await Store.open("sqlite:///:memory:") as store:
        with pytest.raises(UsageError, match="in memory"):
            await store.rotate_key()


async def test_a_rotation_is_told_without_a_secret(file: Path) -> None:
    heard: list[Event] = []
    events = Events()
    events.subscribe(heard.append)
    async with await Store.open(f"sqlite:///{file}", events=events) as store:
        await store.tokens.save("zoho", TOKEN)
        await store.rotate_key()

    told = heard[-1]
    assert (told.name, told.detail["resealed"]) == ("store.key_rotated", 1)
    assert key_file(file).read_text().strip() not in str(told)
