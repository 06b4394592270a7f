"""What was said to a lead (by offset or last id) and by agents (by an opaque cursor).

Source: Lofty Open API, "Communication", "Communication V2", "Lead Activity V2".
"""

import base64
import binascii
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.lofty.call import Call, Endpoint, Handler, reply
from crmhub_rest.simulators.lofty.errors import invalid, no_access, no_lead
from crmhub_rest.simulators.lofty.rows import seconds, whole
from crmhub_rest.simulators.lofty.talk_json import (
    activity_json,
    call_json,
    communication_json,
    email_json,
    history_json,
    text_json,
)
from crmhub_rest.simulators.lofty.team import TALKS, Team

_MOST: Final = 1_000
_WINDOW: Final = timedelta(days=90).total_seconds()
_Render = Callable[[Team, Row], Row]


def endpoints() -> list[Endpoint]:
    """The routes."""
    area, old, new = "communications", "/v1.0/communication", "/v2.0/communication"
    return [
        Endpoint("GET", f"{old}/call/v2", _history("Call", "calls", history_json), area),
        Endpoint("GET", f"{old}/call", _history("Call", "calls", call_json), area),
        Endpoint("GET", f"{old}/text", _history("Text", "texts", text_json), area),
        Endpoint("GET", f"{old}/email", _history("Email", "emails", email_json), area),
        Endpoint("GET", f"{new}/agent", _of_agents, area),
        Endpoint("POST", "/v1.0/agent/communication", _old_search, area),
        Endpoint("GET", f"{new}/call/{{communicationId}}", _one("Call", call_json), area),
        Endpoint("GET", f"{new}/text/{{communicationId}}", _one("Text", text_json), area),
        Endpoint("GET", f"{new}/email/{{communicationId}}", _one("Email", email_json), area),
        Endpoint("GET", "/v2.0/leads/{leadId}/activities", _activities, area),
    ]


def _page(call: Call, rows: list[Row]) -> list[Row]:
    limit, offset, after = call.number("limit", 10), call.number("offset", 0), call.number("currentId", 0)
    if not 1 <= limit <= _MOST or offset < 0:
        raise invalid("limit must be between 1 and 1000, offset not negative")
    if after > 0:
        rows, offset = [row for row in rows if whole(row, "id") > after], 0
    page = rows[offset : offset + limit]
    return [*page, page[0]] if page and call.fault("duplicate_ids") else page


def _history(channel: str, key: str, render: _Render) -> Handler:
    def handle(call: Call) -> Response:
        lead_id = call.lead_id()
        call.lead(lead_id)
        rows = [row for row in call.team.of_lead(TALKS, lead_id) if row["channel"] == channel]
        return reply({key: [render(call.team, row) for row in _page(call, rows)]})

    return handle


def _one(channel: str, render: _Render) -> Handler:
    def handle(call: Call) -> Response:
        row = call.team.get(TALKS, call.id("communicationId", no_access))
        if row is None or row["channel"] != channel:
            raise no_access()
        call.lead(whole(row, "leadId"), no_access)
        return reply(render(call.team, row))

    return handle


def _activities(call: Call) -> Response:
    lead_id = call.id("leadId", no_lead)
    call.lead(lead_id)
    rows = call.team.of_lead(TALKS, lead_id)
    rows.sort(key=lambda row: (seconds(row, "time"), whole(row, "id")))
    return reply({"activities": [activity_json(call.team, row) for row in _page(call, rows)]})


def _within(team: Team, channel: str, begin: float, end: float, *, everyone: bool) -> list[int]:
    if end < begin or end - begin > _WINDOW:
        raise invalid("endTime must be at most 90 days after startTime")
    if channel not in {"CALL", "TEXT", "EMAIL", "ALL"}:
        raise invalid("type must be CALL, TEXT, EMAIL or ALL")

    def find() -> list[int]:
        rows = ((place, team.talks.row(place)) for place in team.talks.places())
        return [
            place
            for place, row in rows
            if begin <= seconds(row, "time") <= end
            and channel in {"ALL", str(row["channel"]).upper()}
            and (everyone or row["agentId"] == team.caller.id)
            and team.visible(row)
        ]

    return team.view(TALKS, (channel, begin, end, everyone), find)


def _of_agents(call: Call) -> Response:
    if not call.query.get("startTime") or not call.query.get("endTime"):
        raise invalid("startTime and endTime are required")
    begin, end = call.number("startTime", 0) / 1_000, call.number("endTime", 0) / 1_000
    limit = call.number("limit", 100)
    if not 1 <= limit <= _MOST:
        raise invalid("limit must be between 1 and 1000")
    channel, everyone = call.query.get("type") or "ALL", call.flag("teamView")
    places = _within(call.team, channel, begin, end, everyone=everyone)
    cursor = call.query.get("cursor", "")
    last = _read_cursor(cursor) if cursor else -1
    page = [place for place in places if place > last][:limit]
    rows = [communication_json(call.team.talks.row(place)) for place in page]
    if rows and call.fault("duplicate_ids"):
        rows.append(rows[0])
    full = len(page) == limit
    following = cursor if cursor and call.fault("loop_token") else _cursor(page[-1]) if full else None
    values = {"nextCursor": following, "hasMore": full, "limit": limit, "totalCount": len(places)}
    return reply({"data": rows, **{key: value for key, value in values.items() if value is not None}})


def _cursor(place: int) -> str:
    return base64.urlsafe_b64encode(f"talk:{place}".encode()).decode()


def _read_cursor(text: str) -> int:
    try:
        name, _, place = base64.urlsafe_b64decode(text).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        name, place = "", ""
    if name != "talk" or not place.isdigit():
        raise invalid("cursor is not valid")
    return int(place)


def _old_search(call: Call) -> Response:
    values = [call.body.get(key) for key in ("startTime", "endTime")]
    if not all(isinstance(value, int) for value in values):
        raise invalid("startTime and endTime are required")
    begin, end = (whole(call.body, key) / 1_000 for key in ("startTime", "endTime"))
    everyone = call.body.get("teamView") is True
    places = _within(call.team, str(call.body.get("type")), begin, end, everyone=everyone)
    offset, limit = whole(call.body, "offset"), whole(call.body, "limit") or 100
    rows = [communication_json(call.team.talks.row(place)) for place in places[offset : offset + limit]]
    more = offset + limit < len(places)
    return reply({"offset": offset, "limit": limit, "pageData": rows, "hasMore": more})
