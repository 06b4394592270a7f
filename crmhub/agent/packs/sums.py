"""Sums of money: each currency for itself, never one added to another."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from crmhub.agent.answers import MoneyOut
from crmhub.models import Money

__all__ = ["totals_of"]


def totals_of(amounts: Iterable[Money | None]) -> list[MoneyOut]:
    """The total of each currency, by its code. Of one connection: the CRM's own has no code."""
    totals: dict[str | None, Decimal] = {}
    for money in amounts:
        if money is not None:
            totals[money.currency] = totals.get(money.currency, Decimal(0)) + money.amount
    told = (MoneyOut.of(Money(totals[code], code)) for code in sorted(totals, key=str))
    return [each for each in told if each is not None]
