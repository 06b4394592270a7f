"""Leads, which only v1 has: UUIDs, an amount with its currency, and the custom fields of deals, flat."""

from collections.abc import Mapping
from typing import Final, cast

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.pipedrive import values
from crmhub_rest.simulators.pipedrive.call import Call, Endpoint, done
from crmhub_rest.simulators.pipedrive.company import Company
from crmhub_rest.simulators.pipedrive.custom import flatten, unflatten
from crmhub_rest.simulators.pipedrive.errors import ApiError
from crmhub_rest.simulators.pipedrive.links import check_links
from crmhub_rest.simulators.pipedrive.people import User
from crmhub_rest.simulators.pipedrive.v1_pages import ordered, page_v1
from crmhub_rest.simulators.pipedrive.values import Rule, nullable

_LABELS: Final = (("Hot", "red"), ("Cold", "blue"), ("Warm", "yellow"))
_COLORS: Final = ("blue", "brown", "dark-gray", "gray", "green", "orange", "pink", "purple", "red", "yellow")
_SORTS: Final = (
    *("id", "title", "owner_id", "creator_id", "was_seen", "expected_close_date", "next_activity_id"),
    *("add_time", "update_time"),
)
_FILTERS: Final = ("owner_id", "person_id", "organization_id")
SOURCES: Final = (
    *("Manually created", "Deal", "Web forms", "Prospector", "Leadbooster", "Live chat", "Import"),
    *("Website visitors", "Workflow automation", "API"),
)
_CREATE: Final[Mapping[str, Rule]] = {
    "title": values.text(255, filled=True),
    "owner_id": values.whole,
    "label_ids": values.list_of(values.uuid),
    "person_id": nullable(values.whole),
    "organization_id": nullable(values.whole),
    "value": nullable(
        values.shape({"amount": values.number, "currency": values.text(3)}, "amount", "currency")
    ),
    "expected_close_date": nullable(values.day),
    "visible_to": values.one_of("1", "3", "5", "7"),
    "was_seen": values.flag,
    "origin_id": nullable(values.text(255)),
    "channel": nullable(values.whole),
    "channel_id": nullable(values.text(255)),
}
_UPDATE: Final[Mapping[str, Rule]] = {
    **{name: rule for name, rule in _CREATE.items() if name != "origin_id"},
    "is_archived": values.flag,
}


def blank_lead(company: Company, user: User) -> Row:
    """A lead as nothing but its making says; `custom_fields` are kept in the form of v2."""
    now = company.now_text()
    return {
        "title": "",
        "owner_id": user.id,
        "creator_id": user.id,
        "label_ids": [],
        "person_id": None,
        "organization_id": None,
        "source_name": "API",
        "origin": "API",
        "origin_id": None,
        "channel": None,
        "channel_id": None,
        "source_deal_id": None,
        "is_archived": False,
        "was_seen": False,
        "value": None,
        "expected_close_date": None,
        "next_activity_id": None,
        "add_time": now,
        "update_time": now,
        "visible_to": "3",
        "custom_fields": {},
    }


def fill_labels(company: Company) -> None:
    """The labels that a company begins with."""
    for name, color in _LABELS:
        company.lead_labels.append(_label(company, name, color))


def show_lead(company: Company, row: Row) -> Row:
    """A lead as v1 shows it: times with thousandths, and only those custom fields that have a value."""
    told = {key: value for key, value in row.items() if key != "custom_fields"}
    told |= {"add_time": _moment(row["add_time"]), "update_time": _moment(row["update_time"])}
    told["cc_email"] = f"{company.domain}+{company.id}+lead{str(row['id'])[-12:]}@pipedrivemail.com"
    for code, value in cast("dict[str, object]", row["custom_fields"]).items():
        field = company.fields["deal"].get(code)
        if field is not None and value is not None:
            told |= flatten(field, value)
    return told


def list_leads(call: Call, *, archived: bool = False) -> Response:
    """`GET /v1/leads`, `GET /v1/leads/archived`: from the oldest on unless `sort` says otherwise."""
    company = call.company
    table = company.tables["lead"]
    same = {name: call.whole(name) for name in _FILTERS if name in call.params}
    since = None if archived else call.moment("updated_since")
    archive = set(table.find("is_archived", value=True))
    places = table.places() if since is None else sorted(table.places_by_modified(since=since))
    chosen = [place for place in places if (place in archive) == archived]
    if not same and "sort" not in call.params:
        return page_v1(call, chosen, lambda place: show_lead(company, table.row(place)))
    rows = [row for row in map(table.row, chosen) if all(row[name] == value for name, value in same.items())]
    return page_v1(call, ordered(call, rows, _SORTS), lambda row: show_lead(company, row))


def list_archived(call: Call) -> Response:
    """`GET /v1/leads/archived`."""
    return list_leads(call, archived=True)


def get_lead(call: Call) -> Response:
    """`GET /v1/leads/{id}`."""
    return done(show_lead(call.company, _lead(call)))


