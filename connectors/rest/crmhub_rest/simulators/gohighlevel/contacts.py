"""Reading contacts: one, lists, searches.

Source: the OpenAPI files, "Contacts Search API"; the lists' `meta` is reported by users (the files only have
its schema).
"""

from collections.abc import Callable, Iterable
from typing import Final

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.gohighlevel.call import Call, Endpoint, traced
from crmhub_rest.simulators.gohighlevel.contact_writing import READ
from crmhub_rest.simulators.gohighlevel.errors import unknown
from crmhub_rest.simulators.gohighlevel.filters import DATE, EQUAL, NUMBER, TEXT, FieldOf, FilterField
from crmhub_rest.simulators.gohighlevel.keyset import page_of
from crmhub_rest.simulators.gohighlevel.location import Location
from crmhub_rest.simulators.gohighlevel.ordering import Criteria, Orderer, Sort
from crmhub_rest.simulators.gohighlevel.searching import Searched, hidden_after, search, text_test
from crmhub_rest.simulators.gohighlevel.shapes import Shape, text_of, whole_of
from crmhub_rest.simulators.gohighlevel.views import (
    contact_full,
    contact_hit,
    contact_listed,
    full_name,
    values_of,
)

DEFAULT_LIMIT: Final = 20
MOST: Final = 100
_NEWEST: Final = Sort("dateAdded", True, lambda row: row["dateAdded"])
_PLAIN: Final = (
    *("id", "email", "phone", "city", "state", "country", "postalCode", "source", "type", "website"),
    *("timezone", "companyName", "assignedTo", "gender"),
)
_LIST: Final[Shape] = {
    "locationId": "string!",
    "startAfterId": "string",
    "startAfter": "number",
    "query": "string",
    "limit": "number",
}
_SEARCH: Final[Shape] = {
    "locationId": "string!",
    "pageLimit": "number!",
    "page": "number",
    "searchAfter": "array",
    "filters": "array",
    "sort": "objects",
    "query": "string",
}


def get(call: Call) -> Response:
    """`GET /contacts/{contactId}`."""
    return traced(call, {"contact": contact_full(call.own, call.contact())})


def _lower(name: str) -> Callable[[Row], object]:
    return lambda row: str(row.get(name, "")).lower() or None


def _plain(name: str) -> Callable[[Row], object]:
    return lambda row: row.get(name)


def _fields(location: Location) -> FieldOf:
    def business_name(row: Row) -> object:
        found = location.get("businesses", str(row.get("businessId", "")))
        return found["name"] if found else None

    known = {
        **{name: FilterField(TEXT, _plain(name)) for name in _PLAIN},
        "address": FilterField(TEXT, _plain("address1")),
        "businessName": FilterField(TEXT, business_name),
        "businessId": FilterField(EQUAL, _plain("businessId")),
        "contactName": FilterField(TEXT, full_name),
        "firstNameLowerCase": FilterField(TEXT, _lower("firstName")),
        "lastNameLowerCase": FilterField(TEXT, _lower("lastName")),
        "dnd": FilterField(EQUAL, lambda row: row.get("dnd", False)),
        "tags": FilterField(TEXT, _plain("tags")),
        "followers": FilterField(TEXT, _plain("followers")),
        "dateAdded": FilterField(DATE, _plain("dateAdded")),
        "dateUpdated": FilterField(DATE, _plain("dateUpdated")),
        "dateOfBirth": FilterField(DATE, _plain("dateOfBirth")),
    }

    def field_of(name: str) -> FilterField | None:
        prefix, _, field_id = name.partition(".")
        if prefix == "customFields" and field_id in location.fields:
            return custom_field_filter(location, field_id)
        return known.get(name)

    return field_of


def custom_field_filter(location: Location, field_id: str) -> FilterField:
    """How a custom field is filtered: by its type."""
    match location.fields[field_id].type:
        case "NUMERICAL" | "MONETORY":
            operators = NUMBER
        case "DATE":
            operators = DATE
        case "CHECKBOX" | "MULTIPLE_OPTIONS":
            operators = EQUAL
        case _:
            operators = TEXT
    return FilterField(operators, lambda row: values_of(row).get(field_id))


def _words(row: Row) -> Iterable[object]:
    return full_name(row), row.get("email"), row.get("phone"), row.get("companyName")


CONTACTS: Final = Searched(
    name="contacts",
    limit="pageLimit",
    added="dateAdded",
    changed="dateUpdated",
    field_of=_fields,
    sorts={
        "dateAdded": _plain("dateAdded"),
        "dateUpdated": _plain("dateUpdated"),
        "firstNameLowerCase": _lower("firstName"),
        "lastNameLowerCase": _lower("lastName"),
        "email": _plain("email"),
    },
    words=_words,
    indexed={"email": "email", "phone": "phone"},
)


class Reading:
    """The endpoints that go through many contacts."""

    def __init__(self, orderer: Orderer) -> None:
        self._orderer = orderer

    def listed(self, call: Call) -> Response:
        """`GET /contacts/`, newest first: the first page, unless both `startAfter` and `startAfterId` are
        there.
        """
        location = call.location()
        size = whole_of(call.query, "limit", DEFAULT_LIMIT, least=1, most=MOST)
        ordered = self._orderer.ordered(
            location, "contacts", self._criteria(call), hidden_after(call, location)
        )
        page = page_of(call, ordered, call.query, size)
        shown = [
            contact_listed(location, row) | {"startAfter": [row["dateAdded"], row["id"]]} for row in page.rows
        ]
        meta = page.meta(f"{call.base_url}/contacts/", {**call.query, "limit": size})
        return traced(call, {"contacts": _without_cursor(call, shown), "meta": meta})

    def search(self, call: Call) -> Response:
        """`POST /contacts/search`."""
        location = call.location()
        hits = search(call, location, self._orderer, CONTACTS)
        shown = [
            contact_hit(location, row) | {"searchAfter": cursor}
            for row, cursor in zip(hits.rows, hits.cursors, strict=True)
        ]
        return traced(call, {"contacts": _without_cursor(call, shown), "total": hits.total})

    def of_business(self, call: Call) -> Response:
        """`GET /contacts/business/{businessId}`."""
        location, business_id = call.location(), call.path["businessId"]
        if location.get("businesses", business_id) is None:
            raise unknown("Business", business_id)
        test = text_test(text_of(call.query, "query"), _words)
        members = [row for row in location.members(business_id) if test(row)]
        skip = whole_of(call.query, "skip", 0)
        size = whole_of(call.query, "limit", DEFAULT_LIMIT, least=1, most=MOST)
        shown = [contact_listed(location, row) for row in members[skip : skip + size]]
        return traced(call, {"contacts": shown, "count": len(members)})

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Their routes."""
        business = {"locationId": "string!", "limit": "number", "skip": "number", "query": "string"}
        return (
            Endpoint("GET", "/contacts/", self.listed, READ, _LIST),
            Endpoint("POST", "/contacts/search", self.search, READ, body=_SEARCH),
            Endpoint(
                "GET",
                "/contacts/business/{businessId}",
                self.of_business,
                READ,
                business,
                v3_query={**business, "startAfter": "any"},
            ),
            Endpoint("GET", "/contacts/{contactId}", get, READ),
        )

    def _criteria(self, call: Call) -> Criteria:
        query = text_of(call.query, "query")
        return Criteria(f"typed {query}", text_test(query, _words) if query else None, None, (_NEWEST,))


def _without_cursor(call: Call, shown: list[Row]) -> list[Row]:
    if call.fault("no_cursor_field"):
        for row in shown:
            row.pop("dateUpdated", None)
    return shown
