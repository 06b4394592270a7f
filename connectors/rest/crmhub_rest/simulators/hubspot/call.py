"""One call to the API, as the handlers see it, and the table entry that leads to a handler."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import msgspec
from starlette.datastructures import QueryParams
from starlette.responses import Response

from crmhub.testing.simulator.jsons import json_response, load_json
from crmhub_rest.simulators.hubspot.errors import (
    HubSpotError,
    bad_json,
    invalid,
    missing_fields,
    missing_scopes,
)
from crmhub_rest.simulators.hubspot.portal import Portal, Store
from crmhub_rest.simulators.hubspot.records import Records

Body = dict[str, object]
BATCH = 100
"""Inputs of a batch of records."""


@dataclass(frozen=True)
class Call:
    """A call that is allowed: who asks what of which portal. `fault` says whether a data fault strikes;
    `base_url` is where the caller found the double; `legacy` calls use the numbered versions of paths.
    """

    method: str
    path: Mapping[str, str]
    params: QueryParams
    content_type: str
    raw_body: bytes
    portal: Portal
    records: Records
    scopes: frozenset[str]
    fault: Callable[[str], bool]
    base_url: str
    version: str
    url_path: str

    @property
    def legacy(self) -> bool:
        """Whether the path has a numbered version, not a date."""
        return self.version.startswith("v")

    def require(self, *scopes: str) -> None:
        """Raise HubSpotError unless the token has one of `scopes`."""
        if not self.scopes.intersection(scopes):
            raise missing_scopes(*scopes)

    def store(self, segment: str = "type", *, write: bool = False) -> Store:
        """The records of the type that the path names; raises HubSpotError if there are none, or if the token
        may not read (or write) them.
        """
        name = self.path[segment]
        store = self.portal.store(name)
        if store is None:
            raise invalid(f"Unable to infer object type from: {name}")
        if write:
            self.require(store.type.write_scope)
        else:
            self.require(store.type.read_scope, store.type.write_scope)
        return store

    @cached_property
    def body(self) -> Body:
        """The JSON object in the body; raises HubSpotError."""
        return as_object(self.json)

    @cached_property
    def json(self) -> object:
        """The JSON in the body; raises HubSpotError."""
        if not self.content_type.startswith("application/json"):
            raise HubSpotError(415, "VALIDATION_ERROR", "HTTP 415 Unsupported Media Type")
        try:
            return load_json(self.raw_body)
        except msgspec.DecodeError as problem:
            raise bad_json(str(problem)) from None

    def inputs(self, most: int = BATCH) -> list[Body]:
        """The `inputs` of a batch; raises HubSpotError."""
        value = self.body.get("inputs")
        if value is None:
            raise missing_fields("inputs")
        if not isinstance(value, list):
            raise bad_json("Cannot deserialize value of type `java.util.ArrayList` from Object value")
        items = [as_object(one) for one in cast("list[object]", value)]
        if len(items) > most:
            raise invalid(
                f"The maximum number of inputs supported in a batch request is {most}. "
                "Please reduce the number of items and try again"
            )
        return items

    def names(self, parameter: str) -> list[str]:
        """A list in a query parameter: comma-separated, or given several times."""
        parts = (part.strip() for text in self.params.getlist(parameter) for part in text.split(","))
        return list(dict.fromkeys(part for part in parts if part))

    def number(self, parameter: str, default: int, most: int, least: int = 1) -> int:
        """A whole number in a query parameter; raises HubSpotError."""
        text = self.params.get(parameter, "")
        if text == "":
            return default
        if not (text.isascii() and text.isdigit()):
            raise invalid(f"Invalid value for {parameter}: {text} is not an integer")
        if not least <= int(text) <= most:
            raise invalid(f"Invalid value for {parameter}: {text}; it must be between {least} and {most}")
        return int(text)

    def flag(self, parameter: str) -> bool:
        """A boolean in a query parameter, false without it; raises HubSpotError."""
        text = self.params.get(parameter, "").lower()
        if text not in {"", "true", "false"}:
            raise invalid(f"Invalid value for {parameter}: {text} is not a boolean")
        return text == "true"

    def link(self, after: str) -> str:
        """Where the next page of a list is."""
        kept = [(name, value) for name, value in self.params.multi_items() if name != "after"]
        return f"{self.base_url}{self.url_path}?{QueryParams([*kept, ('after', after)])}"


Handler = Callable[[Call], Response]


@dataclass(frozen=True)
class Endpoint:
    """A route: method, path pattern, the version that it belongs to, handler.

    `searches` count against the limit of searches; `keyed` calls take the developer's own key.
    """

    method: str
    pattern: str
    version: str
    handle: Handler
    searches: bool = False
    keyed: bool = False


def as_object(value: object) -> Body:
    """`value` as a JSON object; raises HubSpotError."""
    if not isinstance(value, dict):
        raise bad_json("Cannot deserialize value: an object was expected")
    return cast("Body", value)


def as_texts(value: object, name: str) -> list[str]:
    """`value` as a list of texts (none without it); raises HubSpotError."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise bad_json(f"Cannot deserialize value of type `java.util.ArrayList` for {name}")
    return [required_text({name: one}, name) for one in cast("list[object]", value)]


def text_or_none(body: Mapping[str, object], name: str) -> str | None:
    """A text (or a number, written out) in a body; raises HubSpotError if it is neither."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise bad_json(f"Cannot deserialize value of type `java.lang.String` for {name}")
    return str(value)


def required_text(body: Mapping[str, object], name: str) -> str:
    """A text that must be there; raises HubSpotError."""
    value = text_or_none(body, name)
    if value is None:
        raise missing_fields(name)
    return value


def properties_of(body: Mapping[str, object]) -> Body:
    """The `properties` of an input; raises HubSpotError."""
    if body.get("properties") is None:
        raise missing_fields("properties")
    return as_object(body["properties"])


def objects_of(body: Mapping[str, object], name: str) -> list[Body]:
    """A list of objects in a body (none without it); raises HubSpotError."""
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise bad_json(f"Cannot deserialize value of type `java.util.ArrayList` for {name}")
    return [as_object(one) for one in cast("list[object]", value)]


def reply(value: object, status: int = 200) -> Response:
    """A JSON reply."""
    return json_response(value, status, {})


def nothing() -> Response:
    """A reply without a body."""
    return Response(status_code=204)


def page_of(results: Sequence[object], next_page: Mapping[str, object] | None) -> Body:
    """A list with the pointer to its next page, if there is one."""
    return {"results": results, "paging": {"next": next_page}} if next_page else {"results": results}
