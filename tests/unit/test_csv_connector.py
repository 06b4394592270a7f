from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from crmhub.clock import ManualClock
from crmhub.connector import (
    Checkpoint,
    Condition,
    Context,
    Missing,
    Native,
    Page,
    ReadRequest,
    WriteItem,
    WriteRequest,
)
from crmhub.errors import BadRequest, ConfigError, NotFound, Unavailable, Unsupported
from crmhub_csv import CsvConfig, CsvConnector

pytestmark = pytest.mark.anyio

COMPANIES = "account,sector,parent\nAlder,retail,\nBirch,finance,Alder\nCedar,,Birch\n"
ALL = ("account", "sector", "parent")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "companies.csv").write_text(COMPANIES, encoding="utf-8")
    return tmp_path


def connector(folder: Path, **settings: object) -> CsvConnector:
    config = CsvConfig.model_validate({"folder": folder, **settings})
    return CsvConnector(config, Context("files", ManualClock()))


@pytest.fixture
async def files(folder: Path) -> AsyncIterator[CsvConnector]:
    opened = connector(folder, page_size=2)
    yield opened
    await opened.aclose()


async def pages(
    files: CsvConnector,
    since: Checkpoint | None = None,
    *,
    object: str = "companies",
    fields: tuple[str, ...] = ALL,
) -> list[Page]:
    return [page async for page in files.read(ReadRequest(object, fields, since))]


async def rows(
    files: CsvConnector,
    since: Checkpoint | None = None,
    *,
    object: str = "companies",
    fields: tuple[str, ...] = ALL,
) -> list[Native]:
    return [row for page in await pages(files, since, object=object, fields=fields) for row in page.upserts]


async def test_rows_come_in_the_order_of_the_file_with_empty_cells_as_none(files: CsvConnector) -> None:
    assert await rows(files) == [
        {"account": "Alder", "sector": "retail", "parent": None},
        {"account": "Birch", "sector": "finance", "parent": "Alder"},
        {"account": "Cedar", "sector": None, "parent": "Birch"},
    ]


async def test_only_the_asked_columns_and_the_key_are_given(files: CsvConnector) -> None:
    assert (await rows(files, fields=("parent",)))[1] == {"account": "Birch", "parent": "Alder"}


async def test_every_page_has_a_checkpoint_and_an_interrupted_read_goes_on_from_it(
    files: CsvConnector, folder: Path
) -> None:
    first, *rest = await pages(files)
    assert [len(page.upserts) for page in (first, *rest)] == [2, 1, 0]
    assert first.checkpoint is not None

    later = connector(folder, page_size=2)
    assert [row["account"] for row in await rows(later, first.checkpoint)] == ["Cedar"]
    await later.aclose()


async def test_content_read_to_its_end_is_not_read_again(files: CsvConnector, folder: Path) -> None:
    end = (await pages(files))[-1].checkpoint

    os.utime(folder / "companies.csv", (1, 1))
    (again,) = await pages(files, end)

    assert (again.upserts, again.checkpoint) == ((), end)


async def test_changed_content_is_read_from_its_beginning(files: CsvConnector, folder: Path) -> None:
    end = (await pages(files))[-1].checkpoint
    (folder / "companies.csv").write_text(COMPANIES.replace("retail", "energy"), encoding="utf-8")

    assert [row["sector"] for row in await rows(files, end)] == ["energy", "finance", None]


async def test_another_key_or_reread_has_unchanged_content_read_again(
    files: CsvConnector, folder: Path
) -> None:
    end = (await pages(files))[-1].checkpoint

    for settings in ({"keys": {"companies": "account"}}, {"reread": "new mapping"}):
        assert len(await rows(connector(folder, **settings), end)) == 3


async def test_a_file_that_changes_during_a_read_stops_it(files: CsvConnector, folder: Path) -> None:
    reading = files.read(ReadRequest("companies", ALL))
    await anext(reading)
    (folder / "companies.csv").write_text(COMPANIES + "Dogwood,,\n", encoding="utf-8")

    with pytest.raises(Unavailable, match="changed while it was read"):
        await anext(reading)


async def test_records_are_got_by_key_in_the_order_of_the_ids(files: CsvConnector) -> None:
    found = await files.get("companies", ["Cedar", "nobody", "Alder"], ["parent"])

    assert found == [
        {"account": "Cedar", "parent": "Birch"},
        Missing("nobody"),
        {"account": "Alder", "parent": None},
    ]


async def test_a_record_of_a_changed_file_is_got_as_it_is_now(files: CsvConnector, folder: Path) -> None:
    await files.get("companies", ["Alder"], ["sector"])
    (folder / "companies.csv").write_text("account,sector,parent\nX,y,\nAlder,energy,\n", encoding="utf-8")

    assert await files.get("companies", ["Alder"], ["sector"]) == [{"account": "Alder", "sector": "energy"}]


