"""Native records straight to models: the same as reading by path and building, for every shipped map."""

from __future__ import annotations

from datetime import date
from random import Random
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from crmhub.mapping.compiled import CompiledMap, Fault, Unreadable, Values
from crmhub.mapping.laws import pointed
from crmhub.mapping.load import ConnectionMapping, load_mapping, shipped_mappings
from crmhub.mapping.samples import samples_of
from crmhub.models import Account, Record, Ref, UserRef
from crmhub.native import Native, Value
from crmhub.schema import FieldSpec, ObjectSchema

ODD: tuple[Value, ...] = (
    None, "", " ", "text", 7, True, [], ["a"], {}, {"id": "9"}, {"id": None}, "-None-", "1.5", "2026-01-31",
    "2026-01-31T14:30:00+01:00", "2026-01-31T14:30:00", -1, 101,
)  # fmt: skip


def shipped(crm: str) -> list[CompiledMap]:
    """The maps of a shipped file, each bound to a schema with some custom fields in it."""
    spec = load_mapping(shipped_mappings()[crm])
    schemas = {mapped.object: schema_of(mapped) for mapped in ConnectionMapping(spec).maps}
    return list(ConnectionMapping(spec, schemas).maps)


def schema_of(mapped: CompiledMap) -> ObjectSchema:
    names = {name.partition(".")[0] for rule in mapped.rules for name in (*rule.to, *rule.extra)}
    own = {
        "Size__c": FieldSpec("Size__c", "decimal", custom=True),
        "Since__c": FieldSpec("Since__c", "datetime", custom=True),
        "Note__c": FieldSpec("Note__c", "text", custom=True),
    }
    return ObjectSchema(mapped.object, {name: FieldSpec(name, "text") for name in names} | own)


MAPS = [mapped for crm in ("zoho", "salesforce") for mapped in shipped(crm)]


def drawn(mapped: CompiledMap, seed: int) -> Native:
    """A native record as a CRM could give it: what the map writes, and text in what it only reads."""
    random = Random(seed)
    values: Values = {}
    for rule in mapped.rules:
        choices = samples_of(rule, mapped.spec.record)
        values[rule.path.text] = choices.draw(random) if random.random() < 0.8 else None
    native = mapped.write(
        pointed(mapped, values), create=random.random() < 0.5, today=date(2026, 1, 31)
    ).fields
    for rule in mapped.rules:
        if not rule.writes and random.random() < 0.8:
            stamp = "2026-01-31T14:30:00+00:00" if rule.kind == "datetime" else "1"
            native.setdefault(rule.to[0].partition(".")[0], stamp)
    return native


@st.composite
def records(draw: st.DrawFn) -> tuple[CompiledMap, Native]:
    mapped = draw(st.sampled_from(MAPS))
    native = drawn(mapped, draw(st.integers(0, 2**32)))
    odd = draw(st.dictionaries(st.sampled_from(mapped.fields), st.sampled_from(ODD), max_size=3))
    gone = draw(st.sets(st.sampled_from(mapped.fields), max_size=5))
    return mapped, {name: value for name, value in {**native, **odd}.items() if name not in gone}


def the_long_way(mapped: CompiledMap, native: Native, envelope: dict[str, object]) -> Record | object:
    """The record, or the mistakes in it, by way of values."""
    values, faults = mapped.read_or_faults(native)
    if faults:
        return faults
    try:
        return mapped.build(values, **{"vendor": mapped.literals(native), **envelope})
    except ValidationError as error:
        return error.errors(include_url=False, include_context=False)


def at_once(mapped: CompiledMap, native: Native, envelope: dict[str, object]) -> Record | object:
    try:
        return mapped.model_of(native, envelope)
    except Unreadable as error:
        return list(error.faults)
    except ValidationError as error:
        return error.errors(include_url=False, include_context=False)


