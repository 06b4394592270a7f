"""A mapping against the CRM's own schema: each finding is one line with its place."""

from __future__ import annotations

import pytest

from crmhub.document import Document
from crmhub.mapping.check import check_mapping
from crmhub.mapping.codecs import CODECS
from crmhub.mapping.load import load_mapping, shipped_mappings
from crmhub.mapping.parse import parse_mapping
from crmhub.models.registry import BUILT_IN
from crmhub.schema import Choice, FieldSpec, ObjectSchema


def choices(*values: str) -> tuple[Choice, ...]:
    return tuple(Choice(value, value) for value in values)


OLD = Choice("Old", "Old", active=False)
FIELDS = [
    FieldSpec("Name", "text"),
    FieldSpec("Size", "int"),
    FieldSpec("Closed", "date"),
    FieldSpec("Active", "bool"),
    FieldSpec("Tags", "multi_enum", choices=choices("a", "b")),
    FieldSpec("Kind", "enum", choices=choices("New", "Existing", "Renewal")),
    FieldSpec("Status", "enum", choices=(*choices("Open", "Won"), OLD), restricted=True),
    FieldSpec("Total", "money", computed=True, creatable=False, updatable=False),
    FieldSpec("Made", "datetime", creatable=False, updatable=False),
    FieldSpec("Parent", "ref", refers_to=("Accounts",), updatable=False),
    FieldSpec("Owner", "ref", refers_to=("users",)),
    FieldSpec("Secret", "text", readable=False),
    FieldSpec("Late", "text", creatable=False),
]


def findings(rule: str, *fields: FieldSpec, more: str = "") -> list[str]:
    """What is said of one rule of a deal, which stands in line 7, column 7."""
    text = (
        f"crm: test\nversion: 1\nmaps:\n  - model: deal\n    object: Deals\n    fields:\n      {rule}\n{more}"
        "  - {model: account, object: Accounts, fields: {name: Name}}\n"
        "  - {model: user, object: users, fields: {name: {to: name, dir: read}}}\n"
    )
    spec = parse_mapping(Document.parse(text, "test.yaml"), BUILT_IN, CODECS)
    described = {field.name: field for field in fields or FIELDS}
    return [str(finding) for finding in check_mapping(spec, {"Deals": ObjectSchema("Deals", described)})]


GOOD = [
    "name: Name",
    "expected_close: {to: Closed, as: date}",
    "tags: Tags",
    "tags: {to: Tags, as: {split: ';'}}",
    "owner: {ref: user, to: Owner.id}",
    "account: {ref: account, to: Parent, write: create_only}",
    "expected_revenue: {to: Total, as: money, dir: read}",
    "created_at: {to: Made, as: datetime, dir: read}",
    "source: {to: Size, dir: read}",
    "type: {to: Kind, as: {enum: {New: new, Existing: existing, Renewal: renewal}}}",
    "status: {to: Status, as: {enum: {Open: open, Won: won}}}",
    "next_step: {to: Secret, dir: write}",
    "priority: {to: $system.id}",
]


@pytest.mark.parametrize("rule", GOOD)
def test_what_fits_is_not_mentioned(rule: str) -> None:
    assert findings(rule) == []