async def test_cells_hold_delimiters_quotes_line_breaks_and_every_script(
    files: CsvConnector, folder: Path
) -> None:
    text = 'name,note\r\n"Łódź, ""Optyka"" & Co","first\r\nsecond"\r\n\r\n東光,\U0001f600\r\n'
    (folder / "odd.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())

    assert await rows(files, object="odd", fields=("name", "note")) == [
        {"name": 'Łódź, "Optyka" & Co', "note": "first\r\nsecond"},
        {"name": "東光", "note": "\U0001f600"},
    ]
    (found,) = await files.get("odd", ["東光"], ["note"])
    assert found == {"name": "東光", "note": "\U0001f600"}


async def test_a_cell_can_be_far_larger_than_the_csv_modules_default(
    files: CsvConnector, folder: Path
) -> None:
    (folder / "big.csv").write_text(f"id,text\n1,{'x' * 2_000_000}\n", encoding="utf-8")

    (row,) = await rows(files, object="big", fields=("text",))

    assert len(str(row["text"])) == 2_000_000


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
async def test_the_delimiter_is_the_one_that_gives_the_header_most_columns(
    folder: Path, delimiter: str
) -> None:
    text = "id,name,note\n1,Alder,ok\n".replace(",", delimiter)
    (folder / "x.csv").write_text(text, encoding="utf-8")

    assert await rows(connector(folder), object="x", fields=("name", "note")) == [
        {"id": "1", "name": "Alder", "note": "ok"}
    ]


async def test_a_given_delimiter_and_encoding_are_used(folder: Path) -> None:
    (folder / "x.csv").write_bytes("id:größe\n1:ä,b;c\n".encode("cp1252"))
    files = connector(folder, delimiter=":", encoding="windows-1252")

    assert await rows(files, object="x", fields=("größe",)) == [{"id": "1", "größe": "ä,b;c"}]


async def test_a_key_column_can_be_named(folder: Path) -> None:
    (folder / "x.csv").write_text("kind,code\na,1\na,2\n", encoding="utf-8")
    files = connector(folder, keys={"x": "code"})

    assert (await files.capabilities()).objects["x"].key == "code"
    assert await files.get("x", ["2"], ["kind"]) == [{"code": "2", "kind": "a"}]


async def test_a_file_with_a_header_alone_has_no_records(files: CsvConnector, folder: Path) -> None:
    (folder / "none.csv").write_text("id,name\n", encoding="utf-8")

    (page,) = await pages(files, object="none", fields=("name",))

    assert not page.upserts
    assert page.checkpoint is not None


async def test_every_csv_file_is_an_object_that_can_only_be_read(files: CsvConnector, folder: Path) -> None:
    (folder / "UPPER.CSV").write_text("id\n", encoding="utf-8")
    (folder / ".~lock.companies.csv").write_text("x", encoding="utf-8")
    (folder / "notes.txt").write_text("x", encoding="utf-8")
    (folder / "folder.csv").mkdir()

    objects = (await files.capabilities()).objects

    assert list(objects) == ["UPPER", "companies"]
    assert objects["companies"].key == "account"
    assert not objects["companies"].writes


async def test_the_schema_is_texts_that_are_all_custom_and_read_only(files: CsvConnector) -> None:
    schema = await files.describe("companies")

    assert list(schema.fields) == ["account", "sector", "parent"]
    assert {(f.type, f.custom, f.required, f.creatable, f.updatable) for f in schema.fields.values()} == {
        ("text", True, False, False, False)
    }
    assert schema.fields["account"].unique


async def test_check_tells_folder_and_key_columns(folder: Path) -> None:
    checks = await connector(folder, keys={"companies": "acount", "deals": "id"}).check()

    assert [check.ok for check in checks] == [True, False, False]
    assert "did you mean 'account'" in checks[1].mend
    assert "no file deals.csv" in checks[2].detail


async def test_check_says_that_the_folder_is_missing(tmp_path: Path) -> None:
    (check,) = await connector(tmp_path / "nowhere").check()

    assert (check.ok, "nowhere" in check.detail) == (False, True)


async def test_writing_is_refused_with_what_to_do_instead(files: CsvConnector) -> None:
    with pytest.raises(Unsupported, match=r"read-only.*crmhub load"):
        await files.write(WriteRequest("companies", "create", [WriteItem({"account": "New"})]))


async def test_a_filter_is_refused(files: CsvConnector) -> None:
    request = ReadRequest("companies", ALL, filter=(Condition("sector", "eq", "retail"),))

    with pytest.raises(Unsupported, match="cannot be filtered"):
        await anext(files.read(request))


async def test_a_missing_folder_and_a_missing_file_say_what_was_looked_for(
    files: CsvConnector, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"nowhere.*cannot be read"):
        await connector(tmp_path / "nowhere").capabilities()
    with pytest.raises(NotFound, match=r"no file company.csv.*did you mean 'companies'"):
        await files.describe("company")
    with pytest.raises(NotFound, match=r"no file \.\./secret\.csv"):
        await files.get("../secret", ["1"], [])


async def test_a_misspelt_column_gives_a_suggestion(files: CsvConnector) -> None:
    with pytest.raises(BadRequest, match=r"no column 'sectr'.*object companies.*did you mean 'sector'"):
        await rows(files, fields=("sectr",))


async def test_one_file_that_cannot_be_read_does_not_hide_the_others(
    files: CsvConnector, folder: Path
) -> None:
    (folder / "broken.csv").write_text("a,,a\n", encoding="utf-8")

    assert set((await files.capabilities()).objects) == {"broken", "companies"}
    assert len(await rows(files)) == 3


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"delimiter": ";;"}, "one character"),
        ({"delimiter": '"'}, "one character"),
        ({"encoding": "utf-16"}, "save the files as UTF-8"),
        ({"encoding": "utf-99"}, "no such text encoding"),
        ({"encoding": "hex"}, "no such text encoding"),
        ({"page_size": 0}, "greater than or equal to 1"),
    ],
)
def test_wrong_settings_say_what_is_right(tmp_path: Path, setting: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        connector(tmp_path, **setting)
