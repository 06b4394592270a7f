"""What the hub hands to connectors: HTTP clients, tokens, time and randomness, by connection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING

from crmhub.clock import Clock
from crmhub.connector import Context
from crmhub.events import Events

if TYPE_CHECKING:
    import httpx

    from crmhub.http import Allowance, Booking, Budget, Claim, HttpClient, HttpSettings, Limit, Spent, Token
    from crmhub.store import Store

__all__ = ["Supplies"]


class Supplies:
    """One hub's supplies. The store is opened when the first token or quota is asked for."""

    def __init__(
        self,
        *,
        clock: Clock,
        events: Events,
        random: Random,
        store: Callable[[], Awaitable[Store]],
        transports: Mapping[str, httpx.AsyncBaseTransport] | None = None,
    ) -> None:
        self._clock = clock
        self._events = events
        self._random = random
        self._store = store
        self._transports = dict(transports or {})
        self._clients: dict[str, list[HttpClient]] = {}

    def context(self, connection: str) -> Context:
        """The supplies of one connection."""
        return Context(
            connection,
            self._clock,
            self._events,
            self._random,
            _StoredTokens(self._store),
            lambda wanted: self._client(connection, wanted),
        )

    def release(self, connection: str) -> Callable[[], Awaitable[None]]:
        """Take the connection's HTTP clients away from it; what this gives closes them."""
        clients = self._clients.pop(connection, [])

        async def close() -> None:
            for client in clients:
                await client.aclose()

        return close

    def _client(self, connection: str, wanted: HttpSettings) -> HttpClient:
        from crmhub.http import HttpClient

        client = HttpClient(
            wanted,
            connection=connection,
            clock=self._clock,
            events=self._events,
            random=self._random,
            transport=self._transports.get(connection),
            quotas=_StoredQuotas(self._store),
            budgets=_StoredBudgets(self._store),
        )
        self._clients.setdefault(connection, []).append(client)
        return client


class _StoredTokens:
    """The store's tokens, opening the store when the first one is asked for."""

    def __init__(self, store: Callable[[], Awaitable[Store]]) -> None:
        self._store = store

    async def load(self, connection: str) -> Token | None:
        return await (await self._store()).tokens.load(connection)

    async def save(self, connection: str, token: Token, claim: Claim | None = None) -> bool:
        return await (await self._store()).tokens.save(connection, token, claim)

    async def claim(self, connection: str, seconds: float) -> Claim | None:
        return await (await self._store()).tokens.claim(connection, seconds)

    async def release(self, connection: str, claim: Claim) -> None:
        await (await self._store()).tokens.release(connection, claim)


class _StoredQuotas:
    """The store's quotas, opening the store when a call is first made that a limit covers."""

    def __init__(self, store: Callable[[], Awaitable[Store]]) -> None:
        self._store = store

    async def book(
        self, connection: str, limits: Sequence[Limit], calls: int, hold: float | None = None
    ) -> Booking:
        return await (await self._store()).quotas.book(connection, limits, calls, hold)

    async def free(self, connection: str, slots: Collection[str]) -> None:
        await (await self._store()).quotas.free(connection, slots)


class _StoredBudgets:
    """The store's budgets, opening the store when a call is first made that is paid from one."""

    def __init__(self, store: Callable[[], Awaitable[Store]]) -> None:
        self._store = store

    async def spend(self, connection: str, budget: Budget, cost: int, *, urgent: bool) -> Spent:
        return await (await self._store()).budgets.spend(connection, budget, cost, urgent=urgent)

    async def told(self, connection: str, budget: Budget, allowance: Allowance) -> None:
        await (await self._store()).budgets.told(connection, budget, allowance)

    async def left(self, connection: str, budget: Budget, units: int) -> None:
        await (await self._store()).budgets.left(connection, budget, units)
