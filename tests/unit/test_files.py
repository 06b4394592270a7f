"""Names that a CRM or a person gives become names of files, and files arrive whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmhub.errors import UsageError
from crmhub.files import FileBody, arriving_file, safe_name


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("offer.pdf", "offer.pdf"),
        ("Angebot März.pdf", "Angebot März.pdf"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("/etc/cron.d/job", "job"),
        ("C:\\x\\y.txt", "y.txt"),
        ("..", "file"),
        ("", "file"),
        ("a/", "file"),
        (".bashrc", "bashrc"),
        ("a\x00b\r\nc.txt", "a_b__c.txt"),
        ('a"; filename="b.txt', "a_; filename=_b.txt"),
        ("invoice\u202efdp.exe", "invoice_fdp.exe"),
        ("nul.txt", "_nul.txt"),
        ("x. ", "x"),
        ("\ud800.txt", "_.txt"),
    ],
)
def test_a_name_becomes_that_of_a_file_in_any_folder(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@given(st.text(st.characters(exclude_categories=()), max_size=400) | st.text("./\\ aä:", max_size=300))
def test_a_safe_name_stays_in_its_folder_and_is_safe_already(name: str) -> None:
    safe = safe_name(name)
    assert (Path("/folder") / safe).parent == Path("/folder")
    assert safe not in {"", ".", ".."}
    assert not safe.startswith(".")
    assert len(safe.encode()) <= 201
    assert safe_name(safe) == safe


def test_a_long_name_keeps_its_suffix() -> None:
    assert safe_name("ä" * 300 + ".pdf") == "ä" * 98 + ".pdf"


@pytest.mark.anyio
async def test_a_file_arrives_when_its_block_ends_and_a_new_beginning_voids_what_came(tmp_path: Path) -> None:
    async with arriving_file(tmp_path / "a.txt") as sink:
        await sink.begin()
        await sink.write(b"the first try, cut off")
        await sink.begin()
        await sink.write(b"whole")
        assert not (tmp_path / "a.txt").exists()
    assert (names(tmp_path), (tmp_path / "a.txt").read_bytes()) == (["a.txt"], b"whole")


@pytest.mark.anyio
async def test_a_block_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):  # noqa: PT012 - the block is what is tested
        async with arriving_file(tmp_path / "a.txt") as sink:
            await sink.write(b"half")
            raise RuntimeError
    assert names(tmp_path) == []


@pytest.mark.anyio
async def test_nothing_is_overwritten(tmp_path: Path) -> None:
    taken = tmp_path / "a.txt"
    taken.write_bytes(b"mine")
    with pytest.raises(UsageError, match="already"):
        async with arriving_file(taken):
            pass
    other = tmp_path / "b.txt"
    with pytest.raises(UsageError, match="already"):  # noqa: PT012 - the block is what is tested
        async with arriving_file(other) as sink:
            await sink.write(b"theirs")
            other.write_bytes(b"mine, made meanwhile")
    assert (taken.read_bytes(), other.read_bytes()) == (b"mine", b"mine, made meanwhile")
    assert len(names(tmp_path)) == 2


@pytest.mark.anyio
async def test_a_missing_folder_and_a_missing_file_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="folder"):
        async with arriving_file(tmp_path / "none" / "a.txt"):
            pass
    with pytest.raises(UsageError, match=r"no file b\.txt"):
        FileBody(tmp_path / "b.txt")


@pytest.mark.anyio
async def test_a_body_gives_its_file_in_pieces_each_time_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(range(256)) * 1024)
    body = FileBody(path)
    for _ in range(2):
        async with body.open() as pieces:
            got = [piece async for piece in pieces]
        assert b"".join(got) == path.read_bytes()
        assert max(map(len, got)) <= 64 * 1024
    assert body.size == 256 * 1024
