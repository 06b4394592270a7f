"""The API of one credential: which path and method lead to what.

Source: Rollout API reference, CRM; Follow Up Boss API, "Events", for what an event does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast
from urllib.parse import urlsplit

import msgspec
from starlette.responses import Response

from crmhub.testing.simulator.faults import Faults
from crmhub.testing.simulator.jsons import json_response, load_json
from crmhub.testing.simulator.table import Row
from crmhub_rollout.simulator import crm as kinds
from crmhub_rollout.simulator.crm import Crm
from crmhub_rollout.simulator.errors import RolloutError, bad, not_found
from crmhub_rollout.simulator.hooks import events_of
from crmhub_rollout.simulator.records import changed, created, found, listed
from crmhub_rollout.simulator.shapes import SHAPES, mapping, text

_BOSS: Final = {"start": "startsAt", "end": "endsAt", "allDay": "isAllDay"}
_EVENTS: Final = events_of(tuple(SHAPES))
WEBHOOKS: Final = "webhooks"


@dataclass(frozen=True)
class Call:
    """A call that is allowed. `parts` are the parts of the path: the collection, and perhaps an id."""

    method: str
    path: str
    parts: tuple[str, ...]
    query: Mapping[str, str]
    raw_body: bytes
    base_url: str

    def body(self) -> Row:
        """The JSON object in the body; raises RolloutError."""
        try:
            value = load_json(self.raw_body)
        except msgspec.DecodeError:
            raise bad("the body is not JSON") from None
        if not isinstance(value, dict):
            raise bad("the body must be an object")
        return cast("Row", value)


class Service:
    """Answers the calls to one CRM."""

    def __init__(self, crm: Crm, faults: Faults, appointment_fields: str) -> None:
        self._crm = crm
        self._faults = faults
        self._appointment_fields = appointment_fields

    def answer(self, call: Call) -> Response:
        """Answer one call; raises RolloutError."""
        name = call.parts[0]
        if name == WEBHOOKS:
            return self._webhooks(call)
        if name not in self._crm.tables or len(call.parts) > 2:
            raise not_found()
        match (call.method, call.parts[1:]):
            case ("GET", ()):
                return self._list(call, name)
            case ("POST", ()) if name == kinds.EVENTS:
                return json_response(self.shown(name, self._event(call.body())), 201)
            case ("POST", ()) if name in SHAPES:
                return json_response(self.shown(name, created(self._crm, name, call.body())), 201)
            case ("GET", (row_id,)):
                shown = self.shown(name, found(self._crm, name, row_id))
                return json_response(self._struck([shown], call)[0])
            case ("PUT", (row_id,)) if name in SHAPES:
                row = found(self._crm, name, row_id)
                return json_response(self.shown(name, changed(self._crm, name, row, call.body())))
            case ("DELETE", (row_id,)) if name in SHAPES:
                self._crm.remove(name, found(self._crm, name, row_id))
                return Response(status_code=204)
            case _:
                raise RolloutError(405, "Method not allowed")

    def shown(self, name: str, row: Row) -> Row:
        """A record as the API shows it."""
        if name != kinds.APPOINTMENTS or self._appointment_fields == "reference":
            return row
        boss = {ours: row.get(theirs) for ours, theirs in _BOSS.items()}
        if self._appointment_fields == "both":
            return {**row, **boss}
        return {**{key: value for key, value in row.items() if key not in _BOSS.values()}, **boss}

    def _list(self, call: Call, name: str) -> Response:
        metadata, rows = listed(self._crm, name, call.query, f"{call.base_url}/api/{name}")
        if metadata["next"] and call.query.get("next") and self._strikes("loop_token", call):
            metadata |= {
                "next": call.query["next"],
                "nextLink": f"{call.base_url}{call.path}?next={call.query['next']}",
            }
        shown = self._struck([self.shown(name, row) for row in rows], call)
        if shown and self._strikes("duplicate_ids", call):
            shown.append(shown[0])
        return json_response({"_metadata": metadata, name: shown})

    def _struck(self, rows: list[Row], call: Call) -> list[Row]:
        if rows and self._strikes("no_cursor_field", call):
            return [{key: value for key, value in row.items() if key != "rolloutUpdated"} for row in rows]
        return rows

    def _strikes(self, kind: str, call: Call) -> bool:
        return self._faults.on_data(kind, call.method, call.path)

    def _event(self, given: Row) -> Row:
        crm = self._crm
        person = cast("Row", mapping(crm, "person", given.get("person")))
        for key in ("type", "source", "system", "message", "description"):
            if given.get(key) is not None:
                text(crm, key, given[key])
        if not given.get("type"):
            raise bad("type is required")
        held = self._known(person)
        if held is None:
            source = {"source": given["source"]} if given.get("source") else {}
            held = created(crm, kinds.PEOPLE, {**source, **person})
        else:
            held = changed(crm, kinds.PEOPLE, held, person)
        values = {key: value for key, value in given.items() if key != "person"}
        return crm.add(kinds.EVENTS, {**values, "personId": held["id"]})

    def _known(self, person: Row) -> Row | None:
        held = self._crm.row(kinds.PEOPLE, person.get("id"))
        if held is not None:
            return held
        for field in ("emails", "phones"):
            for item in cast("list[Row]", person.get(field) or []):
                places = self._crm.people_with(field, str(item.get("value")))
                if places:
                    return self._crm.tables[kinds.PEOPLE].row(places[0])
        return None

    def _webhooks(self, call: Call) -> Response:
        hooks = self._crm.hooks
        match (call.method, call.parts[1:]):
            case ("GET", ()):
                shown = [one.as_json() for one in hooks.hooks.values()]
                metadata = {"collection": WEBHOOKS, "offset": 0, "limit": len(shown), "total": len(shown)}
                return json_response(
                    {"_metadata": {**metadata, "next": None, "nextLink": None}, WEBHOOKS: shown}
                )
            case ("POST", ()):
                given = call.body()
                url, event = given.get("url"), given.get("event")
                if not isinstance(url, str) or not _is_address(url):
                    raise bad("url must be an address")
                if not isinstance(event, str) or event not in _EVENTS:
                    raise bad("event is not supported")
                filters = cast("Row", mapping(self._crm, "filters", given.get("filters") or {}))
                made = hooks.subscribe(url, event, filters, call.base_url)
                return json_response(made.as_json(), 201)
            case ("GET", (hook_id,)) if hook_id in hooks.hooks:
                return json_response(hooks.hooks[hook_id].as_json())
            case ("DELETE", (hook_id,)) if hook_id in hooks.hooks:
                del hooks.hooks[hook_id]
                return Response(status_code=204)
            case (_, (_,)):
                raise not_found()
            case _:
                raise RolloutError(405, "Method not allowed")


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return False
