"""Describes, read without trust in any of their parts."""

from __future__ import annotations

import pytest

from crmhub.connector import Choice, Native, Value
from crmhub.errors import BadResponse
from crmhub_salesforce.schema import Described, described


def field(name: str, kind: str = "string", **more: Value) -> Native:
    return {"name": name, "type": kind, "label": name.title(), "filterable": True, "sortable": True, **more}


def account(*fields: Native) -> Described:
    return described(
        "Account", {"name": "Account", "keyPrefix": "001", "queryable": True, "fields": [*fields]}
    )


def test_the_cursor_is_the_best_field_that_can_be_filtered_and_sorted() -> None:
    stamp = field("SystemModstamp", "datetime")
    modified = field("LastModifiedDate", "datetime")
    created = field("CreatedDate", "datetime")
    assert account(created, modified, stamp).cursor == "SystemModstamp"
    assert account(created, modified, {**stamp, "filterable": False}).cursor == "LastModifiedDate"
    assert account(created, {**modified, "sortable": False}).cursor == "CreatedDate"
    assert account(field("Name")).cursor is None


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("string", "text"),
        ("combobox", "text"),
        ("picklist", "enum"),
        ("multipicklist", "multi_enum"),
        ("reference", "ref"),
        ("currency", "money"),
        ("double", "decimal"),
        ("percent", "percent"),
        ("location", "geo"),
        ("base64", "file"),
        ("something_new", "json"),
    ],
)
def test_types_are_told_in_the_contracts_words(kind: str, expected: str) -> None:
    assert account(field("F", kind)).schema.fields["F"].type == expected


def test_rich_text_is_html() -> None:
    rich = account(field("F", "textarea", htmlFormatted=True), field("G", "textarea", htmlFormatted=False))
    assert [rich.schema.fields[name].type for name in "FG"] == ["html", "text"]


def test_required_is_what_must_be_given_on_create() -> None:
    must: dict[str, bool] = {"nillable": False, "createable": True, "defaultedOnCreate": False}
    of = account(
        field("A", "string", **must),
        field("B", "string", **{**must, "nillable": True}),
        field("C", "string", **{**must, "createable": False}),
        field("D", "string", **{**must, "defaultedOnCreate": True}),
    )
    assert [name for name, spec in of.schema.fields.items() if spec.required] == ["A"]


def test_choices_limits_references_and_formulas_are_told() -> None:
    entries: list[Value] = [{"value": "a", "label": "A", "active": True}, {"value": "b"}, "junk"]
    of = account(
        field("P", "picklist", picklistValues=entries, restrictedPicklist=True, length=255),
        field("R", "reference", referenceTo=["Contact", "Lead", 7]),
        field("X__c", "double", calculated=True, custom=True, scale=2, length=0),
    )
    pick, ref, formula = (of.schema.fields[name] for name in ("P", "R", "X__c"))
    assert pick.choices == (Choice("a", "A"), Choice("b", "b", active=False))
    assert (pick.restricted, pick.max_length) == (True, 255)
    assert ref.refers_to == ("Contact", "Lead")
    assert (formula.computed, formula.custom, formula.scale, formula.max_length) == (True, True, 2, None)


def test_a_sync_key_is_a_unique_external_id_that_can_be_written() -> None:
    flags: dict[str, bool] = {"externalId": True, "unique": True, "createable": True}
    assert account(field("K__c", "string", **flags)).is_sync_key("K__c")
    for flag in flags:
        assert not account(field("K__c", "string", **{**flags, flag: False})).is_sync_key("K__c")
    assert not account().is_sync_key("K__c")


@pytest.mark.parametrize(
    "answer", [None, [], "x", {}, {"fields": {}}, {"fields": [1]}, {"fields": [{"name": "A"}]}]
)
def test_what_is_no_describe_is_a_bad_response(answer: Value) -> None:
    with pytest.raises(BadResponse) as caught:
        described("Account", answer)
    assert caught.value.where.object == "Account"


def test_record_types_are_the_choices_of_the_field_that_holds_them() -> None:
    def kind(id_: str, name: str, **more: Value) -> Value:
        return {"recordTypeId": id_, "name": name, "active": True, "available": True, "master": False, **more}

    infos: list[Value] = [
        kind("012Hz000000AAAAIA4", "Partner"),
        kind("012Hz000000AAABIA4", "Old", active=False),
        kind("012Hz000000AAACIA4", "Others' alone", available=False),
        kind("012000000000000AAA", "Master", master=True),
        {"name": "without an id"},
        "nonsense",
    ]
    fields: list[Value] = [field("RecordTypeId", "reference"), field("Name")]
    of = described("Account", {"name": "Account", "fields": fields, "recordTypeInfos": infos})
    assert of.schema.fields["RecordTypeId"].choices == (
        Choice("012Hz000000AAAAIA4", "Partner"),
        Choice("012Hz000000AAABIA4", "Old", active=False),
        Choice("012Hz000000AAACIA4", "Others' alone", active=False),
    )
    assert of.schema.fields["Name"].choices == ()
    assert described("Account", {"fields": fields}).schema.fields["RecordTypeId"].choices == ()
