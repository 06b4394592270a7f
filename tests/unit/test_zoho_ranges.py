"""How a module is cut into ranges of ids: nothing between the pieces, and none where it does not pay."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from crmhub_zoho.ranges import Cutting, Range

IDS = st.integers(0, 2**62)


def ids_of(ranges: tuple[Range, ...]) -> list[tuple[int, int]]:
    """First and last id of each range, in order."""
    return sorted((int(one.after or 0) + 1, int(one.before) - 1) for one in ranges)


@given(
    start=IDS,
    span=st.integers(1, 2**40),
    page=st.integers(1, 2_000),
    rows=st.integers(1, 2_000),
    gaps=st.integers(0, 2**30),
    parallel=st.integers(1, 10),
)
def test_the_pieces_of_a_range_hold_its_ids_each_once(
    start: int, span: int, page: int, rows: int, gaps: int, parallel: int
) -> None:
    cutting = Cutting(page, parallel)
    whole = Range(str(start) if start else "", str(start + span))
    cutting.learn(whole, [0, rows + gaps] if rows > 1 else [gaps])
    pieces = cutting.cut([whole])
    assert 1 <= len(pieces) <= max(parallel, 1)
    spans = ids_of(pieces)
    assert spans[0][0] == start + 1
    assert spans[-1][1] == start + span - 1
    assert all(before[1] + 1 == after[0] for before, after in pairwise(spans))


def test_a_range_of_dense_ids_is_cut_into_whole_pages() -> None:
    cutting = Cutting(2_000, 5)
    middle = Range("2000", "48001")  # 46,000 records: 23 pages
    cutting.learn(middle, list(range(48_001, 50_001)))
    assert [one.span for one in cutting.cut([middle])] == [10_000, 10_000, 10_000, 8_000, 8_000]


def test_what_fits_on_a_page_and_what_is_not_known_is_not_cut() -> None:
    cutting = Cutting(100, 5)
    short = Range("1000", "1100")
    cutting.learn(short, list(range(100)))
    assert cutting.cut([short]) == (short,)
    unknown = Range("1000", "900000")
    assert cutting.cut([unknown]) == (unknown,)
    assert cutting.cut([Range("7")]) == (Range("7"),)


def test_the_largest_range_is_cut_when_another_is_done() -> None:
    cutting = Cutting(10, 3)
    small, large = Range("0", "21"), Range("20", "121")
    for one in (small, large):
        cutting.learn(one, list(range(10)))
    assert cutting.cut([small, large]) == (small, Range("20", "71"), Range("70", "121"))


def test_a_read_is_cut_four_times_and_once_more_for_every_25_pages() -> None:
    cutting = Cutting(10, 2)
    made = 0
    for number in range(60):
        one = Range(str(number * 1_000), str(number * 1_000 + 1_000))
        cutting.learn(one, list(range(10)))
        made += len(cutting.cut([one])) - 1
    assert made == 4 + 60 // 25
