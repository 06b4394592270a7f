"""The objects API, as far as businesses go: their schema, records and search; contacts and opportunities are
only named by it.

Source: the OpenAPI files, "Search Object Records". Which of a record's times can be filtered and sorted by is
not documented: here both.
"""

from collections.abc import Mapping
from typing import Final, cast

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.gohighlevel import views
from crmhub_rest.simulators.gohighlevel.businesses import PROPERTIES
from crmhub_rest.simulators.gohighlevel.call import Call, Endpoint, traced
from crmhub_rest.simulators.gohighlevel.errors import GhlError, invalid
from crmhub_rest.simulators.gohighlevel.filters import DATE, EQUAL, TEXT, FieldOf, FilterField
from crmhub_rest.simulators.gohighlevel.ids import HEX, IdBlock
from crmhub_rest.simulators.gohighlevel.location import Location
from crmhub_rest.simulators.gohighlevel.ordering import Orderer
from crmhub_rest.simulators.gohighlevel.searching import Searched, search
from crmhub_rest.simulators.gohighlevel.shapes import Shape, check, named
from crmhub_rest.simulators.gohighlevel.times import iso

_KEYS: Final = {"contact": "Contact", "opportunity": "Opportunity", "business": "Company"}
_BUSINESS: Final = "business"
_READ, _WRITE = "objects/record.readonly", "objects/record.write"
_SEARCH: Final[Shape] = {
    "locationId": "string!",
    "page": "number!",
    "pageLimit": "number!",
    "query": "string",
    "searchAfter": "array",
    "filters": "array",
    "sort": "objects",
}
_PROPERTIES: Final[Shape] = {f"properties.{name}": "string" for name in PROPERTIES}


def listed(call: Call) -> Response:
    """`GET /objects/`."""
    location = call.location()
    return traced(call, {"objects": [_object(location, key) for key in _KEYS]})


def get_object(call: Call) -> Response:
    """`GET /objects/{key}`."""
    location, key = call.location(), call.path["key"]
    if key not in _KEYS:
        raise GhlError(400, f"Object with key {key} not found")
    return traced(call, {"object": _object(location, key), "cache": False, "fields": []})


def get(call: Call) -> Response:
    """`GET /objects/{schemaKey}/records/{id}`."""
    return traced(call, {"record": _record(_found(call))})


def create(call: Call) -> Response:
    """`POST /objects/{schemaKey}/records`."""
    _business_only(call)
    location, values = call.location(), _values(call)
    if not values.get("name"):
        raise invalid("properties.name should not be empty")
    row = location.add("businesses", {name: value for name, value in values.items() if value})
    return traced(call, {"record": _record(row)}, 201)


def update(call: Call) -> Response:
    """`PUT /objects/{schemaKey}/records/{id}`: only what is sent changes."""
    before, location = _found(call), call.location()
    changes = {name: value or None for name, value in _values(call).items()}
    return traced(call, {"record": _record(location.change("businesses", str(before["id"]), changes))})


def delete(call: Call) -> Response:
    """`DELETE /objects/{schemaKey}/records/{id}`."""
    row = _found(call)
    call.own.remove("businesses", str(row["id"]))
    return traced(call, {"id": row["id"], "success": True})


