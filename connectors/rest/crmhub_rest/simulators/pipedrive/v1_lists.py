"""What v1 still lists of deals, and what it no longer has.

Pipedrive's v1 file has lost the lists and writers that v2 replaces; here they answer 410, "old resource
permanently unavailable".
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.pipedrive.call import Call, Endpoint, done
from crmhub_rest.simulators.pipedrive.errors import ApiError, not_found
from crmhub_rest.simulators.pipedrive.v1_nested import nested_deal_v1
from crmhub_rest.simulators.pipedrive.v1_pages import page_v1
from crmhub_rest.simulators.pipedrive.v1_shapes import whole_deal_v1

_REPLACED: Final = ("deals", "persons", "organizations", "activities", "pipelines", "stages")


def deals_of(kind: str, call: Call) -> Response:
    """`GET /v1/pipelines/{id}/deals`, `GET /v1/stages/{id}/deals`."""
    company, ident = call.company, call.id(what=kind.capitalize())
    if company.live(kind, ident) is None:
        raise not_found(kind.capitalize())
    stage = call.whole("stage_id") if kind == "pipeline" else None

    def wanted(row: Row) -> bool:
        return not row["is_archived"] and (stage is None or row["stage_id"] == stage)

    table = company.tables["deal"]
    rows = [row for row in map(table.row, table.find(f"{kind}_id", ident)) if wanted(row)]
    return page_v1(call, rows, lambda row: whole_deal_v1(company, row))


def archived_deals(call: Call) -> Response:
    """`GET /v1/deals/archived`."""
    company = call.company
    table = company.tables["deal"]
    rows = [table.row(place) for place in table.find("is_archived", value=True)]
    return page_v1(call, rows, lambda row: nested_deal_v1(company, row))


def permitted_users(kind: str, call: Call) -> Response:
    """`GET /v1/deals/{id}/permittedUsers` and the like: everybody who is active."""
    if call.company.live(kind, call.path["id"]) is None:
        raise not_found(kind.capitalize())
    return done([user.id for user in call.company.users if user.active])


def _gone(path: str, call: Call) -> Response:
    del call
    raise ApiError(410, f"This endpoint is no longer available: use /api/v2/{path}")


def _replaced(path: str) -> Callable[[Call], Response]:
    return partial(_gone, path)


def endpoints() -> list[Endpoint]:
    """What this module answers."""
    read = ("deals:read", "deals:full")
    found = [
        Endpoint("v1", "GET", f"/{kind}s/{{id}}/deals", partial(deals_of, kind), 20, read)
        for kind in ("pipeline", "stage")
    ]
    found.append(Endpoint("v1", "GET", "/deals/archived", archived_deals, 40, read))
    for kind, scope in (
        ("deal", "deals"),
        ("person", "contacts"),
        ("organization", "contacts"),
        ("lead", "leads"),
    ):
        pattern, handler = f"/{kind}s/{{id}}/permittedUsers", partial(permitted_users, kind)
        found.append(Endpoint("v1", "GET", pattern, handler, 10, (f"{scope}:read", f"{scope}:full")))
    for path in _REPLACED:
        gone = _replaced(path)
        for method, one in (
            ("GET", ""),
            ("POST", ""),
            ("GET", "/{id}"),
            ("PUT", "/{id}"),
            ("DELETE", "/{id}"),
        ):
            found.append(Endpoint("v1", method, f"/{path}{one}", gone, 0, _ANY))
    return found


_ANY: Final = ("base",)
