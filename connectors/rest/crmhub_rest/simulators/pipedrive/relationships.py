"""How organizations belong to each other, which only v1 has: parent and daughter, or two related ones."""

from typing import Final, cast

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.pipedrive import values
from crmhub_rest.simulators.pipedrive.call import Call, Endpoint, done
from crmhub_rest.simulators.pipedrive.company import Company
from crmhub_rest.simulators.pipedrive.errors import ApiError, not_found
from crmhub_rest.simulators.pipedrive.v1_nested import organization_brief
from crmhub_rest.simulators.pipedrive.v1_pages import v1_time

_ENDS: Final = ("rel_owner_org_id", "rel_linked_org_id")
_RULES: Final = {
    "org_id": values.whole,
    "type": values.one_of("parent", "related"),
    **dict.fromkeys(_ENDS, values.whole),
}
_READ, _WRITE = ("contacts:read", "contacts:full"), ("contacts:full",)


class Relationships:
    """The relationships of a company's organizations."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self._held: dict[int, Row] = {}
        self._last = 0

    def list_them(self, call: Call) -> Response:
        """`GET /v1/organizationRelationships`: those of one organization, and what the other is to it."""
        wanted = call.whole("org_id")
        if wanted is None:
            raise ApiError(400, "org_id is required")
        rows = [self._seen(one, wanted) for one in self._held.values() if wanted in map(one.get, _ENDS)]
        return done(rows, {"start": 0, "limit": 100, "more_items_in_collection": False})

    def get(self, call: Call) -> Response:
        """`GET /v1/organizationRelationships/{id}`."""
        found = self._one(call)
        return done(self._seen(found, call.whole("org_id") or cast("int", found["rel_owner_org_id"])))

    def add(self, call: Call) -> Response:
        """`POST /v1/organizationRelationships`."""
        given = self._read(call)
        for name in ("type", *_ENDS):
            if name not in given:
                raise ApiError(400, f"{name} is required")
        self._check(given)
        self._last += 1
        now = v1_time(self._company.now_text())
        made: Row = {"id": self._last, "add_time": now, "update_time": now, "active_flag": "Y", **given}
        self._held[self._last] = made
        return done(self._shown(made))

    def change(self, call: Call) -> Response:
        """`PUT /v1/organizationRelationships/{id}`."""
        found = self._one(call)
        changed = {**found, **self._read(call), "update_time": v1_time(self._company.now_text())}
        self._check(changed)
        found |= changed
        return done(self._shown(found))

    def remove(self, call: Call) -> Response:
        """`DELETE /v1/organizationRelationships/{id}`."""
        found = self._one(call)
        del self._held[cast("int", found["id"])]
        return done({"id": found["id"]})

    def _read(self, call: Call) -> Row:
        return {key: value for key, value in values.checked(_RULES, call.body).items() if key != "org_id"}

    def _check(self, row: Row) -> None:
        for name in _ENDS:
            if self._company.live("organization", row[name]) is None:
                raise ApiError(400, f"Organization not found: {name} {row[name]}")
        if row[_ENDS[0]] == row[_ENDS[1]]:
            raise ApiError(400, "An organization cannot be related to itself")

    def _one(self, call: Call) -> Row:
        found = self._held.get(call.id(what="Organization relationship"))
        if found is None:
            raise not_found("Organization relationship")
        return found

    def _shown(self, row: Row) -> Row:
        return {**row, **{name: organization_brief(self._company, row[name]) for name in _ENDS}}

    def _seen(self, row: Row, ident: int) -> Row:
        owner, linked = (row[name] for name in _ENDS)
        other = linked if ident == owner else owner
        kind = "related" if row["type"] == "related" else "daughter" if ident == owner else "parent"
        organization = self._company.any("organization", other) or {}
        return {
            **self._shown(row),
            "calculated_type": kind,
            "calculated_related_org_id": other,
            "related_organization_name": organization.get("name"),
        }

    def endpoints(self) -> list[Endpoint]:
        """What this module answers."""
        many, one = "/organizationRelationships", "/organizationRelationships/{id}"
        return [
            Endpoint("v1", "GET", many, self.list_them, 20, _READ),
            Endpoint("v1", "POST", many, self.add, 10, _WRITE),
            Endpoint("v1", "GET", one, self.get, 2, _READ),
            Endpoint("v1", "PUT", one, self.change, 10, _WRITE),
            Endpoint("v1", "DELETE", one, self.remove, 6, _WRITE),
        ]