class Reading:
    """The search of records."""

    def __init__(self, orderer: Orderer) -> None:
        self._orderer = orderer

    def search(self, call: Call) -> Response:
        """`POST /objects/{schemaKey}/records/search`."""
        _business_only(call)
        location = call.location()
        hits = search(call, location, self._orderer, _RECORDS)
        found = [
            _hit(location, row) | {"searchAfter": cursor}
            for row, cursor in zip(hits.rows, hits.cursors, strict=True)
        ]
        return traced(call, {"records": found, "total": hits.total})

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Its routes, and those of single records."""
        one, record = "/objects/{schemaKey}/records/{id}", {"properties": "object!", "locationId": "string"}
        return (
            Endpoint("GET", "/objects/", listed, "objects/schema.readonly", {"locationId": "string!"}),
            Endpoint(
                "GET",
                "/objects/{key}",
                get_object,
                "objects/schema.readonly",
                {"locationId": "string!", "fetchProperties": "string"},
            ),
            Endpoint(
                "POST",
                "/objects/{schemaKey}/records",
                create,
                _WRITE,
                body={**record, "locationId": "string!"},
            ),
            Endpoint("POST", "/objects/{schemaKey}/records/search", self.search, _READ, body=_SEARCH),
            Endpoint("GET", one, get, _READ),
            Endpoint("PUT", one, update, _WRITE, {"locationId": "string!"}, body=record),
            Endpoint("DELETE", one, delete, _WRITE),
        )


def _fields(location: Location) -> FieldOf:
    del location
    known = {
        "id": FilterField(EQUAL, lambda row: row["id"]),
        "createdAt": FilterField(DATE, lambda row: row["dateAdded"]),
        "updatedAt": FilterField(DATE, lambda row: row["dateUpdated"]),
    }

    def field_of(name: str) -> FilterField | None:
        prefix, _, key = name.partition(".")
        if prefix == "properties" and key in PROPERTIES:
            return FilterField(TEXT, lambda row: row.get(key))
        return known.get(name)

    return field_of


_RECORDS: Final = Searched(
    name="businesses",
    limit="pageLimit",
    added="createdAt",
    changed="updatedAt",
    field_of=_fields,
    sorts={
        "createdAt": lambda row: row["dateAdded"],
        "updatedAt": lambda row: row["dateUpdated"],
        "properties.name": lambda row: row.get("name"),
    },
    words=lambda row: (row.get("name"), row.get("email"), row.get("phone")),
    indexed={"properties.name": "name"},
)


def _business_only(call: Call) -> None:
    if call.path["schemaKey"] != _BUSINESS:
        raise GhlError(400, f"Object with key {call.path['schemaKey']} not found")


def _found(call: Call) -> Row:
    _business_only(call)
    return call.record("businesses", "Record")


def _values(call: Call) -> dict[str, str]:
    given = cast("Mapping[str, object]", call.body["properties"])
    check(named(given, "properties"), _PROPERTIES)
    return {name: cast("str", value) or "" for name, value in given.items()}


def _properties(row: Row) -> Row:
    return {name: row[name] for name in PROPERTIES if name in row}


def _record(row: Row) -> Row:
    """A record (IRecordSchema)."""
    return {
        "id": row["id"],
        "owner": [],
        "followers": [],
        "properties": _properties(row),
        "dateAdded": iso(views.whole(row, "dateAdded")),
        "dateUpdated": iso(views.whole(row, "dateUpdated")),
    }


def _hit(location: Location, row: Row) -> Row:
    """A record as the search shows it (RecordResponseDTO)."""
    added, updated = iso(views.whole(row, "dateAdded")), iso(views.whole(row, "dateUpdated"))
    by = {"channel": "OAUTH", "source": "PUBLIC_API", "sourceId": location.id}
    return {
        "id": row["id"],
        "owner": [],
        "followers": [],
        "properties": _properties(row),
        "createdAt": added,
        "updatedAt": updated,
        "locationId": location.id,
        "objectId": _object_id(location, _BUSINESS),
        "objectKey": _BUSINESS,
        "createdBy": {**by, "createdAt": added},
        "lastUpdatedBy": {**by, "createdAt": updated},
    }


def _object(location: Location, key: str) -> Row:
    label, born = _KEYS[key], iso(0)
    plural = {"Company": "Companies", "Opportunity": "Opportunities"}.get(label, f"{label}s")
    return {
        "id": _object_id(location, key),
        "standard": True,
        "key": key,
        "labels": {"singular": label, "plural": plural},
        "description": "",
        "locationId": location.id,
        "primaryDisplayProperty": f"{key}.name",
        "dateAdded": born,
        "dateUpdated": born,
    }


def _object_id(location: Location, key: str) -> str:
    return IdBlock(f"objects-{location.id}", 0, HEX, 24).id_of(list(_KEYS).index(key))
