"""One call to the API, as the handlers see it, and the table entry that leads to a handler."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import cast

import msgspec
from starlette.datastructures import Headers
from starlette.responses import Response

from crmhub.testing.simulator.jsons import json_response, load_json
from crmhub_zoho.simulator.errors import (
    ZohoError,
    invalid_module,
    invalid_param,
    invalid_request,
    over_limit,
    required_param,
)
from crmhub_zoho.simulator.org import Module, Org
from crmhub_zoho.simulator.paging import Numbered, PageTokens
from crmhub_zoho.simulator.people import User
from crmhub_zoho.simulator.records import Records
from crmhub_zoho.simulator.scopes import require

MAX_FIELDS = 50
MAX_PAGE = 200
CRM = "/crm/{version}"
BULK = "/crm/bulk/{version}"


def _unplayed(call: "Call") -> Response:
    raise NotImplementedError(f"{call.method} {call.url_path} is not part of another call")


def _unspent(credits_used: int) -> None:
    raise NotImplementedError(f"{credits_used} credits cannot be used here")


@dataclass(frozen=True)
class Call:
    """A call that is allowed: who asks what of which organisation. `fault` says whether a data fault
    strikes; `base_url` is where the caller found the double; `licences` are the users that were paid for;
    `play` answers another call as a part of this one, and `spend` uses more credits.
    """

    method: str
    url_path: str
    path: Mapping[str, str]
    params: Mapping[str, str]
    headers: Headers
    raw_body: bytes
    org: Org
    records: Records
    tokens: PageTokens
    user: User
    granted: frozenset[str]
    edition: str
    licences: int
    index_delay: float
    fault: Callable[[str], bool]
    base_url: str = ""
    play: Callable[["Call"], Response] = _unplayed
    spend: Callable[[int], None] = _unspent

    def require(self, scope: str) -> None:
        """Raise ZohoError unless the token has `scope`, such as `modules.Deals.READ`."""
        require(self.granted, scope)

    def module(self, segment: str = "module", index: int = 0) -> Module:
        """The module named in the path; raises ZohoError."""
        found = self.org.module(self.path[segment])
        if found is None:
            raise invalid_module(index)
        return found

    def named_module(self) -> Module:
        """The module that the parameter `module` names; raises ZohoError."""
        name = self.params.get("module")
        if not name:
            raise required_param("module")
        module = self.org.module(name)
        if module is None:
            raise invalid_module()
        return module

    @cached_property
    def body(self) -> dict[str, object]:
        """The JSON object in the body, whatever the content type says; raises ZohoError."""
        try:
            value = load_json(self.raw_body)
        except msgspec.DecodeError:
            raise invalid_request() from None
        if not isinstance(value, dict):
            raise ZohoError(400, "INVALID_DATA", "invalid data", {"expected_data_type": "jsonobject"})
        return cast("dict[str, object]", value)

    def number(self, name: str, default: int, most: int | None = None) -> int:
        """A whole number of at least 1 in a query parameter; raises ZohoError."""
        text = self.params.get(name, "")
        if text == "":
            return default
        if not (text.isascii() and text.isdigit()) or int(text) < 1:
            raise invalid_param(name, expected_data_type="integer")
        if most is not None and int(text) > most:
            raise over_limit(most, param_name=name)
        return int(text)

    def numbered(self) -> Numbered:
        """The page that `page` and `per_page` ask for; raises ZohoError."""
        per_page = self.number("per_page", MAX_PAGE, MAX_PAGE)
        return Numbered(self.number("page", 1), per_page)

    def flag(self, name: str, *, default: bool) -> bool:
        """A boolean in a query parameter, in any case; raises ZohoError."""
        text = self.params.get(name, "").lower()
        if text not in {"", "true", "false"}:
            raise invalid_param(name, expected_data_type="boolean")
        return default if text == "" else text == "true"

    def choice(self, name: str, default: str, *known: str) -> str:
        """One of `known` in a query parameter, in any case; raises ZohoError."""
        text = self.params.get(name, "")
        if text == "":
            return default
        for word in known:
            if word.lower() == text.lower():
                return word
        raise invalid_param(name, supported_values=list(known))

    def fields(self) -> list[str]:
        """The field names of the mandatory parameter `fields`; raises ZohoError."""
        names = [name.strip() for name in self.params.get("fields", "").split(",") if name.strip()]
        if not names:
            raise required_param("fields")
        if len(set(names)) > MAX_FIELDS:
            raise over_limit(MAX_FIELDS, param_name="fields")
        return names

    def instant_header(self, name: str) -> datetime | None:
        """An ISO 8601 instant with offset from a header; raises ZohoError."""
        text = self.headers.get(name)
        if text is None:
            return None
        try:
            instant = datetime.fromisoformat(text.strip())
        except ValueError:
            instant = None
        if instant is None or instant.tzinfo is None:
            details = {"header": name, "expected_data_type": "datetime"}
            raise ZohoError(400, "INVALID_DATA", "invalid data", details)
        return instant


Handler = Callable[[Call], Response]


def one_credit(call: Call) -> int:
    """What most calls cost."""
    del call
    return 1


def never(call: Call) -> bool:
    """Most calls are not heavy."""
    del call
    return False


@dataclass(frozen=True)
class Endpoint:
    """A route: method, path pattern below `prefix`, handler, needed scopes, price, whether it is heavy, and
    how many of the concurrent calls it counts for.

    Each scope is `area.READ` and the like, without the leading `ZohoCRM.`; `{module}` stands for the
    module's name.
    """

    method: str
    pattern: str
    handle: Handler
    scopes: tuple[str, ...]
    price: Callable[[Call], int] = one_credit
    heavy: Callable[[Call], bool] = never
    prefix: str = CRM
    weight: int = 1


def reply(value: object, status: int = 200) -> Response:
    """A JSON reply."""
    return json_response(value, status)


def nothing(status: int = 204) -> Response:
    """A reply without body: 204 (nothing found) or 304 (nothing changed)."""
    return Response(status_code=status)
