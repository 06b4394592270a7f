"""Searching opportunities.

Source: the OpenAPI files (classic and v3 name the query's parameters differently), "Opportunities Search
API".
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, cast

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.gohighlevel import views
from crmhub_rest.simulators.gohighlevel.call import Call, Endpoint, traced
from crmhub_rest.simulators.gohighlevel.contacts import custom_field_filter
from crmhub_rest.simulators.gohighlevel.errors import invalid
from crmhub_rest.simulators.gohighlevel.filters import DATE, EQUAL, NUMBER, TEXT, FieldOf, FilterField
from crmhub_rest.simulators.gohighlevel.keyset import page_of
from crmhub_rest.simulators.gohighlevel.location import Location
from crmhub_rest.simulators.gohighlevel.opportunity_writing import READ, STATUSES
from crmhub_rest.simulators.gohighlevel.ordering import Criteria, Orderer, Sort
from crmhub_rest.simulators.gohighlevel.searching import Searched, all_of, hidden_after, search, text_test
from crmhub_rest.simulators.gohighlevel.shapes import Shape, text_of, whole_of
from crmhub_rest.simulators.gohighlevel.times import parse_us_day

DEFAULT_LIMIT: Final = 20
MOST: Final = 100
_DAY: Final = 86_400_000
_SNAKE: Final = {
    "locationId": "location_id",
    "pipelineId": "pipeline_id",
    "pipelineStageId": "pipeline_stage_id",
    "contactId": "contact_id",
    "assignedTo": "assigned_to",
}
_V3: Final[Shape] = {
    **dict.fromkeys(_SNAKE, "string"),
    "locationId": "string!",
    **dict.fromkeys(
        ("q", "campaignId", "id", "order", "endDate", "startAfterId", "date", "country"), "string"
    ),
    "status": f"{STATUSES}|all",
    "startAfter": "number",
    "page": "number",
    "limit": "number",
    "getTasks": "boolean",
    "getNotes": "boolean",
    "getCalendarEvents": "boolean",
}
_CLASSIC: Final[Shape] = {_SNAKE.get(name, name): part for name, part in _V3.items()}
_SEARCH: Final[Shape] = {
    "locationId": "string!",
    "limit": "number!",
    "page": "number",
    "searchAfter": "array",
    "filters": "array",
    "sort": "objects",
    "query": "string",
    "additionalDetails": "object",
}
_DETAILS: Final = {"notes": "notes", "tasks": "tasks", "calendarEvents": "appointments"}


def _plain(name: str) -> Callable[[Row], object]:
    return lambda row: row.get(name)


def _contact(location: Location, row: Row) -> Row:
    return location.get("contacts", str(row.get("contactId", ""))) or {}


def _fields(location: Location) -> FieldOf:
    known = {
        "id": FilterField(EQUAL, _plain("id")),
        "name": FilterField(TEXT, _plain("name")),
        "monetary_value": FilterField(NUMBER, _plain("monetaryValue")),
        "pipeline_id": FilterField(EQUAL, _plain("pipelineId")),
        "pipeline_stage_id": FilterField(EQUAL, _plain("pipelineStageId")),
        "status": FilterField(EQUAL, _plain("status")),
        "lost_reason_id": FilterField(EQUAL, _plain("lostReasonId")),
        "source": FilterField(EQUAL, _plain("source")),
        "assigned_to": FilterField(EQUAL, _plain("assignedTo")),
        "followers": FilterField(TEXT, _plain("followers")),
        "contact_id": FilterField(EQUAL, _plain("contactId")),
        "contact_name": FilterField(TEXT, lambda row: views.full_name(_contact(location, row))),
        "company_name": FilterField(TEXT, lambda row: _contact(location, row).get("companyName")),
        "email": FilterField(TEXT, lambda row: _contact(location, row).get("email")),
        "phone": FilterField(TEXT, lambda row: _contact(location, row).get("phone")),
        "date_added": FilterField(DATE, _plain("dateAdded")),
        "date_updated": FilterField(DATE, _plain("dateUpdated")),
        "last_status_change_date": FilterField(DATE, _plain("lastStatusChangeAt")),
        "last_stage_change_date": FilterField(DATE, _plain("lastStageChangeAt")),
    }

    def field_of(name: str) -> FilterField | None:
        prefix, _, field_id = name.partition(".")
        if prefix == "custom_fields" and field_id in location.fields:
            return custom_field_filter(location, field_id)
        return known.get(name)

    return field_of


OPPORTUNITIES: Final = Searched(
    name="opportunities",
    limit="limit",
    added="date_added",
    changed="date_updated",
    field_of=_fields,
    sorts={
        "date_added": _plain("dateAdded"),
        "date_updated": _plain("dateUpdated"),
        "name": _plain("name"),
        "monetary_value": _plain("monetaryValue"),
        "last_status_change_date": _plain("lastStatusChangeAt"),
        "last_stage_change_date": _plain("lastStageChangeAt"),
    },
    words=lambda row: (row.get("name"),),
    indexed={},
)


class Reading:
    """The endpoints that go through many opportunities."""

    def __init__(self, orderer: Orderer) -> None:
        self._orderer = orderer

    def listed(self, call: Call) -> Response:
        """`GET /opportunities/search`: pages by number, or after `startAfter` and `startAfterId`."""
        given = {_SNAKE.get(name, name): value for name, value in call.query.items()}
        location = call.location("locationId" if call.v3 else "location_id")
        size = whole_of(given, "limit", DEFAULT_LIMIT, least=1, most=MOST)
        number = max(whole_of(given, "page", 1), 1)
        ordered = self._orderer.ordered(
            location, "opportunities", _criteria(location, given), hidden_after(call, location)
        )
        page = page_of(call, ordered, given, size, (number - 1) * size)
        wanted = {name: call.query.get(f"get{name[0].upper()}{name[1:]}") is True for name in _DETAILS}
        following = {**call.query, "limit": size, "page": number + 1}
        meta = page.meta(f"{call.base_url}/opportunities/search", following, number)
        found = [_shown(call, location, row, wanted) for row in page.rows]
        return traced(call, {"opportunities": found, "meta": meta, "aggregations": {}})

    def search(self, call: Call) -> Response:
        """`POST /opportunities/search`."""
        location = call.location()
        wanted = cast("Mapping[str, object]", call.body.get("additionalDetails") or {})
        hits = search(call, location, self._orderer, OPPORTUNITIES)
        found = [
            _shown(call, location, row, wanted) | {"searchAfter": cursor}
            for row, cursor in zip(hits.rows, hits.cursors, strict=True)
        ]
        return traced(call, {"opportunities": found, "total": hits.total, "aggregations": {}})

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Their routes."""
        return (
            Endpoint("GET", "/opportunities/search", self.listed, READ, _CLASSIC, v3_query=_V3),
            Endpoint("POST", "/opportunities/search", self.search, READ, body=_SEARCH),
        )


