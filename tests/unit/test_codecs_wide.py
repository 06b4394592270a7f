"""Codecs of several native fields, chains, and codecs that plugins bring."""

from __future__ import annotations

from decimal import Decimal
from typing import cast

import pytest

from crmhub.connector import Value
from crmhub.mapping.codecs import CODECS, Codec, CodecError, Parameters, WideCodec, is_wide, make
from crmhub.models import Money


def wide(spec: Value) -> WideCodec:
    codec = make(spec)
    assert is_wide(codec)
    return codec


BESIDE: Value = {"money": {"currency": "Currency"}}


def test_money_takes_its_currency_from_the_field_beside_it() -> None:
    codec = wide(BESIDE)
    assert codec.extra == ("Currency",)
    assert codec.decode_all((Decimal("1100.04"), "EUR")) == Money(Decimal("1100.04"), "EUR")
    assert codec.decode_all(("12", " usd ")) == Money(Decimal(12), "USD")
    assert codec.decode_all((12, None)) == Money(Decimal(12))
    assert codec.decode_all((None, "EUR")) is None
    assert codec.decode_all(("", "EUR")) is None


def test_money_without_a_code_is_in_the_default_currency() -> None:
    codec = wide({"money": {"currency": "Currency", "default": "USD"}})
    assert codec.decode_all((12, "")) == Money(Decimal(12), "USD")
    assert codec.decode_all((12, "EUR")) == Money(Decimal(12), "EUR")


@pytest.mark.parametrize("amount", [1.5, "1,234", "$12", True, Decimal("Infinity")])
def test_money_refuses_what_is_not_an_exact_amount(amount: Value) -> None:
    with pytest.raises(CodecError):
        wide("money").decode_all((amount,))


@pytest.mark.parametrize("code", ["$", "EURO", 978, "é€x"])
def test_money_refuses_a_currency_that_is_no_code(code: Value) -> None:
    with pytest.raises(CodecError, match="Currency"):
        wide(BESIDE).decode_all((1, code))


def test_money_is_written_exactly_and_its_currency_only_when_set() -> None:
    codec = wide(BESIDE)
    big = Decimal("12345678901234567890.12")
    assert codec.encode_all(Money(big, "EUR"), (None, None)) == (big, "EUR")
    assert codec.encode_all(Money(big), (None, None)) == (big, None)
    assert codec.encode_all(Money(big), (1, "USD")) == (big, "USD")


def test_money_that_stands_there_already_is_left_as_it_is() -> None:
    amount, code = wide(BESIDE).encode_all(Money(Decimal("10.00"), "USD"), ("10", "usd"))
    assert (amount, code) == ("10", "usd")


def test_money_in_another_currency_is_not_written_where_no_field_could_say_so() -> None:
    assert wide({"money": {"default": "USD"}}).encode_all(Money(Decimal(1), "USD"), (None,)) == (Decimal(1),)
    specs: list[Value] = ["money", {"money": {"default": "USD"}}]
    for spec in specs:
        with pytest.raises(CodecError, match="currency"):
            wide(spec).encode_all(Money(Decimal(1), "EUR"), (None,))


def test_an_amount_that_cannot_be_read_is_replaced() -> None:
    assert wide("money").encode_all(Money(Decimal(1)), ("about ten",)) == (Decimal(1),)


NAMES: list[tuple[str, tuple[Value, ...], tuple[Value, ...]]] = [
    ("Ana Maria Silva", (None, None), ("Ana Maria", "Silva")),
    ("Cher", (None, None), (None, "Cher")),
    ("Ludwig van Beethoven", ("Ludwig", "van Beethoven"), ("Ludwig", "van Beethoven")),
    ("Ludwig W. van Beethoven", ("Ludwig", "van Beethoven"), ("Ludwig W.", "van Beethoven")),
    ("Ludwig van Houten", ("Ludwig", "van Beethoven"), ("Ludwig", "van Houten")),
    ("Ada King", ("Charles", "Babbage"), ("Ada", "King")),
    ("Ana Silva", (None, None, None), ("Ana", None, "Silva")),
    ("Ana Maria Costa Silva", (None, None, None), ("Ana Maria", "Costa", "Silva")),
    ("Eva Silva", ("Ana", None, "Silva"), ("Eva", None, "Silva")),
    ("Ana", ("Ana", "Silva"), (None, "Ana")),
    (" Ada ", ("Ada", None), (None, "Ada")),
]


@pytest.mark.parametrize(("text", "base", "fields"), NAMES, ids=str)
def test_a_full_name_is_divided_by_what_stood_there(
    text: str, base: tuple[Value, ...], fields: tuple[Value, ...]
) -> None:
    assert wide("join").encode_all(text, base) == fields


def test_joined_fields_leave_no_gap_where_one_is_empty() -> None:
    assert wide({"join": ", "}).decode_all(("Berlin", None, "", " DE ")) == "Berlin, DE"
    assert wide("join").decode_all((None, "")) is None


def test_a_chain_reads_forwards_and_writes_backwards() -> None:
    codec = cast("Codec", make([{"unit": {"scale": 1000}}, "int"]))
    assert codec.decode(Decimal("1.5")) == 1500
    assert codec.encode(1500) == Decimal("1.5")
    assert codec.gives == {"int"}


def test_a_chain_with_a_number_at_its_end_writes_its_spelling_into_a_text() -> None:
    codec = cast("Codec", make(["trim", {"prefix": "id-"}, "int"]))
    assert codec.decode(" id-7 ") == 7
    assert codec.encode(7) == "id-7"


def test_a_chain_ends_where_a_codec_finds_nothing() -> None:
    codec = cast("Codec", make(["trim", {"enum": {"a": "b"}}]))
    assert codec.decode("  ") is None


def test_a_chain_is_lossy_one_way_and_ambiguous_as_its_parts_are() -> None:
    codec = make(["html_text", {"enum": {"a": "x", "b": "x"}}])
    assert (codec.encodes, codec.lossy, getattr(codec, "ambiguous", None)) == (False, True, ("x",))


def test_an_amount_in_millions_is_money_both_ways() -> None:
    codec = wide([{"unit": {"scale": 1000000}}, {"money": {"currency": "Code"}}])
    money = Money(Decimal(1100040000), "EUR")
    assert codec.extra == ("Code",)
    assert codec.decode_all((Decimal("1100.04"), "EUR")) == money
    assert codec.encode_all(money, (None, None)) == (Decimal("1100.04"), "EUR")
    assert codec.encode_all(money, ("1100.040", "EUR")) == ("1100.040", "EUR")
    assert codec.encode_all(money, ("unreadable", "EUR")) == (Decimal("1100.04"), "EUR")


def test_codecs_before_and_after_a_joined_one_are_undone_in_writing() -> None:
    codec = wide([{"prefix": "x"}, "join", "email_lower"])
    assert codec.decode_all(("xAna", "xSilva")) == "ana silva"
    assert codec.encode_all("ana silva", (None, None)) == ("xana", "xsilva")


def test_a_chain_holds_one_codec_of_several_fields_at_most() -> None:
    with pytest.raises(CodecError, match="at most one"):
        make(["join", "join"])


def test_a_plugins_codec_is_made_by_its_name() -> None:
    def shout(parameters: Parameters) -> Codec:
        return cast("Codec", make("text"))

    assert make("shout", {"shout": shout}).gives == {"text"}
    assert make("int", CODECS).gives == {"int"}
    with pytest.raises(CodecError, match="did you mean 'shout'"):
        make("shot", {"shout": shout})
    with pytest.raises(CodecError, match="declared twice"):
        make("int", {"int": shout})