@settings(max_examples=600)
@given(records())
def test_a_model_made_at_once_is_the_one_made_by_way_of_values(drawn: tuple[CompiledMap, Native]) -> None:
    mapped, native = drawn
    envelope: dict[str, object] = {"id": "55", "connection": "test", "object": mapped.object, "version": "1"}
    expected, found = the_long_way(mapped, native, envelope), at_once(mapped, native, envelope)
    assert found == expected
    if isinstance(found, Record) and isinstance(expected, Record):
        assert found.changes() == expected.changes()
        assert type(found) is type(expected)


@given(records(), st.data())
def test_a_part_of_a_map_reads_those_fields_and_leaves_the_others_unset(
    drawn: tuple[CompiledMap, Native], data: st.DataObject
) -> None:
    mapped, native = drawn
    heads = frozenset(data.draw(st.sets(st.sampled_from([rule.path.head for rule in mapped.rules]))))
    values, faults = mapped.read_or_faults(native)
    wanted = {path: value for path, value in values.items() if mapped.by_path[path].path.head in heads}
    part = mapped.only(heads)
    assert set(part.fields) <= set(mapped.fields)
    shown: Native = {name: native[name] for name in part.fields if name in native}
    assert part.read_or_faults(shown) == (
        wanted,
        [fault for fault in faults if mapped.by_path[fault.field].path.head in heads],
    )


def test_most_drawn_records_can_be_read() -> None:
    """Else the laws above would compare nothing but mistakes."""
    found = [at_once(mapped, drawn(mapped, seed), {}) for mapped in MAPS for seed in range(20)]
    assert sum(isinstance(each, Record) for each in found) > len(found) / 2


# ── by example ───────────────────────────────────────────────────────────────────────────────────


def accounts() -> CompiledMap:
    return next(mapped for mapped in MAPS if mapped.object == "Accounts")


def test_lists_references_custom_fields_and_the_vendors_words_come_in_one_go() -> None:
    native: Native = {
        "Account_Name": "ACME",
        "Account_Type": "Customer",
        "Phone": None,
        "Fax": "1",
        "Parent_Account": {"id": "7", "name": "Mother"},
        "Owner": {"id": "9"},
        "Note__c": "n",
        "Website": None,
    }
    built = cast("Account", accounts().model_of(native, {"id": "55"}))
    assert (built.id, built.name, built.website) == ("55", "ACME", None)
    assert [(phone.role, phone.raw) for phone in built.phones or ()] == [("fax", "1")]
    assert (built.parent, built.owner) == (Ref(model="account", id="7"), UserRef(id="9"))
    assert (built.custom, built.vendor) == ({"note": "n"}, {"type": "Customer"})
    assert built.changes() == {
        *("id", "name", "type", "website", "phones", "parent", "owner", "custom", "vendor"),
    }


def test_what_cannot_be_read_is_named_with_its_fields_and_never_shown() -> None:
    with pytest.raises(Unreadable) as caught:
        accounts().model_of({"Employees": "secret-17x", "Created_Time": ["secret"]}, {})
    assert [fault[:2] for fault in caught.value.faults] == [
        ("employees", "Employees"),
        ("created_at", "Created_Time"),
    ]
    assert isinstance(caught.value.faults[0], Fault)
    assert "secret" not in f"{caught.value}{caught.value.faults}"


def test_a_part_of_a_map_asks_for_its_own_fields_alone_and_is_made_once() -> None:
    part = accounts().only(frozenset({"name", "owner", "phones"}))
    assert part.fields == ("Account_Name", "Phone", "Fax", "Owner")
    assert part is accounts().only(frozenset({"phones", "owner", "name"}))
    built = part.model_of({"Account_Name": "ACME", "Website": "x.example", "Account_Type": "Customer"}, {})
    assert built.changes() == {"name", "vendor"}
    assert built.vendor == {}


def test_a_part_of_a_map_still_asks_for_the_constants_that_tell_its_records() -> None:
    calls = next(mapped for mapped in MAPS if mapped.object == "Task" and mapped.spec.where)
    assert calls.only(frozenset({"subject"})).fields == ("Subject", "TaskSubtype")
