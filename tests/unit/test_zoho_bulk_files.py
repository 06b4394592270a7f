"""Files of bulk read jobs: read a page at a time, and what is wrong with one is an error that says so."""

from __future__ import annotations

import csv
import io
import tracemalloc
import zipfile
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmhub.clock import ManualClock
from crmhub.errors import BadResponse
from crmhub_zoho.bulk.cells import inexact, reader
from crmhub_zoho.bulk.read_file import ResultFile
from crmhub_zoho.schema import ModuleSchema, read_schema
from crmhub_zoho.simulator.bulk_files import cell, csv_text

if TYPE_CHECKING:
    from crmhub.native import Native, Value

pytestmark = pytest.mark.anyio

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30)
VALUES: dict[str, st.SearchStrategy[object]] = {
    "text": TEXT,
    "textarea": TEXT,
    "integer": st.integers(-999_999_999, 999_999_999),
    "bigint": st.integers(1, 2**62).map(str),
    "currency": st.decimals(-(10**15), 10**15, places=2, allow_nan=False, allow_infinity=False),
    "double": st.integers(-(10**15), 10**15),
    "boolean": st.booleans(),
    "datetime": st.datetimes().map(lambda at: at.replace(microsecond=0).isoformat() + "+05:30"),
    "multiselectpicklist": st.lists(st.sampled_from(["One", "Two, too", "Drei"]), min_size=1, unique=True),
    "lookup": st.integers(1, 2**62).map(str),
}


def schema_of(*data_types: str) -> ModuleSchema:
    choices: list[Value] = [{"actual_value": one} for one in ("One", "Two, too", "Drei")]
    fields: list[Native] = [
        {"api_name": name.title(), "data_type": name, "pick_list_values": choices} for name in data_types
    ]
    return read_schema("Things", fields)


SCHEMA = schema_of(*VALUES)
COLUMNS = ["id", *(name.title() for name in VALUES)]
ROWS = st.fixed_dictionaries({name.title(): st.none() | values for name, values in VALUES.items()})


def archive(text: str | bytes, name: str = "1.csv") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(name, text)
    return out.getvalue()


async def opened(content: bytes, columns: list[str] = COLUMNS, skip: int = 0) -> ResultFile:
    file = ResultFile(ManualClock())
    await file.begin()
    await file.write(content)
    try:
        await file.open(lambda header: reader(SCHEMA, columns, header), skip)
    except BaseException:
        file.close()
        raise
    return file


@settings(max_examples=60)
@given(st.lists(ROWS, max_size=3))
def test_what_zoho_writes_into_cells_is_read_back_as_what_a_query_gives(
    rows: list[dict[str, object]],
) -> None:
    written = csv_text(COLUMNS, [["7", *(cell(row[name]) for name in COLUMNS[1:])] for row in rows])
    lines = list(csv.reader(io.StringIO(written, newline="")))
    read = reader(SCHEMA, COLUMNS, lines[0])
    for row, line in zip(rows, lines[1:], strict=True):
        linked = {"id": row["Lookup"]} if row["Lookup"] else None
        assert read(line) == {**row, "id": "7", "Lookup": linked}
        assert type(read(line)["Boolean"]) is type(row["Boolean"])


def test_columns_may_come_in_any_order_and_the_id_in_any_case() -> None:
    read = reader(SCHEMA, ["id", "Text", "Integer"], ["Integer", "More", "Id", "Text"])
    assert read(["5", "?", "12", "a"]) == {"id": "12", "Text": "a", "Integer": 5}


def test_numbers_with_a_fraction_stay_exact() -> None:
    read = reader(SCHEMA, ["id", "Currency"], ["Id", "Currency"])
    assert read(["1", "0.10"])["Currency"] == Decimal("0.10")
    assert (
        repr(read(["1", "123456789012345.123456789"])["Currency"]) == "Decimal('123456789012345.123456789')"
    )


