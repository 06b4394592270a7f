"""Notes, which only v1 has: pages by start and limit, flat, with 0 and 1 for flags in bodies."""

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.pipedrive import values
from crmhub_rest.simulators.pipedrive.call import Call, Endpoint, done
from crmhub_rest.simulators.pipedrive.company import Company
from crmhub_rest.simulators.pipedrive.errors import ApiError, not_found
from crmhub_rest.simulators.pipedrive.links import check_links
from crmhub_rest.simulators.pipedrive.people import User
from crmhub_rest.simulators.pipedrive.v1_pages import ordered, page_v1, v1_time
from crmhub_rest.simulators.pipedrive.values import Rule, nullable

LINKS: Final = ("lead_id", "deal_id", "person_id", "org_id", "project_id", "task_id")
FLAGS: Final = tuple(
    f"pinned_to_{kind}_flag" for kind in ("lead", "deal", "organization", "person", "project", "task")
)
_SORTS: Final = ("id", "user_id", "deal_id", "person_id", "org_id", "content", "add_time", "update_time")
_MOST: Final = 100_000


def _bit(path: str, value: object) -> object:
    return bool(values.one_of(0, 1)(path, int(value) if isinstance(value, bool) else value))


_RULES: Final[Mapping[str, Rule]] = {
    "content": values.text(_MOST, filled=True),
    "lead_id": nullable(values.uuid),
    **dict.fromkeys(LINKS[1:], nullable(values.whole)),
    "user_id": values.whole,
    "add_time": values.moment,
    **dict.fromkeys(FLAGS, _bit),
}


def blank_note(company: Company, user: User) -> Row:
    """A note as nothing but its making says."""
    now = company.now_text()
    return {
        "active_flag": True,
        "add_time": now,
        "content": "",
        **dict.fromkeys(LINKS),
        "last_update_user_id": None,
        **dict.fromkeys(FLAGS, False),
        "update_time": now,
        "user_id": user.id,
    }


def show_note(company: Company, row: Row, you: User) -> Row:
    """A note as v1 shows it: with the names of what it is about, and of its author."""
    told = dict(row)
    told |= {"add_time": v1_time(row["add_time"]), "update_time": v1_time(row["update_time"])}
    deal, person = company.any("deal", row["deal_id"]), company.any("person", row["person_id"])
    organization = company.any("organization", row["org_id"])
    told["deal"] = {"title": deal["title"]} if deal else None
    told["person"] = {"name": person["name"]} if person else None
    told["organization"] = {"name": organization["name"]} if organization else None
    author = company.user(row["user_id"])
    told["user"] = author and {
        "email": author.email,
        "icon_url": None,
        "is_you": author.id == you.id,
        "name": author.name,
    }
    return told


def list_notes(call: Call) -> Response:
    """`GET /v1/notes`."""
    company = call.company
    table = company.tables["note"]
    since = call.moment("updated_since")
    same: dict[str, object] = {
        name: call.whole(name) for name in (*LINKS[1:], "user_id") if name in call.params
    }
    same |= {name: call.flag(name) for name in FLAGS if name in call.params}
    if "lead_id" in call.params:
        same["lead_id"] = call.params["lead_id"]
    first, last = call.params.get("start_date", ""), call.params.get("end_date", "9999")
    if since is not None:
        places = sorted(table.places_by_modified(since=since))
    else:
        key = next((name for name in LINKS if name in same), None)
        places = list(table.places()) if key is None else table.find(key, same[key])
    plain = not same and "start_date" not in call.params and "end_date" not in call.params
    if plain and "sort" not in call.params:
        return page_v1(call, places, lambda place: show_note(company, table.row(place), call.user))
    rows = [
        row
        for row in map(table.row, places)
        if all(row[name] == value for name, value in same.items())
        and first <= str(row["add_time"])[:10] <= last
    ]
    return page_v1(call, ordered(call, rows, _SORTS), lambda row: show_note(company, row, call.user))


def get_note(call: Call) -> Response:
    """`GET /v1/notes/{id}`."""
    row = call.company.any("note", call.id(what="Note"))
    if row is None:
        raise not_found("Note")
    return done(show_note(call.company, row, call.user))


def create_note(call: Call) -> Response:
    """`POST /v1/notes`: about something."""
    given = _read(call)
    if "content" not in given:
        raise ApiError(400, "content is required")
    row = {**blank_note(call.company, call.user), **given}
    if all(row[name] is None for name in LINKS):
        raise ApiError(
            400, "Note must be associated with a deal, a person, an organization, a lead or a project"
        )
    return done(show_note(call.company, call.company.add("note", row, call.user), call.user))


def update_note(call: Call) -> Response:
    """`PUT /v1/notes/{id}`."""
    company = call.company
    row = company.live("note", call.id(what="Note"))
    if row is None:
        raise not_found("Note")
    changed = {**row, **_read(call), "last_update_user_id": call.user.id, "update_time": company.now_text()}
    return done(show_note(company, company.change("note", row, changed, call.user), call.user))


def delete_note(call: Call) -> Response:
    """`DELETE /v1/notes/{id}`."""
    company = call.company
    row = company.live("note", call.id(what="Note"))
    if row is None:
        raise not_found("Note")
    marked: Row = {**row, "active_flag": False, "update_time": company.now_text()}
    company.delete("note", row, marked, call.user)
    return done(data=True)


def _read(call: Call) -> dict[str, object]:
    given = values.checked(_RULES, call.body)
    check_links(call.company, given)
    return given


_READ = ("deals:read", "deals:full", "contacts:read", "contacts:full")
_WRITE = ("deals:full", "contacts:full")
ENDPOINTS = (
    Endpoint("v1", "GET", "/notes", list_notes, 20, _READ),
    Endpoint("v1", "POST", "/notes", create_note, 10, _WRITE),
    Endpoint("v1", "GET", "/notes/{id}", get_note, 2, _READ),
    Endpoint("v1", "PUT", "/notes/{id}", update_note, 10, _WRITE),
    Endpoint("v1", "DELETE", "/notes/{id}", delete_note, 6, _WRITE),
)
