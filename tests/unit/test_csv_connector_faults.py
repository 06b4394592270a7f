"""Files that are not what they should be: each a clear error with file and line, before any record."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmhub.clock import Clock
from crmhub.connector import Context, ReadRequest
from crmhub.errors import BadResponse, CrmhubError, PermissionDenied
from crmhub_csv import CsvConfig, CsvConnector

pytestmark = pytest.mark.anyio

GOOD = b"id,name\n1,Alder\n"


async def fault(folder: Path, content: bytes, **settings: object) -> str:
    """The error that reading such a file gives; no page may come before it."""
    (folder / "x.csv").write_bytes(content)
    config = CsvConfig.model_validate({"folder": folder, "page_size": 1, **settings})
    files = CsvConnector(config, Context("files", Clock()))
    with pytest.raises(CrmhubError) as caught:
        await anext(files.read(ReadRequest("x", ("id",))))
    await files.aclose()
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "x.csv: no header"),
        (b"\n\n", "x.csv: no header"),
        (b"id,,name\n", "x.csv:1: column 2 has no name"),
        (b"id,name,id\n", "x.csv:1: two columns are named 'id'"),
        (b"id,name, id \n", "x.csv:1: two columns are named 'id'"),
        (GOOD + b"2\n", "x.csv:3: 1 cells, fewer than the header's 2"),
        (GOOD + b"2,Birch,extra\n", "x.csv:3: 3 cells, more than the header's 2"),
        (GOOD + b'2,"a\nb"\n3\n', "x.csv:5: 1 cells"),
        (GOOD + b"2,Birch\n1,Cedar\n", "x.csv:4: the key column 'id' holds the same as in line 2"),
        (GOOD + b" ,Birch\n", "x.csv:3: the key column 'id' is empty"),
        (GOOD + b"2,\xff\n", r"x.csv:3: not UTF-8 (byte 3)"),
        (GOOD + b"2,a\0b\n", "x.csv:3: a NUL byte"),
        ("id,name\n".encode("utf-16"), "x.csv:1: this is UTF-16"),
        (GOOD + b'2,"Birch\n3,Cedar\n', "x.csv:3: a quoted cell of the record that begins here does not end"),
        (GOOD + b'2,"Bi"rch\n', "x.csv:3: quotes that cannot be read"),
        (b"id,name\r1,Alder\r", "x.csv:1: a carriage return in a line"),
    ],
)
async def test_a_broken_file_names_the_line(tmp_path: Path, content: bytes, said: str) -> None:
    told = await fault(tmp_path, content)

    assert said in told
    assert "connection files, object x" in told


async def test_errors_never_show_what_a_cell_holds(tmp_path: Path) -> None:
    told = await fault(tmp_path, b"id,name\nsecret,a\nsecret,b\n")

    assert "secret" not in told


async def test_a_line_of_no_end_is_refused_before_memory_is(tmp_path: Path) -> None:
    told = await fault(tmp_path, b"id,name\n1," + b"x" * (17 * 2**20))

    assert "x.csv:2: a line longer than 16,777,216 bytes" in told


async def test_a_duplicate_key_far_down_is_found_before_the_first_page(tmp_path: Path) -> None:
    lines = "".join(f"{number},n\n" for number in range(5000))

    told = await fault(tmp_path, f"id,name\n{lines}4,again\n".encode())

    assert "x.csv:5002: the key column 'id' holds the same as in line 6" in told


async def test_another_encoding_names_itself(tmp_path: Path) -> None:
    told = await fault(tmp_path, b"id,name\n1,\xe4\n", encoding="ascii")

    assert "not ASCII" in told
    assert "cp1252" in told


async def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.CSV").write_bytes(GOOD)
    if (tmp_path / "x.csv").exists():
        pytest.skip("this file system does not tell x.CSV from x.csv")

    assert "would be one object" in await fault(tmp_path, GOOD)


async def test_a_file_that_may_not_be_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(
        self: Path, *args: object, **kwargs: object
    ) -> None:  # root may read everything, so it is played
        raise PermissionError(13, "Permission denied")

    (tmp_path / "x.csv").write_bytes(GOOD)
    monkeypatch.setattr(Path, "open", refuse)
    files = CsvConnector(CsvConfig(folder=tmp_path), Context("files", Clock()))

    with pytest.raises(PermissionDenied, match="may not be read"):
        await files.describe("x")


async def test_a_file_that_went_away_says_so(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(GOOD + b"2,Birch\n")
    files = CsvConnector(CsvConfig(folder=tmp_path, page_size=1), Context("files", Clock()))
    reading = files.read(ReadRequest("x", ("id",)))
    await anext(reading)
    (tmp_path / "x.csv").unlink()

    with pytest.raises(CrmhubError, match="no such file any more"):
        await anext(reading)
    await files.aclose()


async def test_fault_class_is_bad_response(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"")
    files = CsvConnector(CsvConfig(folder=tmp_path), Context("files", Clock()))

    with pytest.raises(BadResponse):
        await files.describe("x")