def _shown(call: Call, location: Location, row: Row, wanted: Mapping[str, object]) -> Row:
    found = views.opportunity(location, row)
    for name, table in _DETAILS.items():
        rows = location.of_contact(table, str(row.get("contactId", ""))) if wanted.get(name) is True else []
        found[name] = [_detail(location, name, one) for one in rows]
    if call.fault("no_cursor_field"):
        found.pop("updatedAt", None)
    return found


def _detail(location: Location, name: str, row: Row) -> Row:
    match name:
        case "notes":
            return views.note(row)
        case "tasks":
            return views.task(row)
        case _:
            return views.event(location, row)


def _criteria(location: Location, given: Mapping[str, object]) -> Criteria:
    tests: list[Callable[[Row], bool]] = []
    for name, key in (
        ("pipeline_id", "pipelineId"),
        ("pipeline_stage_id", "pipelineStageId"),
        ("contact_id", "contactId"),
        ("assigned_to", "assignedTo"),
        ("id", "id"),
        ("campaignId", "campaignId"),
    ):
        if text_of(given, name):
            tests.append(_same(key, text_of(given, name)))
    if text_of(given, "status") not in {"", "all"}:
        tests.append(_same("status", text_of(given, "status")))
    if text_of(given, "q"):
        tests.append(text_test(text_of(given, "q"), lambda row: _words(location, row)))
    first, last = _day(given, "date"), _day(given, "endDate")
    if first is not None:
        tests.append(lambda row: views.whole(row, "dateAdded") >= first)
    if last is not None:
        tests.append(lambda row: views.whole(row, "dateAdded") < last + _DAY)
    asked = {
        name: value
        for name, value in given.items()
        if name not in {"page", "limit", "startAfter", "startAfterId"}
    }
    falling = text_of(given, "order") != "added_asc"
    return Criteria(
        f"listed {sorted(asked.items())}",
        all_of(tests),
        None,
        (Sort("dateAdded", falling, _plain("dateAdded")),),
    )


def _same(key: str, wanted: str) -> Callable[[Row], bool]:
    return lambda row: row.get(key) == wanted


def _words(location: Location, row: Row) -> Iterable[object]:
    contact = _contact(location, row)
    return row.get("name"), views.full_name(contact), contact.get("email"), contact.get("phone")


def _day(given: Mapping[str, object], name: str) -> int | None:
    text = text_of(given, name)
    day = parse_us_day(text) if text else None
    if text and day is None:
        raise invalid(f"{name} must be in the format mm-dd-yyyy")
    return day
