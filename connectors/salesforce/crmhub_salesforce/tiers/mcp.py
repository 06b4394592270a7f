"""An MCP server as a tier: records by id, the newest, searches and queries, with the answers that REST gives.

Records come by the server's query tool, with the very statement that REST would be sent; a search tool only
says which records there are. An answer that may not be whole is no answer.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from decimal import Decimal

from crmhub.connector import Native, Value
from crmhub.errors import BadResponse, ConnectorError, Unsupported, Where
from crmhub.http import HttpClient
from crmhub.mcp.server import Server
from crmhub_salesforce.api import is_of_another, plain
from crmhub_salesforce.ids import full_id
from crmhub_salesforce.schema import Described
from crmhub_salesforce.soql import quoted, select
from crmhub_salesforce.tiers.arguments import MOST, Tool, arranged, check
from crmhub_salesforce.tiers.replies import Rows, rows_of
from crmhub_salesforce.tiers.settings import McpSettings
from crmhub_salesforce.tiers.table import OPERATIONS, canonical

__all__ = ["Mcp"]

_IDS = 200  # in one statement
_POINTED = frozenset({"double", "currency", "percent"})


class Mcp:
    """The tools of one server. Nothing is imported, opened or sent before the first call.

    Calls use the org's API calls and count towards those at once, so that they wait for the limits of
    ``http``, the connection's client. ``known`` gives the describe of an object that is known.
    """

    def __init__(
        self,
        settings: McpSettings | None,
        connection: str,
        http: HttpClient,
        known: Callable[[str], Described | None],
    ) -> None:
        self._settings = settings
        self._known = known
        self._connection = connection
        self._http = http
        self._server = Server(settings, connection, "crmhub-salesforce[mcp]")

    def absent(self) -> str | None:
        """Why the tier cannot be used here; ``None``: it can."""
        return self._server.absent()

    async def aclose(self) -> None:
        """End the session."""
        await self._server.aclose()

    async def operations(self) -> Mapping[str, str | None]:
        """The server's tool for each operation (``get_accounts``, …); ``None`` where it has none."""
        tools = await self._server.session().tools()
        found = {name: self._match(tools, name) for name in OPERATIONS}
        return {name: tool.name if tool else None for name, tool in found.items()}

    async def ask(self, operation: str, given: Mapping[str, Value] | None = None) -> Sequence[Native]:
        """The records that an operation's tool gives, as the server chooses and shows them.

        ``given`` are arguments by our names: ``limit``, ``account_name``, ``stage``, ``search_term``,
        ``soql_query``. Raises ``BadRequest`` for wrong ones, before anything is sent.
        """
        given = given or {}
        check(operation, given)
        return [plain(row) for row in (await self._call(operation, given)).records]

    async def pages(
        self, soql: str, object: str | None, *, most: int | None = None, deleted: bool = False
    ) -> AsyncGenerator[Sequence[Native]]:
        """The one page of a query of at most ``most`` records; never a deleted one, whoever asks for those.

        Raises ``Unsupported`` where it may not be all.
        """
        del deleted
        limit = min(most or MOST, MOST)
        found = await self._rows_of(soql, limit, object)
        if not found.whole or (most is None and len(found.records) >= limit):
            raise self._not_whole(object)
        if object is not None and any(is_of_another(row, object) for row in found.records):
            raise BadResponse(
                "the MCP server gave a record of another object",
                where=Where(connection=self._connection, object=object),
            )
        of = None if object is None else self._known(object)
        yield [plain(row) if of is None else _with_points(of, plain(row)) for row in found.records]

    async def found(self, of: Described, text: str, names: Sequence[str], most: int) -> list[Native]:
        """Records that the server's search finds for the words; what is in them is asked by a query."""
        found = await self._call("search_records", {"search_term": text, "limit": most})
        ids = list(dict.fromkeys(id_ for row in found.records if (id_ := _id_of(row, of)) is not None))[:most]
        if len(ids) < most and (not found.whole or len(found.records) >= most):
            raise self._not_whole(of.name)
        rows = await self._by_id(of, ids, names)
        return [rows[id_] for id_ in ids if id_ in rows]

    async def chosen(
        self,
        operation: str,
        given: Mapping[str, Value],
        shown: Mapping[str, tuple[Described, Sequence[str]]],
        most: int,
    ) -> list[tuple[str, Native]]:
        """The records that an operation's tool chooses, with their objects, in its order, at most ``most``;
        ``shown`` are the objects and the fields that are read of them by the query tool.
        """
        found = await self._call(operation, given, optional=("limit",))
        kinds: dict[str, str] = {}
        for row in found.records:
            for name, (of, _) in shown.items():
                if (id_ := _id_of(row, of)) is not None:
                    kinds.setdefault(id_, name)
        ids = list(kinds)[:most]
        rows: dict[str, Native] = {}
        for name, (of, names) in shown.items():
            rows |= await self._by_id(of, [id_ for id_ in ids if kinds[id_] == name], names)
        return [(kinds[id_], rows[id_]) for id_ in ids if id_ in rows]

    async def first(self, soql: str, most: int) -> list[Native]:
        """The first rows of a query; raises ``Unsupported`` where the server does not give as many."""
        found = await self._rows_of(soql, most, None)
        if len(found.records) < most and not found.whole:
            raise self._not_whole(None)
        return [plain(row) for row in found.records[:most]]

    async def _by_id(self, of: Described, ids: Sequence[str], names: Sequence[str]) -> dict[str, Native]:
        """The records with those fields, by id."""
        rows: dict[str, Native] = {}
        for start in range(0, len(ids), _IDS):
            some = ids[start : start + _IDS]
            soql = select(names, of.name, (f"Id IN ({', '.join(map(quoted, some))})",))
            async for page in self.pages(soql, of.name, most=len(some)):
                rows |= {str(row.get("Id")): row for row in page}
        return rows

    async def _rows_of(self, soql: str, limit: int, object: str | None) -> Rows:
        """What the query tool says to a statement."""
        found = await self._call("run_soql_query", {"soql_query": soql, "limit": limit}, optional=("limit",))
        if not found.exact:
            raise Unsupported(
                "the MCP server's query tool gives lines of text, of which values cannot be told exactly",
                where=Where(connection=self._connection, object=object),
            )
        return found

    # ── the calls themselves ─────────────────────────────────────────────────────────────────────

    async def _call(
        self, operation: str, given: Mapping[str, Value], *, optional: tuple[str, ...] = ()
    ) -> Rows:
        session = self._server.session()
        tool = self._match(await session.tools(), operation)
        if tool is None:
            raise Unsupported(
                f"the MCP server has no tool for {operation}",
                hint="name one under tools in the settings",
                where=Where(connection=self._connection),
            )
        arguments = arranged(tool, given, optional=optional)

        async def send() -> Rows:
            said = await session.call(tool.name, arguments, changes=False)
            return rows_of(said, connection=self._connection)

        try:
            return await self._http.elsewhere(send, way="MCP", name=tool.name)
        except ConnectorError as error:
            raise error.at(connection=self._connection) from None

    def _match(self, tools: Mapping[str, Mapping[str, Value]], operation: str) -> Tool | None:
        """The tool for that: the one that the settings name, else the best by name."""
        choice = self._settings.choices.get(operation) if self._settings else None
        if choice is not None:
            schema = tools.get(choice.tool)
            return None if schema is None else Tool(choice.tool, schema, choice.arguments, choice.told)
        by_name = {canonical(one): one for one in tools}
        for one in map(canonical, OPERATIONS[operation].names):
            if one in by_name:
                return Tool(by_name[one], tools[by_name[one]])
        return None

    def _not_whole(self, object: str | None) -> Unsupported:
        return Unsupported(
            "the MCP server may not have given all records",
            where=Where(connection=self._connection, object=object),
        )


def _id_of(row: Native, of: Described) -> str | None:
    """The record's full id, if it is one of that object; raises ``BadResponse`` where it has none."""
    given = row.get("Id")
    id_ = full_id(given) if isinstance(given, str) else None
    if id_ is None:
        raise BadResponse("a record came without its Id", where=Where(object=of.name, field="Id"))
    attributes = row.get("attributes")
    kind = attributes.get("type") if isinstance(attributes, dict) else None
    if isinstance(kind, str):
        return id_ if kind == of.name else None
    if of.key_prefix is None:
        raise Unsupported("a record does not tell of which object it is", where=Where(object=of.name))
    return id_ if id_.startswith(of.key_prefix) else None


def _with_points(of: Described, row: Native) -> Native:
    """The row with a point in numbers that Salesforce writes with one: JavaScript writes 70.0 as 70."""
    for name, value in row.items():
        if type(value) is int and of.type_of(name) in _POINTED:
            row[name] = Decimal(f"{value}.0")
    return row
