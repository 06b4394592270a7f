"""A page of records from any ordered source of them, with Zoho's `info`."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_zoho.simulator.call import MAX_PAGE, Call, nothing, reply
from crmhub_zoho.simulator.errors import ZohoError
from crmhub_zoho.simulator.org import Module
from crmhub_zoho.simulator.paging import MOST_RECORDS, PageStart, Position, page_start
from crmhub_zoho.simulator.rendering import projection

Source = Callable[[Position | None], Iterator[int]]
"""Gives the places of records in their order, from after a position on (None: from the beginning)."""


def ambiguous(*names: str) -> ZohoError:
    """Parameters were given that exclude each other."""
    return ZohoError(
        400,
        "AMBIGUITY_DURING_PROCESSING",
        "Please use only one of the parameters",
        {"ambiguity_due_to": [{"param_name": name} for name in names]},
    )


def list_page(
    call: Call,
    module: Module,
    source: Source,
    position_of: Callable[[int], Position],
    *,
    fields: Sequence[str],
    sort: tuple[str, str],
    empty: int = 204,
) -> Response:
    """Answer a list call; `sort` is shown in `info`, `empty` is the status when there is nothing at all."""
    per_page = call.number("per_page", MAX_PAGE, MAX_PAGE)
    token = call.params.get("page_token")
    if token and call.params.get("page"):
        raise ambiguous("page", "page_token")
    if token:
        start = call.tokens.read(token, call.params, call.url_path, call.user.id)
    else:
        start = page_start(call.number("page", 1), per_page)
    places = source(start.after)
    if start.after is None:
        places = islice(places, start.before, None)
    window = list(islice(places, min(per_page, MOST_RECORDS - start.before) + 1))
    page, more = window[:per_page], len(window) > per_page
    if start.before + len(page) >= MOST_RECORDS:
        page = page[: MOST_RECORDS - start.before]
        more = len(window) > len(page)
    if not page:
        return nothing(empty if start.page == 1 else 204)
    rows = [module.table.row(place) for place in page]
    show = projection(call.org, module, fields)
    info = _info(call, start, per_page, len(page), sort)
    info |= _next(call, start, page, position_of, more=more)
    return reply({"data": struck(call, [show(row) for row in rows]), "info": info})


def struck(call: Call, rows: list[Row]) -> list[Row]:
    """The rows, unless a data fault strikes them."""
    if rows and call.fault("duplicate_ids"):
        rows = [rows[0], *rows]
    if call.fault("no_cursor_field"):
        rows = [{name: value for name, value in row.items() if name != "Modified_Time"} for row in rows]
    return rows


def _info(
    call: Call, start: PageStart, per_page: int, count: int, sort: tuple[str, str]
) -> dict[str, object]:
    previous: str | None = None
    if start.page > 1 and start.before <= MOST_RECORDS:
        earlier = PageStart(start.page - 1, max(start.before - per_page, 0))
        previous, _ = call.tokens.issue(earlier, _unpaged(call), call.url_path, call.user.id)
    return {
        "per_page": per_page,
        "count": count,
        "page": start.page,
        "sort_by": sort[0],
        "sort_order": sort[1],
        "previous_page_token": previous,
    }


def _next(
    call: Call, start: PageStart, page: Sequence[int], position_of: Callable[[int], Position], *, more: bool
) -> dict[str, object]:
    if not more:
        return {"more_records": False, "next_page_token": None, "page_token_expiry": None}
    following = PageStart(start.page + 1, start.before + len(page), position_of(page[-1]))
    if call.fault("loop_token"):
        following = start
    token, expires_at = call.tokens.issue(following, _unpaged(call), call.url_path, call.user.id)
    return {"more_records": True, "next_page_token": token, "page_token_expiry": call.org.stamp(expires_at)}


def _unpaged(call: Call) -> dict[str, str]:
    return {name: value for name, value in call.params.items() if name not in {"page", "page_token"}}
