"""An agent that may ask all that can be asked of the doubles of two CRMs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

from crmhub.agent.gate import Gate, Reply
from crmhub.agent.packs import PACKS
from crmhub.agent.tool import Toolbox
from crmhub.clock import Clock
from crmhub.connection import Connection
from crmhub.native import Value
from tests.agents import BOT, ORIGIN, ListedAudit, agents_of
from tests.integration.api_doubles import Both, both

__all__ = ["MODELS", "Asked", "asked", "ids"]

MODELS = ("contact", "account", "deal", "activity", "user", "stage")
Item = Mapping[str, object]


@dataclass
class Asked:
    """A gate to Zoho and Salesforce, and how many calls came to it."""

    crms: Both
    gate: Gate
    audit: ListedAudit

    async def reply(self, name: str, /, **given: object) -> Reply:
        return await self.gate.call(BOT, name, given, origin=ORIGIN)

    async def __call__(self, name: str, /, **given: object) -> Mapping[str, object]:
        """The answer to a call that succeeds."""
        reply = await self.reply(name, **given)
        assert not reply.is_error, reply.structured
        return reply.structured

    async def every(self, name: str, items: str, /, **given: object) -> list[Item]:
        """The items of all pages of an answer."""
        found: list[Item] = []
        answer = await self(name, **given)
        found += listed(answer, items)
        while "next_cursor" in answer:
            answer = await self(name, **given, cursor=answer["next_cursor"])
            found += listed(answer, items)
        assert not answer["truncated"]
        return found

    @property
    def connections(self) -> Sequence[Connection]:
        return [self.crms.hub[name] for name in ("zoho", "salesforce")]

    @property
    def calls(self) -> int:
        return len(self.audit.intents)


def listed(answer: Mapping[str, object], items: str) -> list[Item]:
    return cast("list[Item]", answer[items])


def ids(items: Sequence[Item]) -> list[str]:
    return [str(each["id"]) for each in items]


@asynccontextmanager
async def asked(
    rows: int = 25,
    *,
    suite: Sequence[str] = (),
    faults: Sequence[str] = (),
    clock: Clock | None = None,
    **policy: object,
) -> AsyncGenerator[Asked]:
    """``suite``: parts of Zoho beside its CRM; ``faults`` happen there; ``policy`` goes before a free one."""
    whole: dict[str, object] = {
        "tools": ["pack:questions"],
        "connections": ["zoho", "salesforce"],
        "models": {name: {"fields": {"allow": ["*", "custom"]}} for name in MODELS},
        "limits": {"calls_per_minute": 1_000},
    }
    more: dict[str, dict[str, Value]] = {name: {} for name in suite}
    async with both(rows, faults, clock=clock, **more) as crms:
        audit = ListedAudit()
        gate = await Gate.of(crms.hub, agents_of(**(whole | policy)), Toolbox(PACKS), audit)
        yield Asked(crms, gate, audit)
