"""The shape of records: from the CRM's own form to flat fields, and back without losing anything."""

from __future__ import annotations

import pytest

from crmhub.native import Native, Value
from crmhub_rest.language.members import Items, Table
from crmhub_rest.language.record import RecordShape

MAILS = RecordShape(items={"emails": Items(by="label", first="primary", head="email")})
PEOPLE = RecordShape(
    items={"participants": Items(by="person_id", value="person_id", first="primary", head="person_id")}
)
ADDRESS = RecordShape(whole={"address": {"value": ""}})
DONE = RecordShape.model_validate(
    {
        "told": {
            "progress": {
                "at": "done",
                "has": {"true": "completed", "false": "planned"},
                "write": {"completed": True, "planned": False, "waiting": False},
            }
        }
    }
)


def mail(value: str, label: str, *, primary: bool = False) -> Native:
    return {"value": value, "label": label, "primary": primary}


def test_the_item_that_counts_most_is_a_field_and_the_others_a_table() -> None:
    raw: Native = {"emails": [mail("a@x.com", "work"), mail("b@x.com", "home", primary=True)]}
    assert MAILS.decode(raw) == {"email": "b@x.com", "emails": {"work": "a@x.com"}}
    assert MAILS.decode({"emails": []}) == {"email": None, "emails": {}}


@pytest.mark.parametrize(
    ("fields", "emails"),
    [
        pytest.param(
            {"email": "c@x.com"},
            [mail("c@x.com", "home", primary=True), mail("a@x.com", "work")],
            id="another value",
        ),
        pytest.param({"email": None}, [mail("a@x.com", "work", primary=True)], id="none"),
        pytest.param(
            {"email": "a@x.com"}, [mail("a@x.com", "home", primary=True)], id="one that is in the table"
        ),
        pytest.param(
            {"emails": {"home": "d@x.com", "work": None}},
            [mail("b@x.com", "home", primary=True), {"label": "home", "value": "d@x.com"}],
            id="another of the same label in the table",
        ),
    ],
)
def test_what_is_not_written_of_a_list_stays(fields: Native, emails: Value) -> None:
    held: Native = {"emails": [mail("a@x.com", "work"), mail("b@x.com", "home", primary=True)]}
    assert MAILS.needs_held(fields) == ("emails",)
    assert MAILS.encode(fields, held) == {"emails": emails}


def test_a_new_item_alone_counts_most() -> None:
    assert MAILS.encode({"email": "a@x.com", "emails": {"home": "b@x.com"}}) == {
        "emails": [{"value": "a@x.com", "primary": True}, {"label": "home", "value": "b@x.com"}]
    }
    assert MAILS.encode({"name": "Ada"}) == {"name": "Ada"}


def test_other_participants_stay_when_the_first_changes() -> None:
    held: Native = {"participants": [{"person_id": 1, "primary": True}, {"person_id": 2, "primary": False}]}
    assert PEOPLE.encode({"person_id": 3}, held) == {
        "participants": [{"person_id": 3, "primary": True}, {"person_id": 2, "primary": False}]
    }
    assert PEOPLE.encode({"person_id": 2}, held) == {"participants": [{"person_id": 2, "primary": True}]}


@pytest.mark.parametrize(
    ("fields", "held", "address"),
    [
        ({"address": {"city": "Bonn"}}, {}, {"value": "", "city": "Bonn"}),
        (
            {"address": {"city": "Bonn"}},
            {"address": {"value": "1 Road", "city": "Ulm", "zip": "5"}},
            {"value": "1 Road", "city": "Bonn", "zip": "5"},
        ),
        ({"address": {"city": None, "value": None}}, {}, None),
        ({"address": None}, {"address": {"value": "1 Road"}}, None),
    ],
)
def test_a_table_that_is_taken_whole_keeps_what_is_not_written(
    fields: Native, held: Native, address: Value
) -> None:
    assert ADDRESS.encode(fields, held) == {"address": address}


def test_a_word_for_a_flag_is_written_as_the_flag() -> None:
    assert [DONE.decode({"done": done})["progress"] for done in (True, False, None)] == [
        "completed",
        "planned",
        None,
    ]
    assert DONE.encode({"progress": "completed"}) == {"done": True}
    assert DONE.encode({"progress": "waiting"}) == {"done": False}
    assert DONE.encode({"progress": "unheard of"}) == {"done": "unheard of"}


def test_a_word_that_is_only_read_is_not_a_flag_s_alone() -> None:
    table = Table.model_validate({"at": "stage.n", "has": {"1.0": "won"}, "otherwise": "open"})
    assert table.told({"stage": {"n": "1.0"}}) == "won"
    assert table.told({"stage": {}}) == "open"