BAD = [
    ("name: Nam", "name: Deals has no field 'Nam'; did you mean 'Name'?"),
    ("name: Nam.x", "name: Deals has no field 'Nam'; did you mean 'Name'?"),
    (
        "name: Zzz",
        "name: Deals has no field 'Zzz'",
    ),
    (
        "source: Size",
        "source: type mismatch: source is text, Size is int, which refuses most texts; add dir: read",
    ),
    ("source: {to: Size, as: text}", "source is text, Size is int, which refuses most texts; add dir: read"),
    ("source: Active", "source is text, Active is bool, which is not read as text; add as: text"),
    ("source: Tags", 'source is text, Tags is multi_enum, which is not read as text; add as: {split: ";"}'),
    ("tags: Name", 'tags is texts, Name is text, which holds no list; add as: {split: ";"}'),
    (
        "amount: {to: Closed, as: money}",
        "amount is money, Closed is date, which the codec money does not take",
    ),
    ("owner: {ref: user, to: Active}", "owner is user, Active is bool, which points to no record"),
    ("amount: {to: Total, as: money}", "amount: Total is computed; add dir: read"),
    ("stage_entered_at: {to: Made, as: datetime}", "stage_entered_at: Made is read-only; add dir: read"),
    (
        "account: {ref: account, to: Parent}",
        "account: Parent can only be set on create; add write: create_only",
    ),
    ("next_step: Secret", "next_step: Secret cannot be read; add dir: write"),
    ("next_step: Late", "next_step: Late cannot be set on create; add dir: read"),
    (
        "account: {ref: account, to: Owner}",
        "warning: account: Owner points to users, not to an object of account",
    ),
    (
        "type: {to: Kind, as: {enum: {New: new, Existing: existing}}}",
        "warning: type: the table lacks Renewal of Kind; they are kept as they are",
    ),
    (
        "type: {to: Kind, as: {enum: {New: new, Existing: existing}}, unknown: error}",
        "warning: type: the table lacks Renewal of Kind; they cannot be read",
    ),
    (
        "type: {to: Kind, as: {enum: {New: new, Existing: existing, Renewal: renewal, Foo: other}}}",
        "warning: type: the table names Foo, which Kind does not have; choices: New, Existing, Renewal",
    ),
    (
        "status: {to: Status, as: {enum: {Open: open, Won: won, Lost: lost}}}",
        "status: the table names Lost, which Status does not have; choices: Open, Won, Old",
    ),
    (
        "priority: {to: Status, default_on_create: New}",
        "priority: default_on_create: Status has no choice 'New'; choices: Open, Won, Old",
    ),
    ("amount: {to: Size, as: {money: {currency: Curency}}}", "amount: Deals has no field 'Curency'"),
]


@pytest.mark.parametrize(("rule", "said"), BAD, ids=[rule for rule, _ in BAD])
def test_what_does_not_fit_is_one_line_with_its_place(rule: str, said: str) -> None:
    (line,) = findings(rule)
    assert line.startswith("test.yaml:7:7: ")
    assert said in line


REQUIRED = (
    FieldSpec("Name", "text", required=True),
    FieldSpec("Stage", "enum", choices=choices("Open"), required=True),
)


def test_a_field_that_the_crm_demands_must_be_filled_by_something() -> None:
    (line,) = findings("name: Name", *REQUIRED)
    assert line.startswith("test.yaml:4:5: Deals: Stage is required on create and nothing fills it; ")
    assert line.endswith("map it, or add where: {Stage: …}")
    assert findings("name: {to: Name, dir: read}", *REQUIRED) == []  # nothing is ever created
    read = findings("name: Name\n      source: {to: Stage, dir: read}", *REQUIRED)
    assert read == [
        "test.yaml:8:7: source: Stage is required on create and nothing fills it; let the rule write it"
    ]


@pytest.mark.parametrize(
    ("rule", "more"),
    [
        ("name: Name\n      source: {to: Stage, dir: write, default: Open}", ""),
        ("name: Name\n      source: {to: Stage, default_on_create: Open}", ""),
        ("name: Name", "    where: {Stage: Open}\n"),
    ],
)
def test_a_default_or_a_constant_fills_what_is_demanded(rule: str, more: str) -> None:
    assert findings(rule, *REQUIRED, more=more) == []


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("{Knd: New}", "test.yaml:4:5: Deals.where: Deals has no field 'Knd'; did you mean 'Kind'?"),
        ("{Made: x}", "test.yaml:4:5: Deals.where: Made cannot be set on create"),
        (
            "{Kind: Nw}",
            "test.yaml:4:5: warning: Deals.where: Kind has no choice 'Nw'; choices: New, Existing, Renewal",
        ),
        ("{Status: Nw}", "test.yaml:4:5: Deals.where: Status has no choice 'Nw'; choices: Open, Won, Old"),
    ],
)
def test_constants_are_checked_too(where: str, said: str) -> None:
    assert findings("name: Name", more=f"    where: {where}\n") == [said]


def test_an_object_without_a_schema_is_left_alone() -> None:
    spec = parse_mapping(
        Document.parse(
            "crm: t\nversion: 1\nmaps: [{model: deal, object: D, fields: {name: N}}]", "test.yaml"
        ),
        BUILT_IN,
        CODECS,
    )
    assert check_mapping(spec, {}) == []


def test_a_field_of_the_shipped_mapping_that_an_org_hides_is_a_warning() -> None:
    path = shipped_mappings()["salesforce"]
    schema = ObjectSchema("Note", {name: FieldSpec(name, "text") for name in ("Title", "ParentId")})
    lines = [str(line) for line in check_mapping(load_mapping(path), {"Note": schema})]
    body = next(line for line in lines if "body" in line)
    assert "warning" in body
    assert "the rule is left out" in body
