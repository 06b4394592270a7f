"""Lists of leads: filters, orders, pages by offset or by scrollId.

The order is the newest first, so that new leads shift the pages by offset; a scroll goes on below the last
lead that it gave. There is no filter by time of change.

Source: Lofty Open API, "List Leads".
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, cast

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.lofty import ids
from crmhub_rest.simulators.lofty.call import Call, Endpoint, reply
from crmhub_rest.simulators.lofty.errors import invalid, limit_not_valid
from crmhub_rest.simulators.lofty.leads import lead_json
from crmhub_rest.simulators.lofty.rows import full_name, seconds, texts
from crmhub_rest.simulators.lofty.team import LEADS, Team

_DEFAULT_LIMIT: Final = 10
_MOST: Final = 100
_ORDERS: Final[Mapping[str, str]] = {
    "LastContact": "lastTouch",
    "LastCall": "lastTouch",
    "LastEmail": "lastTouch",
    "LastActivity": "lastUpdateTime",
    "AssignTime": "assignTime",
    "Score": "score",
    "SCOREV2": "score",
    "Activity": "lastUpdateTime",
    "Communication": "lastTouch",
}
_BY_AGE: Final = frozenset(
    (
        *("Default", "CreateTime", "Inquries", "DeleteTime", "HasDrip", "HasAlert"),
        *("Task", "Lender", "ActivitySearch", "ActivityViews", "ActivityFavorites", "DripStatus"),
        *("DripOpenRate", "AlertFrequency", "AlertOpenRate", "SmartPlanStatus"),
    )
)
_FILTERS: Final = (
    *("stage", "source", "phone", "email", "assignedUserId", "contacted", "groups", "segments", "allTags"),
    *("anyTags", "groupIds", "languages", "key", "roleAssigneeFilters"),
)


@dataclass(frozen=True)
class _Query:
    filters: tuple[tuple[str, str], ...]
    sort: str
    descending: bool

    @property
    def plain(self) -> bool:
        return not self.filters and self.sort in _BY_AGE


@dataclass(frozen=True)
class _Scroll:
    """Where a scroll stands: how many leads it gave, and the last of them. `order`: places, unless plain."""

    query: _Query
    limit: int
    given: int
    last: int | None
    order: Sequence[int] | None
    expires_at: float


class LeadLists:
    """The list of leads, and the scrolls that are open."""

    def __init__(self) -> None:
        self._scrolls: dict[str, _Scroll] = {}
        self._opened = 0

    def endpoints(self) -> list[Endpoint]:
        """The route of the list."""
        return [Endpoint("GET", "/v1.0/leads", self.list, "leads")]

    def list(self, call: Call) -> Response:
        """Answer one page."""
        scroll_id = call.query.get("scrollId", "")
        scroll = self._resumed(call, scroll_id) if scroll_id else None
        limit = call.number("limit", scroll.limit if scroll else _DEFAULT_LIMIT)
        if not 1 <= limit <= _MOST:
            raise limit_not_valid()
        query = scroll.query if scroll else _read_query(call)
        team = call.team
        if query.plain:
            order, total = None, team.count(LEADS)
        else:
            order = team.view(LEADS, query, lambda: _matching(team, query))
            total = len(order)
        if scroll is None:
            offset = max(call.number("offset", 0), 0)
            places = list(islice(_ordered(team, query, order, None), offset, offset + limit))
        else:
            offset, order = scroll.given, scroll.order
            if order is None:
                places = list(islice(_ordered(team, query, None, scroll.last), limit))
            else:
                places = [place for place in order[offset : offset + limit] if team.leads.is_live(place)]
        next_scroll = None
        if places:
            last = places[-1]
            standing = _Scroll(query, limit, offset + limit, last, order, 0)
            next_scroll = scroll_id if call.fault("loop_token") and scroll_id else self._open(call, standing)
        rows = [team.leads.row(place) for place in places]
        shown = _shown(call, rows)
        metadata = call.metadata("lead", limit, offset, total, next_scroll)
        return reply({**metadata, "leads": shown})

    def _open(self, call: Call, standing: _Scroll) -> str:
        now = call.team.clock.now()
        self._scrolls = {key: one for key, one in self._scrolls.items() if one.expires_at > now}
        self._opened += 1
        scroll_id = f"DXF1ZXJ5QW5kRmV0Y2gBAAAA{self._opened:012x}"
        expires_at = now + call.settings.scroll_seconds
        self._scrolls[scroll_id] = _Scroll(
            standing.query, standing.limit, standing.given, standing.last, standing.order, expires_at
        )
        return scroll_id

    def _resumed(self, call: Call, scroll_id: str) -> _Scroll:
        scroll = self._scrolls.get(scroll_id)
        if scroll is None or scroll.expires_at <= call.team.clock.now():
            raise invalid("scrollId is unknown or has expired")
        return scroll


def _shown(call: Call, rows: list[Row]) -> list[Row]:
    shown = [lead_json(call.team, row) for row in rows]
    if shown and call.fault("duplicate_ids"):
        shown.append(shown[0])
    if shown and call.fault("no_cursor_field"):
        for one in shown:
            del one["lastUpdateTime"]
    wanted = {name.strip() for name in call.query.get("returnFields", "").split(",") if name.strip()}
    if wanted:
        shown = [{key: one[key] for key in one if key in {"leadId", *wanted}} for one in shown]
    return shown


def _read_query(call: Call) -> _Query:
    sort = call.query.get("sort", "") or "Default"
    if sort not in _ORDERS and sort not in _BY_AGE:
        raise invalid("sort is unknown")
    filters = {name: call.query[name] for name in _FILTERS if call.query.get(name, "").strip()}
    for name in ("assignedUserId", "groupIds"):
        call.number(name, 0)
    call.flag("contacted")
    if not call.flag("preciseSearchFlag", default=True) and {"email", "phone"} & filters.keys():
        filters["key"] = filters.pop("email", "") or filters.pop("phone", "")
    return _Query(tuple(filters.items()), sort, call.flag("desc", default=True))


def _ordered(team: Team, query: _Query, order: Sequence[int] | None, last: int | None) -> Iterator[int]:
    if order is not None:
        return iter(order)
    leads = team.leads
    if query.descending:
        places = leads.places(before=last, descending=True)
    else:
        places = leads.places(after=-1 if last is None else last)
    if team.all_readable(LEADS):
        return places
    return (place for place in places if not leads.touched(place) or team.visible(leads.row(place)))


def _matching(team: Team, query: _Query) -> list[int]:
    wanted = dict(query.filters)
    leads = team.leads
    exact = [team.people(f"{name}s", wanted.pop(name)) for name in ("email", "phone") if name in wanted]
    places: Iterator[int] = leads.places() if not exact else iter(set(exact[0]).intersection(*exact[1:]))
    tests = [_TESTS[name](team, value) for name, value in wanted.items()]
    found: list[tuple[float, int]] = []
    field = _ORDERS.get(query.sort)
    for place in places:
        row = leads.row(place)
        if team.visible(row) and all(test(row) for test in tests):
            found.append((seconds(row, field) if field else 0, place))
    found.sort(reverse=query.descending)
    return [place for _, place in found]


_Test = Callable[[Row], bool]


def _split(value: str) -> set[str]:
    return {item.strip().lower() for item in value.split(",") if item.strip()}


def _stage(team: Team, value: str) -> _Test:
    stages = {one.id for one in team.stages if one.name.lower() in _split(value)}
    return lambda row: row.get("stageId") in stages


def _source(team: Team, value: str) -> _Test:
    del team
    return lambda row: str(row.get("source", "")).lower() in _split(value)


def _owner(team: Team, value: str) -> _Test:
    del team
    return lambda row: str(row.get("assignedUserId")) == value


def _contacted(team: Team, value: str) -> _Test:
    del team
    return lambda row: (row.get("lastTouch") is not None) == (value.lower() == "true")


def _any_of(field: str) -> Callable[[Team, str], _Test]:
    def test(team: Team, value: str) -> _Test:
        del team
        names = _split(value)
        return lambda row: any(item.lower() in names for item in texts(row, field))

    return test


def _all_tags(team: Team, value: str) -> _Test:
    del team
    names = _split(value)
    return lambda row: names <= {tag.lower() for tag in texts(row, "tags")}


def _office(team: Team, value: str) -> _Test:
    del team
    known = value == str(ids.OFFICE)  # the team has one office
    return lambda row: known and bool(row)


def _languages(team: Team, value: str) -> _Test:
    del team
    return lambda row: str(row.get("language") or "en").lower() in _split(value)


def _key(team: Team, value: str) -> _Test:
    del team
    sought = value.strip().lower()
    return lambda row: any(
        sought in item.lower() for item in (full_name(row), *texts(row, "emails"), *texts(row, "phones"))
    )


def _roles(team: Team, value: str) -> _Test:
    del team
    try:
        roles = cast("object", json.loads(value))
    except ValueError:
        roles = None
    if not isinstance(roles, list):
        raise invalid("roleAssigneeFilters must be a JSON list")
    wanted = {
        user
        for role in cast("list[dict[str, list[int]]]", roles)
        if isinstance(role, dict)  # pyright: ignore[reportUnnecessaryIsInstance]
        for user in role.get("assigneeToIds", [])
    }
    return lambda row: row.get("assignedUserId") in wanted


_TESTS: Final[Mapping[str, Callable[[Team, str], _Test]]] = {
    "stage": _stage,
    "source": _source,
    "assignedUserId": _owner,
    "contacted": _contacted,
    "groups": _any_of("segments"),
    "segments": _any_of("segments"),
    "allTags": _all_tags,
    "anyTags": _any_of("tags"),
    "groupIds": _office,
    "languages": _languages,
    "key": _key,
    "roleAssigneeFilters": _roles,
}
