"""The pipeline: how many deals stand in which stage, what they are worth, and which are the largest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, Literal

from pydantic import Field

from crmhub.agent.answers import Answer, AnswerBase, MoneyOut, status_of
from crmhub.agent.packs.asking import with_names
from crmhub.agent.packs.questions import DEAL
from crmhub.agent.packs.shapes import DealOut, RefOut
from crmhub.agent.packs.sums import totals_of
from crmhub.agent.tool import Arguments, Call, Told, tool
from crmhub.models import Deal, DealStatus, Money, Ref

__all__ = ["PIPELINE"]

Period = Literal["this_month", "this_quarter", "next_quarter", "this_year"]
_CENT: Final = Decimal("0.01")
_MONTHS: Final[Mapping[Period, tuple[int, int]]] = {
    "this_month": (1, 0),
    "this_quarter": (3, 0),
    "next_quarter": (3, 1),
    "this_year": (12, 0),
}
"""How many months a period has, and how many periods it is ahead."""


class PipelineSummary(Arguments):
    """Which deals."""

    connection: str | None = Field(
        None, max_length=64, description="A connection or a kind of CRM; all by default."
    )
    closing: Period | None = Field(None, description="Only deals expected to close then.")
    status: Literal["open", "won", "lost"] = Field("open", description="Only these.")
    top: int = Field(5, ge=0, le=20, description="How many of the largest, in each currency.")
    top_by: Literal["deal", "contact", "account"] = Field(
        "deal", description="Largest single deals, or contacts (leads) or companies by the sum of theirs."
    )


class StageSum(Answer):
    """The deals of one stage."""

    connection: str
    pipeline: str | None = None
    stage: str | None = None
    count: int
    totals: list[MoneyOut]
    """By currency."""
    weighted: list[MoneyOut] = Field(default_factory=list[MoneyOut])
    """Each amount by its probability; deals without one are not in it."""


class Largest(Answer):
    """Somebody with deals."""

    who: RefOut
    total: MoneyOut
    count: int


class Pipeline(AnswerBase):
    """The sums, and the largest."""

    listed = "stages"

    closing_from: str | None = None
    closing_to: str | None = None
    count: int = 0
    stages: list[StageSum] = Field(default_factory=list[StageSum])
    totals: dict[str, list[MoneyOut]] = Field(default_factory=dict[str, list[MoneyOut]])
    """Of all stages, by connection and currency."""
    without_amount: int = 0
    """Deals that count, and have no amount."""
    top_deals: list[DealOut] = Field(default_factory=list[DealOut])
    """The largest first; of several currencies, those of each."""
    top: list[Largest] = Field(default_factory=list[Largest])
    """With `top_by`: who has the most."""


@tool(PipelineSummary, Pipeline, title="Summarise the pipeline", models=["deal", "contact", "account"])
async def pipeline_summary(call: Call, given: PipelineSummary) -> Told:
    """Sales figures: for each stage of each pipeline how many deals there are, their total value and the
    weighted forecast by currency; and the top deals, leads or companies by deal value. For this month, this
    or the next quarter, this year, or all open deals. Use it for forecasts, rankings and totals."""
    period = None if given.closing is None else _days(given.closing, call.now.date())

    async def ask(connection: str) -> list[Deal]:
        return await _deals(call, connection, given, period)

    found, sources = await call.reach.ask(call.reach.named(given.connection), ask)
    data = Pipeline(status=status_of(sources), sources=sources)
    if period is not None:
        data.closing_from, data.closing_to = period[0].isoformat(), period[1].isoformat()
    deals = [deal for several in found.values() for deal in several]
    data.count, data.without_amount = len(deals), sum(deal.amount is None for deal in deals)
    for connection, several in found.items():
        data.stages += _stages(connection, several)
        data.totals[connection] = totals_of(deal.amount for deal in several)
    if given.top_by == "deal":
        top = _largest(deals, given.top)
        await call.reach.handed(top)
        named = await with_names(call, top, "account", "primary_contact")
        data.top_deals = [DealOut.of(each) for each in named]
    else:
        data.top = await _owners(call, deals, given.top_by, given.top)
    return Told(data, f"{data.count} deals in {len(data.stages)} stages of {', '.join(found) or 'no CRM'}")


async def _deals(
    call: Call, connection: str, given: PipelineSummary, period: tuple[date, date] | None
) -> list[Deal]:
    """The deals that are meant. Raises :class:`Refused` where the agent does not see what is summed up."""
    deals = call.reach.of(connection, Deal)
    deals.demand("amount", "status")
    if period is not None:
        deals.demand("expected_close")
    if given.top_by != "deal":
        deals.demand(_FIELD[given.top_by])
    found: list[Deal] = []
    fields = deals.among([*DEAL, "pipeline"])
    async with aclosing(deals.scan(fields=fields, where={"status": DealStatus(given.status)})) as pages:
        async for page in pages:
            found += [deal for deal in page if period is None or _within(deal.expected_close, period)]
    return found


_FIELD: Final = {"contact": "primary_contact", "account": "account"}


def _within(day: date | None, period: tuple[date, date]) -> bool:
    return day is not None and period[0] <= day <= period[1]


def _stages(connection: str, deals: Iterable[Deal]) -> list[StageSum]:
    """The sums of each stage, in the order in which the CRM gave deals of them."""
    groups: dict[tuple[str | None, str | None], list[Deal]] = {}
    for deal in deals:
        groups.setdefault((_label(deal.pipeline), _label(deal.stage)), []).append(deal)
    return [
        StageSum(
            connection=connection,
            pipeline=pipeline,
            stage=stage,
            count=len(several),
            totals=totals_of(deal.amount for deal in several),
            weighted=totals_of(_weighted(deal) for deal in several),
        )
        for (pipeline, stage), several in groups.items()
    ]


def _label(ref: Ref | None) -> str | None:
    return None if ref is None else ref.name or ref.id


def _weighted(deal: Deal) -> Money | None:
    if deal.amount is None or deal.probability is None:
        return None
    exact = deal.amount.amount * deal.probability
    return Money(exact.quantize(_CENT, ROUND_HALF_EVEN), deal.amount.currency)


def _currency(deal: Deal) -> str:
    """What amounts can be compared by: a CRM's own currency is like no other's."""
    code = deal.amount.currency if deal.amount else None
    return code or f"~{deal.connection}"


def _largest(deals: Iterable[Deal], most: int) -> list[Deal]:
    """The largest of each currency."""
    groups: dict[str, list[tuple[Decimal, str, Deal]]] = {}
    for deal in deals:
        if deal.amount is not None:
            groups.setdefault(_currency(deal), []).append((-deal.amount.amount, str(deal.id), deal))
    return [
        deal for _, several in sorted(groups.items()) for _, _, deal in sorted(several, key=_first)[:most]
    ]


def _first(one: tuple[Decimal, str, object]) -> tuple[Decimal, str]:
    return one[:2]


async def _owners(call: Call, deals: Sequence[Deal], by: str, most: int) -> list[Largest]:
    """Contacts or accounts with the largest sums in each currency."""
    groups: dict[tuple[str, str, str], list[Deal]] = {}
    for deal in deals:
        ref = deal.primary_contact if by == "contact" else deal.account
        if ref is not None and deal.amount is not None:
            groups.setdefault((_currency(deal), str(deal.connection), ref.id), []).append(deal)
    ranked: dict[str, list[tuple[Decimal, str, list[Deal]]]] = {}
    for (currency, _, own), several in groups.items():
        total = sum((deal.amount.amount for deal in several if deal.amount), Decimal(0))
        ranked.setdefault(currency, []).append((-total, own, several))
    chosen = [one for _, several in sorted(ranked.items()) for one in sorted(several, key=_first)[:most]]
    firsts = await with_names(call, [several[0] for _, _, several in chosen], _FIELD[by])
    await call.reach.handed(firsts)
    found: list[Largest] = []
    for (total, _, several), deal in zip(chosen, firsts, strict=True):
        who = RefOut.of(deal.primary_contact if by == "contact" else deal.account, deal.connection)
        money = MoneyOut.of(Money(-total, deal.amount.currency if deal.amount else None))
        if who is not None and money is not None:
            found.append(Largest(who=who, total=money, count=len(several)))
    return found


def _days(period: Period, today: date) -> tuple[date, date]:
    """The first and the last day of a calendar period, in UTC."""
    months, ahead = _MONTHS[period]
    first = (today.month - 1) // months * months + ahead * months
    return _month(today.year, first), _month(today.year, first + months) - timedelta(days=1)


def _month(year: int, months: int) -> date:
    return date(year + months // 12, months % 12 + 1, 1)


PIPELINE: Final = (pipeline_summary,)
