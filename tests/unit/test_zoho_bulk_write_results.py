"""What is made of the result of a bulk write job, whatever order, shape or words it comes in."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmhub.connector import Outcome, WriteItem
from crmhub.errors import BadResponse
from crmhub_zoho.bulk.write_results import read_result, row_outcomes
from crmhub_zoho.bulk.write_rows import Row, Table

HEAD = ["Last_Name", "Email", "Phone", "City"]
SHOWN = [*HEAD[:3], "STATUS", "RECORD_ID", "ERRORS"]


def table(rows: Sequence[Sequence[str]]) -> Table:
    made = Table()
    for place, cells in enumerate(rows):
        made.add(Row(place, dict(zip(HEAD, cells, strict=True))), 10)
    return made


def archive(lines: Sequence[Sequence[str]], *names: str) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name in names or ("Leads-rows.csv",):
            file.writestr(name, text.getvalue())
    return packed.getvalue()


def outcomes(
    rows: Sequence[Sequence[str]], lines: Sequence[Sequence[str]], items: Sequence[WriteItem] | None = None
) -> list[Outcome]:
    told = read_result(archive([SHOWN, *lines]))
    return row_outcomes(table(rows), HEAD, items or [WriteItem()] * len(rows), told)


def line(row: Sequence[str], status: str = "ADDED", record: str = "", errors: str = "") -> list[str]:
    return [*row[:3], status, record, errors]


def test_rows_that_stand_where_they_stood_are_told_apart_by_their_place() -> None:
    rows = [["Lee", "", "", "x"]] * 3
    lines = [line(rows[0], record=str(number)) for number in (7, 8, 9)]
    assert [one.id for one in outcomes(rows, lines)] == ["7", "8", "9"]


def test_rows_in_another_order_are_told_apart_by_what_is_shown_of_them() -> None:
    rows = [[f"Lee {number}", "", "", ""] for number in range(20)]
    lines = [line(row, record=str(number + 100)) for number, row in enumerate(rows)]
    Random(3).shuffle(lines)
    assert [one.id for one in outcomes(rows, lines)] == [str(number + 100) for number in range(20)]


def test_what_cannot_be_told_apart_is_unknown() -> None:
    rows = [["Lee", "", "", ""], ["Lee", "", "", ""], ["Okafor", "", "", ""]]
    lines = [line(rows[2], record="5"), line(rows[0], record="6"), line(rows[1], "SKIPPED")]
    assert [(one.status, one.id) for one in outcomes(rows, lines)] == [
        ("unknown", None),
        ("unknown", None),
        ("created", "5"),
    ]


def test_rows_that_are_missing_in_the_result_are_unknown() -> None:
    rows = [["Lee", "", "", ""], ["Okafor", "", "", ""]]
    assert [one.status for one in outcomes(rows, [line(rows[1], record="5")])] == ["unknown", "created"]
    assert [one.status for one in outcomes(rows, [])] == ["unknown", "unknown"]


@pytest.mark.parametrize(
    ("status", "record", "errors", "expected"),
    [
        ("ADDED", "7", "", ("created", "7", None)),
        ("Updated", "7", "", ("updated", "7", None)),
        ("ADDED", "", "", ("unknown", None, ("untold", None, False))),
        ("ADDED", "nonsense", "", ("unknown", None, ("untold", None, False))),
        ("SKIPPED", "", "", ("rejected", None, ("SKIPPED", None, True))),
        ("UNPROCESSED", "", "", ("rejected", None, ("UNPROCESSED", None, False))),
        ("UNPROCESSED", "", "LIMIT_EXCEEDED", ("rejected", None, ("LIMIT_EXCEEDED", None, False))),
        ("SKIPPED", "", "MANDATORY_NOT_FOUND-Email,Last_Name:DUPLICATE_DATA-Phone",
         ("rejected", None, ("MANDATORY_NOT_FOUND", "Email", True))),
        ("SKIPPED", "", "RECORD_LOCKED", ("rejected", None, ("RECORD_LOCKED", None, False))),
        ("SKIPPED", "", "INVALID_DATA-secret value", ("rejected", None, ("INVALID_DATA", None, True))),
        ("SKIPPED", "", "some secret words", ("rejected", None, ("SKIPPED", None, True))),
        ("EXPLODED", "7", "", ("unknown", None, ("untold", None, False))),
    ],
)  # fmt: skip
def test_a_row_becomes_an_outcome(
    status: str, record: str, errors: str, expected: tuple[str, str | None, object]
) -> None:
    row = ["Lee", "", "", ""]
    (one,) = outcomes([row], [line(row, status, record, errors)])
    problem = one.problem and (one.problem.code, one.problem.field, one.problem.permanent)
    assert (one.status, one.id, problem) == expected
    assert "secret" not in repr(one)


def test_an_update_whose_record_is_not_there_says_so_and_another_record_is_no_success() -> None:
    row, item = ["Lee", "", "", ""], WriteItem(id="5")
    (gone,) = outcomes([row], [line(row, "SKIPPED", "", "RESOURCE_NOT_FOUND-id")], [item])
    assert gone.problem is not None
    assert (gone.status, gone.id, gone.problem.missing) == ("rejected", "5", True)
    (other,) = outcomes([row], [line(row, "UPDATED", "6")], [item])
    assert other.status == "unknown"


@pytest.mark.parametrize(
    "content",
    [
        b"", b"no archive", archive([]), archive([["STATUS"]]), archive([SHOWN], "a.csv", "b.csv"),
        archive([SHOWN, ["too", "short"]]), archive([SHOWN])[:-9],
    ],
    ids=["empty", "no archive", "no lines", "one column", "two files", "a short line", "cut"],
)  # fmt: skip
def test_what_is_no_result_is_told_as_such(content: bytes) -> None:
    with pytest.raises(BadResponse, match="cannot be read"):
        read_result(content)


@given(st.binary(max_size=200))
def test_no_bytes_end_in_an_error_of_python(content: bytes) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("rows.csv", content)
    for one in (content, packed.getvalue()):
        try:
            read_result(one)
        except BadResponse:
            continue


_cell = st.text(st.characters(categories=("L", "N", "P", "Zs")), max_size=8).map(str.strip)


@given(st.lists(st.tuples(_cell, _cell, _cell, _cell), max_size=12), st.randoms(use_true_random=False))
def test_no_row_is_ever_told_as_another_one(rows: Sequence[Sequence[str]], random: Random) -> None:
    """In whatever order the result comes, and whatever of it is missing."""
    ids = {str(place + 1): tuple(row[:3]) for place, row in enumerate(rows)}
    lines = [line(row, record=str(place + 1)) for place, row in enumerate(rows)]
    random.shuffle(lines)
    kept = lines[: random.randint(0, len(lines))]
    found = outcomes(rows, kept)
    assert len(found) == len(rows)
    for row, one in zip(rows, found, strict=True):
        assert one.status in {"created", "unknown"}
        assert one.id is None or ids[one.id] == tuple(row[:3])
    told = [one.id for one in found if one.id is not None]
    assert len(set(told)) == len(told)
