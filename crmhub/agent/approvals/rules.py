"""Which writes wait for a person, as a policy says."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from crmhub.agent.policy.language import Approval, Over
from crmhub.plan import Plan

__all__ = ["is_needed"]

_MONEY = frozenset({"amount", "annual_revenue", "expected_revenue"})


def is_needed(rules: Approval, tool: str, plan: Plan) -> bool:
    """Whether the plan waits for a person when that tool asks for it."""
    rule = rules.tools.get(tool, rules.default)
    if isinstance(rule, Over):
        return any(abs(amount) > rule.over for amount in _amounts(plan))
    return rule == "always"


def _amounts(plan: Plan) -> Iterator[Decimal]:
    """The amounts of money before and after; what cannot be read counts as any amount."""
    for write in plan.writes:
        for path, pair in write.changes.items():
            if path.partition(".")[0] in _MONEY:
                for value in pair:
                    if value is not None:
                        yield _amount(str(value))


def _amount(text: str) -> Decimal:
    try:
        return Decimal(text.partition(" ")[0])
    except InvalidOperation:
        return Decimal("Infinity")
