"""One call to the API, as the handlers see it, and the table entry that leads to a handler."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import msgspec
from starlette.responses import Response

from crmhub.testing.simulator.jsons import json_response, load_json
from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.lofty.errors import LoftyError, invalid, no_access, no_lead
from crmhub_rest.simulators.lofty.settings import Settings
from crmhub_rest.simulators.lofty.team import Team

_LARGEST = 2**63 - 1


@dataclass(frozen=True)
class Call:
    """A call that is allowed: what is asked of the team. `fault` says whether a data fault strikes."""

    method: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    raw_body: bytes
    team: Team
    settings: Settings
    fault: Callable[[str], bool]

    @cached_property
    def json(self) -> object:
        """The JSON value in the body; raises LoftyError."""
        try:
            return load_json(self.raw_body)
        except msgspec.DecodeError:
            raise invalid("the body is not JSON") from None

    @cached_property
    def body(self) -> dict[str, object]:
        """The JSON object in the body, without what is null; raises LoftyError."""
        if not isinstance(self.json, dict):
            raise invalid("the body must be a JSON object")
        given = cast("dict[str, object]", self.json)
        return {key: value for key, value in given.items() if value is not None}

    def number(self, name: str, default: int) -> int:
        """A whole number in a query parameter; raises LoftyError."""
        text = self.query.get(name, "")
        if text == "":
            return default
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit()) or int(digits) > _LARGEST:
            raise invalid(f"{name} must be a whole number")
        return int(text)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A boolean in a query parameter; raises LoftyError."""
        text = self.query.get(name, "").lower()
        if text not in {"", "true", "false"}:
            raise invalid(f"{name} must be true or false")
        return default if text == "" else text == "true"

    def id(self, name: str, refusal: Callable[[], LoftyError] | None = None) -> int:
        """A positive id in the path; raises `refusal` (else LoftyError 400) if it is none."""
        text = self.path[name]
        if not (text.isascii() and text.isdigit()) or not 0 < int(text) <= _LARGEST:
            raise refusal() if refusal else invalid(f"{name} must be a positive whole number")
        return int(text)

    def lead_id(self) -> int:
        """The needed query parameter `leadId`; raises LoftyError."""
        lead_id = self.number("leadId", 0)
        if lead_id < 1:
            raise invalid("leadId is required")
        return lead_id

    def lead(self, lead_id: int, refusal: Callable[[], LoftyError] = no_lead) -> Row:
        """The lead, for a caller who may work with it; raises LoftyError."""
        row = self.team.leads.get(str(lead_id))
        if row is None:
            raise refusal()
        if str(lead_id) in self.settings.forbidden:
            raise no_access()
        return row

    def metadata(
        self, collection: str, limit: int, offset: int, total: int, scroll: str | None = None
    ) -> dict[str, object]:
        """The paging object of a list, under its name."""
        values: dict[str, object] = {
            "collection": collection,
            "limit": limit,
            "offset": offset,
            "total": total,
        }
        if scroll is not None:
            values["scrollId"] = scroll
        return {self.settings.metadata: values}


Handler = Callable[[Call], Response]


@dataclass(frozen=True)
class Endpoint:
    """A route: method, path pattern, handler, and the area that the token must be allowed."""

    method: str
    pattern: str
    handle: Handler
    area: str


def reply(value: object) -> Response:
    """A JSON reply."""
    return json_response(value)


def done() -> Response:
    """A reply without body."""
    return Response(b"", 200)
