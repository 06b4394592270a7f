"""What a compiled map reads and writes: unset, null and values, base records, policies, defaults."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest

from crmhub.connector import Choice, FieldSpec, Native, ObjectSchema
from crmhub.document import Document
from crmhub.errors import MappingError
from crmhub.mapping.codecs import CODECS
from crmhub.mapping.codecs.base import CodecError
from crmhub.mapping.compiled import CompiledMap, Pointer, compile_map
from crmhub.mapping.custom import custom_key
from crmhub.mapping.load import ConnectionMapping, Override, load_mapping
from crmhub.mapping.parse import parse_mapping
from crmhub.mapping.rules import MappingSpec
from crmhub.models import Account, Address, Contact, Deal, Money, Phone, Ref, Task, UserRef
from crmhub.models.registry import BUILT_IN

TODAY = date(2026, 1, 31)


def spec_of(text: str) -> MappingSpec:
    return parse_mapping(Document.parse(text, "test.yaml"), BUILT_IN, CODECS)


def one_map(
    fields: str, *, model: str = "account", more: str = "", schema: ObjectSchema | None = None
) -> CompiledMap:
    lines = "\n".join(f"      {line}" for line in fields.strip().splitlines())
    text = (
        f"crm: test\nversion: 1\nmaps:\n  - model: {model}\n    object: Things\n{more}    fields:\n{lines}\n"
    )
    return compile_map(spec_of(text).maps[0], schema)


# ── reading ──────────────────────────────────────────────────────────────────────────────────────


def test_a_field_that_is_absent_stays_unset_and_a_null_is_empty() -> None:
    mapped = one_map("name: Name\nsite: Site\nindustry: Industry")
    assert mapped.read({"Name": "ACME", "Site": None}) == {"name": "ACME", "site": None}


def test_reading_asks_for_the_heads_of_dotted_fields_the_extra_ones_and_the_constants() -> None:
    mapped = one_map(
        "amount: {to: Amount, as: {money: {currency: Currency}}}\nowner: {ref: user, to: Owner.id}\n"
        "source: {to: Lead_Source, dir: write}",
        model="deal",
        more="    where: {Kind: Sale}\n",
    )
    assert mapped.fields == ("Amount", "Currency", "Owner", "Kind")


def test_a_dotted_field_is_read_from_within_and_an_empty_head_is_empty() -> None:
    mapped = one_map("owner: {ref: user, to: Owner.id}")
    assert mapped.read({"Owner": {"id": "7"}}) == {"owner": "7"}
    assert mapped.read({"Owner": None}) == {"owner": None}
    assert mapped.read({}) == {}


def test_pick_takes_the_first_field_that_is_set() -> None:
    mapped = one_map("website: {to: [Home, Site], pick: first_set}")
    assert mapped.read({"Home": None, "Site": "b.example"}) == {"website": "b.example"}
    assert mapped.read({"Home": "a.example", "Site": "b.example"}) == {"website": "a.example"}


def test_a_default_of_a_read_rule_stands_for_null_but_not_for_absence() -> None:
    mapped = one_map("industry: {to: Industry, dir: read, default: Other}")
    assert mapped.read({"Industry": None}) == {"industry": "Other"}
    assert mapped.read({}) == {}


def test_a_wide_codec_reads_dotted_fields_too() -> None:
    mapped = one_map("full_name: {to: [name.first, name.last], as: join, lossy: true}", model="contact")
    assert mapped.read({"name": {"first": "Ana", "last": "Silva"}}) == {"full_name": "Ana Silva"}
    assert mapped.read({"name": None}) == {"full_name": None}
    assert mapped.read({}) == {}


def test_faults_name_the_field_and_never_the_value() -> None:
    mapped = one_map(
        "name: Name\nemployees: {to: Employees, as: int}\ncreated_at: {to: Made, as: datetime, dir: read}"
    )
    values, faults = mapped.read_or_faults({"Name": "ACME", "Employees": "secret-17x", "Made": ["secret"]})
    assert values == {"name": "ACME"}
    assert [(fault.field, fault.native) for fault in faults] == [
        ("employees", "Employees"),
        ("created_at", "Made"),
    ]
    assert "secret" not in str(faults)


def test_names_and_values_of_the_yaml_never_become_code() -> None:
    with pytest.raises(MappingError, match="is not a native field name"):
        one_map("""name: "Na'me');import os #" """)
    mapped = one_map("""industry: {to: Industry, dir: read, default: "'); raise SystemExit #"}""")
    assert mapped.read({"Industry": None}) == {"industry": "'); raise SystemExit #"}


# ── writing ──────────────────────────────────────────────────────────────────────────────────────


def test_only_given_values_are_written_and_none_clears() -> None:
    mapped = one_map("name: Name\nsite: Site\nindustry: Industry")
    assert mapped.write({"name": "ACME", "site": None}).fields == {"Name": "ACME", "Site": None}


def test_on_create_an_empty_value_is_not_sent() -> None:
    mapped = one_map("name: Name\nsite: Site")
    assert mapped.write({"name": "ACME", "site": None}, create=True).fields == {"Name": "ACME"}


def test_what_stands_there_already_is_left_as_it_is() -> None:
    mapped = one_map(
        "name: Name\nemployees: {to: Employees, as: int}\n"
        "emails[role=primary].value: {to: Email, as: email_lower}\n"
        "website: {to: [Home, Site], pick: first_set}"
    )
    base: Native = {
        "Name": "ACME",
        "Employees": "12",
        "Email": " Ana@Example.com",
        "Home": None,
        "Site": "x.example",
    }
    values = mapped.read(base)
    assert mapped.write(values, base=base).fields == {}
    assert mapped.write({**values, "employees": 13}, base=base).fields == {"Employees": 13}


def test_what_stands_there_and_cannot_be_read_is_replaced() -> None:
    mapped = one_map("employees: {to: Employees, as: int}")
    assert mapped.write({"employees": 12}, base={"Employees": "a dozen"}).fields == {"Employees": 12}
    assert mapped.write({"employees": None}, base={"Employees": "a dozen"}).fields == {"Employees": None}


def test_a_lookup_that_points_to_the_same_record_is_left_alone() -> None:
    mapped = one_map("owner: {ref: user, to: Owner.id}\nparent: {ref: account, to: Parent.id}")
    base: Native = {"Owner": {"id": "7", "name": "Ana"}, "Parent": {"id": "1"}}
    written = mapped.write({"owner": Pointer("7"), "parent": Pointer("2")}, base=base)
    assert written.fields == {"Parent": {"id": "2"}}


def test_a_wide_codec_writes_only_the_parts_that_change() -> None:
    mapped = one_map("full_name: {to: [First, Last], as: join, lossy: true}", model="contact")
    base: Native = {"First": "Ana Maria", "Last": "Silva Costa"}
    assert mapped.write({"full_name": "Ana Maria Silva Costa"}, base=base).fields == {}
    assert mapped.write({"full_name": "Eva Silva Costa"}, base=base).fields == {"First": "Eva"}


def test_money_is_exact_and_brings_its_currency() -> None:
    mapped = one_map("amount: {to: Amount, as: {money: {currency: Currency}}}", model="deal")
    assert mapped.read({"Amount": Decimal("12.50"), "Currency": "EUR"}) == {
        "amount": Money(Decimal("12.5"), "EUR")
    }
    written = mapped.write(
        {"amount": Money(Decimal("12.50"), "USD")}, base={"Amount": Decimal("12.5"), "Currency": "EUR"}
    )
    assert written.fields == {"Currency": "USD"}


def test_clearing_one_part_of_a_compound_field_keeps_the_others() -> None:
    mapped = one_map(
        "addresses[role=billing].line1: address.street\naddresses[role=billing].city: address.city"
    )
    values: dict[str, object] = {
        "addresses[role=billing].line1": "Main St 1",
        "addresses[role=billing].city": None,
    }
    assert mapped.write(values).fields == {"address": {"street": "Main St 1", "city": None}}


def test_clearing_a_lookup_clears_the_whole_field() -> None:
    mapped = one_map("owner: {ref: user, to: Owner.id}")
    assert mapped.write({"owner": None}).fields == {"Owner": None}


def test_a_pointer_names_its_object_where_the_crm_wants_to_know() -> None:
    mapped = one_map(
        "regarding: {ref: [account, deal], to: What_Id.id, type: $se_module}",
        model="activity",
        more="    set: {type: task}\n",
    )
    written = mapped.write({"regarding": Pointer("7", "Deals")})
    assert written.fields == {"What_Id": {"id": "7"}, "$se_module": "Deals"}


def test_how_an_id_begins_says_to_which_model_a_reference_points() -> None:
    mapped = one_map(
        'regarding: {ref: [account, deal], to: WhatId, prefixes: {"001": account, "006": deal}}',
        model="activity",
        more="    set: {type: task}\n",
    )
    for id_, model in (("0017", "account"), ("0067", "deal"), ("a0X7", "record")):
        pointed = {"regarding": {"model": model, "id": id_}}
        values = mapped.read({"WhatId": id_})
        assert (values, mapped.nest(values)) == ({"regarding": id_}, pointed)
        assert (
            mapped.model_of({"WhatId": id_}, {}).model_dump(include={"regarding"}, exclude_none=True)
            == pointed
        )
    assert mapped.write({"regarding": Pointer("0067")}).fields == {"WhatId": "0067"}


def test_a_reference_goes_through_its_codec_both_ways() -> None:
    mapped = one_map('owner: {ref: user, to: Owner, as: {prefix: "users/"}}')
    assert mapped.read({"Owner": "users/7"}) == {"owner": "7"}
    assert mapped.write({"owner": Pointer("7")}).fields == {"Owner": "users/7"}


@pytest.mark.parametrize(
    ("base", "written"),
    [
        ({"Name": "old"}, {}),
        ({"Name": ""}, {"Name": "new"}),
        ({"Name": None}, {"Name": "new"}),
        ({}, {"Name": "new"}),
    ],
)
def test_if_empty_writes_only_where_nothing_stands(base: Native, written: Native) -> None:
    mapped = one_map("name: {to: Name, write: if_empty}")
    assert mapped.write({"name": "new"}, base=base).fields == written


def test_create_only_is_written_on_create_and_never_again() -> None:
    mapped = one_map("name: {to: Name, write: create_only}\nsite: Site")
    values: dict[str, object] = {"name": "ACME", "site": "x"}
    assert mapped.write(values, create=True).fields == {"Name": "ACME", "Site": "x"}
    assert mapped.write(values).fields == {"Site": "x"}


def test_default_on_create_fills_a_gap_and_says_so() -> None:
    mapped = one_map(
        "name: Name\nexpected_close: {to: Close, as: date, default_on_create: today+90d}", model="deal"
    )
    created = mapped.write({"name": "Big", "expected_close": None}, create=True, today=TODAY)
    assert created.fields == {"Name": "Big", "Close": "2026-05-01"}
    assert created.defaulted == ("expected_close",)
    given = mapped.write({"expected_close": date(2026, 2, 1)}, create=True, today=TODAY)
    assert (given.fields, given.defaulted) == ({"Close": "2026-02-01"}, ())
    assert mapped.write({"expected_close": None}, today=TODAY).fields == {"Close": None}


@pytest.mark.parametrize(
    ("codec", "written"),
    [('{date: "%m/%d/%Y"}', "02/01/2026"), ("{date: epoch_s}", 1769904000)],
)
def test_a_default_that_counts_from_today_is_written_as_the_codec_writes_days(
    codec: str, written: object
) -> None:
    mapped = one_map(f"expected_close: {{to: Close, as: {codec}, default_on_create: today+1d}}", model="deal")
    assert mapped.write({}, create=True, today=TODAY).fields == {"Close": written}


def test_a_default_that_counts_from_today_needs_to_know_the_day() -> None:
    mapped = one_map("expected_close: {to: Close, as: date, default_on_create: today}", model="deal")
    with pytest.raises(CodecError, match="expected_close: "):
        mapped.write({}, create=True)


def test_a_default_of_a_write_rule_is_sent_on_create_only() -> None:
    mapped = one_map("source: {to: Lead_Source, dir: write, default: crmhub}")
    assert mapped.write({}, create=True).fields == {"Lead_Source": "crmhub"}
    assert mapped.write({}).fields == {}


def test_constants_are_written_on_create_and_tell_maps_apart() -> None:
    mapped = one_map("name: Name", more="    where: {Kind: Sale}\n")
    assert mapped.write({"name": "ACME"}, create=True).fields == {"Name": "ACME", "Kind": "Sale"}
    assert mapped.write({"name": "ACME"}).fields == {"Name": "ACME"}
    assert mapped.accepts({"Kind": "Sale"})
    assert not mapped.accepts({"Kind": "Other"})


def test_what_a_codec_refuses_is_said_by_path_and_without_the_value() -> None:
    mapped = one_map("employees: {to: Employees, as: int}")
    with pytest.raises(CodecError) as caught:
        mapped.write({"employees": "secret"})
    assert str(caught.value).startswith("employees: ")
    assert "secret" not in str(caught.value)


# ── models ───────────────────────────────────────────────────────────────────────────────────────

PEOPLE = """
first_name: First
birthday: {to: Born, as: date}
phones[role=main].raw: Phone
phones[role=mobile].raw: Mobile
addresses[role=mailing].city: City
account: {ref: account, to: Account.id}
owner: {ref: user, to: Owner.id}
custom.year: Year
"""


def people() -> CompiledMap:
    return one_map(PEOPLE, model="contact", more="    set: {kind: lead}\n")


def test_values_become_a_model_with_lists_references_and_constants() -> None:
    mapped = people()
    native: Native = {
        "First": "Ana",
        "Phone": None,
        "Mobile": "1",
        "Account": {"id": "7"},
        "Owner": {"id": "9"},
        "Year": "2020",
    }
    built = cast("Contact", mapped.build(mapped.read(native), id="55", connection="test", object="Things"))
    assert built.kind == "lead"
    assert built.phones == [Phone(role="mobile", raw="1")]
    assert built.account == Ref(model="account", id="7")
    assert built.owner == UserRef(id="9")
    assert built.custom == {"year": "2020"}
    assert "birthday" not in built.changes()


def test_a_model_gives_exactly_the_values_that_it_sets() -> None:
    mapped = people()
    assert mapped.flatten(Contact(kind="lead", first_name="Ana", birthday=None)) == {
        "first_name": "Ana",
        "birthday": None,
    }


def test_a_list_that_is_set_is_the_whole_list() -> None:
    flat = people().flatten(Contact(kind="lead", phones=[Phone(role="mobile", raw="1")]))
    assert flat == {"phones[role=main].raw": None, "phones[role=mobile].raw": "1"}


@pytest.mark.parametrize(
    ("record", "named"),
    [
        (Contact(kind="lead", department="R&D"), "department"),
        (Contact(kind="lead", phones=[Phone(role="fax", raw="1")]), r"phones\[role=fax\]"),
        (
            Contact(kind="lead", phones=[Phone(role="main", raw="1", extension="7")]),
            r"phones\[role=main\]\.extension",
        ),
        (
            Contact(kind="lead", addresses=[Address(role="mailing", city="X", line1="Y")]),
            r"addresses\[role=mailing\]\.line1",
        ),
        (Contact(kind="lead", custom={"shoe_size": 42}), r"custom\.shoe_size"),
    ],
)
def test_a_value_without_a_place_is_refused_by_name(record: Contact, named: str) -> None:
    with pytest.raises(CodecError, match=f"{named}: has no place in Things"):
        people().flatten(record)


def test_a_type_without_a_place_is_refused_too() -> None:
    with pytest.raises(CodecError, match="type: has no place"):
        one_map("name: Name", model="deal").flatten(Deal.model_validate({"name": "Big", "type": "renewal"}))


def test_what_a_model_holds_by_default_needs_no_place() -> None:
    mapped = one_map("first_name: First", model="contact")
    assert mapped.flatten(Contact(kind="person", first_name="Ana")) == {"first_name": "Ana"}
    tasks = one_map("subject: Subject", model="activity", more="    set: {type: task}\n")
    assert tasks.flatten(Task(type="task", subject="Call")) == {"subject": "Call"}


# ── custom fields ────────────────────────────────────────────────────────────────────────────────

CUSTOM = ObjectSchema(
    "Things",
    {
        "Name": FieldSpec("Name", "text"),
        "Score__c": FieldSpec("Score__c", "decimal", custom=True),
        "Since__c": FieldSpec("Since__c", "date", custom=True),
        "Tags__c": FieldSpec(
            "Tags__c", "multi_enum", custom=True, choices=(Choice("a", "A"), Choice("b", "B"))
        ),
        "Sum__c": FieldSpec(
            "Sum__c", "decimal", custom=True, creatable=False, updatable=False, computed=True
        ),
        "Key__c": FieldSpec("Key__c", "text", custom=True),
        "Map__c": FieldSpec("Map__c", "geo", custom=True),
        "Standard": FieldSpec("Standard", "text"),
    },
)
PASSED = '    custom: {match: "__c$", to: custom, exclude: [Key__c], split: ";"}\n'


def test_custom_fields_pass_through_typed_by_the_schema() -> None:
    mapped = one_map("name: Name", more=PASSED, schema=CUSTOM)
    native: Native = {
        "Name": "ACME",
        "Score__c": Decimal("1.5"),
        "Since__c": "2026-01-31",
        "Tags__c": "a;b",
        "Sum__c": 7,
    }
    values = mapped.read(native)
    assert values == {
        "name": "ACME", "custom.score": Decimal("1.5"), "custom.since": date(2026, 1, 31),
        "custom.tags": ["a", "b"], "custom.sum": Decimal(7),
    }  # fmt: skip
    assert mapped.write(values).fields == {
        key: native[key] for key in ("Name", "Score__c", "Since__c", "Tags__c")
    }


def test_custom_fields_that_are_excluded_unmatched_or_of_no_use_are_not_read() -> None:
    mapped = one_map("name: Name", more=PASSED, schema=CUSTOM)
    assert set(mapped.fields) == {"Name", "Score__c", "Since__c", "Tags__c", "Sum__c"}


def test_a_custom_field_that_a_rule_maps_is_not_mapped_twice() -> None:
    mapped = one_map("name: Name\nrating: Score__c", more=PASSED, schema=CUSTOM)
    assert [path for path in mapped.by_path if path.startswith("custom.")] == [
        "custom.since",
        "custom.tags",
        "custom.sum",
    ]


def test_custom_fields_of_like_names_keep_apart() -> None:
    fields = {name: FieldSpec(name, "text", custom=True) for name in ("Size__c", "cf_size", "SIZE")}
    mapped = one_map("name: Name", more='    custom: {match: ".*"}\n', schema=ObjectSchema("Things", fields))
    native: Native = {"Size__c": "1", "cf_size": "2", "SIZE": "3"}
    values = mapped.read(native)
    assert len(values) == 3
    assert mapped.write(values).fields == native


@pytest.mark.parametrize(
    ("native", "key"),
    [
        ("Shoe_Size__c", "shoe_size"),
        ("cf_tier", "tier"),
        ("Größe", "gr__e"),
        ("1st", "_1st"),
        ("a b/c", "a_b_c"),
    ],
)
def test_the_key_of_a_custom_field_is_plain(native: str, key: str) -> None:
    assert custom_key(native) == key


# ── a connection's maps ──────────────────────────────────────────────────────────────────────────

TASKS = """
crm: test
version: 1
maps:
  - {model: activity, object: Task, set: {type: task}, fields: {subject: Subject}}
  - model: activity
    object: Task
    set: {type: call}
    where: {Kind: Call}
    fields: {subject: Subject, purpose: Why}
