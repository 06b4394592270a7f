"""What JSON can say."""

from __future__ import annotations

import json
import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmhub.native import unsayable

_SCALARS = st.none() | st.booleans() | st.integers() | st.text() | st.floats() | st.text(st.characters())
VALUES = st.recursive(
    _SCALARS | st.text(st.characters(categories=["Cs", "Ll"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_a_value_is_sayable_just_when_strict_json_in_utf_8_gives_it_back(value: object) -> None:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:  # UnicodeEncodeError is one
        assert unsayable(value) is not None
    else:
        assert unsayable(value) is None
        assert json.loads(text) == value


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("sNaN"), Decimal("-Infinity"), math.nan, math.inf])
def test_what_is_no_number_is_told(value: object) -> None:
    assert unsayable([{"a": value}]) == "it is not a finite number"


@pytest.mark.parametrize("value", [b"x", (1, 2), {1}, object(), {1: "a"}.keys()])
def test_what_json_does_not_have_is_told(value: object) -> None:
    assert unsayable({"a": value}) == "JSON has no such value"


def test_what_has_no_end_is_told() -> None:
    endless: list[object] = []
    endless.append(endless)
    assert unsayable(endless) == "it is nested too deeply"
    assert unsayable([[[1]]]) is None
