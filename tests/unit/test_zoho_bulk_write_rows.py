"""What a row of a bulk write says is exactly what its record says; what it cannot say, it does not try."""

from __future__ import annotations

import csv
import io
import zipfile
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmhub.connector import Value, WriteItem, WriteRequest
from crmhub_zoho.bulk.write_rows import MOST_COLUMNS, Row, row_of, tables
from crmhub_zoho.schema import read_schema

KINDS = {
    "Name": "text", "About": "textarea", "Size": "integer", "Amount": "currency", "Number": "bigint",
    "Open": "boolean", "Day": "date", "At": "datetime", "Colours": "multiselectpicklist",
    "Owner": "ownerlookup", "Parent": "lookup", "Rows": "subform", "Photo": "imageupload",
    "Rich": "rich_textarea",
}  # fmt: skip
SCHEMA = read_schema("Things", [{"api_name": name, "data_type": kind} for name, kind in KINDS.items()])


def row(operation: str, item: WriteItem) -> Row | None:
    match = "Name" if operation == "upsert" else None
    return row_of(WriteRequest("Things", operation, [item], match), item, SCHEMA, 0)  # pyright: ignore[reportArgumentType]


def cell(name: str, value: Value) -> str | None:
    made = row("update", WriteItem({name: value}, id="5"))
    return None if made is None else made.texts[name]


def read_back(rows: list[Row], key: str | None) -> list[dict[str, str]]:
    """The file, as anybody would read it."""
    (table,) = tables(rows)
    with zipfile.ZipFile(io.BytesIO(table.archive("Things.csv", table.header(key, SCHEMA)))) as archive:
        (name,) = archive.namelist()
        text = archive.read(name).decode()
    assert name == "Things.csv"
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("Name", "a,b;c|d:e", "a,b;c|d:e"), ("About", "one\ntwo\tthree", "one\ntwo\tthree"), ("Size", 0, "0"),
        ("Amount", Decimal("1E+3"), "1000"), ("Amount", Decimal("-0.10"), "-0.10"), ("Amount", 12, "12"),
        ("Number", "9007199254740993", "9007199254740993"), ("Open", True, "true"), ("Open", False, "false"),
        ("Day", "2026-02-28", "2026-02-28"), ("At", "2026-02-28T10:00:00.5Z", "2026-02-28T10:00:00+00:00"),
        ("Colours", ["red", "light blue"], "red;light blue"), ("Parent", "7", "7"),
        ("Owner", {"id": "7", "name": "Ada"}, "7"),
    ],
)  # fmt: skip
def test_a_value_is_written_as_a_job_reads_it(name: str, value: Value, expected: str) -> None:
    assert cell(name, value) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Name", None), ("Name", ""), ("Name", " a"), ("Name", "a\n"), ("Name", "a\rb"), ("Name", 5),
        ("Name", "a\u2028b"), ("Name", "\ud800"), ("Size", "5"), ("Size", True), ("Amount", "1"),
        ("Amount", 1.5), ("Amount", Decimal("NaN")), ("Number", "1e3"), ("Open", "true"), ("Open", 1),
        ("Day", "28/02/2026"), ("Day", "2026-02-28T10:00:00Z"), ("At", "2026-02-28"), ("Colours", []),
        ("Colours", ["a;b"]), ("Colours", [" a"]), ("Colours", [None]), ("Colours", "red"), ("Parent", None),
        ("Parent", {"name": "Acme"}), ("Parent", {"id": 7}), ("Parent", {"id": "7", "email": "a@b.c"}),
        ("Rows", [{"a": 1}]), ("Photo", []), ("Rich", "<b>a</b>"), ("Unknown", "a"), ("$se_module", "Deals"),
    ],
)  # fmt: skip
def test_what_a_cell_cannot_say_is_not_said(name: str, value: Value) -> None:
    assert cell(name, value) is None


def test_a_new_record_has_nothing_to_be_cleared_and_no_id_yet() -> None:
    made = row("create", WriteItem({"Name": "a", "Size": None}))
    assert made is not None
    assert made.texts == {"Name": "a"}
    assert row("create", WriteItem({"Size": None})) is None
    assert row("create", WriteItem({"Name": "a", "id": "5"})) is None
    assert row("upsert", WriteItem({"Size": None}, key="a")) is None


def test_an_item_of_more_fields_than_columns_goes_by_no_job() -> None:
    wide = {f"F{number}": "text" for number in range(MOST_COLUMNS + 1)}
    schema = read_schema("Things", [{"api_name": name, "data_type": kind} for name, kind in wide.items()])
    item = WriteItem(dict.fromkeys(wide, "x"))
    assert row_of(WriteRequest("Things", "create", [item]), item, schema, 0) is None
    half = WriteItem(dict.fromkeys(list(wide)[1:], "x"))
    assert row_of(WriteRequest("Things", "create", [half]), half, schema, 0) is not None


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["Name", "About"]), st.text(max_size=12), min_size=1), max_size=8
    )
)
def test_every_text_that_goes_by_a_job_arrives_to_the_letter(records: list[dict[str, str]]) -> None:
    made = [
        row_of(WriteRequest("Things", "update", []), WriteItem({**record}, id=str(place + 1)), SCHEMA, place)
        for place, record in enumerate(records)
    ]
    rows = [one for one in made if one is not None]
    if not rows:
        return
    for one, lines in zip(rows, read_back(rows, "id"), strict=True):
        assert next(iter(lines)) == "id"
        assert {name: text for name, text in lines.items() if text} == {
            **records[one.place],
            "id": str(one.place + 1),
        }
        assert all(text == text.strip() for text in lines.values())
