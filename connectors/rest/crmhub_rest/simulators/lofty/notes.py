"""Notes of leads. Times are naive texts in UTC; content past 2,000 characters is cut without a word.

Source: Lofty Open API, "Notes".
"""

from typing import Final

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.lofty import ids
from crmhub_rest.simulators.lofty.call import Call, Endpoint, done, reply
from crmhub_rest.simulators.lofty.errors import LoftyError, invalid, no_resource
from crmhub_rest.simulators.lofty.rows import seconds, text, whole
from crmhub_rest.simulators.lofty.team import NOTES, Team
from crmhub_rest.simulators.lofty.times import naive

LONGEST: Final = 2_000


def endpoints() -> list[Endpoint]:
    """The routes."""
    one = "/v1.0/notes/{noteId}"
    return [
        Endpoint("GET", "/v1.0/notes", _list, "notes"),
        Endpoint("POST", "/v1.0/notes", _create, "notes"),
        Endpoint("GET", one, _get, "notes"),
        Endpoint("PUT", one, _update, "notes"),
        Endpoint("DELETE", one, _delete, "notes"),
    ]


def note_json(team: Team, row: Row) -> Row:
    """A note as Lofty shows it."""
    creator = team.member(row.get("creatorId"))
    editor = team.member(row.get("lastEditorId")) or creator
    return {
        **{
            key: row[key] for key in ("id", "noteId", "creatorId", "leadId", "content", "isPin", "systemNote")
        },
        "createTime": naive(seconds(row, "created")),
        "lastUpdate": naive(seconds(row, "updated")),
        "deleteFlag": False,
        "creatorName": creator.user.full_name if creator else "",
        "lastEditorId": editor.id if editor else None,
        "lastEditorName": editor.user.full_name if editor else "",
    }


def add_note(team: Team, lead_id: int, content: str, *, pin: bool) -> Row:
    """Keep a new note of a lead."""

    def make(note_id: int) -> Row:
        place = ids.NOTES.place_of(str(note_id)) or 0
        return {
            "id": ids.NOTE_TIMELINE.at(place),
            "noteId": note_id,
            "leadId": lead_id,
            "creatorId": team.caller.id,
            "content": content[:LONGEST],
            "isPin": pin,
            "systemNote": False,
            "created": team.now(),
            "updated": team.now(),
        }

    row = team.add(NOTES, make, late=True)
    _tell(team, "created", row)
    return row


def _tell(team: Team, event: str, row: Row) -> None:
    team.hooks.tell("Note", event, {"noteId": row["noteId"], "leadId": row["leadId"]})


def _list(call: Call) -> Response:
    lead_id = call.lead_id()
    call.lead(lead_id)
    rows = call.team.of_lead(NOTES, lead_id)
    system = call.flag("includeSystemNote")
    shown = [note_json(call.team, row) for row in rows if system or not row["systemNote"]]
    return reply({"notes": shown[1::2] + shown[::2]})  # their order is not guaranteed


def _create(call: Call) -> Response:
    given = call.body
    lead_id, pin = given.get("leadId"), given.get("isPin")
    if not isinstance(lead_id, int) or isinstance(lead_id, bool) or lead_id < 1:
        raise invalid("leadId is required")
    if not isinstance(pin, bool):
        raise invalid("isPin is required")
    call.lead(lead_id)
    row = add_note(call.team, lead_id, _content(call), pin=pin)
    return reply({"noteId": row["noteId"]})


def _content(call: Call) -> str:
    content = call.body.get("content")
    if not isinstance(content, str) or not content.strip():
        raise invalid("content must not be blank")
    return content[:LONGEST]


def _found(call: Call, *, early: bool = False) -> Row:
    row = call.team.notes.get(str(call.id("noteId", no_resource)))
    if row is None or not (early or call.team.visible(row)):
        raise no_resource()
    call.lead(whole(row, "leadId"))
    return row


def _get(call: Call) -> Response:
    return reply({"note": note_json(call.team, _found(call))})


def _update(call: Call) -> Response:
    row = _found(call)
    if not isinstance(call.body.get("isPin"), bool):
        raise invalid("isPin is required")
    if call.body.get("leadId", row["leadId"]) != row["leadId"]:
        raise LoftyError(400, "INVALID_UPDATE_OPERATION_LEADID", "leadId does not match the note's lead")
    after = {
        **row,
        "content": _content(call),
        "isPin": call.body["isPin"],
        "updated": call.team.now(),
        "lastEditorId": call.team.caller.id,
    }
    if text(row, "content") != after["content"] or row["isPin"] != after["isPin"]:
        call.team.change(NOTES, whole(row, "noteId"), after)
        _tell(call.team, "updated", after)
    return done()


def _delete(call: Call) -> Response:
    row = _found(call, early=True)
    call.team.remove(NOTES, whole(row, "noteId"))
    _tell(call.team, "deleted", row)
    return done()
