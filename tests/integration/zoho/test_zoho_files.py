"""Files of records: sent, listed, fetched and taken away, by connections to a Zoho."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from crmhub.connection import Connection
from crmhub.errors import BadRequest, NotFound, Unsupported, UsageError
from crmhub.models import Account
from crmhub.powers import Attachment
from tests.integration.api_doubles import both

pytestmark = pytest.mark.anyio
MB = 1024 * 1024


@pytest.fixture
async def zoho() -> AsyncIterator[Connection]:
    async with both(rows=3) as world:
        yield world.connection("zoho")


@pytest.fixture
async def account(zoho: Connection) -> str:
    """The id of an account."""
    return str((await zoho.accounts.create(Account(name="Acme"))).id)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def listed(zoho: Connection, account: str) -> dict[str, Attachment]:
    return {file.name: file for file in await zoho.files("Accounts", account)}


@pytest.mark.parametrize("content", [b"", b"\r\n--crmhub-", bytes(range(256)) * 4 * 1024])
async def test_every_byte_comes_back(zoho: Connection, account: str, tmp_path: Path, content: bytes) -> None:
    source, folder = tmp_path / "Angebot März.bin", tmp_path / "down"
    source.write_bytes(content)
    folder.mkdir()
    made = await zoho.upload("Accounts", account, source)
    (file,) = await zoho.files("Accounts", account)
    assert (file.id, file.name, file.size, file.link) == (made, source.name, len(content), None)
    assert file.created is not None
    assert file.created.tzinfo is not None
    arrived = await zoho.download("Accounts", account, file, folder)
    assert (arrived, arrived.read_bytes()) == (folder / source.name, content)
    await zoho.delete_file("Accounts", account, made)
    assert await zoho.files("Accounts", account) == []


async def test_more_files_than_a_page_are_all_listed(zoho: Connection, account: str, tmp_path: Path) -> None:
    source = tmp_path / "a.txt"
    source.write_bytes(b"a")
    for number in range(201):
        await zoho.upload("Accounts", account, source, name=f"{number}.txt")
    assert set(await listed(zoho, account)) == {f"{number}.txt" for number in range(201)}


async def test_a_name_cannot_be_a_path_either_way(zoho: Connection, account: str, tmp_path: Path) -> None:
    source, folder = tmp_path / "a.txt", tmp_path / "folder"
    source.write_bytes(b"a")
    folder.mkdir()
    await zoho.upload("Accounts", account, source, name="../../etc/passwd")
    assert set(await listed(zoho, account)) == {"passwd"}
    (file,) = await zoho.files("Accounts", account)
    for evil in ("../evil.txt", "/tmp/evil.txt", "..\\evil.txt"):
        hostile = Attachment(file.id, evil)
        arrived = await zoho.download("Accounts", account, hostile, folder)
        assert arrived == folder / "evil.txt"
        arrived.unlink()
    assert names(tmp_path) == ["a.txt", "folder"]


async def test_a_file_that_is_too_large_is_refused_before_it_is_sent(
    zoho: Connection, account: str, tmp_path: Path
) -> None:
    source = tmp_path / "large.bin"
    with source.open("wb") as file:
        file.truncate(20 * MB + 1)
    with pytest.raises(BadRequest, match=r"at most 20971520 bytes.*20971521") as caught:
        await zoho.upload("Accounts", account, source)
    assert caught.value.status is None
    assert caught.value.where.record == account
    assert await zoho.files("Accounts", account) == []
    with source.open("wb") as file:
        file.truncate(20 * MB)
    await zoho.upload("Accounts", account, source)
    assert (await listed(zoho, account))["large.bin"].size == 20 * MB


async def test_a_deleted_record_takes_no_file_and_shows_none(
    zoho: Connection, account: str, tmp_path: Path
) -> None:
    source = tmp_path / "a.txt"
    source.write_bytes(b"a")
    await zoho.upload("Accounts", account, source)
    (file,) = await zoho.files("Accounts", account)
    await zoho.accounts.delete(account)
    folder = tmp_path / "down"
    folder.mkdir()
    with pytest.raises(NotFound, match="no such record"):
        await zoho.upload("Accounts", account, source)
    with pytest.raises(NotFound, match="no such record"):
        await zoho.files("Accounts", account)
    with pytest.raises(NotFound, match="gone"):
        await zoho.download("Accounts", account, file, folder)
    with pytest.raises(NotFound, match="gone"):
        await zoho.delete_file("Accounts", account, file.id)
    assert names(folder) == []


async def test_a_file_of_another_record_is_not_found(zoho: Connection, account: str, tmp_path: Path) -> None:
    source = tmp_path / "a.txt"
    source.write_bytes(b"a")
    made = await zoho.upload("Accounts", account, source)
    other = str((await zoho.accounts.create(Account(name="Other"))).id)
    with pytest.raises(NotFound):
        await zoho.delete_file("Accounts", other, made)
    assert len(await listed(zoho, account)) == 1


@pytest.mark.parametrize("id", ["../1", "1/Notes", "abc", "1,2", "1?x=y"])
async def test_what_is_no_id_is_not_found_without_a_call(zoho: Connection, account: str, id: str) -> None:
    with pytest.raises(NotFound):
        await zoho.files("Accounts", id)
    with pytest.raises(NotFound):
        await zoho.delete_file("Accounts", account, id)


async def test_an_object_that_is_no_module_is_refused(zoho: Connection, account: str) -> None:
    with pytest.raises((NotFound, BadRequest)):
        await zoho.files("Nonsense", account)
    with pytest.raises(BadRequest):
        await zoho.files("Accounts/../Deals", account)
    with pytest.raises(Unsupported, match="users"):
        await zoho.files("users", account)


async def test_a_link_is_listed_as_one_and_cannot_be_fetched(
    zoho: Connection, account: str, tmp_path: Path
) -> None:
    query = {"attachmentUrl": "https://example.com/a.pdf", "title": "Offer"}
    await zoho.request("POST", f"/crm/v8/Accounts/{account}/Attachments", params=query)
    (file,) = await zoho.files("Accounts", account)
    assert (file.name, file.link) == ("Offer", "https://example.com/a.pdf")
    with pytest.raises(BadRequest, match="linked attachment"):
        await zoho.download("Accounts", account, file, tmp_path)
    assert names(tmp_path) == []


async def test_wrong_calls_are_told_before_anything_is_sent(
    zoho: Connection, account: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="no file"):
        await zoho.upload("Accounts", account, tmp_path / "none.txt")
    with pytest.raises(UsageError, match="attachment"):
        await zoho.download("Accounts", account, "1", tmp_path)  # pyright: ignore[reportArgumentType]
    with pytest.raises(UsageError, match="folder"):
        await zoho.download("Accounts", account, Attachment("1", "a"), tmp_path / "none")


async def test_a_connector_without_files_says_so() -> None:
    async with both(rows=1) as world:
        with pytest.raises(Unsupported, match="files"):
            await world.connection("salesforce").files("Account", "001")
