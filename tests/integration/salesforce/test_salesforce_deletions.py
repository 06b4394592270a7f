"""Deletions that leave nothing in the recycle bin, as the delete log tells them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from starlette.responses import JSONResponse

from crmhub.connector import Checkpoint, Deletion
from crmhub.errors import BadResponse
from crmhub_salesforce.simulator.values import stamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from crmhub_salesforce import Connector
    from tests.integration.salesforce.conftest import Mirror, Org, World

pytestmark = pytest.mark.anyio

LOG = "/sobjects/Account/deleted"


async def _followed(org: Org) -> tuple[Connector, Mirror]:
    """A connection, and what its first read gave, an hour ago."""
    connector, seen = org.connect(), org.mirror("Name")
    await seen.follow(connector)
    org.clock.advance(3600)
    return connector, seen


async def _told(org: Org, connector: Connector, since: Checkpoint | None) -> list[Deletion]:
    """The deletions of a read of changes."""
    pages = await org.pages(connector, "Account", "Name", since=since, page_size=4)
    assert pages[-1].checkpoint is not None
    return [gone for page in pages for gone in page.deletes]


def _purge(org: Org, ids: list[str]) -> None:
    """Take the records out of the recycle bin."""
    table = org.double.org.tables["Account"]
    for id_ in ids:
        gone = table.deleted_by_id(id_)
        assert gone is not None
        table.purge(gone.place)


async def test_records_deleted_past_the_recycle_bin_are_told(make_org: World) -> None:
    org = make_org({"Account": 12})
    connector, seen = await _followed(org)
    ids = sorted(seen.rows)
    await org.remove(ids[:11])
    when = org.clock.now()
    _purge(org, ids[:9])
    org.clock.advance(30)
    told = await _told(org, connector, seen.checkpoint)
    assert sorted(gone.id for gone in told) == ids[:11]
    assert {(gone.at, gone.life, gone.into) for gone in told} == {(when, "deleted", None)}
    await seen.follow(connector)
    assert seen.rows == org.truth("Account", "Name")


async def test_what_was_told_once_is_not_told_again_by_a_later_read(make_org: World) -> None:
    org = make_org({"Account": 5})
    connector, seen = await _followed(org)
    ids = sorted(seen.rows)
    await org.remove(ids[:2])
    _purge(org, ids[:2])
    org.clock.advance(60)
    await seen.follow(connector)
    org.clock.advance(3600)
    assert await _told(org, connector, seen.checkpoint) == []


async def test_the_delete_log_is_asked_for_every_ten_minutes_and_nothing_is_missed(make_org: World) -> None:
    org = make_org({"Account": 5})
    connector, seen = await _followed(org)
    await seen.follow(connector)
    asked = len(org.calls(LOG))
    ids = sorted(seen.rows)
    await org.remove(ids[:1])
    _purge(org, ids[:1])
    org.clock.advance(300)
    await seen.follow(connector)
    assert (len(org.calls(LOG)), ids[0] in seen.rows) == (asked, True)
    org.clock.advance(301)
    await seen.follow(connector)
    assert (len(org.calls(LOG)), ids[0] in seen.rows) == (asked + 1, False)


async def test_merged_records_stay_merged_and_restored_ones_live(make_org: World) -> None:
    org = make_org({"Account": 6})
    connector, seen = await _followed(org)
    table = org.double.org.tables["Account"]
    merged, restored, master = sorted(seen.rows)[:3]
    await org.remove([merged, restored])
    gone = {id_: table.deleted_by_id(id_) for id_ in (merged, restored)}
    old = stamp(int(org.clock.now().timestamp()) - 3000)  # so that no read of changes finds them
    for id_, entry in gone.items():
        assert entry is not None
        if id_ == restored:
            table.restore(entry.place, int(org.clock.now().timestamp()) - 3000)
            live = {name: value for name, value in entry.row.items() if name != "IsDeleted"}
            table.replace(entry.place, {**live, "SystemModstamp": old}, 0)
        else:
            entry.row.update(MasterRecordId=master, SystemModstamp=old)
    org.clock.advance(60)
    told = await _told(org, connector, seen.checkpoint)
    assert [(one.id, one.life, one.into) for one in told] == [(merged, "merged", master)]


async def test_a_log_that_was_purged_is_told_as_uncertain(make_org: World) -> None:
    org = make_org({"Account": 5})
    connector, seen = await _followed(org)
    org.double.purge_delete_log()
    await seen.follow(connector)
    (event,) = [event for event in org.heard if event.name == "read.deletions_uncertain"]
    assert event.object == "Account"
    assert str(event.detail["why"]).startswith("the log begins at")
    org.clock.advance(3600)
    await seen.follow(connector)
    assert [one.name for one in org.heard].count("read.deletions_uncertain") == 1


async def test_changes_arrive_where_the_log_is_refused_and_it_is_asked_for_again(make_org: World) -> None:
    org = make_org({"Account": 5})
    connector, seen = await _followed(org)
    ids = sorted(seen.rows)
    await org.remove(ids[:1])
    _purge(org, ids[:1])
    await org.change(ids[1:2], Name="Changed")
    org.instead = _refusing({"errorCode": "INSUFFICIENT_ACCESS", "message": "no"}, 403)
    changed = await seen.follow(connector)
    assert [row["Name"] for row in changed] == ["Changed"]
    assert "read.deletions_uncertain" in [event.name for event in org.heard]
    assert ids[0] in seen.rows
    org.instead = None
    org.clock.advance(3600)
    await seen.follow(connector)
    assert seen.rows == org.truth("Account", "Name")


async def test_a_log_of_more_ids_than_an_answer_holds_is_read_in_parts(make_org: World) -> None:
    org = make_org({"Account": 5})
    connector, seen = await _followed(org)
    ids = sorted(seen.rows)
    await org.remove(ids[:3])
    _purge(org, ids[:3])
    windows: list[timedelta] = []

    def refuse(request: Request, _body: bytes) -> Response | None:
        if not request.url.path.endswith("/deleted"):
            return None
        start, end = (datetime.fromisoformat(request.query_params[name]) for name in ("start", "end"))
        windows.append(end - start)
        if windows[-1] <= timedelta(minutes=20):
            return None
        return JSONResponse([{"errorCode": "EXCEEDED_ID_LIMIT", "message": "too many"}], 400)

    org.instead = refuse
    await seen.follow(connector)
    assert len(windows) > 3
    assert seen.rows == org.truth("Account", "Name")


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {"deletedRecords": None},
        {"deletedRecords": [{"deletedDate": "2026-01-01T00:00:00.000+0000"}]},
        {"deletedRecords": [{"id": "nonsense", "deletedDate": "2026-01-01T00:00:00.000+0000"}]},
        {"deletedRecords": [{"id": "001Hz0000000001", "deletedDate": "yesterday"}]},
        {"deletedRecords": [], "latestDateCovered": "2026-01-01T00:00:00.000+0000"},
    ],
)
async def test_a_log_that_cannot_be_understood_ends_the_read(make_org: World, answer: object) -> None:
    org = make_org({"Account": 2})
    connector, seen = await _followed(org)
    org.instead = _refusing(answer, 200)
    before = seen.checkpoint
    with pytest.raises(BadResponse):
        await seen.follow(connector)
    assert seen.checkpoint == before


async def test_objects_whose_records_cannot_be_deleted_cost_no_call_for_the_log(make_org: World) -> None:
    org = make_org({"Account": 1})
    connector, seen = org.connect(), org.mirror("Email")
    await seen.follow(connector, "User")
    org.clock.advance(3600)
    await seen.follow(connector, "User")
    assert org.calls("/deleted") == []


async def test_records_that_cannot_be_deleted_are_never_uncertain(make_org: World) -> None:
    org = make_org({"Account": 1})
    connector, seen = org.connect(), org.mirror("Email")
    await seen.follow(connector, "User")
    org.clock.advance(16 * 86_400)
    await seen.follow(connector, "User")
    assert "read.deletions_uncertain" not in [event.name for event in org.heard]


async def test_where_there_is_no_log_the_recycle_bins_days_are_told(make_org: World) -> None:
    org = make_org({"Account": 1})
    org.instead = _not_replicated
    connector, seen = org.connect(), org.mirror("Name")
    await seen.follow(connector)
    org.clock.advance(16 * 86_400)
    await seen.follow(connector)
    (event,) = [event for event in org.heard if event.name == "read.deletions_uncertain"]
    assert "recycle bin" in str(event.detail["why"])
    assert str(event.detail["since"]).endswith("Z")


def _not_replicated(request: Request, _body: bytes) -> Response | None:
    """A describe of an object that may be deleted, and of which no deletions are logged."""
    if not request.url.path.endswith("/describe"):
        return None
    names = ("Id", "Name", "SystemModstamp", "IsDeleted")
    flags = {"filterable": True, "sortable": True}
    kinds = {"Id": "id", "Name": "string", "SystemModstamp": "datetime", "IsDeleted": "boolean"}
    fields = [{"name": name, "type": kinds[name], **flags} for name in names]
    return JSONResponse({"name": "Account", "queryable": True, "deletable": True, "fields": fields})


def _refusing(answer: object, status: int) -> Callable[[Request, bytes], Response | None]:
    """Answers each call for the log by that; refusals are lists."""
    body = answer if status == 200 else [answer]

    def refuse(request: Request, _body: bytes) -> Response | None:
        return JSONResponse(body, status) if request.url.path.endswith("/deleted") else None

    return refuse
