"""Pipelines and lost reasons, as the API shows them. Source: the OpenAPI files."""

from typing import Final

from starlette.responses import Response

from crmhub_rest.simulators.gohighlevel.call import Call, Endpoint, traced
from crmhub_rest.simulators.gohighlevel.ids import IdBlock
from crmhub_rest.simulators.gohighlevel.opportunity_writing import READ
from crmhub_rest.simulators.gohighlevel.shapes import Shape, text_of, whole_of
from crmhub_rest.simulators.gohighlevel.times import iso

MOST: Final = 100
_REASONS: Final = ("Price", "Timing", "Went to a competitor")
_LOST_REASONS: Final[Shape] = {
    "locationId": "string!",
    **dict.fromkeys(("name", "query"), "string"),
    **dict.fromkeys(("deleted", "getCount"), "boolean"),
    **dict.fromkeys(("skip", "limit"), "number"),
}


def pipelines(call: Call) -> Response:
    """`GET /opportunities/pipelines`."""
    location = call.location()
    found = [
        {
            "id": one.id,
            "name": one.name,
            "stages": [
                {
                    "id": stage.id,
                    "name": stage.name,
                    "position": stage.position,
                    "showInFunnel": True,
                    "showInPieChart": True,
                }
                for stage in one.stages
            ],
            "showInFunnel": True,
            "showInPieChart": True,
            "locationId": location.id,
        }
        for one in location.pipelines
    ]
    return traced(call, {"pipelines": found})


def lost_reasons(call: Call) -> Response:
    """`GET /opportunities/lost-reason`."""
    location, name = call.location(), text_of(call.query, "name")
    block, born = IdBlock(f"reasons-{location.id}", 0), iso(0)
    found = [
        {
            "id": block.id_of(place),
            "name": one,
            "locationId": location.id,
            "createdAt": born,
            "updatedAt": born,
        }
        for place, one in enumerate(_REASONS)
        if name in {"", one} and text_of(call.query, "query").lower() in one.lower()
    ]
    if call.query.get("deleted") is True:
        found = []
    skip, size = whole_of(call.query, "skip", 0), whole_of(call.query, "limit", MOST, least=1, most=MOST)
    return traced(call, {"lostReasons": found[skip : skip + size], "total": len(found)})


ENDPOINTS = (
    Endpoint("GET", "/opportunities/pipelines", pipelines, READ, {"locationId": "string!"}),
    Endpoint("GET", "/opportunities/lost-reason", lost_reasons, READ, _LOST_REASONS),
)
