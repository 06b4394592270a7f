"""Paths into JSON, and from page to page."""

from __future__ import annotations

import pytest

from crmhub.native import Value
from crmhub_rest.language.paging import Paging
from crmhub_rest.language.path import ABSENT, JsonPath, put


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        ("lead|.", {"lead": {"id": 1}}, {"id": 1}),
        ("lead|.", {"id": 1}, {"id": 1}),
        ("a.next|b.next", {"b": {"next": "x"}}, "x"),
        ("a.next|b.next", {"a": {"next": None}, "b": {"next": "x"}}, None),
        ("a|b", {"c": 1}, ABSENT),
        ("params.@json.option", {"params": '{"option": ["Cash"]}'}, ["Cash"]),
        ("params.@json", {"params": '[{"label": "A"}]'}, [{"label": "A"}]),
        ("params.@json", {"params": ""}, ABSENT),
        ("params.@json.option", {"params": '{"option'}, ABSENT),
        ("@json", {"@json": 1}, 1),
    ],
)
def test_a_path_leads_to_what_is_there(path: str, value: Value, found: object) -> None:
    assert JsonPath(path).find(value) == found


def test_what_is_written_goes_to_the_first_of_several_places() -> None:
    table: dict[str, Value] = {}
    put(table, JsonPath("lead.name|name"), "Ada")
    assert table == {"lead": {"name": "Ada"}}


def test_a_path_with_nothing_behind_its_bar_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="is not a path"):
        JsonPath("lead|")


def test_a_page_without_records_ends_a_scroll_that_never_ends_itself() -> None:
    page = Paging.model_validate({"next": {"scrollId": "meta.scrollId"}, "empty_is_last": True})
    reply: Value = {"meta": {"scrollId": "s2"}}
    assert page.following({}, reply, [{"id": 1}], 100) == {"scrollId": "s2"}
    assert page.following({}, reply, [], 100) is None
