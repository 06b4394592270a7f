"""Call logs, which only v1 has: telephone calls with their outcome, tied to a deal or a lead, a person, an
organization.

Source: Pipedrive's API v1 file. A call that is logged without an activity gets one of its own, which is done.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Final, cast

from starlette.responses import Response

from crmhub.testing.simulator.jsons import json_response
from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.pipedrive import values
from crmhub_rest.simulators.pipedrive.activities import make_activity
from crmhub_rest.simulators.pipedrive.call import Call, Endpoint, done
from crmhub_rest.simulators.pipedrive.company import Company
from crmhub_rest.simulators.pipedrive.errors import ApiError
from crmhub_rest.simulators.pipedrive.links import check_links
from crmhub_rest.simulators.pipedrive.v1_pages import page_v1
from crmhub_rest.simulators.pipedrive.values import Rule

_OUTCOMES: Final = ("connected", "no_answer", "left_message", "left_voicemail", "wrong_number", "busy")
_NEEDED: Final = ("outcome", "to_phone_number", "start_time", "end_time")
_RULES: Final[Mapping[str, Rule]] = {
    **dict.fromkeys(("user_id", "activity_id", "person_id", "org_id", "deal_id"), values.whole),
    "lead_id": values.uuid,
    **dict.fromkeys(("subject", "duration", "from_phone_number", "to_phone_number"), values.text(255)),
    "note": values.text(),
    "outcome": values.one_of(*_OUTCOMES),
    **dict.fromkeys(("start_time", "end_time"), values.moment),
}
_SCOPES: Final = ("phone-integration",)


class CallLogs:
    """The call logs of a company, the latest first."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self._held: dict[str, Row] = {}

    def list_them(self, call: Call) -> Response:
        """`GET /v1/callLogs`: of the user who calls."""
        own = [one for one in self._held.values() if one["user_id"] == call.user.id]
        return page_v1(call, own[::-1], lambda one: one)

    def get(self, call: Call) -> Response:
        """`GET /v1/callLogs/{id}`."""
        return done(self._one(call))

    def add(self, call: Call) -> Response:
        """`POST /v1/callLogs`."""
        company = self._company
        given = values.checked(_RULES, call.body)
        for name in _NEEDED:
            if name not in given:
                raise ApiError(400, f"{name} is required")
        if "deal_id" in given and "lead_id" in given:
            raise ApiError(400, "A call log belongs to a deal or to a lead, not to both")
        check_links(company, given)
        start, end = (datetime.fromisoformat(str(given[name])) for name in ("start_time", "end_time"))
        if end < start:
            raise ApiError(400, "end_time must not be before start_time")
        if "activity_id" in given and company.live("activity", given["activity_id"]) is None:
            raise ApiError(400, f"Activity not found: activity_id {given['activity_id']}")
        made: Row = {
            **dict.fromkeys(_RULES),
            "user_id": call.user.id,
            "subject": f"Call with {given['to_phone_number']}",
            "duration": str(int((end - start).total_seconds())),
            **given,
            "id": company.uuid().replace("-", ""),
            "has_recording": False,
            "company_id": company.id,
        }
        made["activity_id"] = given.get("activity_id") or self._activity(call, made)
        self._held[str(made["id"])] = made
        return done(made)

    def delete(self, call: Call) -> Response:
        """`DELETE /v1/callLogs/{id}`: the activity stays."""
        del self._held[str(self._one(call)["id"])]
        return json_response({"success": True}, 200)

    def record(self, call: Call) -> Response:
        """`POST /v1/callLogs/{id}/recordings`: one alone, of which no sound is kept."""
        found = self._one(call)
        if found["has_recording"]:
            raise ApiError(409, "Call log already has a recording")
        found["has_recording"] = True
        return json_response({"success": True}, 200)

    def _one(self, call: Call) -> Row:
        found = self._held.get(call.path["id"])
        if found is None:
            raise ApiError(404, "Call log not found")
        return found

    def _activity(self, call: Call, made: Row) -> object:
        body: Row = {
            name: made[name] for name in ("subject", "deal_id", "lead_id", "org_id", "note") if made[name]
        }
        if made["person_id"]:
            body["participants"] = [{"person_id": made["person_id"], "primary": True}]
        start = cast("str", made["start_time"])
        body |= {"type": "call", "done": True, "due_date": start[:10], "due_time": start[11:16]}
        row = make_activity(self._company, body, call.user)
        return self._company.add("activity", row, call.user)["id"]

    def endpoints(self) -> list[Endpoint]:
        """What this module answers."""
        many, one = "/callLogs", "/callLogs/{id}"
        route = partial(Endpoint, "v1", scopes=_SCOPES)
        return [
            route("GET", many, self.list_them, 20),
            route("POST", many, self.add, 10),
            route("GET", one, self.get, 2),
            route("DELETE", one, self.delete, 6),
            route("POST", f"{one}/recordings", self.record, 10),
        ]
