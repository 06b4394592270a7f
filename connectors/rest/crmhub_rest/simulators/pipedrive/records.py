"""Deals, persons, organizations and activities in v2: list, get, create, update, delete."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, cast

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.pipedrive import activities, contacts, deals
from crmhub_rest.simulators.pipedrive.acts import status_before
from crmhub_rest.simulators.pipedrive.call import Call, Endpoint, done
from crmhub_rest.simulators.pipedrive.company import PLURAL, Company
from crmhub_rest.simulators.pipedrive.errors import ApiError, invalid, not_found
from crmhub_rest.simulators.pipedrive.listing import Wanted, page_of, read_order
from crmhub_rest.simulators.pipedrive.people import User
from crmhub_rest.simulators.pipedrive.shapes import read_view, shown

Make = Callable[[Company, Mapping[str, object], User], Row]
Change = Callable[[Company, Row, Mapping[str, object], User], Row]


@dataclass(frozen=True)
class Kind:
    """What differs between the kinds: filters of the list (parameter to property), writers, scopes."""

    name: str
    filters: Mapping[str, str]
    make: Make
    change: Change
    scope: str
    sorts: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """The kind in messages."""
        return self.name.capitalize()


KINDS: Final = (
    Kind(
        "deal",
        {name: name for name in ("owner_id", "person_id", "org_id", "pipeline_id", "stage_id")},
        deals.make_deal,
        deals.change_deal,
        "deals",
    ),
    Kind(
        "person",
        {"owner_id": "owner_id", "org_id": "org_id"},
        contacts.make_person,
        contacts.change_person,
        "contacts",
    ),
    Kind(
        "organization",
        {"owner_id": "owner_id"},
        contacts.make_organization,
        contacts.change_organization,
        "contacts",
    ),
    Kind(
        "activity",
        {name: name for name in ("owner_id", "deal_id", "lead_id", "person_id", "org_id", "done")},
        activities.make_activity,
        activities.change_activity,
        "activities",
        ("due_date",),
    ),
)
_STATUSES: Final = ("open", "won", "lost", "deleted")
_SELECTIVE: Final = ("deal_id", "lead_id", "person_id", "org_id")


def list_records(kind: Kind, call: Call, *, archived: bool = False) -> Response:
    """`GET /deals` and the like, and `GET /deals/archived`."""
    view = read_view(call, kind.name)
    if "filter_id" in call.params:
        call.whole("filter_id")
        raise not_found("Filter")
    wanted = _wanted(kind, call, archived=archived)
    page = page_of(call, wanted, read_order(call, *kind.sorts))
    rows = [shown(call.company, kind.name, row, view) for row in page.rows]
    if rows and call.fault("duplicate_ids"):
        rows.insert(0, rows[0])
    if call.fault("no_cursor_field"):
        for row in rows:
            row.pop("update_time", None)
    return done(rows, {"next_cursor": page.next_cursor})


def _wanted(kind: Kind, call: Call, *, archived: bool) -> Wanted:
    company = call.company
    table = company.tables[kind.name]
    same = {row_key: _asked(call, name) for name, row_key in kind.filters.items() if name in call.params}
    statuses = call.some_of("status", _STATUSES) if kind.name == "deal" else ()
    ids = call.ids()
    places: list[int] | None = None
    if ids is not None:
        places = [ident - 1 for ident in ids if table.is_live(ident - 1)]
    elif kind.name == "person" and "deal_id" in call.params:
        deal = company.live("deal", call.whole("deal_id"))
        person = deal["person_id"] if deal else None
        places = [cast("int", person) - 1] if company.live("person", person) else []
    else:
        key = next((key for key in _SELECTIVE if same.get(key) is not None), None)
        places = None if key is None else table.find(key, same[key])

    def matches(row: Row) -> bool:
        if ids is not None and row["id"] not in ids:
            return False
        if any(row[key] != value for key, value in same.items()):
            return False
        if kind.name != "deal":
            return True
        wanted = not statuses or row["status"] in statuses
        return wanted and bool(row["is_archived"]) == archived

    return Wanted(
        kind.name,
        matches,
        places,
        call.moment("updated_since"),
        call.moment("updated_until"),
        live=not statuses or statuses != ("deleted",),
        gone="deleted" in statuses,
    )


def _asked(call: Call, name: str) -> object:
    match name:
        case "done":
            return call.flag(name)
        case "lead_id":
            return call.params[name]
        case _:
            return call.whole(name)


def get_record(kind: Kind, call: Call) -> Response:
    """`GET /deals/{id}` and the like; deleted ones are shown for 30 days."""
    view = read_view(call, kind.name)
    row = call.company.any(kind.name, call.id())
    if row is None:
        raise not_found(kind.word)
    return done(shown(call.company, kind.name, row, view))


def create_record(kind: Kind, call: Call) -> Response:
    """`POST /deals` and the like."""
    made = kind.make(call.company, call.body, call.user)
    if kind.name == "deal" and made["status"] == "open":
        _check_capping(call.company)
    return done(shown(call.company, kind.name, call.company.add(kind.name, made, call.user)))


def _check_capping(company: Company) -> None:
    """The plan's limit of open deals. Source: Pipedrive, "Responses"."""
    most = company.settings.open_deals
    if most is not None and len(company.tables["deal"].find("status", "open")) >= most:
        problem = "Couldn't add the deal. Open deals limit reached."
        raise ApiError(403, problem, "feature_capping_deals_limit")


