"""Reading and writing records, the same for all collections.

Source: Rollout API reference; guides, "How to Search for Contacts (People)".
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final, cast

from crmhub.testing.simulator.table import Row
from crmhub_rollout.simulator import crm as kinds
from crmhub_rollout.simulator.crm import Crm
from crmhub_rollout.simulator.errors import bad, not_found
from crmhub_rollout.simulator.shapes import SHAPES

DEFAULT_LIMIT: Final = 10
MOST: Final = 100
_DOUBLES: Final = {"start": "startsAt", "end": "endsAt", "allDay": "isAllDay"}


def listed(crm: Crm, name: str, query: Mapping[str, str], url: str) -> tuple[Row, list[Row]]:
    """The paging object and the records of one page; raises RolloutError.

    Parameters that are not known are ignored.
    """
    limit = min(_number(query, "limit", 0) or DEFAULT_LIMIT, MOST)
    cursor = query.get("next", "")
    table = crm.tables[name]
    chosen = _chosen(crm, name, query)
    total = len(table) if chosen is None else len(chosen)
    if cursor:
        last, passed = _read_cursor(name, cursor)
        places = table.places(after=last) if chosen is None else iter(one for one in chosen if one > last)
        offset = passed
    else:
        offset = _number(query, "offset", 0)
        every: Iterator[int] = table.places() if chosen is None else iter(chosen)
        places = islice(every, offset, None)
    page = list(islice(places, limit + 1))
    more, page = len(page) > limit, page[:limit]
    following = _cursor(name, page[-1], offset + limit) if more else None
    kept = "".join(f"&{key}={query[key]}" for key in ("ids", "email", "phone", "tags") if query.get(key))
    metadata: Row = {
        "collection": name,
        "offset": offset,
        "limit": limit,
        "total": total,
        "next": following,
        "nextLink": f"{url}?limit={limit}&next={following}{kept}" if following else None,
    }
    return metadata, [table.row(place) for place in page]


def _chosen(crm: Crm, name: str, query: Mapping[str, str]) -> list[int] | None:
    table = crm.tables[name]
    found: set[int] | None = None
    if query.get("ids"):
        places = (table.place_of(one.strip()) for one in query["ids"].split(","))
        found = {place for place in places if place is not None}
    if name == kinds.PEOPLE:
        for parameter, field in (("email", "emails"), ("phone", "phones")):
            if query.get(parameter):
                with_it = set(crm.people_with(field, query[parameter].replace(" ", "+")))
                found = with_it if found is None else found & with_it
        if query.get("tags"):
            wanted = {one.strip() for one in query["tags"].split(",")}
            among = table.places() if found is None else iter(sorted(found))
            found = {place for place in among if wanted <= _tags(table.row(place))}
    return None if found is None else sorted(found)


def _tags(row: Row) -> set[str]:
    return {*cast("list[str]", row.get("tags") or [])}


def created(crm: Crm, name: str, given: Mapping[str, object]) -> Row:
    """A new record; raises RolloutError."""
    shape = SHAPES[name]
    values = _checked(crm, name, given)
    for one_of in shape.needs:
        if not any(_filled(values.get(key)) for key in one_of):
            raise bad(f"{' or '.join(one_of)} is required")
    settled = _settled(crm, name, {}, {**(shape.defaults or {}), **values})
    return crm.add(name, {**dict.fromkeys(shape.empty), **settled})


def _filled(value: object) -> bool:
    return bool(value.strip()) if isinstance(value, str) else value not in (None, [])


def changed(crm: Crm, name: str, row: Row, given: Mapping[str, object]) -> Row:
    """The record after `given` was written into it; raises RolloutError."""
    return crm.change(name, row, _settled(crm, name, row, _checked(crm, name, given)))


def found(crm: Crm, name: str, row_id: str) -> Row:
    """The record with this id; raises RolloutError."""
    row = crm.row(name, row_id)
    if row is None:
        raise not_found()
    return row


def _checked(crm: Crm, name: str, given: Mapping[str, object]) -> Row:
    values: Row = {}
    for key, check in SHAPES[name].fields.items():
        if key in given:
            values[key] = None if given[key] is None else check(crm, key, given[key])
    return values


def _settled(crm: Crm, name: str, before: Mapping[str, object], values: Row) -> Row:
    match name:
        case kinds.PEOPLE:
            return _person(crm, before, values)
        case kinds.TASKS if "dueDateTime" in values:
            due = values["dueDateTime"]
            return {**values, "dueDate": str(due)[:10] if due else None}
        case kinds.APPOINTMENTS:
            doubled = {_DOUBLES[key]: values.pop(key) for key in list(values) if key in _DOUBLES}
            merged = {**values, **doubled}
            start, end = (str(merged.get(key) or before.get(key) or "") for key in ("startsAt", "endsAt"))
            if start and end and end < start and start[19:] == end[19:]:
                raise bad("the end must not be before the start")
            return merged if before else {**merged, "createdById": crm.tables[kinds.USERS].id_at(0)}
        case kinds.DEALS:
            return _deal(crm, before, values)
        case kinds.NOTES:
            author = {} if before else {"createdById": crm.tables[kinds.USERS].id_at(0)}
            return {**values, **author, "updatedById": crm.tables[kinds.USERS].id_at(0)}
        case _:
            return values


def _person(crm: Crm, before: Mapping[str, object], values: Row) -> Row:
    if isinstance(values.get("name"), str):
        first, _, last = str(values["name"]).strip().rpartition(" ")
        values = {"firstName": first or last, "lastName": last if first else "", **values}
    if values.get("stage") is not None and "stageId" not in values:
        stage = crm.named(kinds.STAGES, values["stage"])
        if stage is None:
            raise bad(f"there is no stage {values['stage']!r}")
        values["stageId"] = stage["id"]
    stage_id = values.get("stageId") or before.get("stageId") or crm.tables[kinds.STAGES].id_at(0)
    stage = crm.row(kinds.STAGES, stage_id) or {}
    names = [values.get(key, before.get(key)) for key in ("firstName", "lastName")]
    name = " ".join(str(one) for one in names if one).strip()
    return {**values, "stageId": stage_id, "stage": stage.get("name"), "name": name}


def _deal(crm: Crm, before: Mapping[str, object], values: Row) -> Row:
    stage_id = values.get("stageId", before.get("stageId"))
    if values.get("pipelineId") and "stageId" not in values:
        pipeline = crm.row(kinds.PIPELINES, values["pipelineId"]) or {}
        stage_id = cast("list[Row]", pipeline["stages"])[0]["id"]
    step = crm.deal_stage(stage_id)
    if step is None:
        raise bad("stageId is no stage of a pipeline")
    pipeline, stage = step
    if values.get("pipelineId") not in {None, pipeline["id"]}:
        raise bad("stageId is not of that pipeline")
    people = cast("list[str]", values.pop("peopleIds", None) or [])
    users = cast("list[str]", values.pop("userIds", None) or [])
    if people or not before:
        values["people"] = [_named(crm, kinds.PEOPLE, one) for one in people]
    if users or not before:
        values["users"] = [_named(crm, kinds.USERS, one) for one in users]
    place = {"pipelineId": pipeline["id"], "pipelineName": pipeline["name"]}
    return {**values, **place, "stageId": stage["id"], "stageName": stage["name"], "status": "Active"}


def _named(crm: Crm, name: str, row_id: str) -> Row:
    row = crm.row(name, row_id) or {}
    return {"id": row_id, "name": row.get("name")}


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    given = query.get(name, "")
    if given == "":
        return default
    if not (given.isascii() and given.isdigit()) or len(given) > 12:
        raise bad(f"{name} must be a number")
    return int(given)


def _cursor(name: str, place: int, passed: int) -> str:
    return base64.urlsafe_b64encode(f"{name}:{place}:{passed}".encode()).decode().rstrip("=")


def _read_cursor(name: str, cursor: str) -> tuple[int, int]:
    try:
        words = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split(":")
    except (binascii.Error, UnicodeDecodeError):
        words = []
    if len(words) != 3 or words[0] != name or not (words[1].isdigit() and words[2].isdigit()):
        raise bad("next is not valid")
    return int(words[1]), int(words[2])
