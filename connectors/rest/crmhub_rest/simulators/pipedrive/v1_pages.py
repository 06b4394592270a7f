"""What v1 does alike everywhere: pages by `start` and `limit`, sorting, times without a zone."""

from collections.abc import Callable, Sequence
from typing import TypeVar, cast

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.pipedrive.call import Call, done
from crmhub_rest.simulators.pipedrive.errors import ApiError

T = TypeVar("T")


def page_v1(call: Call, items: Sequence[T], show: Callable[[T], object], **more: object) -> Response:
    """The page of `items` that a call asks for; `more` goes beside the pagination."""
    start, limit = max(call.whole("start") or 0, 0), call.limit()
    rows = [show(item) for item in items[start : start + limit]]
    pagination: dict[str, object] = {
        "start": start,
        "limit": limit,
        "more_items_in_collection": start + limit < len(items),
    }
    if start + limit < len(items):
        pagination["next_start"] = start if call.fault("loop_token") else start + limit
    if rows and call.fault("duplicate_ids"):
        rows.insert(0, rows[0])
    return done(rows, {**more, "pagination": pagination})


def ordered(call: Call, rows: list[Row], allowed: tuple[str, ...]) -> list[Row]:
    """The rows as `sort` wants them: `field ASC, other DESC`; raises ApiError for a field that cannot."""
    for part in reversed([part.split() for part in call.params.get("sort", "").split(",") if part.strip()]):
        way = part[1].upper() if len(part) > 1 else "ASC"
        if part[0] not in allowed or way not in {"ASC", "DESC"}:
            raise ApiError(400, f"Cannot sort by {' '.join(part)}")
        rows = sorted(rows, key=lambda row, name=part[0]: _place(row[name]), reverse=way == "DESC")
    return rows


def _place(value: object) -> tuple[bool, int | str]:
    return (False, "") if value is None else (True, value if isinstance(value, int) else str(value))


def v1_time(value: object) -> str | None:
    """A time as v1 writes it: `YYYY-MM-DD HH:MM:SS`, UTC."""
    return None if value is None else cast("str", value).replace("T", " ").removesuffix("Z")
