"""The parts of a composite request: how they are written, and the calls they stand for.

Source: Zoho CRM API v8, "Composite API": parts write one record and read 25; deletes name their record in
the path; bulk jobs, files and composite requests themselves are not allowed; neither are the headers
`authorization` and `x-crm-org`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response

from crmhub.testing.simulator.jsons import dump_json, json_response
from crmhub_zoho.simulator.call import Call
from crmhub_zoho.simulator.coql_parser import parse_coql
from crmhub_zoho.simulator.errors import Details, ZohoError
from crmhub_zoho.simulator.references import filled, referred

KEY = "__composite_requests"
MOST_PARTS = 5
MOST_READ = 25
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_URI = re.compile(r"/crm(/.*)?/v[0-9]+([.][0-9]+)?/.*")
_PART_ID = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_]*")
_RESTRICTED = frozenset({"authorization", "x-crm-org"})
_FORBIDDEN = re.compile(r"/crm/bulk/|/upload$|/__composite_requests$|/files$|/actions/mass_")
_RECORDS = re.compile(r"/crm/v\d+/[^/]+(/upsert|/\d+/Notes)?$")
_READ = re.compile(r"/crm/v\d+/(?!settings)[^/]+(/search|/deleted|/\d+/\w+)?$")
Item = Mapping[str, object]


@dataclass(frozen=True)
class Part:
    """One call of the composite request; `fault` says why it cannot be carried out."""

    number: int
    id: str
    method: str
    uri: str
    params: Item
    headers: Item
    body: object
    fault: ZohoError | None = None

    @property
    def needs(self) -> set[str]:
        """The ids of the parts it refers to."""
        return set(referred([self.uri, self.params, self.headers, self.body]))

    def looping(self, indexes: Sequence[int]) -> "Part":
        """The same part, refused because it refers in a circle through the parts at `indexes`."""
        details: Details = {"api_name": KEY, "json_path": _path(self.number)}
        refusal = ZohoError(
            400, "LOOPING_FOUND", "looping found", {**details, "sub_request_indexes": indexes}
        )
        return replace(self, fault=self.fault or refusal)


def read_parts(body: Item) -> list[Part]:
    """The parts in a body; raises ZohoError for what is wrong with them as a whole."""
    place: Details = {"api_name": KEY, "json_path": f"$.{KEY}"}
    given = body.get(KEY)
    if given is None:
        raise ZohoError(400, "MANDATORY_NOT_FOUND", "required field not found", place)
    if not isinstance(given, list) or not given:
        raise ZohoError(400, "INVALID_DATA", "invalid data", {**place, "expected_data_type": "jsonarray"})
    items = cast("list[object]", given)
    if len(items) > MOST_PARTS:
        raise ZohoError(400, "INVALID_DATA", "invalid data", {**place, "maximum_length": MOST_PARTS})
    parts = [_part(item, number) for number, item in enumerate(items)]
    return [_single(part, parts) for part in parts]


def as_call(call: Call, part: Part, replies: Mapping[str, object]) -> Call | Response:
    """The call that a part stands for, or the reply if it asks for too much; raises ZohoError."""
    split = urlsplit(str(filled(part.uri, replies)))
    if _FORBIDDEN.search(split.path):
        raise ZohoError(400, "NOT_SUPPORTED", "the API is not supported in a composite request", {})
    given = cast("Item", filled(part.params, replies))
    params = {**dict(parse_qsl(split.query)), **{name: str(value) for name, value in given.items()}}
    headers = {name: str(value) for name, value in cast("Item", filled(part.headers, replies)).items()}
    body = filled(part.body, replies)
    if part.method == "DELETE" and "ids" in params:
        raise ZohoError(400, "NOT_SUPPORTED", "records are deleted by the id in the URL", {})
    if part.method == "GET" and _READ.match(split.path):
        per_page = params.setdefault("per_page", str(MOST_READ))
        if per_page.isdigit() and int(per_page) > MOST_READ:
            return _over(MOST_READ, "per_page")
    if part.method in {"POST", "PUT"} and split.path.endswith("/coql"):
        body = _limited(body)
        if body is None:
            return _over(MOST_READ, "limit")
    elif part.method in {"POST", "PUT"} and _RECORDS.match(split.path) and _several(body):
        return _over(1, "data")
    return replace(
        call,
        method=part.method,
        url_path=split.path.rstrip("/"),
        params=params,
        headers=Headers(headers),
        raw_body=b"" if body is None else dump_json(body),
    )


def bad(name: str, path: str, **more: object) -> ZohoError:
    """A key has a value that it cannot have."""
    where = {"api_name": name, "json_path": f"{path}.{name}", **more}
    return ZohoError(400, "INVALID_DATA", "invalid data", where)


def _over(limit: int, by: str) -> Response:
    refusal = ZohoError(400, "LIMIT_EXCEEDED", "limit exceeded", {"by": by, "limit": limit})
    return json_response(refusal.envelope(), 400)


def _several(body: object) -> bool:
    data = cast("Item", body).get("data") if isinstance(body, Mapping) else None
    return isinstance(data, list) and len(cast("list[object]", data)) > 1


def _limited(body: object) -> object:
    """A query that reads no more than a part may; None if it asks for more."""
    text = cast("Item", body).get("select_query") if isinstance(body, Mapping) else None
    if not isinstance(text, str):
        return {}
    if not re.search(r"\blimit\b", text, re.IGNORECASE):
        return {"select_query": f"{text} limit {MOST_READ}"}
    return {"select_query": text} if parse_coql(text).limit <= MOST_READ else None


def _single(part: Part, parts: Sequence[Part]) -> Part:
    """The part, refused if another one has the same id."""
    indexes = [other.number for other in parts if other.id == part.id]
    if len(indexes) == 1 or part.fault is not None:
        return part
    where = {"api_name": "sub_request_id", "json_path": f"{_path(part.number)}.sub_request_id"}
    refusal = ZohoError(400, "DUPLICATE_DATA", "duplicate data", {**where, "sub_request_indexes": indexes})
    return replace(part, fault=refusal)


def _part(item: object, number: int) -> Part:
    given = cast("Item", item if isinstance(item, Mapping) else {})
    named = given.get("sub_request_id")
    part_id = f"#{number}" if named is None else str(named)
    try:
        method, uri, params, headers = _checked(given, _path(number))
    except ZohoError as refusal:
        return Part(number, part_id, "", "", {}, {}, None, refusal)
    return Part(number, part_id, method, uri, params, headers, given.get("body"))


def _checked(given: Item, path: str) -> tuple[str, str, Item, Item]:
    for name in ("method", "uri"):
        if given.get(name) is None:
            where = {"api_name": name, "json_path": f"{path}.{name}"}
            raise ZohoError(400, "MANDATORY_NOT_FOUND", "required field not found", where)
    method, uri, part_id = given["method"], given["uri"], given.get("sub_request_id")
    if method not in _METHODS:
        raise bad("method", path, supported_values=list(_METHODS))
    if not isinstance(uri, str) or not _URI.fullmatch(uri):
        raise bad("uri", path, regex=_URI.pattern)
    if part_id is not None and (not isinstance(part_id, str) or not _PART_ID.fullmatch(part_id)):
        raise bad("sub_request_id", path, regex=_PART_ID.pattern)
    headers = _object(given, "headers", path)
    restricted = [name for name in headers if name.lower() in _RESTRICTED]
    if restricted:
        raise bad("headers", path, restricted_headers=restricted)
    return str(method), uri, _object(given, "params", path), headers


def _object(given: Item, name: str, path: str) -> Item:
    value = given.get(name)
    if value is not None and not isinstance(value, Mapping):
        raise bad(name, path, expected_data_type="jsonobject")
    return cast("Item", value or {})


def _path(number: int) -> str:
    return f"$.{KEY}[{number}]"