"""


def test_of_several_maps_of_an_object_the_one_whose_constants_fit_reads_the_record() -> None:
    mapping = ConnectionMapping(spec_of(TASKS))
    call, task = mapping.of_record("Task", {"Kind": "Call"}), mapping.of_record("Task", {"Kind": "Other"})
    assert call is not None
    assert call.spec.constants == {"type": "call"}
    assert task is not None
    assert task.spec.constants == {"type": "task"}
    assert mapping.fields("Task") == ("Subject", "Why", "Kind")
    assert mapping.target("activity", {"type": "call"}) is call
    assert mapping.target("activity", {"type": "note"}) is None


def test_a_connection_overrides_and_unmaps_field_by_field(tmp_path: Path) -> None:
    file = tmp_path / "test.yaml"
    file.write_text(TASKS)
    own = Document.parse("mapping:\n  Task: {subject: Title, purpose: null}\n", "crmhub.yaml")
    spec = load_mapping(file, override=Override(own, ("mapping",)))
    assert [[(rule.path.text, rule.to) for rule in entry.rules] for entry in spec.maps] == [
        [("subject", ("Title",))]
    ] * 2
    assert spec.maps[0].rules[0].at == "crmhub.yaml:2:10"


def test_instants_are_utc() -> None:
    mapped = one_map("created_at: {to: Made, as: datetime, dir: read}")
    assert mapped.read({"Made": "2026-01-31T15:30:00+01:00"}) == {
        "created_at": datetime(2026, 1, 31, 14, 30, tzinfo=UTC)
    }
    built = cast("Account", mapped.build(mapped.read({"Made": "2026-01-31T15:30:00+01:00"})))
    assert built.created_at == datetime(2026, 1, 31, 14, 30, tzinfo=UTC)
