"""One call, as the handlers see it, and the table entry that leads to a handler."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import cast

import msgspec
from starlette.responses import Response

from crmhub.testing.simulator.jsons import json_response, load_json
from crmhub_rest.simulators.pipedrive.company import Company
from crmhub_rest.simulators.pipedrive.errors import ApiError, invalid, not_found
from crmhub_rest.simulators.pipedrive.people import User

_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(Z|[+-]\d{2}:\d{2})")
MOST_IDS = 100


@dataclass(frozen=True)
class Call:
    """A call by somebody who may call: path and query parameters, body, the company and the user."""

    version: str
    method: str
    url_path: str
    path: Mapping[str, str]
    params: Mapping[str, str]
    raw_body: bytes
    content_type: str
    company: Company
    user: User
    fault: Callable[[str], bool]

    @cached_property
    def body(self) -> dict[str, object]:
        """The body, a JSON object; raises ApiError."""
        if not isinstance(self.json, dict):
            raise invalid("", "must be object")
        return cast("dict[str, object]", self.json)

    @cached_property
    def json(self) -> object:
        """The body, any JSON; raises ApiError."""
        if not self.raw_body:
            return {}
        try:
            return load_json(self.raw_body)
        except msgspec.DecodeError:
            raise ApiError(400, "Invalid JSON in the request body") from None

    def id(self, name: str = "id", what: str = "Entity") -> int:
        """A path parameter that must be a number."""
        text = self.path[name]
        if not (text.isascii() and text.isdigit()):
            if self.version == "v2":
                raise invalid(name, "must be integer")
            raise not_found(what)
        return int(text)

    def whole(self, name: str) -> int | None:
        """A query parameter that must be a whole number, if it is there."""
        text = self.params.get(name)
        if text is None:
            return None
        if re.fullmatch(r"-?\d{1,15}", text) is None:
            raise invalid(name, "must be integer")
        return int(text)

    def flag(self, name: str) -> bool:
        """A query parameter that must be `true` or `false`; false without it. v1 takes 1 and 0 too."""
        text = self.params.get(name, "false")
        if self.version == "v1" and text in {"0", "1"}:
            return text == "1"
        if text not in {"true", "false"}:
            raise invalid(name, "must be boolean")
        return text == "true"

    def one_of(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        """A query parameter that must be one of some values."""
        text = self.params.get(name, default)
        if text not in allowed:
            raise invalid(name, f"must be equal to one of the allowed values: {', '.join(allowed)}")
        return text

    def some_of(self, name: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
        """A query parameter with comma-separated values, each of which must be one of some."""
        text = self.params.get(name, "")
        parts = tuple(part.strip() for part in text.split(",") if part.strip())
        for part in parts:
            if part not in allowed:
                raise invalid(name, f"must be equal to one of the allowed values: {', '.join(allowed)}")
        return parts

    def ids(self) -> list[int] | None:
        """The query parameter `ids`: up to 100 comma-separated numbers."""
        text = self.params.get("ids")
        if text is None:
            return None
        parts = [part.strip() for part in text.split(",")]
        if not all(re.fullmatch(r"\d{1,15}", part) for part in parts):
            raise invalid("ids", "must be a comma separated list of integers")
        if len(parts) > MOST_IDS:
            raise invalid("ids", f"must NOT have more than {MOST_IDS} items")
        return [int(part) for part in parts]

    def moment(self, name: str) -> int | None:
        """A query parameter with an RFC 3339 time of whole seconds, as epoch seconds.

        Fractions of a second are refused (seen on the live API, though they are RFC 3339).
        """
        text = self.params.get(name)
        if text is None:
            return None
        try:
            return (
                int(datetime.fromisoformat(text).timestamp()) if _MOMENT.fullmatch(text) else _bad(name, text)
            )
        except ValueError:
            return _bad(name, text)

    def limit(self, most: int = 500, default: int = 100) -> int:
        """The page size: beyond what is allowed v2 refuses (ApiError), and v1 gives what is allowed."""
        limit = self.whole("limit")
        if limit is None:
            return default
        if self.version == "v1":
            return min(max(limit, 1), most)
        if not 1 <= limit <= most:
            raise invalid("limit", f"must be between 1 and {most}")
        return limit


def _bad(name: str, text: str) -> int:
    raise invalid(name, f"{text} is not a valid datetime")


Handler = Callable[[Call], Response]


@dataclass(frozen=True)
class Endpoint:
    """A method and a path of API `version`, what it costs in tokens, and scopes of which one is needed."""

    version: str
    method: str
    pattern: str
    handle: Handler
    cost: int
    scopes: tuple[str, ...]
    search: bool = False


def done(data: object, more: object = None, status: int = 200) -> Response:
    """The reply to a call that did what was asked; `more` is `additional_data`."""
    body: dict[str, object] = {"success": True, "data": data}
    if more is not None:
        body["additional_data"] = more
    return json_response(body, status)
