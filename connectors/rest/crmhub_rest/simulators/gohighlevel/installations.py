"""Where the app is installed. Source: the OpenAPI files, classic and v3."""

from typing import Final

from starlette.responses import Response

from crmhub_rest.simulators.gohighlevel.call import Call, Endpoint, traced
from crmhub_rest.simulators.gohighlevel.errors import GhlError, foreign_location
from crmhub_rest.simulators.gohighlevel.shapes import Shape, text_of, whole_of
from crmhub_rest.simulators.gohighlevel.times import iso

_ASKED: Final[Shape] = {
    **dict.fromkeys(("companyId", "appId"), "string!"),
    **dict.fromkeys(("query", "versionId", "planId", "locationId"), "string"),
    **dict.fromkeys(("isInstalled", "onTrial"), "boolean"),
}
_CLASSIC: Final[Shape] = {**_ASKED, "skip": "number", "limit": "number"}
_V3: Final[Shape] = {
    **_ASKED,
    "pageSize": "number",
    "pageToken": "string",
    "restrictToUserLocations": "boolean",
}


class Installations:
    """The installations of one app; it is on all of the agency's locations."""

    def __init__(self, app_id: str) -> None:
        self._app_id = app_id

    def listed(self, call: Call) -> Response:
        """`GET /oauth/installedLocations`."""
        found = self._found(call)
        skip, size = whole_of(call.query, "skip", 0), whole_of(call.query, "limit", 20, least=1)
        shown = {"locations": found[skip : skip + size], "count": len(found)}
        return traced(call, {**shown, "installToFutureLocations": True})

    def pages(self, call: Call) -> Response:
        """`GET /oauth/installed-locations`: v3's pages; a token is the position at which its page begins."""
        found = self._found(call)
        size = whole_of(call.query, "pageSize", 20, least=1, most=100)
        token = text_of(call.query, "pageToken", "0")
        if not (token.isascii() and token.isdigit() and len(token) < 16):
            raise GhlError(400, "Invalid parameter: pageToken")
        start = int(token)
        shown, more = found[start : start + size], start + size < len(found)
        pagination: dict[str, object] = {
            "totalRecords": len(found),
            "hasNextPage": more,
            "hasPrevPage": start > 0,
            "currentPageSize": len(shown),
        }
        if more:
            pagination["nextPageToken"] = str(start + size)
        if start:
            pagination["prevPageToken"] = str(max(start - size, 0))
        body = {"items": shown, "pagination": pagination, "installToFutureLocations": True}
        return traced(call, body)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Their routes."""
        read = "oauth.readonly"
        return (
            Endpoint("GET", "/oauth/installedLocations", self.listed, read, _CLASSIC, audience="agency"),
            Endpoint("GET", "/oauth/installed-locations", self.pages, read, _V3, audience="agency"),
        )

    def _found(self, call: Call) -> list[dict[str, object]]:
        if text_of(call.query, "companyId") != call.agency.id:
            raise foreign_location()
        if text_of(call.query, "appId") != self._app_id:
            raise GhlError(400, "App not found")
        return [
            {"_id": one.id, "name": one.name, "address": "", "isInstalled": True, "installedAt": iso(0)}
            for one in call.agency.locations.values()
        ]
