"""Servers that are not as they should be: broken proxies, mixed-up answers, and what nobody documents.

Nothing is lost, doubled or told wrongly by them: what cannot be understood is a typed error, and shows no
record.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest
from starlette.responses import JSONResponse, Response

from crmhub.connector import Missing, Value, WriteItem
from crmhub.errors import BadRequest, BadResponse, ConnectorError
from tests.integration.salesforce.other_server import (
    DESCRIBE,
    FIELDS,
    SINCE,
    STAMP,
    Answer,
    OtherServer,
    Serve,
    id_of,
    is_query,
    paged,
    queried,
    read,
    record,
    sent,
    wrote,
)

if TYPE_CHECKING:
    from starlette.requests import Request

pytestmark = pytest.mark.anyio

NEXT = "/services/data/v62.0/query/0r8xx0000000001-1"


# ── pages ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (queried(record(1), nextRecordsUrl=NEXT), "says that it is all, and names a next page"),
        (queried(record(1), totalSize=5), "fewer records than it says"),
        (queried(totalSize=1), "fewer records than it says"),
        (queried({**record(1), "attributes": {"type": "Contact"}}), "of another object"),
    ],
)
async def test_a_page_that_contradicts_itself_is_an_error_for_whoever_asked(
    serve: Serve, answer: Answer, words: str
) -> None:
    connector = serve(answer).connect()
    with pytest.raises(BadResponse, match=words):
        await read(connector)
    with pytest.raises(BadResponse, match=words):
        await read(connector, SINCE)
    with pytest.raises(BadResponse, match=words):
        await connector.get("Account", [id_of(1)], ["Name"])


async def test_ids_of_fifteen_characters_are_the_same_records(serve: Serve) -> None:
    connector = serve(queried(record(1, Id=id_of(1)[:15]))).connect()
    (page,) = await read(connector)
    assert [row["Id"] for row in page.upserts] == [id_of(1)]
    (found,) = await connector.get("Account", [id_of(1)], ["Name"])
    assert isinstance(found, dict)
    assert found["Id"] == id_of(1)


@pytest.mark.parametrize("repeats", [True, False])
async def test_a_cursor_that_leads_nowhere_ends_the_query(serve: Serve, repeats: bool) -> None:
    def answer(request: Request, body: bytes) -> Response | None:
        del body
        if "/query" not in request.url.path:
            return None
        link = f"/services/data/v62.0/query/0r8xx-{len(server.calls)}"
        return paged([record(1)] if repeats else [], totalSize=9, done=False, nextRecordsUrl=link)

    server = serve(answer)
    with pytest.raises(BadResponse, match="not advancing"):
        _ = [page async for page in server.connect().query("SELECT Id FROM Account")]
    assert len(server.calls) < 6


@pytest.mark.parametrize("total", [None, True, "7"])
async def test_a_count_without_a_number_is_none(serve: Serve, total: object) -> None:
    connector = serve(queried(totalSize=total)).connect()
    with pytest.raises(BadResponse, match="totalSize"):
        await connector.count("Account")


async def test_a_describe_of_another_object_is_refused(serve: Serve) -> None:
    server = serve(queried())
    server.describe = {**DESCRIBE, "name": "Contact", "keyPrefix": "003"}
    with pytest.raises(BadResponse, match="another object"):
        await server.connect().describe("Account")


@pytest.mark.parametrize(
    "row",
    [{"Name": "secret"}, {"Id": id_of(1), "Name": "x"}, {**record(1), "attributes": {"type": "Contact"}}],
)
async def test_found_records_are_looked_at_as_those_that_are_read(
    serve: Serve, row: dict[str, object]
) -> None:
    def answer(request: Request, body: bytes) -> Response | None:
        del body
        found = request.url.path.endswith("/parameterizedSearch")
        return JSONResponse({"searchRecords": [row]}) if found else queried(row)(request, b"")

    connector = serve(answer).connect()
    with pytest.raises(BadResponse) as caught:
        _ = [page async for page in connector.search("Account", "word", ["Name"], 5)]
    assert "secret" not in str(caught.value)
    with pytest.raises(BadResponse):
        await connector.newest("Account", ["Name"], 5)
    with pytest.raises(BadResponse):
        await connector.get("Account", [id_of(1)], ["Name"])


async def test_the_newest_are_as_many_as_were_asked_for(serve: Serve) -> None:
    connector = serve(queried(*(record(at) for at in range(5)))).connect()
    assert len((await connector.newest("Account", ["Name"], 2)).value) == 2


MERGING = {
    "name": "MasterRecordId",
    "type": "reference",
    "label": "Master Record ID",
    "referenceTo": ["Account"],
}


def merged(serve: Serve, into: object) -> OtherServer:
    """A server that has one account, which was merged into that."""
    server = serve(queried(record(1, IsDeleted=True, MasterRecordId=into)))
    server.describe = {**DESCRIBE, "fields": [*FIELDS, MERGING], "replicateable": False}
    return server


async def test_a_record_is_merged_into_one_with_an_id_of_eighteen_characters(serve: Serve) -> None:
    connector = merged(serve, id_of(2)[:15]).connect()
    (page,) = await read(connector, SINCE)
    assert [(gone.id, gone.life, gone.into) for gone in page.deletes] == [(id_of(1), "merged", id_of(2))]
    (missing,) = await connector.get("Account", [id_of(1)], ["Name"])
    assert isinstance(missing, Missing)
    assert missing.into == id_of(2)


@pytest.mark.parametrize("into", ["secret", 5, id_of(1)])
async def test_a_record_that_was_merged_into_none_is_an_error(serve: Serve, into: object) -> None:
    connector = merged(serve, into).connect()
    with pytest.raises(BadResponse, match="MasterRecordId") as caught:
        await read(connector, SINCE)
    with pytest.raises(BadResponse, match="MasterRecordId"):
        await connector.get("Account", [id_of(1)], ["Name"])
    assert "secret" not in str(caught.value)


# ── times ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_clock_on_the_way_that_is_ahead_makes_no_changes_be_left_out(serve: Serve) -> None:
    ahead = {"date": format_datetime(datetime(2035, 1, 1, tzinfo=UTC), usegmt=True)}

    def answer(request: Request, body: bytes) -> Response | None:
        del body
        return (
            Response(paged([record(1)]).body, headers=ahead, media_type="application/json")
            if is_query(request)
            else None
        )

    server = serve(answer)
    (page,) = await read(server.connect())
    assert page.checkpoint is not None
    assert datetime.fromisoformat(str(page.checkpoint["seen"])) <= server.clock.now()


@pytest.mark.parametrize("place", ["seen", "until", "logged", "at"])
async def test_a_checkpoint_with_a_time_that_there_is_not_is_refused(serve: Serve, place: str) -> None:
    connector = serve(queried()).connect()
    for moment in ("0001-01-01T00:00:00", "9999-12-31T23:59:59"):
        for zone in ("Z", "+23:59", "-23:59"):
            given: Value = [moment + zone, id_of(1)] if place == "at" else moment + zone
            with pytest.raises(BadRequest, match="checkpoint"):
                await read(connector, {**SINCE, place: given})


@pytest.mark.parametrize("stamp", ["0001-01-01T00:00:00.000+2359", "9999-12-31T23:59:59.000-2359"])
async def test_a_record_with_a_stamp_that_there_is_not_is_an_error(serve: Serve, stamp: str) -> None:
    with pytest.raises(BadResponse, match="no time"):
        await read(serve(queried(record(1, SystemModstamp=stamp))).connect(), SINCE)


async def test_a_delete_log_that_covers_the_future_is_asked_again(serve: Serve) -> None:
    log: dict[str, object] = {
        "deletedRecords": [],
        "earliestDateAvailable": "2025-01-01T00:00:00.000+0000",
        "latestDateCovered": "2035-01-01T00:00:00.000+0000",
    }

    def answer(request: Request, body: bytes) -> Response | None:
        deleted = request.url.path.endswith("/deleted")
        return JSONResponse(log) if deleted else queried()(request, body)

    server = serve(answer)
    connector = server.connect()
    (page,) = await read(connector, SINCE)
    server.clock.advance(3_600)
    await read(connector, page.checkpoint)
    assert sum(call.endswith("/deleted") for call in server.calls) == 2


async def test_looking_up_what_was_deleted_ends_though_its_pages_do_not(serve: Serve) -> None:
    log = {
        "deletedRecords": [{"id": id_of(1), "deletedDate": STAMP}],
        "earliestDateAvailable": "2025-01-01T00:00:00.000+0000",
        "latestDateCovered": STAMP,
    }

    def answer(request: Request, body: bytes) -> Response | None:
        del body
        if request.url.path.endswith("/deleted"):
            return JSONResponse(log)
        if "IN (" in request.query_params.get("q", "") or "/query/" in request.url.path:
            return paged([record(1)], totalSize=9, done=False, nextRecordsUrl=NEXT)
        return queried()(request, b"")

    with pytest.raises(BadResponse, match="not advancing"):
        await read(serve(answer).connect(), SINCE)


# ── bodies ───────────────────────────────────────────────────────────────────────────────────────

_SECRET = paged([record(1, Name="Acme Secret Ltd")]).body


@pytest.mark.parametrize("status", [200, 400, 502])
@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\xef\xbb\xbf" + _SECRET, "text/plain"),
        (b")]}'\n" + _SECRET, "text/javascript"),
        (_SECRET[40:], "text/plain"),
        (b"Id,Name\n001,Acme Secret Ltd\n", "text/csv"),
        (b'"Id","Name"\n"001","Acme Secret Ltd"\n', "text/plain"),
        (b"Acme Secret Ltd", "application/octet-stream"),
        (_SECRET[:-30], "application/json"),
    ],
)
async def test_data_that_comes_as_something_else_is_not_shown(
    serve: Serve, content: bytes, kind: str, status: int
) -> None:
    def answer(request: Request, body: bytes) -> Response | None:
        del body
        return Response(content, status, media_type=kind) if is_query(request) else None

    server = serve(answer)
    with pytest.raises(ConnectorError) as caught:
        await read(server.connect())
    assert "Secret" not in f"{caught.value!r} {caught.value} {server.heard}"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"<OAuth><access_token>00D!the-secret</access_token></OAuth>", "application/xml"),
        (b"access_token=00D!the-secret&instance_url=x", "application/x-www-form-urlencoded"),
        (b"access_token=00D!the-secret&instance_url=x", "text/plain"),
        (b'"00D!the-secret"', "text/html"),
    ],
)
async def test_a_token_that_comes_in_another_form_is_not_shown(
    serve: Serve, content: bytes, kind: str
) -> None:
    def answer(request: Request, body: bytes) -> Response | None:
        del body
        token = request.url.path.endswith("/oauth2/token")
        return Response(content, media_type=kind) if token else None

    server = serve(answer)
    with pytest.raises(ConnectorError) as caught:
        await server.connect().count("Account")
    assert "secret" not in f"{caught.value!r} {caught.value} {server.heard}"


# ── statuses ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_pause_that_no_guide_tells_of_is_waited_out_but_nothing_is_made_twice(serve: Serve) -> None:
    def answer(request: Request, body: bytes) -> Response | None:
        data = is_query(request) or "/composite" in request.url.path
        if data and sum(request.url.path in call for call in server.calls) == 1:
            return Response(status_code=420)
        return queried(record(1))(request, body)

    server = serve(answer)
    connector = server.connect()
    (page,) = await read(connector)
    assert len(page.upserts) == 1
    assert await wrote(connector, "create", [WriteItem({"Name": "n"})]) == [("unknown", None, "lost")]
    assert sum("/composite" in call for call in server.calls) == 1


# ── writes ───────────────────────────────────────────────────────────────────────────────────────


def changes(version: str | None = None) -> list[WriteItem]:
    return [WriteItem({"Name": f"new {at}"}, id=id_of(at), if_version=version) for at in range(3)]


@pytest.mark.parametrize(
    ("order", "statuses"),
    [
        ([0, 1, 2], ["updated", "rejected", "updated"]),
        ([1, 0, 2], ["updated", "rejected", "updated"]),
        ([2, 1, 0], ["updated", "rejected", "updated"]),
        ([0, 1], ["unknown"] * 3),
        ([0, 1, 1], ["unknown"] * 3),
        ([0, 1, 2, 0], ["unknown"] * 3),
    ],
)
async def test_answers_of_a_composite_are_told_by_their_names_not_by_their_places(
    serve: Serve, order: list[int], statuses: list[str]
) -> None:
    def answer(request: Request, body: bytes) -> Response | None:
        if not request.url.path.endswith("/composite"):
            return queried(*(record(at) for at in range(3)))(request, body)
        answers: list[dict[str, object]] = [
            {"referenceId": one["referenceId"], "httpStatusCode": 204, "httpHeaders": {}, "body": None}
            for one in json.loads(body)["compositeRequest"]
        ]
        answers[1] |= {"httpStatusCode": 400, "body": [{"errorCode": "STRING_TOO_LONG", "message": ""}]}
        return JSONResponse({"compositeResponse": [answers[at] for at in order]})

    outcomes = await wrote(serve(answer).connect(), "update", changes(STAMP))
    assert [status for status, *_ in outcomes] == statuses


def collected(make: Callable[[int, str], dict[str, object]], backwards: bool = False) -> Answer:
    """Answers collections with what ``make`` gives for the place and the id of each record."""

    def answer(request: Request, body: bytes) -> Response | None:
        if "/composite/sobjects" not in request.url.path:
            return None
        results = [make(at, str(one.get("id"))) for at, one in enumerate(sent(body))]
        return JSONResponse(results[::-1] if backwards else results)

    return answer


async def test_results_of_a_collection_that_are_of_other_records_tell_nothing(serve: Serve) -> None:
    def result(at: int, id_: str) -> dict[str, object]:
        del at
        return {"id": id_, "success": True, "errors": []}

    outcomes = await wrote(serve(collected(result, backwards=True)).connect(), "update", changes())
    assert [(status, id_) for status, id_, _ in outcomes] == [("unknown", id_of(at)) for at in range(3)]


@pytest.mark.parametrize("id_", [None, "", "../../x", 17, id_of(9)])
async def test_a_record_that_was_made_without_an_id_of_its_own_is_unknown(serve: Serve, id_: object) -> None:
    def result(at: int, given: str) -> dict[str, object]:
        del at, given
        return {"id": id_, "success": True, "errors": []}

    items = [WriteItem({"Name": "n"}), WriteItem({"Name": "m"})]
    outcomes = await wrote(serve(collected(result)).connect(), "create", items)
    assert outcomes == [("unknown", None, "lost")] * 2


async def test_results_with_ids_of_fifteen_characters_are_told_with_eighteen(serve: Serve) -> None:
    def result(at: int, id_: str) -> dict[str, object]:
        del id_
        return {"id": id_of(at)[:15], "success": True, "errors": []}

    outcomes = await wrote(serve(collected(result)).connect(), "update", changes())
    assert [(status, id_) for status, id_, _ in outcomes] == [("updated", id_of(at)) for at in range(3)]


async def test_a_comparison_of_versions_reads_all_pages(serve: Serve) -> None:
    def answer(request: Request, body: bytes) -> Response | None:
        rows = [record(at, External_Id__c=f"k{at}") for at in range(3)]
        if is_query(request):
            return paged(rows[:1], totalSize=3, done=False, nextRecordsUrl=NEXT)
        if "/query/" in request.url.path:
            return paged(rows[1:], totalSize=3)
        return collected(lambda at, _: {"id": id_of(at), "success": True, "created": False, "errors": []})(
            request, body
        )

    items = [WriteItem({"Name": "n"}, key=f"k{at}", if_version=STAMP) for at in range(3)]
    nameless = queried({"attributes": {"type": "Account"}, "SystemModstamp": STAMP, "External_Id__c": "k0"})
    with pytest.raises(BadResponse, match="without its Id"):
        await wrote(serve(nameless).connect(), "upsert", items, "External_Id__c")
    outcomes = await wrote(serve(answer).connect(), "upsert", items, "External_Id__c")
    assert [status for status, *_ in outcomes] == ["updated"] * 3


# ── messages ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", [["UPDATE"], {}, None, 1])
async def test_a_message_whose_kind_is_no_text_is_refused(serve: Serve, kind: object) -> None:
    header = {"entityName": "Account", "recordIds": [id_of(1)], "changeType": kind}
    connector = serve(queried()).connect(relay_secret="of-the-relay")
    with pytest.raises(BadResponse, match="changeType"):
        connector.parse_webhook(
            json.dumps({"ChangeEventHeader": header}).encode(), {"authorization": "Bearer of-the-relay"}
        )


async def test_a_message_that_is_not_utf_8_is_refused(serve: Serve) -> None:
    connector = serve(queried()).connect(relay_secret="of-the-relay")
    with pytest.raises(BadResponse, match="JSON"):
        connector.parse_webhook(b'{"name": "\xe9"}', {"authorization": "Bearer of-the-relay"})
