from __future__ import annotations

import base64
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from crmhub.clock import ManualClock
from crmhub.errors import StoreError
from crmhub.http.tokens import Token
from crmhub.store import Store
from tests.stores import behind_its_back

pytestmark = pytest.mark.anyio

CANARY = "canary-5b1f9c7e"


@pytest.fixture(autouse=True)
def no_key_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CRMHUB_KEY", raising=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


async def open_store(where: Path | str, **options: SecretStr) -> Store:
    url = f"sqlite:///{where}" if isinstance(where, Path) else where
    return await Store.open(url, clock=ManualClock(), **options)  # pyright: ignore[reportArgumentType]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def a_token(name: str = CANARY) -> Token:
    return Token(
        SecretStr(f"{name}-access"),
        SecretStr(f"{name}-refresh"),
        datetime(2026, 1, 1, 1, tzinfo=UTC),
        "https://www.example.com",
        {"made_from": f"{name}-extra"},
    )


def a_key() -> SecretStr:
    return SecretStr(base64.b64encode(os.urandom(32)).decode())


@pytest.mark.parametrize("token", [a_token(), Token(SecretStr("only-access"))], ids=["whole", "bare"])
async def test_a_token_comes_back_as_it_was_saved(store_url: str, token: Token) -> None:
    async with await open_store(store_url) as store:
        assert await store.tokens.load("zoho") is None
        await store.tokens.save("zoho", a_token("older"))
        await store.tokens.save("zoho", token)
    async with await open_store(store_url) as store:
        assert await store.tokens.load("zoho") == token
        assert await store.tokens.load("sf") is None
        await store.tokens.forget("zoho")
        assert await store.tokens.load("zoho") is None


async def test_no_byte_of_a_token_is_readable_on_the_disk(file: Path) -> None:
    async with await open_store(file) as store:
        await store.tokens.save("zoho", a_token())
        while_open = contents(file.parent)

    assert {"state.db", "state.db-wal"} <= set(while_open)
    for content in (*while_open.values(), *contents(file.parent).values()):
        assert CANARY.encode() not in content
        assert base64.b64encode(CANARY.encode())[:12] not in content


async def test_the_same_token_is_never_sealed_the_same_way_twice(store_url: str) -> None:
    values: set[str] = set()
    async with await open_store(store_url) as store:
        for _ in range(3):
            await store.tokens.save("zoho", a_token())
            with behind_its_back(store_url) as connection:
                values |= {row[0] for row in connection.execute(text("SELECT value FROM token"))}

    assert len(values) == 3


async def refused_token(url: str, name: str = "zoho") -> str:
    async with await open_store(url) as store:
        with pytest.raises(StoreError) as raised:
            await store.tokens.load(name)
    assert CANARY not in str(raised.value)
    assert raised.value.where.connection == name
    return str(raised.value)


async def test_a_token_moved_to_another_connections_row_does_not_open(store_url: str) -> None:
    async with await open_store(store_url) as store:
        await store.tokens.save("zoho", a_token())
        await store.tokens.save("sf", a_token("other"))
    with behind_its_back(store_url) as connection:
        found = connection.execute(text("SELECT connection, value FROM token"))
        rows = {row.connection: row.value for row in found}
        move = text("UPDATE token SET value = :value WHERE connection = :name")
        for name, other in (("zoho", "sf"), ("sf", "zoho")):
            connection.execute(move, {"value": rows[other], "name": name})

    assert "moved from another row" in await refused_token(store_url, "zoho")
    assert "moved from another row" in await refused_token(store_url, "sf")


def flipped(value: str) -> str:
    head, _, body = value.rpartition(".")
    raw = bytearray(base64.b64decode(body))
    raw[-1] ^= 1
    return f"{head}.{base64.b64encode(raw).decode()}"


SPOILT: dict[str, Callable[[str], str]] = {
    "one bit": flipped,
    "cut off": lambda value: value[:-8],
    "no body": lambda value: value.rpartition(".")[0] + ".",
    "not base64": lambda value: value + "é",
    "other version": lambda value: value.replace("v1.", "v2."),
    "unknown key": lambda value: "v1.0000." + value.rpartition(".")[2],
    "empty": lambda _: "",
    "plain text": lambda _: CANARY,
}


@pytest.mark.parametrize("how", SPOILT)
async def test_a_changed_token_does_not_open_and_is_named_by_its_connection(store_url: str, how: str) -> None:
    async with await open_store(store_url) as store:
        await store.tokens.save("zoho", a_token())
    with behind_its_back(store_url) as connection:
        value = str(connection.execute(text("SELECT value FROM token")).scalar_one())
        connection.execute(text("UPDATE token SET value = :value"), {"value": SPOILT[how](value)})

    assert "sign in again" in await refused_token(store_url)


