"""Records on the wire and as crmhub sees them, both ways."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmhub.native import Native, Value
from crmhub.schema import FieldType
from crmhub_rest.language.members import apart, together
from crmhub_rest.language.record import RecordShape
from crmhub_rest.values import said

_words = st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1)


def _shape(**says: object) -> RecordShape:
    return RecordShape.model_validate(says)


@given(st.lists(_words, min_size=1, max_size=3), st.text(min_size=1))
def test_what_is_joined_comes_apart_again(heads: list[str], last: str) -> None:
    parts = [*heads, last]
    names = [f"part{place}" for place in range(len(parts))]
    text = together(parts)
    assert text is not None
    assert apart(text, names) == dict(zip(names, parts, strict=True))


def test_a_field_that_is_several_others_is_read_and_written_as_one() -> None:
    shape = _shape(joined={"stage": ["type", "status"]})
    assert shape.decode({"type": "Lease", "status": "In/out"})["stage"] == "Lease/In/out"
    assert shape.decode({"type": "Lease"})["stage"] is None
    assert shape.encode({"stage": "Lease/In/out", "name": "A"}) == {
        "type": "Lease",
        "status": "In/out",
        "name": "A",
    }
    assert shape.encode({"stage": None}) == {"type": None, "status": None}


def test_plain_values_of_a_list_are_told_by_their_place() -> None:
    shape = _shape(items={"emails": {}})
    assert shape.decode({"emails": ["a@x", "b@x"]}) == {"emails": {"n1": "a@x", "n2": "b@x"}}
    held: Native = {"emails": ["a@x", "b@x"]}
    assert shape.encode({"emails": {"n2": "c@x"}}, held) == {"emails": ["a@x", "c@x"]}
    assert shape.encode({"emails": {"n1": None}}, held) == {"emails": ["b@x"]}
    assert shape.encode({"emails": {"n10": "e@x", "n9": "d@x"}}) == {"emails": ["d@x", "e@x"]}


def test_custom_fields_that_are_written_as_a_whole_take_the_others_along() -> None:
    shape = _shape(custom={"at": "customs", "key": "id", "numbers": True, "as_text": True, "whole": True})
    held: Native = {
        "customs": [{"id": 1, "value": "old"}, {"id": 2, "value": "kept"}, {"id": 3, "value": "x"}]
    }
    assert shape.needs_held({"cf_1": "new"}) == ("customs",)
    assert shape.needs_held({"name": "new"}) == ()
    written = shape.encode({"cf_1": Decimal("1.50"), "cf_3": None}, held)
    assert written == {"customs": [{"id": 1, "value": "1.50"}, {"id": 2, "value": "kept"}]}


def test_custom_fields_that_are_texts_say_several_choices_as_json() -> None:
    shape = _shape(custom={"at": "read", "key": "name", "write_at": "written", "as_text": True}, clear="")
    assert shape.decode({"read": [{"name": "A b", "value": "1"}]}) == {"cf_A b": "1"}
    wanted: list[Value] = [{"name": "A b", "value": '["x","y"]'}, {"name": "C", "value": ""}]
    assert shape.encode({"cf_A b": ["x", "y"], "cf_C": None}) == {"written": wanted}


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("decimal", "10.50", Decimal("10.50")),
        ("int", "many", "many"),
        ("multi_enum", '["a;b","c"]', ["a;b", "c"]),
        ("multi_enum", "a;b", ["a", "b"]),
        ("multi_enum", "[a", "[a"),
        ("bool", "true", True),
        ("text", "", None),
    ],
)
def test_a_text_says_what_the_type_makes_of_it(kind: FieldType, text: str, value: Value) -> None:
    assert said(kind, text) == value
