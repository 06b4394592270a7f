"""One call to the API, as the handlers see it, and the table entry that leads to a handler."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from starlette.responses import Response

from crmhub.testing.simulator.jsons import json_response
from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.gohighlevel.agency import Agency
from crmhub_rest.simulators.gohighlevel.errors import foreign_location, unknown
from crmhub_rest.simulators.gohighlevel.location import Location
from crmhub_rest.simulators.gohighlevel.settings import Settings
from crmhub_rest.simulators.gohighlevel.shapes import Shape, Values, text_of

VERSIONS = frozenset({"2021-04-15", "2021-07-28", "2023-02-21", "v3"})
"""The values of the header `Version` that the service takes, whatever the address: the documented ones, and
the one that the vendor's client sends.
"""


@dataclass(frozen=True)
class Access:
    """What a token opens: an agency, or one of its locations; `private`: a private integration token."""

    app: str
    company_id: str
    location_id: str | None
    scopes: frozenset[str]
    private: bool

    @property
    def resource(self) -> str:
        """Whose limits its calls count for."""
        return f"{self.app}:{self.location_id or self.company_id}"


@dataclass(frozen=True)
class Call:
    """A call that is allowed, with checked values in `query` and `body`. `fault` says whether a data fault
    strikes; `base_url` is where the caller found the double; `trace_id` is told in replies.
    """

    path: Mapping[str, str]
    query: Values
    body: Values
    version: str
    access: Access
    agency: Agency
    settings: Settings
    base_url: str
    trace_id: str
    fault: Callable[[str], bool]

    @property
    def v3(self) -> bool:
        """Whether the caller wants the third version."""
        return self.version == "v3"

    @property
    def own(self) -> Location:
        """The location that the token opens."""
        return self.agency.locations[str(self.access.location_id)]

    def location(self, name: str = "locationId") -> Location:
        """The location that the path, the query or the body names; GhlError (403) unless the token opens
        it.
        """
        location_id = self.path.get(name) or text_of(self.query, name) or text_of(self.body, name)
        found = self.agency.locations.get(location_id)
        if found is None or self.access.location_id not in {None, location_id}:
            raise foreign_location()
        return found

    def record(self, name: str, what: str, segment: str = "id") -> Row:
        """The live row that the path names; GhlError (400) if there is none."""
        row = self.own.get(name, self.path[segment])
        if row is None:
            raise unknown(what, self.path[segment])
        return row

    def contact(self) -> Row:
        """The contact that the path names; GhlError (400) if there is none."""
        return self.record("contacts", "Contact", "contactId")


Audience = Literal["location", "agency", "both"]


@dataclass(frozen=True)
class Endpoint:
    """A route: method, path pattern, handler, the scope that it needs, whose tokens it takes, and the shapes
    of query and body (None: there is no body).

    `classic` and `v3_query` are the query's shapes where the versions differ.
    """

    method: str
    pattern: str
    handle: Callable[[Call], Response]
    scope: str
    query: Shape = field(default_factory=dict[str, str])
    body: Shape | None = None
    audience: Audience = "location"
    v3_query: Shape | None = None

    def query_shape(self, version: str) -> Shape:
        """The shape of the query for a version."""
        return self.v3_query if version == "v3" and self.v3_query is not None else self.query


def reply(value: object, status: int = 200) -> Response:
    """A JSON reply."""
    return json_response(value, status)


def traced(call: Call, value: Mapping[str, object], status: int = 200) -> Response:
    """A JSON reply with the call's trace id."""
    return json_response({**value, "traceId": call.trace_id}, status)
