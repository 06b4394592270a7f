"""A connector with several ways into the CRM in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import ClassVar

from crmhub.connector import Context, Missing, Native, Outcome, WriteRequest
from crmhub.routing import Route, wished
from crmhub.testing.memory import MemoryConfig, MemoryConnector, MemoryCrm
from crmhub.tiers import TierRouter

__all__ = ["ReadingOnly", "Tiered"]

_TIERS = ("front", "back", "side")


class Tiered(MemoryConnector):
    """Goes by the front door where nobody says otherwise; the side door is locked.

    ``only`` are the operations of doors that are not for all.
    """

    only: ClassVar[Mapping[str, Collection[str]]] = {}

    def __init__(self, config: MemoryConfig, context: Context, crm: MemoryCrm | None = None) -> None:
        super().__init__(config, context, crm)
        self.router = TierRouter(
            [Route(None, _TIERS)],
            {"front": lambda: None, "back": lambda: None, "side": lambda: self.why_not},
            clock=context.clock,
            events=context.events,
            connection=context.connection,
            only=self.only,
        )

    why_not = "it is locked"

    @property
    def tiers(self) -> TierRouter:
        return self.router

    async def try_tiers(self) -> None:
        for name in ("front", "back"):
            await self.router.run("get", {name: partial(super().capabilities)}, tier=name)

    async def get(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> Sequence[Native | Missing]:
        ways = {name: partial(self.got, name, object, ids, fields) for name in _TIERS}
        return (await self.router.run("get", ways, tier=self.wanted())).value

    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        ways = {name: partial(self.written, name, request) for name in _TIERS}
        return (await self.router.run(request.operation, ways, tier=self.wanted())).value

    async def got(
        self, tier: str, object: str, ids: Sequence[str], fields: Sequence[str]
    ) -> Sequence[Native | Missing]:
        del tier
        return await super().get(object, ids, fields)

    async def written(self, tier: str, request: WriteRequest) -> Sequence[Outcome]:
        del tier
        return await super().write(request)

    def wanted(self) -> str | None:
        wish = wished()
        return wish.tier if wish else None


class ReadingOnly(Tiered):
    """Its back door is for reading."""

    only: ClassVar[Mapping[str, Collection[str]]] = {"back": ("get",)}
