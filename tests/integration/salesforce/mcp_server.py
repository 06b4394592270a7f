"""A Salesforce MCP server by the official package, in front of a double; it says what a test wants."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, cast

import httpx
import uvicorn
from mcp.server import MCPServer

from crmhub.connector import Native
from crmhub_salesforce.simulator import SalesforceDouble

Shape = Literal["structured", "text", "data", "wrapped"]
_BASE = "http://localhost:8081"
_DATA = "/services/data/v62.0"


@dataclass
class Says:
    """What the server has been asked, and what it says instead of the truth."""

    url: str = ""
    asked: list[tuple[str, Native]] = field(default_factory=list[tuple[str, Native]])
    instead: dict[str, object] | str | None = None


class _Truth:
    """The double's own answers to SOQL and to searches."""

    def __init__(self, double: SalesforceDouble) -> None:
        self._double = double
        self._token = ""

    async def query(self, soql: str) -> Native:
        return await self._get("/query", {"q": soql})

    async def search(self, text: str, limit: int) -> Native:
        found = await self._get(
            "/parameterizedSearch",
            {"q": text, "sobject": "Account", "Account.fields": "Id", "overallLimit": str(limit)},
        )
        records = found["searchRecords"]
        assert isinstance(records, list)
        return {"totalSize": len(records), "records": records}

    async def _get(self, below: str, params: dict[str, str]) -> Native:
        transport = httpx.ASGITransport(app=self._double.app)
        async with httpx.AsyncClient(transport=transport, base_url=_BASE) as client:
            if not self._token:
                names = ("client_id", "client_secret", "refresh_token")
                form = {name: self._double.credentials[name] for name in names}
                reply = await client.post(
                    "/services/oauth2/token", data={**form, "grant_type": "refresh_token"}
                )
                self._token = str(reply.json()["access_token"])
            headers = {"authorization": f"Bearer {self._token}"}
            reply = await client.get(_DATA + below, params=params, headers=headers)
            found: object = json.loads(reply.text)
            if isinstance(found, list):
                first = cast("list[dict[str, str]]", found)[0]
                return {"success": False, "error": f"{first['errorCode']}: {first['message']}"}
            return cast("Native", found)


@contextmanager
def served(
    double: SalesforceDouble, *, shape: Shape = "structured", prefix: str = "salesforce_"
) -> Generator[Says]:
    """Serve its tools on loopback from a background thread; ``prefix`` ``""``: by their plain names."""
    says, truth, server = Says(), _Truth(double), MCPServer("salesforce", log_level="CRITICAL")

    def shaped(value: Native) -> object:
        whole: object = {"success": True, **value} if says.instead is None else says.instead
        if shape == "text" and not isinstance(whole, str):
            return json.dumps(whole)
        return {"data": {"data": whole}, "wrapped": {"result": whole}}.get(shape, whole)

    async def soql_query(soql_query: str, limit: int = 5) -> object:
        says.asked.append(("soql_query", {"soql_query": soql_query, "limit": limit}))
        found = await truth.query(soql_query)
        records = found.get("records")
        if isinstance(records, list):  # as servers do, it gives no more than it was asked for
            found = {"totalSize": found["totalSize"], "records": records[:limit], **_failed(found)}
        return shaped(found)

    async def search_records(search_term: str, limit: int = 5) -> object:
        says.asked.append(("search_records", {"search_term": search_term, "limit": limit}))
        return shaped(await truth.search(search_term, limit))

    async def get_accounts(limit: int = 5, account_name: str | None = None) -> object:
        says.asked.append(("get_accounts", {"limit": limit, "account_name": account_name}))
        return shaped(await truth.query(f"SELECT Id, Name FROM Account LIMIT {limit}"))

    query_name = "soql_query" if prefix else "run_soql_query"
    server.tool(prefix + query_name, structured_output=False)(soql_query)
    server.tool(f"{prefix}search_records", structured_output=False)(search_records)
    server.tool(f"{prefix}get_accounts", structured_output=False)(get_accounts)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        webs: list[uvicorn.Server] = []
        made = threading.Event()

        def run() -> None:
            app = server.streamable_http_app(json_response=True)  # in here: its locks belong to this loop
            webs.append(
                uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1))
            )
            made.set()
            webs[0].run(sockets=[sock])

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        made.wait()
        says.url = f"http://127.0.0.1:{sock.getsockname()[1]}/mcp"
        try:
            yield says
        finally:
            webs[0].should_exit = True
            thread.join()


def _failed(found: Native) -> Native:
    return {name: found[name] for name in ("success", "error") if name in found}