def create_lead(call: Call) -> Response:
    """`POST /v1/leads`: always linked to a person or an organization."""
    given = _read(call, _CREATE)
    if "title" not in given:
        raise ApiError(400, "title is required")
    row = {**blank_lead(call.company, call.user), **given}
    _check_linked(row)
    return done(show_lead(call.company, call.company.add("lead", row, call.user)), status=201)


def update_lead(call: Call) -> Response:
    """`PATCH /v1/leads/{id}`."""
    company, row = call.company, _lead(call)
    given = _read(call, _UPDATE)
    custom = cast("dict[str, object]", given.pop("custom_fields", {}))
    kept = {**cast("dict[str, object]", row["custom_fields"]), **custom}
    changed = {**row, **given, "custom_fields": kept, "update_time": company.now_text()}
    _check_linked(changed)
    return done(show_lead(company, company.change("lead", row, changed, call.user)))


def delete_lead(call: Call) -> Response:
    """`DELETE /v1/leads/{id}`: gone at once."""
    company, row = call.company, _lead(call)
    company.delete("lead", row, {**row, "update_time": company.now_text()}, call.user)
    return done({"id": row["id"]})


def _lead(call: Call) -> Row:
    row = call.company.live("lead", call.path["id"])
    if row is None:
        raise ApiError(404, "requested lead not found", info="Object was not found.")
    return row


def _check_linked(row: Row) -> None:
    if row["person_id"] is None and row["organization_id"] is None:
        raise ApiError(400, "A lead must be linked to a person or an organization")


def _read(call: Call, rules: Mapping[str, Rule]) -> dict[str, object]:
    company = call.company
    given = values.checked(rules, {key: value for key, value in call.body.items() if key in rules})
    custom = {key: value for key, value in call.body.items() if key not in rules}
    if custom:
        given["custom_fields"] = unflatten(company, "deal", custom)
    value = given.get("value")
    if isinstance(value, dict) and cast("Row", value)["currency"] not in company.currencies:
        raise ApiError(400, "value.currency is not supported")
    known = {label["id"] for label in company.lead_labels}
    if not known.issuperset(cast("list[object]", given.get("label_ids", []))):
        raise ApiError(400, "One or more of the labels do not exist")
    check_links(company, given)
    return given


def _moment(value: object) -> str:
    return str(value).replace("Z", ".000Z")


def list_labels(call: Call) -> Response:
    """`GET /v1/leadLabels`: all of them."""
    return done(call.company.lead_labels)


def create_label(call: Call) -> Response:
    """`POST /v1/leadLabels`."""
    rules = {"name": values.text(255, filled=True), "color": values.one_of(*_COLORS)}
    given = values.shape(rules, "name", "color")("", call.body)
    label = _label(call.company, **cast("dict[str, str]", given))
    call.company.lead_labels.append(label)
    return done(label)


def update_label(call: Call) -> Response:
    """`PATCH /v1/leadLabels/{id}`."""
    label = _held_label(call)
    rules = {"name": values.text(255, filled=True), "color": values.one_of(*_COLORS)}
    label |= values.checked(rules, call.body) | {"update_time": _moment(call.company.now_text())}
    return done(label)


def delete_label(call: Call) -> Response:
    """`DELETE /v1/leadLabels/{id}`."""
    label = _held_label(call)
    call.company.lead_labels.remove(label)
    return done({"id": label["id"]})


def _held_label(call: Call) -> dict[str, object]:
    found = next((one for one in call.company.lead_labels if one["id"] == call.path["id"]), None)
    if found is None:
        raise ApiError(404, "requested lead label not found", info="Object was not found.")
    return found


def list_sources(call: Call) -> Response:
    """`GET /v1/leadSources`."""
    del call
    return done([{"name": name} for name in SOURCES])


def _label(company: Company, name: str, color: str) -> dict[str, object]:
    moment = _moment(company.now_text())
    return {"id": company.uuid(), "name": name, "color": color, "add_time": moment, "update_time": moment}


_READ, _WRITE = ("leads:read", "leads:full"), ("leads:full",)
ENDPOINTS = (
    Endpoint("v1", "GET", "/leads/archived", list_archived, 40, _READ),
    Endpoint("v1", "GET", "/leads", list_leads, 20, _READ),
    Endpoint("v1", "POST", "/leads", create_lead, 10, _WRITE),
    Endpoint("v1", "GET", "/leads/{id}", get_lead, 2, _READ),
    Endpoint("v1", "PATCH", "/leads/{id}", update_lead, 10, _WRITE),
    Endpoint("v1", "DELETE", "/leads/{id}", delete_lead, 6, _WRITE),
    Endpoint("v1", "GET", "/leadLabels", list_labels, 10, _READ),
    Endpoint("v1", "POST", "/leadLabels", create_label, 10, _WRITE),
    Endpoint("v1", "PATCH", "/leadLabels/{id}", update_label, 10, _WRITE),
    Endpoint("v1", "DELETE", "/leadLabels/{id}", delete_label, 6, _WRITE),
    Endpoint("v1", "GET", "/leadSources", list_sources, 2, _READ),
)