def update_record(kind: Kind, call: Call) -> Response:
    """`PATCH /deals/{id}` and the like; a deal that is told not to be deleted comes back."""
    company, ident = call.company, call.id()
    row = company.live(kind.name, ident)
    gone = company.gone(kind.name, ident) if row is None else None
    if gone is not None and kind.name == "deal" and call.body.get("is_deleted") is False:
        before = {**gone.row, "status": status_before(gone.row)}
        row = company.restore("deal", kind.change(company, before, call.body, call.user), call.user)
        return done(shown(company, kind.name, row))
    if row is None:
        raise not_found(kind.word)
    if not call.body:
        raise invalid("", "must NOT have fewer than 1 properties")
    changed = kind.change(company, row, call.body, call.user)
    return done(shown(company, kind.name, company.change(kind.name, row, changed, call.user)))


def delete_record(kind: Kind, call: Call) -> Response:
    """`DELETE /deals/{id}` and the like: marked as deleted, and gone after 30 days."""
    ident = call.id()
    row = call.company.live(kind.name, ident)
    if row is None:
        raise not_found(kind.word)
    remove(call.company, kind.name, row, call.user)
    return done({"id": ident})


def remove(company: Company, kind: str, row: Row, user: User, *, merged: int | None = None) -> None:
    """Delete a record, of which what is marked as deleted can still be seen."""
    marked: Row = {**row, "is_deleted": True, "update_time": company.now_text()}
    if kind == "deal":
        marked["status"] = "deleted"
    company.delete(kind, row, marked, user, merged=merged)


def endpoints() -> list[Endpoint]:
    """What this module answers."""
    found: list[Endpoint] = []
    archived = partial(list_records, KINDS[0], archived=True)
    found.append(Endpoint("v2", "GET", "/deals/archived", archived, 20, ("deals:read", "deals:full")))
    for kind in KINDS:
        read, write = (f"{kind.scope}:read", f"{kind.scope}:full"), (f"{kind.scope}:full",)
        many = f"/{PLURAL[kind.name]}"
        one = f"{many}/{{id}}"
        found += [
            Endpoint("v2", "GET", many, partial(list_records, kind), 10, read),
            Endpoint("v2", "POST", many, partial(create_record, kind), 5, write),
            Endpoint("v2", "GET", one, partial(get_record, kind), 1, read),
            Endpoint("v2", "PATCH", one, partial(update_record, kind), 5, write),
            Endpoint("v2", "DELETE", one, partial(delete_record, kind), 3, write),
        ]
    return found
