"""Which tier does what for Zoho, and the record calls of the contract made by it.

Agents go by the MCP server; bulk and background work by the SDK, for records by id, lists and batches. Full
and incremental reads go by queries, which REST makes. A caller that names no context, such as a sync, gets
the cheapest tier.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import TypeVar

from crmhub.connector import Context, Native, Outcome, Page, WriteRequest
from crmhub.errors import ConnectorError, UnknownOutcome, Unsupported
from crmhub.http import HttpClient
from crmhub.routing import CallContext, Route, Wish, wished
from crmhub.tiers import Served, TierRouter
from crmhub_zoho.bulk.write_jobs import BULK_WRITE, WriteJobs
from crmhub_zoho.bulk.writing import BulkWriter
from crmhub_zoho.config import ZohoConfig
from crmhub_zoho.fetching import Fetcher
from crmhub_zoho.payloads import payload
from crmhub_zoho.records import ID, distinct, normaliser
from crmhub_zoho.schema import ModuleSchema
from crmhub_zoho.settling import Settler
from crmhub_zoho.tiers.answers import Answer
from crmhub_zoho.tiers.bulk_read import BulkReadCalls
from crmhub_zoho.tiers.calls import BulkWriteCalls, FileCalls, RecordCalls, RelatedCalls
from crmhub_zoho.tiers.mcp import Mcp
from crmhub_zoho.tiers.rest import MOST_FIELDS, PAGE, Rest
from crmhub_zoho.tiers.rest_bulk import RestBulkRead
from crmhub_zoho.tiers.rest_bulk_write import RestBulkWrite
from crmhub_zoho.tiers.rest_extras import RestExtras
from crmhub_zoho.tiers.rest_files import RestFiles
from crmhub_zoho.tiers.sdk import Sdk
from crmhub_zoho.tiers.sdk.bulk_read import SdkBulkRead
from crmhub_zoho.tiers.sdk.bulk_write import SdkBulkWrite
from crmhub_zoho.tiers.sdk.files import SdkFiles
from crmhub_zoho.writing import Writer, check, invalid

__all__ = ["OPERATIONS", "TABLE", "Tiers"]

_MCP = "mcp"
_REST = "rest"
_SDK = "sdk"
_MOST_LISTED = 2_000
_QUERIES = ("read", "query", "count")
_FILES = ("files", "upload", "download", "delete_file")
_BULK_READ = "bulk_read"
_CONTEXTS: tuple[CallContext, ...] = ("agent", "interactive", "bulk", "background")

OPERATIONS = (
    "get", "list", "search", "create", "update", "upsert", "delete", "related", *_QUERIES, *_FILES,
    _BULK_READ, BULK_WRITE,
)  # fmt: skip
"""``list`` is of the newest, 2,000 at most; ``related`` is a related list; ``read`` (full and incremental
reads), ``query`` and ``count`` are queries; ``files`` (a list of them), ``upload``, ``download`` and
``delete_file`` are about files; ``bulk_read`` is each call about a job that reads a module, ``bulk_write``
starts one that writes many."""

TABLE = (
    Route("agent", (_MCP, _SDK, _REST)),
    Route("interactive", (_REST, _SDK)),
    Route("bulk", (_SDK, _REST)),
    Route("background", (_SDK, _REST)),
    Route("fallback", (_REST,)),
    Route(None, (_REST,)),
    *(Route(context, (_REST,), operation) for operation in _QUERIES for context in _CONTEXTS),
    *(
        Route(context, (_REST, _SDK), operation)
        for operation in (*_FILES, _BULK_READ, BULK_WRITE)
        for context in ("agent", None)
    ),
)

_T = TypeVar("_T")


class Tiers:
    """The tiers of one connection, and the router among them.

    ``sdk_http`` makes the SDK's calls: ``http`` itself, or a client with other credentials.
    """

    def __init__(
        self,
        rest: Rest,
        http: HttpClient,
        sdk_http: HttpClient,
        config: ZohoConfig,
        context: Context,
        at_once: Callable[[], int],
    ) -> None:
        self._config = config
        self._sdk = Sdk(sdk_http, config.version, context.clock)
        self._mcp = Mcp(config.tiers.mcp, context.connection, http)
        self._calls: Mapping[str, RecordCalls] = {_MCP: self._mcp, _SDK: self._sdk, _REST: rest}
        self._files: Mapping[str, FileCalls] = {
            _SDK: SdkFiles(self._sdk),
            _REST: RestFiles(http, config.version),
        }
        self._bulk_reads: Mapping[str, BulkReadCalls] = {
            _SDK: SdkBulkRead(self._sdk),
            _REST: RestBulkRead(http, config.version),
        }
        self._related: Mapping[str, RelatedCalls] = {
            _MCP: self._mcp,
            _REST: RestExtras(http, config.version),
        }
        self._fetchers = {name: Fetcher(calls, at_once) for name, calls in self._calls.items()}
        self._writers = {
            name: Writer(calls, self._fetchers[name], config, at_once) for name, calls in self._calls.items()
        }
        uploads = config.uploads_base
        jobs: Mapping[str, BulkWriteCalls] = {
            _SDK: SdkBulkWrite(self._sdk, uploads),
            _REST: RestBulkWrite(http, config.version, uploads),
        }
        known = config.is_overridden or uploads is not None  # where files go
        self._bulk = BulkWriter(
            WriteJobs(
                jobs if known else {}, self._run, rest.org, context.clock, context.random, config.bulk_timeout
            ),
            config,
            context,
        )
        self._settler = Settler(self._fetchers[_REST], config.sync_key)
        self.router = TierRouter(
            TABLE,
            {_MCP: self._mcp.absent, _SDK: self._sdk_absent, _REST: lambda: None},
            clock=context.clock,
            events=context.events,
            connection=context.connection,
            alone=[_MCP] if sdk_http is http else [_MCP, _SDK],
            operations=OPERATIONS,
        )

    async def aclose(self) -> None:
        """Let go of what the tiers made."""
        await self._mcp.aclose()
        await self._sdk.aclose()

    async def get(
        self, module: str, schema: ModuleSchema, ids: Sequence[str], fields: Sequence[str]
    ) -> Served[dict[str, Native]]:
        """The records that there are, by id."""
        ways = {
            name: partial(fetcher.by_ids, module, schema, ids, fields)
            for name, fetcher in self._fetchers.items()
        }
        return await self._run("get", ways, module, len(ids))

    async def list(
        self, module: str, schema: ModuleSchema, fields: Sequence[str], limit: int
    ) -> Served[Sequence[Native]]:
        """The newest records, at most ``limit`` of them and 2,000."""
        names = list(dict.fromkeys(name for name in fields if name != ID)) or [ID]
        if len(names) > MOST_FIELDS or any(map(schema.only_in_single, names)):  # a list shows less
            served = await self.list(module, schema, [ID], limit)
            ids = [str(row[ID]) for row in served.value]
            rows = (await self.get(module, schema, ids, fields)).value
            return Served([rows[one] for one in ids if one in rows], served.tier, served.why)
        ways = {name: partial(self._listed, name, module, schema, names, limit) for name in self._calls}
        return await self._run("list", ways, module, limit)

    async def write(
        self, request: WriteRequest, schema: ModuleSchema, keys: Sequence[str]
    ) -> Sequence[Outcome]:
        """One outcome for each item, in order."""
        check(request, keys)
        return await self._bulk.write(request, schema, lambda part: self._batches(part, schema, keys))

    async def _batches(
        self, request: WriteRequest, schema: ModuleSchema, keys: Sequence[str]
    ) -> Sequence[Outcome]:
        """By batches of 100; a tier that could send a part only is left out.

        What a tier leaves unknown is read back by REST, and made again where that is safe.
        """
        unclear: list[Sequence[Outcome]] = []

        async def by(tier: str) -> Sequence[Outcome]:
            if tier != _REST and any(item.if_version is not None for item in request.items):
                raise Unsupported("it cannot update on condition")
            if tier == _SDK and request.operation != "delete":
                able = [item for item in request.items if invalid(request, item, schema) is None]
                rows = [payload(request, item, schema) for item in able]
                await self._sdk.check(request.object, rows)
            outcomes = await self._writers[tier].write(request, schema, keys)
            if tier != _REST and any(outcome.status == "unknown" for outcome in outcomes):
                unclear.append(outcomes)
                raise UnknownOutcome("of some records it is not known whether they were written")
            return outcomes

        async def settle(tier: str, _: UnknownOutcome) -> Sequence[Outcome]:
            if tier != _REST or not unclear:
                raise Unsupported("it reads nothing back")
            return await self._settler.settled(
                request, schema, unclear[-1], lambda again: self._writers[_REST].write(again, schema, keys)
            )

        ways = {name: partial(by, name) for name in self._writers}
        try:
            run = self._run(request.operation, ways, request.object, len(request.items), settle)
            return (await run).value
        except UnknownOutcome:
            if not unclear:
                raise
            return unclear[-1]

    async def pages(
        self,
        operation: str,
        ways: Mapping[str, Callable[[RecordCalls], AsyncGenerator[Page]]],
        module: str | None = None,
    ) -> AsyncGenerator[Page]:
        """Pages by the tier that is asked for here; see :meth:`crmhub.tiers.TierRouter.pages`."""
        wish = wished() or Wish(self._config.tiers.context)
        begun = {name: partial(way, self._calls[name]) for name, way in ways.items()}
        async with aclosing(
            self.router.pages(operation, begun, context=wish.context, tier=wish.tier, object=module)
        ) as pages:
            async for page in pages:
                yield page
                del page  # the caller alone holds it while the next one comes

    async def count(self, module: str, way: Callable[[], Awaitable[int]]) -> int:
        """What a count gives, which REST makes."""
        return (await self._run("count", {_REST: way}, module, 1)).value

    async def related(
        self, module: str, record: str, related: str, fields: Sequence[str]
    ) -> AsyncGenerator[Answer]:
        """Pages of a related list, all by the tier that gave the first."""

        async def first(calls: RelatedCalls) -> tuple[RelatedCalls, Answer]:
            return calls, await calls.related(module, record, related, fields, PAGE)

        ways = {name: partial(first, calls) for name, calls in self._related.items()}
        calls, answer = (await self._run("related", ways, module, 1)).value
        page = 1
        while True:
            yield answer
            if not answer.goes_on(PAGE):
                return
            page += 1
            answer = await calls.related(module, record, related, fields, PAGE, token=answer.token, page=page)

    async def file(self, operation: str, module: str, way: Callable[[FileCalls], Awaitable[_T]]) -> _T:
        """What a call about a record's files gives."""
        ways = {name: partial(way, calls) for name, calls in self._files.items()}
        return (await self._run(operation, ways, module, 1)).value

    async def bulk_read(self, module: str, way: Callable[[BulkReadCalls], Awaitable[_T]]) -> _T:
        """What a call about a bulk read job gives; a job that one tier has started is known to the others."""
        ways = {name: partial(way, calls) for name, calls in self._bulk_reads.items()}
        return (await self._run(_BULK_READ, ways, module, 1)).value

    async def probe(self, module: str) -> None:
        """One cheap read by each tier that is there; what fails is in the figures."""
        for name in self._calls:
            if self.router.absence(name) is None:
                await self._probe(name, module)

    async def _probe(self, name: str, module: str) -> None:
        try:
            await self.router.run(
                "list",
                {name: partial(self._calls[name].records, module, [ID], per_page=1)},
                tier=name,
                object=module,
            )
        except ConnectorError:
            return  # the figures tell

    async def _run(
        self,
        operation: str,
        ways: Mapping[str, Callable[[], Awaitable[_T]]],
        module: str | None,
        records: int,
        settle: Callable[[str, UnknownOutcome], Awaitable[_T]] | None = None,
    ) -> Served[_T]:
        wish = wished() or Wish(self._config.tiers.context)
        return await self.router.run(
            operation,
            ways,
            context=wish.context,
            tier=wish.tier,
            records=records,
            object=module,
            settle=settle,
        )

    async def _listed(
        self, tier: str, module: str, schema: ModuleSchema, names: Sequence[str], limit: int
    ) -> Sequence[Native]:
        found: list[Native] = []
        token: str | None = None
        most = min(limit, _MOST_LISTED)
        while len(found) < most:
            answer = await self._calls[tier].records(module, names, token=token, per_page=min(most, PAGE))
            found += answer.rows
            token = answer.token
            if token is None:
                if answer.more and len(found) < most:
                    raise Unsupported(f"the list of {module} names no token for its next page")
                break
            if not answer.goes_on(min(most, PAGE)):
                break
        normaliser(schema)(found, module)
        return await self._fetchers[tier].whole(module, schema, distinct(found, module)[:most], names)

    def _sdk_absent(self) -> str | None:
        return self._sdk.absent() if self._config.tiers.sdk.enabled else "switched off: tiers.sdk is false"
