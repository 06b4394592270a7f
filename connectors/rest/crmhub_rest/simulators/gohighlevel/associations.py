"""Associations between kinds of records, and relations between records: between contacts, opportunities and
businesses.

Source: the OpenAPI files, which describe lists as if they held one: here they are `associations` and
`relations` with a `total`. A relation tells its association and both records.
"""

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.gohighlevel.call import Call, Endpoint, reply, traced
from crmhub_rest.simulators.gohighlevel.errors import GhlError, invalid, unknown
from crmhub_rest.simulators.gohighlevel.location import Location
from crmhub_rest.simulators.gohighlevel.shapes import Shape, text_of, whole_of
from crmhub_rest.simulators.gohighlevel.webhooks import Webhooks

_OBJECTS: Final[Mapping[str, str]] = {
    "contact": "contacts",
    "opportunity": "opportunities",
    "business": "businesses",
}
_ENDS: Final = (("firstRecordId", "firstObjectKey"), ("secondRecordId", "secondObjectKey"))
_LABELS: Final[Shape] = {"firstObjectLabel": "any!", "secondObjectLabel": "any!"}
_CREATE: Final[Shape] = {
    "locationId": "string!",
    "key": "string!",
    "firstObjectKey": f"{'|'.join(_OBJECTS)}!",
    "secondObjectKey": f"{'|'.join(_OBJECTS)}!",
    **_LABELS,
}
_RELATE: Final[Shape] = dict.fromkeys(
    ("locationId", "associationId", "firstRecordId", "secondRecordId"), "string!"
)
_PAGE: Final[Shape] = {"locationId": "string!", "skip": "number!", "limit": "number!"}
_MOST: Final = 100


