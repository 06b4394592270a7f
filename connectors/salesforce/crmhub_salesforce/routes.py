"""Which tier does what for Salesforce, and the calls that one or the other may make.

Agents' records by id, newest records, searches and queries go by the MCP server, where there is one; all
else by REST. A caller that names no context, such as a sync, gets REST.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import TypeVar

from crmhub.connector import (
    Condition,
    Context,
    Missing,
    Native,
    Outcome,
    Page,
    ReadRequest,
    Value,
    WriteRequest,
)
from crmhub.errors import ConnectorError, Unsupported, Where
from crmhub.http import HttpClient
from crmhub.routing import CallContext, Route, Wish, wished
from crmhub.tiers import Served, TierRouter
from crmhub_salesforce.api import Api
from crmhub_salesforce.config import SalesforceConfig
from crmhub_salesforce.lookup import Lookup, count
from crmhub_salesforce.operations import Operations, most_of
from crmhub_salesforce.schemas import Schemas
from crmhub_salesforce.tiers.arguments import check
from crmhub_salesforce.tiers.mcp import Mcp
from crmhub_salesforce.tiers.rest import Rest
from crmhub_salesforce.tiers.table import OPERATIONS as BY_NAME

__all__ = ["OPERATIONS", "TABLE", "Tiers"]

_MCP = "mcp"
_REST = "rest"
_ASKED = ("get", "list", "search", "query")
_PROBE = "SELECT Id FROM Account LIMIT 1"

OPERATIONS = (*_ASKED, *BY_NAME, "read", "count", "create", "update", "upsert", "delete")
"""``list`` is of the newest, 2,000 at most; ``get_accounts`` and the like are what agents ask by name;
``read`` is of everything and of changes."""

TABLE = (
    Route("agent", (_MCP, _REST)),
    *(Route(context, (_REST,)) for context in ("interactive", "bulk", "background", "fallback", None)),
)

_T = TypeVar("_T")


class Tiers:
    """The tiers of one connection, and the router among them."""

    def __init__(
        self, api: Api, schemas: Schemas, http: HttpClient, config: SalesforceConfig, context: Context
    ) -> None:
        self._schemas = schemas
        self._context: CallContext | None = config.tiers.context
        self._connection = context.connection
        self._rest = Rest(api)
        self.mcp = Mcp(config.tiers.mcp, context.connection, http, schemas.known)
        self._lookups = {_MCP: Lookup(self.mcp, schemas), _REST: Lookup(self._rest, schemas)}
        self._by_name = Operations(self.mcp, self._rest, schemas)
        self.router = TierRouter(
            TABLE,
            {_MCP: self.mcp.absent, _REST: lambda: None},
            clock=context.clock,
            events=context.events,
            connection=context.connection,
            alone=[_MCP],
            operations=OPERATIONS,
            only={_MCP: (*_ASKED, *BY_NAME)},
        )

    async def aclose(self) -> None:
        """End what the tiers have opened."""
        await self.mcp.aclose()

    async def get(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> Sequence[Native | Missing]:
        """A record or ``Missing`` for each id, in order."""
        await self._schemas.checked(object, fields)

        async def by(name: str) -> Sequence[Native | Missing]:
            found = await self._lookups[name].get(object, ids, fields)
            if name != _REST and any(isinstance(one, Missing) for one in found):
                raise Unsupported(
                    "it cannot tell a deleted record from one that never was",
                    where=Where(connection=self._connection, object=object),
                )
            return found

        return (await self._run("get", self._ways(by), object, len(ids))).value

    async def newest(self, object: str, fields: Sequence[str], limit: int) -> Served[Sequence[Native]]:
        """The live records made last, newest first."""
        await self._schemas.checked(object, fields)

        async def by(name: str) -> Sequence[Native]:
            return await self._lookups[name].newest(object, fields, limit)

        return await self._run("list", self._ways(by), object, limit)

    async def ask(self, operation: str, given: Mapping[str, Value]) -> Served[Sequence[Native]]:
        """The records that an agent's operation gives; see :mod:`crmhub_salesforce.operations`."""
        check(operation, given)
        ways = {
            _MCP: partial(self._by_name.by_mcp, operation, given),
            _REST: partial(self._by_name.by_rest, operation, given),
        }
        return await self._run(operation, ways, None, most_of(given))

    async def search(self, object: str, text: str, fields: Sequence[str], limit: int) -> AsyncGenerator[Page]:
        """Records that hold the words."""
        await self._schemas.checked(object, fields)
        ways = {
            name: partial(lookup.search, object, text, fields, limit)
            for name, lookup in self._lookups.items()
        }
        async with aclosing(self._pages("search", ways, object)) as pages:
            async for page in pages:
                yield page
                del page

    async def query(self, text: str) -> AsyncGenerator[Page]:
        """Pages of the rows of a statement."""
        ways = {name: partial(lookup.query, text) for name, lookup in self._lookups.items()}
        async with aclosing(self._pages("query", ways, None)) as pages:
            async for page in pages:
                yield page
                del page

    async def read(
        self, request: ReadRequest, way: Callable[[ReadRequest], AsyncGenerator[Page]]
    ) -> AsyncGenerator[Page]:
        """Pages of a read, which REST makes."""
        async with aclosing(self._pages("read", {_REST: partial(way, request)}, request.object)) as pages:
            async for page in pages:
                yield page
                del page  # the caller alone holds it while the next one comes

    async def count(self, object: str, filter: Sequence[Condition]) -> int:
        """How many live records meet all conditions, by REST."""
        ways = {_REST: partial(count, self._rest, self._schemas, object, filter)}
        return (await self._run("count", ways, object, 1)).value

    async def write(
        self, request: WriteRequest, way: Callable[[WriteRequest], Awaitable[Sequence[Outcome]]]
    ) -> Sequence[Outcome]:
        """One outcome for each item, by REST."""
        ways = {_REST: partial(way, request)}
        return (await self._run(request.operation, ways, request.object, len(request.items))).value

    async def probe(self) -> None:
        """One cheap query by each tier that is there; what fails is in the figures."""
        for name, lookup in self._lookups.items():
            if self.router.absence(name) is None:
                try:
                    ways = {name: partial(lookup.query, _PROBE)}
                    async with aclosing(self.router.pages("query", ways, tier=name)) as pages:
                        await anext(pages, None)
                except ConnectorError:
                    continue  # the figures tell

    def _ways(self, by: Callable[[str], Awaitable[_T]]) -> dict[str, Callable[[], Awaitable[_T]]]:
        return {name: partial(by, name) for name in self._lookups}

    async def _pages(
        self, operation: str, ways: Mapping[str, Callable[[], AsyncGenerator[Page]]], object: str | None
    ) -> AsyncGenerator[Page]:
        """Pages by the tier that is asked for here; see :meth:`crmhub.tiers.TierRouter.pages`."""
        wish = wished() or Wish(self._context)
        async with aclosing(
            self.router.pages(operation, ways, context=wish.context, tier=wish.tier, object=object)
        ) as pages:
            async for page in pages:
                yield page
                del page  # the caller alone holds it while the next one comes

    async def _run(
        self,
        operation: str,
        ways: Mapping[str, Callable[[], Awaitable[_T]]],
        object: str | None,
        records: int,
    ) -> Served[_T]:
        wish = wished() or Wish(self._context)
        return await self.router.run(
            operation, ways, context=wish.context, tier=wish.tier, records=records, object=object
        )
