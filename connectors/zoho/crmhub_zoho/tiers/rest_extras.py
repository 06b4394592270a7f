"""Zoho CRM's REST API for what only Zoho has, one method for each endpoint.

Source: Zoho CRM API v8, the pages named at the methods; credits from "API Limits": 5 for a conversion, one
for each of the others. Conversions and composite requests are heavy calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from json import dumps

from crmhub.connector import Native, Value
from crmhub.http import HttpClient, Params, Response, path
from crmhub_zoho.tiers.answers import Answer, WriteAnswer, answer_of, write_answer_of

__all__ = ["COMPOSITE", "CONVERT", "RestExtras"]

CONVERT = "convert"
"""The endpoint class of conversions."""
COMPOSITE = "composite"
"""The endpoint class of composite requests."""
_CONVERT_CREDITS = 5
_SUCCESS = frozenset(range(200, 300))
_WRITTEN = _SUCCESS | {400}
_PARTS = "__composite_requests"


class RestExtras:
    """See the module."""

    def __init__(self, http: HttpClient, version: str) -> None:
        self._http = http
        self._root = f"/crm/{version}"
        self._bin = f"{self._root}/settings/recycle_bin"

    # ── leads and blueprints ─────────────────────────────────────────────────────────────────────

    async def convert(self, lead: str, how: Native) -> WriteAnswer:
        """A lead made an account, a contact and a deal ("Convert Lead"): not safe to send twice."""
        place = path(f"{self._root}/Leads/{{id}}/actions/convert", id=lead)
        response = await self._http.request(
            "POST", place, json={"data": [how]}, endpoint=CONVERT, cost=_CONVERT_CREDITS
        )
        return write_answer_of(response.json(), response)

    async def blueprint(self, module: str, id: str) -> tuple[Value, Response]:
        """The process of a record and its transitions ("Get Blueprint")."""
        response = await self._http.request("GET", self._blueprint(module, id))
        return response.json(), response

    async def transition(self, module: str, id: str, transition: str, data: Native) -> str:
        """Zoho's word on a transition that was made ("Update Blueprint"): not safe to send twice."""
        body: Native = {"blueprint": [{"transition_id": transition, "data": data}]}
        response = await self._http.request("PUT", self._blueprint(module, id), json=body, idempotent=False)
        reply = response.json()
        message = reply.get("message") if isinstance(reply, dict) else None
        return message if isinstance(message, str) else ""

    def _blueprint(self, module: str, id: str) -> str:
        return path(f"{self._root}/{{module}}/{{id}}/actions/blueprint", module=module, id=id)

    # ── related records ──────────────────────────────────────────────────────────────────────────

    async def related_lists(self, module: str) -> list[Native]:
        """A module's related lists ("Related Lists Metadata")."""
        response = await self._http.request(
            "GET", f"{self._root}/settings/related_lists", params={"module": module}
        )
        return answer_of(response.json(), response, "related_lists").rows

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
        """A page of a related list ("Get Related Records")."""
        params: dict[str, str | int] = {"fields": ",".join(fields), "per_page": per_page}
        if token:
            params["page_token"] = token
        elif page > 1:
            params["page"] = page
        response = await self._http.request("GET", self._related(module, id, related), params=params)
        return answer_of(response.json(), response)

    async def link(self, module: str, id: str, related: str, ids: Sequence[str]) -> WriteAnswer:
        """Records put into a related list ("Update Related Records")."""
        rows: list[Value] = [{"id": one} for one in ids]
        return await self._write("PUT", self._related(module, id, related), {"data": rows}, repeatable=True)

    async def unlink(self, module: str, id: str, related: str, ids: Sequence[str]) -> WriteAnswer:
        """Records taken out of a related list ("Delink Records"): refused for what is not in it."""
        place = self._related(module, id, related)
        return await self._write("DELETE", place, None, params={"ids": ",".join(ids)})

    def _related(self, module: str, id: str, related: str) -> str:
        template = f"{self._root}/{{module}}/{{id}}/{{related}}"
        return path(template, module=module, id=id, related=related)

    # ── tags ─────────────────────────────────────────────────────────────────────────────────────

    async def tags(self, module: str) -> list[Native]:
        """A module's tags ("Get Tags")."""
        response = await self._http.request("GET", f"{self._root}/settings/tags", params={"module": module})
        return answer_of(response.json(), response, "tags").rows

    async def add_tags(
        self, module: str, ids: Sequence[str], tags: Sequence[str], *, overwrite: bool
    ) -> WriteAnswer:
        """Tags put on records ("Add Tags to Records"): at most 500 records."""
        body = _tagging(ids, tags) | {"over_write": overwrite}
        return await self._write("POST", self._action(module, "add_tags"), body, repeatable=True)

    async def remove_tags(self, module: str, ids: Sequence[str], tags: Sequence[str]) -> WriteAnswer:
        """Tags taken off records ("Remove Tags from Records"): at most 500 records."""
        place = self._action(module, "remove_tags")
        return await self._write("POST", place, _tagging(ids, tags), repeatable=True)

    # ── the recycle bin ──────────────────────────────────────────────────────────────────────────

    async def recycled(self, module: str | None, page: int, per_page: int) -> Answer:
        """A page of the recycle bin, newest first ("Get Records from the Recycle Bin")."""
        params: dict[str, str | int] = {"page": page, "per_page": per_page}
        if module is not None:
            test = {"field": {"api_name": "module"}, "comparator": "equal", "value": module}
            params["filters"] = dumps({"group_operator": "AND", "group": [test]})
        response = await self._http.request("GET", self._bin, params=params)
        return answer_of(response.json(), response, "recycle_bin")

    async def restore(self, ids: Sequence[str]) -> WriteAnswer:
        """Records brought back ("Restore Records from the Recycle Bin"): at most 200; not safe twice."""
        place = f"{self._bin}/actions/restore"
        return await self._write("POST", place, {"ids": list(ids)}, key="recycle_bin")

    async def purge(self, ids: Sequence[str]) -> WriteAnswer:
        """Records deleted for good ("Delete Records from the Recycle Bin"): at most 200."""
        return await self._write("DELETE", self._bin, None, params={"ids": ",".join(ids)}, key="recycle_bin")

    async def empty(self) -> None:
        """All that is in the bin deleted for good ("Empty the Recycle Bin"); Zoho may do it later."""
        await self._http.request("POST", f"{self._bin}/actions/empty", idempotent=True)

    # ── several calls or records at once ─────────────────────────────────────────────────────────

    async def composite(self, parts: Sequence[Native], *, rollback: bool, parallel: bool) -> WriteAnswer:
        """Up to five calls in one ("Composite API"): not safe to send twice."""
        body: Native = {
            "rollback_on_fail": rollback,
            "parallel_execution": parallel,
            _PARTS: list[Value](parts),
        }
        response = await self._http.request(
            "POST",
            f"{self._root}/{_PARTS}",
            json=body,
            endpoint=COMPOSITE,
            cost=2 if rollback else 1,
            ok=_WRITTEN,
        )
        reply = response.peek() if response.status >= 400 else response.json()
        return write_answer_of(reply, response, _PARTS)

    async def mass_update(self, module: str, ids: Sequence[str], values: Native) -> WriteAnswer:
        """The same change of up to 500 records ("Mass Update Records")."""
        body: Native = {"data": [values], "ids": list(ids)}
        return await self._write("POST", self._action(module, "mass_update"), body, repeatable=True)

    async def mass_update_view(self, module: str, view: str, values: Native) -> WriteAnswer:
        """A job that changes all records of a view ("Mass Update Records")."""
        body: Native = {"data": [values], "cvid": view}
        return await self._write("POST", self._action(module, "mass_update"), body)

    async def mass_delete(self, module: str, ids: Sequence[str]) -> WriteAnswer:
        """Up to 500 records moved to the recycle bin ("Mass Delete Records")."""
        return await self._write("POST", self._action(module, "mass_delete"), {"ids": list(ids)})

    async def mass_delete_view(self, module: str, view: str) -> WriteAnswer:
        """A job that deletes all records of a view ("Mass Delete Records")."""
        return await self._write("POST", self._action(module, "mass_delete"), {"cvid": view})

    async def mass_job(self, module: str, action: str, job: str) -> Answer:
        """How far a mass job has come ("Get the Status of a Mass Update")."""
        response = await self._http.request("GET", self._action(module, action), params={"job_id": job})
        return answer_of(response.json(), response)

    # ── the calls themselves ─────────────────────────────────────────────────────────────────────

    def _action(self, module: str, action: str) -> str:
        return path(f"{self._root}/{{module}}/actions/{{action}}", module=module, action=action)

    async def _write(
        self,
        method: str,
        place: str,
        body: Native | None,
        *,
        params: Params | None = None,
        repeatable: bool = False,
        key: str = "data",
    ) -> WriteAnswer:
        response = await self._http.request(
            method, place, params=params, json=body, idempotent=repeatable, ok=_WRITTEN
        )
        reply = response.peek() if response.status >= 400 else response.json()
        return write_answer_of(reply, response, key)


def _tagging(ids: Sequence[str], tags: Sequence[str]) -> dict[str, Value]:
    return {"ids": list(ids), "tags": [{"name": name} for name in tags]}
