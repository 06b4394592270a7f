"""Comments on notes, which only v1 has."""

from typing import Final

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.pipedrive import values
from crmhub_rest.simulators.pipedrive.call import Call, Endpoint, done
from crmhub_rest.simulators.pipedrive.company import Company
from crmhub_rest.simulators.pipedrive.errors import ApiError, not_found
from crmhub_rest.simulators.pipedrive.v1_pages import page_v1, v1_time

_RULES: Final = {"content": values.text(100_000, filled=True)}
_READ, _WRITE = (
    ("deals:read", "deals:full", "contacts:read", "contacts:full"),
    ("deals:full", "contacts:full"),
)


class Comments:
    """The comments on each note, the oldest first."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self._held: dict[int, list[Row]] = {}

    def list_them(self, call: Call) -> Response:
        """`GET /v1/notes/{id}/comments`."""
        return page_v1(call, self._of(call), lambda one: one)

    def get(self, call: Call) -> Response:
        """`GET /v1/notes/{id}/comments/{comment_id}`."""
        return done(self._one(call))

    def add(self, call: Call) -> Response:
        """`POST /v1/notes/{id}/comments`."""
        held, now = self._of(call), v1_time(self._company.now_text())
        made: Row = {
            "uuid": self._company.uuid(),
            "active_flag": True,
            "add_time": now,
            "update_time": now,
            "content": _content(call),
            "object_id": call.path["id"],
            "object_type": "note",
            "user_id": call.user.id,
            "updater_id": call.user.id,
            "company_id": self._company.id,
        }
        held.append(made)
        return done(made)

    def change(self, call: Call) -> Response:
        """`PUT /v1/notes/{id}/comments/{comment_id}`."""
        found = self._one(call)
        now = v1_time(self._company.now_text())
        found |= {"content": _content(call), "update_time": now, "updater_id": call.user.id}
        return done(found)

    def remove(self, call: Call) -> Response:
        """`DELETE /v1/notes/{id}/comments/{comment_id}`."""
        self._of(call).remove(self._one(call))
        return done(data=True)

    def _of(self, call: Call) -> list[Row]:
        ident = call.id(what="Note")
        if self._company.live("note", ident) is None:
            raise not_found("Note")
        return self._held.setdefault(ident, [])

    def _one(self, call: Call) -> Row:
        found = next((one for one in self._of(call) if one["uuid"] == call.path["comment_id"]), None)
        if found is None:
            raise not_found("Comment")
        return found

    def endpoints(self) -> list[Endpoint]:
        """What this module answers."""
        many = "/notes/{id}/comments"
        one = f"{many}/{{comment_id}}"
        return [
            Endpoint("v1", "GET", many, self.list_them, 20, _READ),
            Endpoint("v1", "POST", many, self.add, 10, _WRITE),
            Endpoint("v1", "GET", one, self.get, 2, _READ),
            Endpoint("v1", "PUT", one, self.change, 10, _WRITE),
            Endpoint("v1", "DELETE", one, self.remove, 6, _WRITE),
        ]


def _content(call: Call) -> object:
    given = values.checked(_RULES, call.body)
    if "content" not in given:
        raise ApiError(400, "content is required")
    return given["content"]