class Associations:
    """The associations and relations of an agency's locations, by id."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks
        self._held: dict[str, dict[str, Row]] = {}
        self._relations: dict[str, dict[str, Row]] = {}

    def listed(self, call: Call) -> Response:
        """`GET /associations/`."""
        return self._page(call, "associations", list(self._of(call.location()).values()))

    def get(self, call: Call) -> Response:
        """`GET /associations/{associationId}`."""
        return traced(call, self._one(call, call.own, call.path["associationId"]))

    def by_key(self, call: Call) -> Response:
        """`GET /associations/key/{key_name}`."""
        key = call.path["key_name"]
        found = next((one for one in self._of(call.location()).values() if one["key"] == key), None)
        if found is None:
            raise unknown("Association", key)
        return traced(call, found)

    def of_object(self, call: Call) -> Response:
        """`GET /associations/objectKey/{objectKey}`: those in which a kind of records takes part."""
        location = call.location() if "locationId" in call.query else call.own
        key = call.path["objectKey"]
        found = [
            one
            for one in self._of(location).values()
            if key in {one["firstObjectKey"], one["secondObjectKey"]}
        ]
        return traced(call, {"associations": found, "total": len(found)})

    def create(self, call: Call) -> Response:
        """`POST /associations/`."""
        location, held = call.location(), self._of(call.location())
        key = text_of(call.body, "key")
        if any(one["key"] == key for one in held.values()):
            raise GhlError(400, f"Association with key {key} already exists")
        made: Row = {**call.body, "id": location.new_id("associations"), "associationType": "USER_DEFINED"}
        held[str(made["id"])] = made
        self._webhooks.send_wanted("AssociationCreate", made)
        return traced(call, made, 201)

    def update(self, call: Call) -> Response:
        """`PUT /associations/{associationId}`: its labels."""
        found = self._one(call, call.own, call.path["associationId"])
        found |= call.body
        self._webhooks.send_wanted("AssociationUpdate", found)
        return traced(call, found)

    def delete(self, call: Call) -> Response:
        """`DELETE /associations/{associationId}`: all its relations go with it."""
        found = self._one(call, call.own, call.path["associationId"])
        relations = self._relations_of(call.own)
        for relation in [one for one in relations.values() if one["associationId"] == found["id"]]:
            del relations[str(relation["id"])]
        del self._of(call.own)[str(found["id"])]
        self._webhooks.send_wanted("AssociationDelete", found)
        return reply({"deleted": True, "id": found["id"], "message": "Association deleted successfully"})

    def relate(self, call: Call) -> Response:
        """`POST /associations/relations`: the first record is of the association's first kind."""
        location = call.location()
        association = self._one(call, location, text_of(call.body, "associationId"))
        for record, key in _ENDS:
            kind, record_id = str(association[key]), text_of(call.body, record)
            if location.get(_OBJECTS[kind], record_id) is None:
                raise unknown(kind.capitalize(), record_id)
        ends: Row = {name: text_of(call.body, name) for name, _ in _ENDS}
        if ends["firstRecordId"] == ends["secondRecordId"]:
            raise invalid("secondRecordId must be another record")
        held = self._relations_of(location)
        given: Row = {**ends, "associationId": association["id"]}
        if any(given.items() <= one.items() for one in held.values()):
            raise GhlError(400, "Relation already exists")
        made: Row = {**association, **given, "id": location.new_id("relations")}
        held[str(made["id"])] = made
        self._webhooks.send_wanted("RelationCreate", made)
        return traced(call, made, 201)

    def relations(self, call: Call) -> Response:
        """`GET /associations/relations/{recordId}`: those of live records, from either side."""
        location, record = call.location(), call.path["recordId"]
        wanted = [one for one in text_of(call.query, "associationIds").split(",") if one]
        found = [
            one
            for one in self._relations_of(location).values()
            if record in {one["firstRecordId"], one["secondRecordId"]}
            and (not wanted or one["associationId"] in wanted)
            and all(location.get(_OBJECTS[str(one[key])], str(one[name])) for name, key in _ENDS)
        ]
        return self._page(call, "relations", found)

    def unrelate(self, call: Call) -> Response:
        """`DELETE /associations/relations/{recordId}`: here the id is a relation's."""
        found = self._relations_of(call.location()).pop(call.path["recordId"], None)
        if found is None:
            raise unknown("Relation", call.path["recordId"])
        self._webhooks.send_wanted("RelationDelete", found)
        return traced(call, found)

    def _of(self, location: Location) -> dict[str, Row]:
        return self._held.setdefault(location.id, {})

    def _relations_of(self, location: Location) -> dict[str, Row]:
        return self._relations.setdefault(location.id, {})

    def _one(self, call: Call, location: Location, association_id: str) -> Row:
        del call
        found = self._of(location).get(association_id)
        if found is None:
            raise unknown("Association", association_id)
        return found

    @staticmethod
    def _page(call: Call, name: str, rows: list[Row]) -> Response:
        skip = whole_of(call.query, "skip", 0)
        size = whole_of(call.query, "limit", _MOST, least=1, most=_MOST)
        return traced(call, {name: rows[skip : skip + size], "total": len(rows)})

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The routes."""
        read, write, one = "associations.readonly", "associations.write", "/associations/{associationId}"
        relation, here = "associations/relation", {"locationId": "string!"}
        related = {**_PAGE, "associationIds": "string"}
        return (
            Endpoint("GET", "/associations/", self.listed, read, _PAGE),
            Endpoint("POST", "/associations/", self.create, write, body=_CREATE),
            Endpoint("POST", "/associations/relations", self.relate, f"{relation}.write", body=_RELATE),
            Endpoint(
                "GET",
                "/associations/relations/{recordId}",
                self.relations,
                f"{relation}.readonly",
                related,
            ),
            Endpoint(
                "DELETE",
                "/associations/relations/{recordId}",
                self.unrelate,
                f"{relation}.write",
                here,
            ),
            Endpoint("GET", "/associations/key/{key_name}", self.by_key, read, here),
            Endpoint(
                "GET",
                "/associations/objectKey/{objectKey}",
                self.of_object,
                read,
                {"locationId": "string"},
            ),
            Endpoint("GET", one, self.get, read),
            Endpoint("PUT", one, self.update, write, body=_LABELS),
            Endpoint("DELETE", one, self.delete, write),
        )
