"""Answers: values for machines and people, sizes that hold, tools that are fit to be shown."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from crmhub.agent.answers import (
    AnswerBase,
    DateOut,
    MoneyOut,
    Refused,
    Source,
    Text,
    TimeOut,
    parse_id,
    status_of,
    typed_id,
)
from crmhub.agent.replies import encoded, sized
from crmhub.agent.tool import Arguments, Call, Pack, Told, Toolbox, tool
from crmhub.errors import PluginError
from crmhub.models import Contact, Money
from tests.agents import PACK


@pytest.mark.parametrize(
    ("money", "amount", "text"),
    [
        (Money(Decimal(1250), "EUR"), "1250", "€ 1,250.00"),
        (Money(Decimal("-0.5"), "USD"), "-0.5", "-$ 0.50"),
        (Money(Decimal("1E+3"), "JPY"), "1000", "¥ 1,000"),
        (Money(Decimal("9.999"), "CHF"), "9.999", "CHF 9.999"),
        (Money(Decimal(7), None), "7", "¤ 7.00"),
    ],
)
def test_money_is_exact_and_has_its_currency(money: Money, amount: str, text: str) -> None:
    told = MoneyOut.of(money)
    assert told is not None
    assert (told.amount, told.currency, told.text) == (amount, money.currency, text)


def test_days_and_instants_are_for_machines_and_for_people() -> None:
    at = datetime(2026, 11, 22, 0, 5, tzinfo=timezone(timedelta(hours=2)))
    assert DateOut.of(date(2026, 11, 2)) == DateOut(value="2026-11-02", text="2 November 2026")
    assert TimeOut.of(at) == TimeOut(value="2026-11-21T22:05:00Z", text="21 November 2026, 22:05 UTC")
    assert TimeOut.of(datetime(2026, 1, 1, tzinfo=UTC)) is not None
    assert (MoneyOut.of(None), DateOut.of(None), TimeOut.of(None), Text.of(None)) == (None, None, None, None)


def test_text_is_marked_and_says_when_it_is_cut() -> None:
    assert Text.of("<b>short</b>", 10) == Text(text="short", cut=False)
    assert Text.of("a long text", 6) == Text(text="a lon…", cut=True)


def test_ids_say_what_they_are_of() -> None:
    assert typed_id(Contact(id="a:1", connection="north")) == "contact:north:a:1"
    assert parse_id("contact:north:a:1", "contact", "lead") == ("contact", "north", "a:1")
    for wrong in ("", "contact", "contact:north:", "deal:north:1"):
        with pytest.raises(Refused, match="contact:CONNECTION:ID"):
            parse_id(wrong, "contact")


def test_a_status_is_never_better_than_its_sources() -> None:
    ok, unsupported, failed = (
        Source(connection=state, crm="x", state=state) for state in ("ok", "unsupported", "failed")
    )
    assert status_of([ok]) == "ok"
    assert status_of([ok, failed]) == status_of([ok, unsupported]) == "partial"
    assert status_of([unsupported]) == "unsupported"
    with pytest.raises(Refused, match="no CRM could be asked"):
        status_of([unsupported, failed])


# ── sizes ────────────────────────────────────────────────────────────────────────────────────────


class Words(AnswerBase):
    listed = "words"

    words: list[str] = Field(default_factory=list[str])


@settings(max_examples=40)
@given(st.lists(st.text("abc é日", max_size=400), max_size=30), st.integers(1_024, 4_096))
def test_an_answer_that_is_too_large_loses_whole_items_and_says_so(words: list[str], most: int) -> None:
    told = Told(Words(words=words), f"{len(words)} words", lambda count: {"skip": count})
    reply = sized(told, most, lambda place: f"after {place['skip']}" + "x" * 300)
    kept = cast("list[str]", reply.structured["words"])
    assert len(encoded(reply.structured)) <= most
    assert kept == words[: len(kept)]
    assert reply.structured["truncated"] is (len(kept) < len(words))
    if len(kept) < len(words):
        assert str(reply.structured["next_cursor"]).startswith(f"after {len(kept)}x")
        assert f"the first {len(kept)} of {len(words)}" in reply.text


def test_text_that_did_not_come_by_the_reach_is_made_neutral_too() -> None:
    words = ["\u202egpj.exe", "<b>bold</b> [x](https://e.example)", "https://example.com/a", "J\u00f6rg"]
    reply = sized(Told(Words(words=words), "4\nwords"), 2_048, lambda _: "")
    assert reply.structured["words"] == ["gpj.exe", "bold [x] (https[:]//e.example)", *words[2:]]
    assert reply.text == "4 words"


def test_an_item_that_is_too_large_by_itself_is_refused() -> None:
    with pytest.raises(Refused, match="too large"):
        sized(Told(Words(words=["x" * 5_000]), "1 word"), 2_048, lambda _: "")


# ── tools ────────────────────────────────────────────────────────────────────────────────────────


class Loose(BaseModel):
    text: str
    number: Annotated[int, Field(description="How many.")] = 1
    names: list[str] = Field([], max_length=3, description="Names.")


class Fine(Arguments):
    text: Annotated[str, Field(max_length=5, description="A text.")]
    number: int | None = Field(None, le=5, description="How many.")


async def run(call: Call, given: BaseModel) -> Told:
    """Do something."""
    return Told(AnswerBase(), "done")


def test_a_tool_that_is_not_described_and_bounded_is_not_offered() -> None:
    loose = tool(Loose, AnswerBase, title="Loose", name="Loose")(run)
    assert loose.faults() == [
        "a name is 3 to 64 of a-z, 0-9 and _",
        "its arguments take what nobody declared: subclass Arguments",
        "argument text is not described",
        "argument text has no bound: give it a maximum length, value or number of items",
        "argument number has no bound: give it a maximum length, value or number of items",
        "argument names has no bound: give it a maximum length, value or number of items",
    ]
    with pytest.raises(PluginError, match="argument text is not described"):
        Toolbox([Pack("loose", "Loose.", (loose,))])
    fine = tool(Fine, AnswerBase, title="Fine", name="fine")(run)
    assert fine.faults() == []
    assert fine.input_schema["additionalProperties"] is False
    assert "title" not in fine.input_schema


def test_two_tools_of_one_name_are_told_and_one_in_two_packs_is_none() -> None:
    fine, other = (tool(Fine, AnswerBase, title="Fine", name="fine")(run) for _ in range(2))
    box = Toolbox([Pack("a", "A.", (fine,)), Pack("b", "B.", (fine,)), PACK])
    assert [*box.chosen(["pack:b", "get_person"])] == ["fine", "get_person"]
    with pytest.raises(PluginError, match="two tools are called 'fine'"):
        Toolbox([Pack("a", "A.", (fine,)), Pack("b", "B.", (other,))])
