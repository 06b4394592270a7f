"""An MCP server as a tier: lists, records by id, searches and writes, with the answers that REST gives.

Its tools are found by `tools/list` and matched by :mod:`crmhub_zoho.tiers.mcp.table`; a tool that the
server does not show is an operation that this tier cannot do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from crmhub.connector import Native, Value
from crmhub.errors import BadRequest, ConnectorError, RateLimited, Unsupported, Where
from crmhub.http import HttpClient, Response
from crmhub.http.paths import quote
from crmhub.mcp.server import Server
from crmhub_zoho import prices
from crmhub_zoho.errors import classify
from crmhub_zoho.tiers.answers import Answer, WriteAnswer, answer_of, write_answer_of
from crmhub_zoho.tiers.mcp.arguments import Tool, arranged
from crmhub_zoho.tiers.mcp.replies import response_of
from crmhub_zoho.tiers.mcp.settings import McpSettings
from crmhub_zoho.tiers.mcp.table import KINDS, OPERATIONS, candidates, canonical, operation_name
from crmhub_zoho.tiers.rest import HEAVY_FROM, MOST_FIELDS, MOST_IDS, MOST_WRITES, PAGE

__all__ = ["Mcp"]


class Mcp:
    """The tools of one server. Nothing is imported, opened or sent before the first call.

    Calls use the organisation's credits and count towards its calls at once, so that they wait for the
    limits of ``http``, the connection's client.
    """

    def __init__(self, settings: McpSettings | None, connection: str, http: HttpClient) -> None:
        self._settings = settings
        self._connection = connection
        self._http = http
        self._server = Server(settings, connection, "crmhub-zoho[mcp]")

    def absent(self) -> str | None:
        """Why the tier cannot be used here; ``None``: it can."""
        return self._server.absent()

    async def aclose(self) -> None:
        """End the session."""
        await self._server.aclose()

    async def operations(self) -> Mapping[str, str | None]:
        """The server's tool for each of our operations; ``None`` where it has none."""
        tools = await self._server.session().tools()
        found: dict[str, str | None] = {}
        for name, one in OPERATIONS.items():
            tool = self._match(tools, one.kind, one.module)
            found[name] = tool.name if tool else None
        return found

    # ── records ──────────────────────────────────────────────────────────────────────────────────

    async def records(
        self,
        module: str,
        fields: Sequence[str],
        *,
        ids: Sequence[str] = (),
        since: datetime | None = None,
        token: str | None = None,
        by_change: bool = False,
        per_page: int = PAGE,
    ) -> Answer:
        """See :meth:`crmhub_zoho.tiers.rest.Rest.records`; one record may go by a tool for one."""
        if len(ids) == 1 and since is None and token is None and await self._has("get", module):
            return await self._one(module, ids[0], fields)
        given: Native = {
            "module": module,
            "fields": ",".join(fields),
            "per_page": per_page,
            "ids": ",".join(ids) or None,
            "since": since.replace(microsecond=0).isoformat() if since else None,
            "token": token,
            "sort_by": "Modified_Time" if by_change else None,
            "sort_order": "asc" if by_change else None,
        }
        if len(fields) > MOST_FIELDS or len(ids) > MOST_IDS:
            raise Unsupported(f"a tool gives {MOST_FIELDS} fields of {MOST_IDS} records a call at most")
        response = await self._call("list", module, given)
        return _read(response)

    async def record(self, module: str, id: str, fields: Sequence[str]) -> Native | None:
        """See :meth:`crmhub_zoho.tiers.rest.Rest.record`."""
        rows = (await self._one(module, id, fields)).rows
        return rows[0] if rows else None

    async def search(self, module: str, word: str, fields: Sequence[str], page: int, per_page: int) -> Answer:
        """See :meth:`crmhub_zoho.tiers.rest.Rest.search`."""
        given: Native = {
            "module": module,
            "word": word,
            "fields": ",".join(fields) or None,
            "page": page if page > 1 else None,
            "per_page": per_page,
        }
        response = await self._call("search", module, given, endpoint="search")
        return _read(response)

    async def coql(self, query: str, limit: int) -> Answer:
        """See :meth:`crmhub_zoho.tiers.rest.Rest.coql`."""
        given: Native = {"body": {"select_query": query}}
        price = prices.coql_page(limit)
        response = await self._call("query", None, given, endpoint="coql", cost=price.credits)
        return _read(response)

    async def related(
        self,
        module: str,
        id: str,
        related: str,
        fields: Sequence[str],
        per_page: int,
        *,
        token: str | None = None,
        page: int = 1,
    ) -> Answer:
        """See :meth:`crmhub_zoho.tiers.rest_extras.RestExtras.related`."""
        given: Native = {
            "module": module,
            "id": id,
            "related": related,
            "fields": ",".join(fields),
            "token": token,
            "page": page if token is None and page > 1 else None,
            "per_page": per_page,
        }
        response = await self._call("related", module, given)
        return _read(response)

    # ── writes ───────────────────────────────────────────────────────────────────────────────────

    async def insert(self, module: str, body: Native, count: int) -> WriteAnswer:
        """See :meth:`crmhub_zoho.tiers.rest.Rest.insert`; a note may go by a tool for notes."""
        _check_count(count)
        if module == "Notes" and not await self._has("create", module):
            return await self._note(body)
        return await self._write("create", module, {"module": module, "body": body}, count)

    async def update(self, module: str, body: Native, count: int) -> WriteAnswer:
        """See :meth:`crmhub_zoho.tiers.rest.Rest.update`; one record may go by a tool for one."""
        _check_count(count)
        one = _only_record(body)
        if one is not None and await self._has("update_one", module):
            return await self._update_one(module, one, body)
        return await self._write("update", module, {"module": module, "body": body}, count)

    async def update_if(self, module: str, id: str, body: Native, unmodified_since: str) -> WriteAnswer:
        """See :meth:`crmhub_zoho.tiers.rest.Rest.update_if`."""
        return await self._update_one(module, id, body, unmodified_since)

    async def upsert(self, module: str, body: Native, count: int) -> WriteAnswer:
        """See :meth:`crmhub_zoho.tiers.rest.Rest.upsert`."""
        _check_count(count)
        return await self._write("upsert", module, {"module": module, "body": body}, count)

    async def delete(self, module: str, ids: Sequence[str], *, triggers: bool) -> WriteAnswer:
        """See :meth:`crmhub_zoho.tiers.rest.Rest.delete`."""
        _check_count(len(ids))
        told = None if triggers else "false"
        return await self._write("delete", module, {"module": module, "ids": ",".join(ids), "triggers": told})

    async def note(self, module: str, id: str, note: Native) -> WriteAnswer:
        """A new note of a record: its `Note_Title` and `Note_Content`."""
        return await self._write("note", module, {"module": module, "id": id, "body": {"data": [note]}})

    async def _note(self, body: Native) -> WriteAnswer:
        """A note whose record stands in it."""
        rows = body.get("data")
        row = rows[0] if isinstance(rows, list) and len(rows) == 1 and set(body) == {"data"} else None
        parent = row.get("Parent_Id") if isinstance(row, dict) else None
        at = parent.get("module") if isinstance(parent, dict) else None
        module = at.get("api_name") if isinstance(at, dict) else None
        id_ = parent.get("id") if isinstance(parent, dict) else None
        if not isinstance(row, dict) or not isinstance(module, str) or not isinstance(id_, str):
            raise self._no_tool("create", "Notes")
        return await self.note(module, id_, {name: one for name, one in row.items() if name != "Parent_Id"})

    async def _update_one(
        self, module: str, id: str, body: Native, unmodified_since: str | None = None
    ) -> WriteAnswer:
        given: Native = {"module": module, "id": id, "body": body, "unless": unmodified_since}
        return await self._write("update_one", module, given)

    async def _one(self, module: str, id: str, fields: Sequence[str]) -> Answer:
        """The record, if there is one, with no more than those fields (none named: all)."""
        given: Native = {"module": module, "id": id, "fields": ",".join(fields) or None}
        try:
            answer = _read(await self._call("get", module, given, optional=("fields",)))
        except ConnectorError as error:
            if error.code != "INVALID_DATA":  # an id that never was
                raise
            return Answer([], Response(204, {}, b"", method="MCP", connection=self._connection), more=False)
        if not fields:
            return answer
        kept = {"id", *fields}
        rows = [{name: value for name, value in row.items() if name in kept} for row in answer.rows]
        return replace(answer, rows=rows)

    # ── the calls themselves ─────────────────────────────────────────────────────────────────────

    async def _write(self, kind: str, module: str, given: Native, count: int = 1) -> WriteAnswer:
        endpoint = "bulk" if count >= HEAVY_FROM else "default"
        cost = prices.write_call(count).credits
        response = await self._call(kind, module, given, changes=True, endpoint=endpoint, cost=cost)
        return write_answer_of(response.json(), response)

    async def _call(
        self,
        kind: str,
        module: str | None,
        given: Native,
        *,
        optional: Sequence[str] = (),
        changes: bool = False,
        endpoint: str = "default",
        cost: int = 1,
    ) -> Response:
        for name in ("module", "id", "related"):
            if isinstance(value := given.get(name), str):
                quote(value, name=name)  # the server makes a path of it
        session = self._server.session()
        tool = self._match(await session.tools(), kind, module)
        if tool is None:
            raise self._no_tool(kind, module)
        arguments = arranged(tool, given, optional=optional)

        async def send() -> Response:
            said = await session.call(tool.name, arguments, changes=changes)
            response = response_of(said, changes=changes, connection=self._connection)
            refusal = classify(response) if response.status >= 400 else None
            if isinstance(refusal, RateLimited):
                raise refusal
            return response

        try:
            return await self._http.elsewhere(send, way="MCP", name=tool.name, endpoint=endpoint, cost=cost)
        except ConnectorError as error:
            raise error.at(connection=self._connection, object=module) from None

    async def _has(self, kind: str, module: str) -> bool:
        return self._match(await self._server.session().tools(), kind, module) is not None

    def _match(self, tools: Mapping[str, Mapping[str, Value]], kind: str, module: str | None) -> Tool | None:
        """The tool for that: the one that the settings name, else the best by name."""
        name = operation_name(kind, module)
        choices = self._settings.choices if self._settings else {}
        choice = choices.get(name or kind) or choices.get(kind)
        if choice is not None:
            schema = tools.get(choice.tool)
            fixed = choice is choices.get(name or "") and "module" not in choice.arguments
            return None if schema is None else Tool(choice.tool, schema, fixed, choice.arguments, choice.told)
        by_name = {canonical(one): one for one in tools}
        official = {canonical(one) for one in KINDS[kind]}
        for one in candidates(kind, module):
            if one in by_name:
                return Tool(by_name[one], tools[by_name[one]], one not in official)
        return None

    def _no_tool(self, kind: str, module: str | None) -> Unsupported:
        what = operation_name(kind, module) or f"{kind} {module or ''}".strip()
        return Unsupported(
            f"the MCP server has no tool for {what}",
            hint="add it where the server was composed, or name it under tools in the settings",
            where=Where(connection=self._connection, object=module),
        )


def _only_record(body: Native) -> str | None:
    """The id of the one record in a body."""
    rows = body.get("data")
    if not isinstance(rows, list) or len(rows) != 1 or not isinstance(rows[0], dict):
        return None
    record = rows[0].get("id")
    return record if isinstance(record, str) else None


def _check_count(count: int) -> None:
    if count > MOST_WRITES:
        raise BadRequest(f"a tool writes {MOST_WRITES} records a call at most")


def _read(response: Response) -> Answer:
    """The rows of a reply; raises what Zoho's own error object means."""
    error = classify(response) if response.content else None
    if error is not None:
        raise error.at(connection=response.connection)
    return answer_of(response.json(), response)
