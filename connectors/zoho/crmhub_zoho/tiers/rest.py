"""Zoho CRM's REST API, one method for each endpoint that the connector uses.

Knows URLs, parameters, limits and the shape of replies, and nothing about checkpoints or outcomes.
Source: Zoho CRM API v8, the pages named at the methods; sizes and credits from "API Limits".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from crmhub.connector import Native, Value
from crmhub.errors import BadRequest, ConnectorError
from crmhub.http import HttpClient, Params, Response, path
from crmhub_zoho.prices import coql_page, write_call
from crmhub_zoho.tiers.answers import Answer, WriteAnswer, answer_of, write_answer_of

__all__ = ["HEAVY_FROM", "MOST_FIELDS", "MOST_IDS", "MOST_WRITES", "PAGE", "Answer", "Rest", "WriteAnswer"]

MOST_FIELDS = 50
MOST_IDS = 100
MOST_WRITES = 100
PAGE = 200
HEAVY_FROM = 11
"""Writes of more than ten records count towards the sub-concurrency."""
_SUCCESS = frozenset(range(200, 300))
_UNCHANGED = _SUCCESS | {304}
_WRITTEN = _SUCCESS | {400, 412}


class Rest:
    """See the module."""

    def __init__(self, http: HttpClient, version: str) -> None:
        self._http = http
        self._root = f"/crm/{version}"
        self._channels = f"{self._root}/actions/watch"

    # ── records ──────────────────────────────────────────────────────────────────────────────────

    async def coql(self, query: str, limit: int) -> Answer:
        """Rows of a query ("COQL Overview"); ``limit`` is the query's own, for the price."""
        response = await self._http.request(
            "POST",
            f"{self._root}/coql",
            json={"select_query": query},
            idempotent=True,
            endpoint="coql",
            cost=coql_page(limit).credits,
        )
        return _answer(response)

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
        """A list page ("Get Records"): of those ids, or changed after ``since``, oldest change first."""
        params: dict[str, str | int] = {"fields": ",".join(fields), "per_page": per_page}
        if ids:
            params["ids"] = ",".join(ids)
        if by_change:
            params |= {"sort_by": "Modified_Time", "sort_order": "asc"}
        if token:
            params["page_token"] = token
        return await self._list(path(f"{self._root}/{{module}}", module=module), params, since=since)

    async def record(self, module: str, id: str, fields: Sequence[str]) -> Native | None:
        """One record ("Get a Record"), with the fields that no list shows; ``None``: there is none."""
        params = {"fields": ",".join(fields)} if fields else None
        place = path(f"{self._root}/{{module}}/{{id}}", module=module, id=id)
        try:
            answer = _answer(await self._http.request("GET", place, params=params))
        except ConnectorError as error:
            if error.code == "INVALID_DATA":  # an id that never was
                return None
            raise
        return answer.rows[0] if answer.rows else None

    async def deleted(self, module: str, since: datetime, page: int) -> Answer:
        """Records deleted after ``since`` ("Get Deleted Records")."""
        place = path(f"{self._root}/{{module}}/deleted", module=module)
        return await self._list(place, {"type": "all", "page": page, "per_page": PAGE}, since=since)

    async def search(self, module: str, word: str, fields: Sequence[str], page: int, per_page: int) -> Answer:
        """Records in which a word occurs ("Search Records")."""
        return await self.found(module, {"word": word}, fields, page, per_page)

    async def found(
        self, module: str, by: Mapping[str, str], fields: Sequence[str], page: int, per_page: int
    ) -> Answer:
        """Records by one of ``criteria``, ``email``, ``phone`` and ``word`` ("Search Records")."""
        params: dict[str, str | int] = {**by, "page": page, "per_page": per_page}
        if fields:
            params["fields"] = ",".join(fields)
        place = path(f"{self._root}/{{module}}/search", module=module)
        return await self._list(place, params, endpoint="search")

    async def count(self, module: str) -> int:
        """How many records the module has ("Record Count")."""
        place = path(f"{self._root}/{{module}}/actions/count", module=module)
        response = await self._http.request("GET", place)
        body = response.json()
        count = str(body.get("count")) if isinstance(body, dict) else ""
        if not (count.isascii() and count.isdigit()):
            raise response.unreadable("JSON without a count")
        return int(count)

    # ── writes ───────────────────────────────────────────────────────────────────────────────────

    async def insert(self, module: str, body: Native, count: int) -> WriteAnswer:
        """New records ("Insert Records"): not safe to send twice."""
        return await self._write("POST", path(f"{self._root}/{{module}}", module=module), body, count)

    async def update(self, module: str, body: Native, count: int) -> WriteAnswer:
        """Changes of records ("Update Records")."""
        place = path(f"{self._root}/{{module}}", module=module)
        return await self._write("PUT", place, body, count, repeatable=True)

    async def update_if(self, module: str, id: str, body: Native, unmodified_since: str) -> WriteAnswer:
        """A change of one record unless it has changed since ("Update Records").

        Not safe to send twice: the second time its own first change would be in the way.
        """
        place = path(f"{self._root}/{{module}}/{{id}}", module=module, id=id)
        return await self._write("PUT", place, body, 1, headers={"If-Unmodified-Since": unmodified_since})

    async def upsert(self, module: str, body: Native, count: int) -> WriteAnswer:
        """New or changed records by a unique field ("Upsert Records")."""
        place = path(f"{self._root}/{{module}}/upsert", module=module)
        return await self._write("POST", place, body, count, repeatable=True)

    async def delete(self, module: str, ids: Sequence[str], *, triggers: bool) -> WriteAnswer:
        """Records moved to the recycle bin ("Delete Records")."""
        params: dict[str, str] = {"ids": ",".join(ids)}
        if not triggers:
            params["wf_trigger"] = "false"
        place = path(f"{self._root}/{{module}}", module=module)
        return await self._write("DELETE", place, None, 1, params=params, repeatable=True)

    # ── settings and people ──────────────────────────────────────────────────────────────────────

    async def modules(self) -> list[Native]:
        """All modules ("Modules Metadata")."""
        return await self._settings("modules", {})

    async def fields(self, module: str) -> list[Native]:
        """A module's fields ("Fields Metadata")."""
        return await self._settings("fields", {"module": module})

    async def layouts(self, module: str) -> list[Native]:
        """A module's layouts ("Layouts Metadata")."""
        return await self._settings("layouts", {"module": module})

    async def pipelines(self, layout_id: str) -> list[Native]:
        """The pipelines of a layout with their stages ("Get Pipelines")."""
        return await self._settings("pipeline", {"layout_id": layout_id})

    async def org(self) -> Native:
        """The organisation ("Get Organization Data")."""
        response = await self._http.request("GET", f"{self._root}/org")
        rows = _answer(response, "org").rows
        if len(rows) != 1:
            raise response.unreadable("JSON without the organisation")
        return rows[0]

    async def users(self, page: int, per_page: int = PAGE, kind: str = "AllUsers") -> Answer:
        """Users of the organisation ("Get Users")."""
        params = {"type": kind, "page": page, "per_page": per_page}
        return await self._list(f"{self._root}/users", params, key="users")

    async def user(self, id: str) -> Native | None:
        """One user ("Get Users"); ``None``: there is none."""
        place = path(f"{self._root}/users/{{id}}", id=id)
        try:
            answer = _answer(await self._http.request("GET", place), "users")
        except ConnectorError as error:
            if error.code in {"INVALID_DATA", "RESOURCE_NOT_FOUND"}:
                return None
            raise
        return answer.rows[0] if answer.rows else None

    # ── notifications ────────────────────────────────────────────────────────────────────────────

    async def watch(self, channels: Sequence[Native]) -> WriteAnswer:
        """New channels ("Enable Notifications"): at most 50."""
        return await self._write("POST", self._channels, {"watch": list(channels)}, 1, key="watch")

    async def rewatch(self, channels: Sequence[Native]) -> WriteAnswer:
        """Other settings for channels that there are ("Update Notifications", in whole): at most 50."""
        body: Native = {"watch": list(channels)}
        return await self._write("PUT", self._channels, body, 1, repeatable=True, key="watch")

    async def unwatch(self, ids: Sequence[str]) -> WriteAnswer:
        """Channels ended ("Disable Notifications")."""
        params = {"channel_ids": ",".join(ids)}
        return await self._write(
            "DELETE", self._channels, None, 1, params=params, repeatable=True, key="watch"
        )

    async def watched(self, page: int) -> Answer:
        """The channels that there are, an entry for each of their modules ("Get Notification Details")."""
        return await self._list(self._channels, {"page": page, "per_page": PAGE}, key="watch")

    async def raw(self, method: str, target: str, params: Params | None, json: Value) -> Value:
        """Any endpoint under ``/crm/``."""
        if not target.startswith("/crm/"):
            raise BadRequest("a Zoho CRM path begins with /crm/", hint="for example /crm/v8/org")
        response = await self._http.request(method, target, params=params, json=json)
        return response.json() if response.content else None

    # ── the calls themselves ─────────────────────────────────────────────────────────────────────

    async def _list(
        self,
        place: str,
        params: Params,
        *,
        since: datetime | None = None,
        key: str = "data",
        endpoint: Literal["default", "search"] = "default",
    ) -> Answer:
        headers = {"If-Modified-Since": since.replace(microsecond=0).isoformat()} if since else None
        response = await self._http.request(
            "GET", place, params=params, headers=headers, ok=_UNCHANGED, endpoint=endpoint
        )
        return _answer(response, key)

    async def _settings(self, kind: str, params: Mapping[str, str]) -> list[Native]:
        response = await self._http.request("GET", f"{self._root}/settings/{kind}", params=params)
        return _answer(response, kind).rows

    async def _write(
        self,
        method: str,
        place: str,
        body: Native | None,
        count: int,
        *,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = False,
        key: str = "data",
    ) -> WriteAnswer:
        response = await self._http.request(
            method,
            place,
            params=params,
            json=body,
            headers=headers,
            idempotent=repeatable,
            endpoint="bulk" if count >= HEAVY_FROM else "default",
            cost=write_call(count).credits,
            ok=_WRITTEN,
        )
        reply = response.peek() if response.status >= 400 else response.json()
        return write_answer_of(reply, response, key)


def _answer(response: Response, key: str = "data") -> Answer:
    return answer_of(response.json(), response, key)
