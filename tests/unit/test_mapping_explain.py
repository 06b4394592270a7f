"""One record's way through a mapping and on into another CRM's."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from crmhub.document import Document
from crmhub.errors import ConfigError
from crmhub.mapping.codecs import CODECS
from crmhub.mapping.compiled import CompiledMap, Pointer, Values
from crmhub.mapping.explain import Explanation, Row, explain
from crmhub.mapping.load import ConnectionMapping
from crmhub.mapping.parse import parse_mapping
from crmhub.mapping.rules import Rule
from crmhub.models import Money
from crmhub.models.registry import BUILT_IN
from crmhub.native import Native
from crmhub.sync.explain import counterpart, map_of, models_of

SOURCE = """
crm: one
version: 1
maps:
  - model: deal
    object: Deals
    fields:
      name: Deal_Name
      amount: {to: Amount, as: {money: {currency: Currency}}}
      type: {to: Type, as: {enum: {New Business: new}}}
      expected_close: {to: Closing_Date, as: date}
      probability: {to: Probability, as: percent}
      stage: {ref: stage, to: Stage, by: label}
      account: {ref: account, to: Account.id}
      created_at: {to: Made, as: datetime, dir: read}
      next_step: Next
      lost_reason: Why
"""
TARGET = """
crm: two
version: 1
maps:
  - model: deal
    object: Opportunity
    fields:
      name: Name
      amount: {to: Sum, as: {money: {default: EUR}}}
      type: {to: Kind, as: {enum: {New Customer: new}}}
      expected_close: {to: CloseDate, as: date, default_on_create: today+30d}
      probability: {to: Probability, as: percent}
      stage: {ref: stage, to: StageName, by: label}
      account: {ref: account, to: AccountId}
      created_at: {to: CreatedDate, as: datetime, dir: read}
      next_step: {to: NextStep, write: create_only}
      source: {to: Source, dir: write, default: crmhub}
"""
RECORD: Native = {
    "id": "7", "Deal_Name": "Big", "Amount": Decimal("12.50"), "Currency": "EUR", "Type": "New Business",
    "Closing_Date": None, "Probability": "lots", "Stage": "Won", "Account": {"id": "55", "name": "ACME"},
    "Made": "2026-01-31T14:30:00Z", "Why": "x", "Extra": 1,
}  # fmt: skip


def mapping_of(text: str) -> ConnectionMapping:
    return ConnectionMapping(parse_mapping(Document.parse(text, "test.yaml"), BUILT_IN, CODECS))


def explained(record: Native = RECORD, *, resolved: bool = False) -> tuple[Explanation, dict[str, Row]]:
    (source,), (target,) = mapping_of(SOURCE).maps, mapping_of(TARGET).maps
    found = explain(record, source, target, resolve=look_up if resolved else None, today=date(2026, 1, 31))
    return found, {row.path: row for row in found.rows}


def look_up(source: CompiledMap, rule: Rule, value: object, resolved: Values) -> tuple[Pointer | None, str]:
    if rule.path.text == "stage":
        return Pointer("Closed Won"), f"found by {rule.by} after {len(resolved)}"
    return None, f"nobody knows {value}"


def test_a_row_follows_a_value_from_field_to_field() -> None:
    _, rows = explained()
    amount = rows["amount"]
    assert (amount.native, amount.given, amount.codec) == (
        ("Amount", "Currency"),
        (Decimal("12.50"), "EUR"),
        "money",
    )
    assert (amount.value, amount.target, amount.sent) == (
        Money(Decimal("12.5"), "EUR"),
        ("Sum",),
        {"Sum": Decimal("12.50")},
    )
    assert (rows["type"].value, rows["type"].sent) == ("new", {"Kind": "New Customer"})
    assert rows["name"].at == "test.yaml:8:7"


@pytest.mark.parametrize(
    ("path", "sent", "note"),
    [
        ("created_at", None, "read-only in the target"),
        ("lost_reason", None, "no place in the target"),
        ("next_step", None, "not in the record"),
        ("expected_close", {"CloseDate": "2026-03-02"}, "filled in, since the target demands it"),
        ("source", {"Source": "crmhub"}, "the mapping's default"),
        ("stage", None, "stage is found by label"),
        ("account", None, "found by its link"),
    ],
)
def test_what_goes_nowhere_or_comes_from_nowhere_says_why(path: str, sent: Native | None, note: str) -> None:
    _, rows = explained()
    assert (rows[path].sent, rows[path].note) == (sent, note)


def test_a_value_that_cannot_be_read_says_why_and_is_not_sent() -> None:
    _, rows = explained()
    assert rows["probability"].fault is not None
    assert rows["probability"].given == ("lots",)
    assert rows["probability"].sent is None


def test_a_value_that_the_target_refuses_says_why() -> None:
    _, rows = explained({**RECORD, "Currency": "USD"})
    assert rows["amount"].sent is None
    assert "has a currency and no field for it" in rows["amount"].note


def test_references_say_how_they_were_resolved() -> None:
    _, rows = explained(resolved=True)
    assert (rows["stage"].sent, rows["stage"].note) == ({"StageName": "Closed Won"}, "found by label after 0")
    assert (rows["account"].sent, rows["account"].note) == (None, "nobody knows 55")


def test_fields_that_no_rule_reads_are_named() -> None:
    found, _ = explained()
    assert found.unread == ("id", "Extra")
    assert (found.model, found.source, found.target) == ("deal", "Deals", "Opportunity")


def test_without_a_target_only_the_reading_is_explained() -> None:
    (source,) = mapping_of(SOURCE).maps
    rows = {row.path: row for row in explain(RECORD, source).rows}
    assert (rows["name"].value, rows["name"].target, rows["name"].sent, rows["name"].note) == (
        "Big",
        (),
        None,
        "",
    )
    assert not rows["next_step"].present
    assert rows["expected_close"].present


def test_an_object_record_or_model_without_a_map_says_what_there_is() -> None:
    source = mapping_of(SOURCE)
    assert models_of(source.spec, "Deals") == ("deal",)
    with pytest.raises(ConfigError, match=r"no map of object 'Deal' · did you mean 'Deals'"):
        models_of(source.spec, "Deal")
    told_apart = mapping_of(SOURCE.replace("object: Deals", "object: Deals\n    where: {Kind: Sale}"))
    with pytest.raises(ConfigError, match=r"no map of Deals takes this record .* \{'Kind': 'Sale'\}"):
        map_of(told_apart, "Deals", {"Kind": "Gift"})
    other = mapping_of(TARGET.replace("model: deal", "model: account").split("      amount")[0])
    with pytest.raises(ConfigError, match="no map of model deal"):
        counterpart(source.maps[0], other)
