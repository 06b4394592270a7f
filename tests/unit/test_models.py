"""Canonical models: three-valued fields, exact money, open enums, instants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from crmhub.errors import ConfigError
from crmhub.models import (
    Account,
    Activity,
    Call,
    Contact,
    Deal,
    DealStatus,
    Life,
    Money,
    Note,
    Record,
    Ref,
    Unknown,
    UserRef,
)
from crmhub.models.registry import with_models


def test_unset_null_and_value_are_three_things() -> None:
    deal = Deal(name="Big", amount=None)
    assert deal.changes() == {"name", "amount"}
    assert deal.model_dump(exclude_unset=True) == {"name": "Big", "amount": None}


def test_an_unknown_field_is_refused_without_showing_its_value() -> None:
    with pytest.raises(ValidationError) as caught:
        Contact.model_validate({"first_nam": "Secret Person"})
    assert "first_nam" in str(caught.value)
    assert "Secret Person" not in str(caught.value)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=9))
def test_money_keeps_every_digit_through_json(amount: Decimal) -> None:
    deal = Deal(amount=Money(amount, "EUR"))
    assert Deal.model_validate_json(deal.model_dump_json()).amount == Money(amount, "EUR")


@pytest.mark.parametrize("amount", [1.1, float("nan")])
def test_money_is_never_a_float(amount: float) -> None:
    with pytest.raises(TypeError, match="never a float"):
        Money(amount)  # pyright: ignore[reportArgumentType] - what a caller without a type checker does


@pytest.mark.parametrize("currency", ["eur", "EURO", "E1R€", ""])
def test_a_currency_is_three_letters(currency: str) -> None:
    with pytest.raises(ValueError, match="ISO 4217"):
        Money(Decimal(1), currency)


def test_an_enum_is_open_and_keeps_the_literal() -> None:
    known = Deal.model_validate({"status": "won"}).status
    odd = Deal.model_validate({"status": "On Hold!"}).status
    assert known is DealStatus.WON
    assert isinstance(odd, Unknown)
    assert odd.raw == "On Hold!"
    assert Deal.model_validate_json(Deal(status=odd).model_dump_json()).status == "On Hold!"


def test_an_instant_is_utc_and_never_naive() -> None:
    there = datetime(2026, 3, 1, 9, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert Deal(created_at=there).created_at == datetime(2026, 3, 1, 3, 30, tzinfo=UTC)
    with pytest.raises(ValidationError, match="time zone"):
        Deal(created_at=datetime(2026, 3, 1, 9))  # noqa: DTZ001 - the mistake itself


def test_activities_are_told_apart_by_type() -> None:
    adapter: TypeAdapter[Activity] = TypeAdapter(Activity)
    call = adapter.validate_python({"type": "call", "duration": 90, "subject": "Hello"})
    assert isinstance(call, Call)
    assert call.duration == timedelta(seconds=90)
    assert isinstance(adapter.validate_python({"type": "note"}), Note)


def test_life_says_what_became_of_a_record() -> None:
    merged = Account(life=Life(state="merged", into="42"))
    assert merged.life.into == "42"
    assert Account().life.state == "live"


def test_references_are_values() -> None:
    assert Ref(model="account", id="1") == Ref(model="account", id="1")
    assert UserRef(email="ann@example.com") != UserRef(email="bob@example.com")


class Property(Record):
    """A house for sale: a model of a user's own."""

    model = "property"
    bedrooms: int | None = None


class BigAccount(Account):
    """An account with one more field."""

    credit_limit: Money | None = None


def test_a_subclass_takes_its_parents_place_and_a_new_model_stands_beside() -> None:
    models = with_models([Property, BigAccount])
    assert models["account"] == [BigAccount]
    assert models["property"] == [Property]


def test_two_unrelated_models_of_one_name_are_refused() -> None:
    class Impostor(Record):
        model = "account"

    with pytest.raises(ConfigError, match=r"Impostor\.model is 'account'"):
        with_models([Impostor])