async def test_connection_names_cannot_imitate_each_others_place(store_url: str) -> None:
    async with await open_store(store_url) as store:
        await store.tokens.save("a|value", a_token())
    with behind_its_back(store_url) as connection:
        connection.execute(text("UPDATE token SET connection = 'a%7Cvalue'"))

    await refused_token(store_url, "a%7Cvalue")


# ── the key ──────────────────────────────────────────────────────────────────────────────────────


async def refusal(where: Path | str, **options: SecretStr) -> str:
    with pytest.raises(StoreError) as raised:
        await open_store(where, **options)
    assert raised.value.hint
    assert CANARY not in str(raised.value)
    return str(raised.value)


async def test_a_key_of_ones_own_is_never_written_down(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = a_key()
    monkeypatch.setenv("CRMHUB_KEY", key.get_secret_value())
    async with await open_store(file) as store:
        await store.tokens.save("zoho", a_token())

    left = contents(file.parent)
    assert list(left) == ["state.db"]
    assert base64.b64decode(key.get_secret_value()) not in left["state.db"]
    assert key.get_secret_value().encode() not in left["state.db"]
    monkeypatch.delenv("CRMHUB_KEY")
    async with await open_store(file, key=key) as store:
        assert await store.tokens.load("zoho") == a_token()


async def test_another_key_does_not_open_the_store(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with await open_store(empty_url, key=a_key()):
        pass

    assert "is not the key this store was made with" in await refusal(empty_url, key=a_key())
    monkeypatch.setenv("CRMHUB_KEY", a_key().get_secret_value())
    assert "CRMHUB_KEY is not the key" in await refusal(empty_url)


async def test_a_lost_key_file_is_asked_for_and_not_made_anew(file: Path) -> None:
    async with await open_store(file):
        pass
    key_file = file.with_name("state.db.key")
    key_file.unlink()

    said = await refusal(file)

    assert str(key_file) in said
    assert "put it back" in said
    assert not key_file.exists()


@pytest.mark.parametrize("value", ["", CANARY, base64.b64encode(b"short").decode(), "é" * 44])
async def test_a_malformed_key_says_what_is_needed_but_not_what_it_is(
    file: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("CRMHUB_KEY", value)

    said = await refusal(file)

    assert "CRMHUB_KEY is not a key: 32 bytes in base64" in said
    assert not value or value not in said


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
async def test_a_key_file_that_others_can_read_is_refused(file: Path, mode: int) -> None:
    async with await open_store(file):
        pass
    key_file = file.with_name("state.db.key")
    key_file.chmod(mode)

    assert f"chmod 600 {key_file}" in await refusal(file)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", CANARY.encode()])
async def test_a_damaged_key_file_is_refused(file: Path, content: bytes) -> None:
    async with await open_store(file):
        pass
    file.with_name("state.db.key").write_bytes(content)

    assert "the key file" in await refusal(file)


async def test_a_damaged_data_key_is_refused(store_url: str) -> None:
    async with await open_store(store_url):
        pass
    with behind_its_back(store_url) as connection:
        wrapped = str(connection.execute(text("SELECT wrapped FROM data_key")).scalar_one())
        connection.execute(text("UPDATE data_key SET wrapped = :wrapped"), {"wrapped": flipped(wrapped)})

    assert "data key" in await refusal(store_url)


async def test_a_key_file_may_stand_elsewhere(file: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "keys" / "crmhub"
    elsewhere.parent.mkdir()
    url = f"sqlite:///{file}"
    async with await Store.open(url, key_file=elsewhere) as store:
        await store.tokens.save("zoho", a_token())
    async with await Store.open(url, key_file=elsewhere) as store:
        assert await store.tokens.load("zoho") == a_token()

    assert not file.with_name("state.db.key").exists()


async def test_a_key_file_that_cannot_be_written_is_named(file: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written") as raised:
        await Store.open(f"sqlite:///{file}", key_file=tmp_path / "nowhere" / "key")

    assert "CRMHUB_KEY" in str(raised.value)


async def test_errors_of_the_database_repeat_no_values(store_url: str) -> None:
    async with await open_store(store_url) as store:
        with behind_its_back(store_url) as connection:
            connection.execute(text("DROP TABLE checkpoint"))

        with pytest.raises(StoreError) as raised:
            await store.checkpoints.put("job", "stream", {"after": CANARY})

    chain: BaseException | None = raised.value
    while chain is not None:
        assert CANARY not in str(chain)
        chain = chain.__cause__