@pytest.mark.parametrize(
    ("column", "text"),
    [("Integer", "1e5"), ("Currency", "NaN"), ("Double", "1,5"), ("Boolean", "yes"), ("Integer", "\u0661")],
)
def test_a_cell_that_does_not_fit_its_field_is_refused_without_its_value(column: str, text: str) -> None:
    read = reader(SCHEMA, ["id", column], ["Id", column])
    with pytest.raises(BadResponse, match=f"a cell of {column} is not a") as refused:
        read(["1", text])
    assert text not in str(refused.value)


def test_fields_that_a_file_does_not_tell_exactly_are_known() -> None:
    odd = schema_of("formula", "rollup_summary", "autonumber", "subform", "text")
    for name in ("Formula", "Rollup_Summary", "Autonumber", "Subform", "Account_Name.Phone", "$se_module"):
        assert inexact(odd, ["id", "Text", name]) == name
    assert inexact(SCHEMA, COLUMNS) is None
    semicolons = read_schema(
        "Things",
        [
            {
                "api_name": "M",
                "data_type": "multiselectpicklist",
                "pick_list_values": [{"actual_value": "a;b"}],
            },
            {"api_name": "N", "data_type": "multiselectpicklist"},
        ],
    )
    assert inexact(semicolons, ["M"]) == "M"
    assert inexact(semicolons, ["N"]) == "N"


async def test_a_page_is_held_at_a_time_however_long_the_file_is() -> None:
    row = "{},some text,,1,,2.50,3,true,2026-01-01T00:00:00+00:00,One,5\n"
    text = ",".join(COLUMNS) + "\n" + "".join(row.format(number) for number in range(1, 30_001))
    file = await opened(archive(text))
    del text
    tracemalloc.start()
    try:
        count, largest = 0, 0
        while rows := await file.take(500):
            count += len(rows)
            largest = max(largest, tracemalloc.get_traced_memory()[0])
            del rows
    finally:
        tracemalloc.stop()
        file.close()
    assert count == 30_000
    assert largest < 2_000_000, "30,000 rows would take 30 MB"


async def test_rows_that_were_given_before_are_passed_over() -> None:
    text = "Id,Text\n" + "".join(f"{number},t\n" for number in range(1, 11))
    file = await opened(archive(text), ["id", "Text"], skip=7)
    assert [row["id"] for row in await file.take(100)] == ["8", "9", "10"]
    assert await file.take(100) == []
    file.close()


async def test_a_body_that_begins_again_replaces_what_came() -> None:
    file = ResultFile(ManualClock())
    await file.begin()
    await file.write(b"half of something longer than the rest" * 100)
    await file.begin()
    await file.write(archive("Id,Text\n1,t\n"))
    await file.open(lambda header: reader(SCHEMA, ["id", "Text"], header), 0)
    assert await file.take(5) == [{"id": "1", "Text": "t"}]
    file.close()


def encrypted() -> bytes:
    made = bytearray(archive("Id,Text\n1,t\n"))
    made[6] |= 1
    central = made.index(b"PK\x01\x02")
    made[central + 8] |= 1
    return bytes(made)


def damaged() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as stored:
        stored.writestr("1.csv", "Id,Text\n1,text\n")
    return made.getvalue().replace(b"1,text", b"1,tExt")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not a whole zip"),
        (b"PK\x03\x04 and nothing", "not a whole zip"),
        (archive("Id,Text\n1,t\n")[:-30], "not a whole zip"),
        (damaged(), "not a whole zip"),
        (encrypted(), "not a whole zip"),
        (b"  <!doctype html>", "HTML or XML"),
        (archive("", "folder/"), "0 files"),
        (archive(""), "no header"),
        (archive("a" * 3_000_000), "longer than"),
        (archive('Id,"' + "x\n" * 200_000), "not CSV"),
        (archive("\xff".encode("latin-1")), "not UTF-8"),
        (archive("Text\nt\n"), "no column id"),
    ],
    # Named: an archive holds the time at which it was made, and the tests' names must not.
    ids=[
        *("empty", "nothing more", "cut", "damaged", "encrypted", "a page", "a folder", "no text"),
        *("a long line", "an open quote", "no utf-8", "no id"),
    ],
)
async def test_what_is_no_archive_of_one_table_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(BadResponse, match=why):
        await opened(content, ["id", "Text"])
