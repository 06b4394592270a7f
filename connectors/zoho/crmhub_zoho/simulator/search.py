"""Search and count.

Source: Zoho CRM API v8, "Search Records" and "Get Record Count": `criteria`, `email`, `phone` or `word`,
in this precedence; at most 2,000 results; what was created just now appears after an indexing delay.
"""

from itertools import islice

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_zoho.simulator.call import MAX_FIELDS, MAX_PAGE, Call, Endpoint, nothing, reply
from crmhub_zoho.simulator.coql_columns import sort_key
from crmhub_zoho.simulator.criteria import Test, invalid_query, parse_criteria
from crmhub_zoho.simulator.errors import ZohoError, invalid_param, not_supported, over_limit
from crmhub_zoho.simulator.listing import struck
from crmhub_zoho.simulator.org import Module
from crmhub_zoho.simulator.reading import converted_test
from crmhub_zoho.simulator.rendering import projection

MOST_RESULTS = 2_000
_MAX_CRITERIA = 3_000
_PARAMS = ("criteria", "email", "phone", "word")
_SHORTEST_WORD = 2


def search(call: Call) -> Response:
    """`GET /{module}/search`."""
    module = call.module()
    if not module.spec.searchable:
        raise not_supported(module=module.name)
    test = _test(call, module)
    if test is None:
        raise ZohoError(
            400,
            "EXPECTED_PARAM_MISSING",
            "One of the expected parameter is missing",
            {"param_names": list(_PARAMS)},
        )
    fields = _fields(call, module)
    per_page = call.number("per_page", MAX_PAGE, MAX_PAGE)
    page = call.number("page", 1)
    if page * per_page > MOST_RESULTS:
        details = {"limit": str(MOST_RESULTS)}
        raise ZohoError(400, "LIMIT_REACHED", "maximum response iteration limit reached", details)
    converted = converted_test(call)
    found = _found(call, module, test if converted is None else lambda row: converted(row) and test(row))
    start = (page - 1) * per_page
    rows = found[start : start + per_page]
    if not rows:
        return nothing()
    show = projection(call.org, module, fields)
    info = {
        "per_page": per_page,
        "count": len(rows),
        "page": page,
        "sort_by": call.params.get("sort_by") or "id",
        "sort_order": call.params.get("sort_order", "desc").lower(),
        "more_records": len(found) > start + len(rows),
    }
    return reply({"data": struck(call, [show(row) for row in rows]), "info": info})


def count(call: Call) -> Response:
    """`GET /{module}/actions/count`."""
    module = call.module()
    test = _test(call, module)
    if test is None:
        return reply({"count": len(module.table)})
    if not module.spec.searchable:
        raise not_supported(module=module.name)
    return reply({"count": sum(1 for row in module.table.rows() if test(row))})


def _fields(call: Call, module: Module) -> list[str]:
    names = [name.strip() for name in call.params.get("fields", "").split(",") if name.strip()]
    if len(names) > MAX_FIELDS:
        raise over_limit(MAX_FIELDS, param_name="fields")
    return names or list(module.fields)


def _found(call: Call, module: Module, test: Test) -> list[Row]:
    table = module.table
    order = call.choice("sort_order", "desc", "asc", "desc")
    sort_by = call.params.get("sort_by") or "id"
    if sort_by != "id" and sort_by not in module.fields:
        raise invalid_param("sort_by")
    indexed_until = call.org.stamp(call.org.clock.now() - call.index_delay)
    descending = order == "desc"
    matching = (
        row
        for row in map(table.row, table.places(descending=descending))
        if test(row) and (call.index_delay <= 0 or str(row["Created_Time"]) <= indexed_until)
    )
    if sort_by == "id":
        return list(islice(matching, MOST_RESULTS))
    rows = sorted(matching, key=lambda row: sort_key(row.get(sort_by)), reverse=descending)
    return rows[:MOST_RESULTS]


def _test(call: Call, module: Module) -> Test | None:
    given = next((name for name in _PARAMS if call.params.get(name)), None)
    if given is None:
        return None
    text = call.params[given].strip()
    match given:
        case "criteria":
            if len(text) > _MAX_CRITERIA:
                raise invalid_query("the criteria is too long", maximum_length=_MAX_CRITERIA)
            return parse_criteria(call.org, module, text)
        case "email":
            return _contains(_named(module, "email"), text)
        case "phone":
            return _phone(_named(module, "phone"), text)
        case _:
            if len(text) < _SHORTEST_WORD:
                raise ZohoError(
                    400, "INVALID_DATA", "provide atleast 2 letters for search", {"param_name": "word"}
                )
            return _contains(
                _named(module, "text", "email", "phone", "website", "textarea", "picklist"), text
            )


def _named(module: Module, *kinds: str) -> list[str]:
    return [name for name, one in module.fields.items() if one.data_type in kinds]


def _contains(names: list[str], text: str) -> Test:
    wanted = text.casefold()

    def test(row: Row) -> bool:
        values = (row.get(name) for name in names)
        return any(wanted in value.casefold() for value in values if isinstance(value, str))

    return test


def _phone(names: list[str], text: str) -> Test:
    wanted = _digits(text)
    if not wanted:
        raise ZohoError(400, "INVALID_DATA", "invalid value for search", {"param_name": "phone"})

    def test(row: Row) -> bool:
        values = (row.get(name) for name in names)
        return any(wanted in _digits(value) for value in values if isinstance(value, str))

    return test


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isdigit())


ENDPOINTS = (
    Endpoint("GET", "/{module}/search", search, ("modules.{module}.READ", "ZohoSearch.securesearch.READ")),
    Endpoint("GET", "/{module}/actions/count", count, ("modules.{module}.READ",)),
)
