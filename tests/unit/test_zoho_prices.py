"""Prices: they add up, never fall with more records, and agree with what the double takes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmhub_zoho import prices
from crmhub_zoho.prices import FREE, Price

COUNTS = st.integers(0, 3_000_000)
PRICES = st.builds(Price, st.integers(0, 1_000), st.integers(0, 1_000))
BY_RECORDS: list[Callable[[int], Price]] = [
    prices.coql,
    prices.lists,
    prices.search,
    prices.get,
    prices.write,
    prices.bulk_read,
    prices.bulk_write,
]
each = pytest.mark.parametrize("price", BY_RECORDS, ids=lambda price: price.__name__)


@each
@given(fewer=COUNTS, more=COUNTS)
def test_more_records_never_cost_less(price: Callable[[int], Price], fewer: int, more: int) -> None:
    low, high = price(min(fewer, more)), price(max(fewer, more))
    assert low.calls <= high.calls
    assert low.credits <= high.credits


@each
@given(first=COUNTS, second=COUNTS)
def test_two_reads_or_writes_cost_at_least_what_one_of_both_does(
    price: Callable[[int], Price], first: int, second: int
) -> None:
    apart, at_once = price(first) + price(second), price(first + second)
    assert at_once.calls <= apart.calls
    assert at_once.credits <= apart.credits


@each
@given(records=COUNTS)
def test_no_call_is_free(price: Callable[[int], Price], records: int) -> None:
    found = price(records)
    assert 0 <= found.calls <= found.credits


@given(PRICES, PRICES, PRICES, st.integers(0, 50))
def test_prices_add_up(one: Price, two: Price, three: Price, times: int) -> None:
    assert one + two == two + one
    assert (one + two) + three == one + (two + three)
    assert one + FREE == one
    assert one * times == sum([one] * times, FREE) == times * one
    assert (one + two) * times == one * times + two * times


@pytest.mark.parametrize(
    ("found", "calls", "credits"),
    [
        (prices.coql_page(200), 1, 1),
        (prices.coql_page(201), 1, 2),
        (prices.coql_page(1_000), 1, 2),
        (prices.coql_page(1_001), 1, 3),
        (prices.coql(0), 1, 3),
        (prices.coql(2_000), 1, 3),
        (prices.coql(5_000), 3, 9),
        (prices.coql(5_000, 200), 25, 25),
        (prices.lists(5_000), 25, 25),
        (prices.get(101), 2, 2),
        (prices.count(), 1, 1),
        (prices.count(filtered=True), 1, 1),
        (prices.write(0), 0, 0),
        (prices.write(1), 1, 1),
        (prices.write(11), 1, 2),
        (prices.write(100), 1, 10),
        (prices.write(101), 2, 11),
        (prices.bulk_read(200_000, polls=3), 5, 54),
        (prices.bulk_read(200_001, polls=3), 10, 108),
        (prices.bulk_write(25_000, polls=3), 6, 505),
    ],
)
def test_what_zoho_takes(found: Price, calls: int, credits: int) -> None:
    assert found == Price(calls, credits)
