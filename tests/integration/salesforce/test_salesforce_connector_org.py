"""Signing in, what the org says about itself, single look-ups, and simple-salesforce on the same client."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qs

import anyio
import pytest
from starlette.requests import Request
from starlette.responses import Response

from crmhub.connector import (
    Connector as ContractConnector,
)
from crmhub.connector import Missing, ReadRequest, Value, WriteItem, WriteRequest
from crmhub.errors import (
    AuthError,
    BadRequest,
    BadResponse,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
    RateLimited,
    ReauthRequired,
)
from crmhub.http import MemoryTokenStore, Token
from crmhub.powers import (
    Power,
    SupportsCount,
    SupportsEstimate,
    SupportsLimits,
    SupportsNewest,
    SupportsQuery,
    SupportsRequest,
    SupportsSearch,
)

if TYPE_CHECKING:
    from simple_salesforce.api import SFType

    from tests.integration.salesforce.conftest import World

pytestmark = pytest.mark.anyio


# ── signing in ───────────────────────────────────────────────────────────────────────────────────


async def test_a_refresh_token_signs_in_and_is_replaced_by_a_rotated_one_before_use(make_org: World) -> None:
    org = make_org({"Account": 1}, settings={"rotate_refresh_tokens": "true"})
    tokens = MemoryTokenStore()
    connector = org.connect(tokens=tokens)
    assert await connector.count("Account") == 1
    saved = await tokens.load("sf")
    assert saved is not None
    assert saved.refresh is not None
    assert saved.refresh.get_secret_value() != org.double.credentials["refresh_token"]
    org.double.expire_tokens()
    assert await org.connect(tokens=tokens).count("Account") == 1
    assert parse_qs(org.forms[-1].decode())["refresh_token"] == [saved.refresh.get_secret_value()]


async def test_client_credentials_sign_in_at_the_orgs_own_host(make_org: World) -> None:
    org = make_org({"Account": 1})
    assert await org.connect(refresh_token=None).count("Account") == 1
    assert parse_qs(org.forms[0].decode())["grant_type"] == ["client_credentials"]


async def test_a_given_access_token_is_used_as_it_is(make_org: World) -> None:
    org = make_org({"Account": 1})
    connector = org.connect(
        client_id=None,
        client_secret=None,
        refresh_token=None,
        access_token=org.double.credentials["access_token"],
    )
    assert await connector.count("Account") == 1
    assert org.forms == []


async def test_many_calls_at_once_after_an_expiry_sign_in_once(make_org: World) -> None:
    org = make_org({"Account": 1})
    connector = org.connect()
    await connector.count("Account")
    org.double.expire_tokens()

    async def ask() -> None:
        assert await connector.count("Account") == 1

    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(ask)
    assert len(org.forms) == 2


@pytest.mark.parametrize(
    ("error", "description", "kind", "words"),
    [
        ("invalid_grant", "expired access/refresh token", ReauthRequired, "no longer accepted"),
        ("invalid_grant", "no client credentials user enabled", AuthError, "run-as user"),
        ("invalid_grant", "request not supported on this domain", AuthError, "My Domain"),
        ("invalid_grant", "login rate exceeded", RateLimited, "too often"),
        ("invalid_grant", None, ReauthRequired, "sign in again"),
        ("invalid_client_id", "client identifier invalid", AuthError, "client_id or client_secret is wrong"),
        ("unsupported_grant_type", "grant type not supported", AuthError, "does not allow this flow"),
        ("something_new", "secret-value", AuthError, "something_new"),
    ],
)
async def test_a_refused_sign_in_says_what_to_do(
    make_org: World, error: str, description: str | None, kind: type[Exception], words: str
) -> None:
    org = make_org()
    answer = {"error": error} | ({"error_description": description} if description else {})

    def refuse(request: Request, body: bytes) -> Response | None:
        del body
        return (
            Response(json.dumps(answer), 400, media_type="application/json") if _is_token(request) else None
        )

    org.instead = refuse
    with pytest.raises(kind, match=words) as caught:
        await org.connect().count("Account")
    assert type(caught.value) is kind
    assert "secret-value" not in str(caught.value)
    assert len(org.forms) <= 5


def _is_token(request: Request) -> bool:
    return request.url.path.endswith("/oauth2/token")


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("https://salesforce.com.evil.test", "does not allow"),
        ("http://na1.salesforce.com", "does not allow"),
        ("https://user@na1.salesforce.com", "without user"),
        ("nonsense", "http"),
    ],
)
async def test_a_token_reply_cannot_send_the_token_to_another_host(
    make_org: World, place: str, words: str
) -> None:
    org = make_org()

    def elsewhere(request: Request, body: bytes) -> Response | None:
        del body
        reply = {"access_token": "00D!abcdefgh", "instance_url": place, "token_type": "Bearer"}
        return Response(json.dumps(reply), media_type="application/json") if _is_token(request) else None

    org.instead = elsewhere
    with pytest.raises((AuthError, BadRequest), match=words):
        await org.connect().count("Account")
    assert org.calls() == []


async def test_the_same_machine_by_another_name_is_the_configured_place(make_org: World) -> None:
    org = make_org({"Account": 1})
    tokens = MemoryTokenStore()
    connector = org.connect(
        instance_url="http://127.0.0.1:8081", login_url="http://localhost:8081", tokens=tokens
    )
    assert await connector.count("Account") == 1
    saved = await tokens.load("sf")
    assert isinstance(saved, Token)
    assert saved.base_url == "http://127.0.0.1:8081"


async def test_a_session_that_stays_refused_is_refreshed_once_and_named(make_org: World) -> None:
    org = make_org()

    def refuse(request: Request, body: bytes) -> Response | None:
        del body
        if _is_token(request):
            return None
        refusal = [
            {"errorCode": "INVALID_SESSION_ID", "message": "This session is not valid for the REST API"}
        ]
        return Response(json.dumps(refusal), 401, media_type="application/json")

    org.instead = refuse
    with pytest.raises(AuthError, match="IP restriction"):
        await org.connect().describe("Account")
    assert len(org.forms) == 2


# ── what the org says about itself ───────────────────────────────────────────────────────────────


async def test_capabilities_come_from_the_orgs_own_describe(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    found = await connector.capabilities()
    assert {"Account", "Contact", "Lead", "Opportunity", "Task", "Event", "Note", "User"} <= set(
        found.objects
    )
    account, user = found.objects["Account"], found.objects["User"]
    assert (account.key, account.name, account.modified) == ("Id", "Name", "SystemModstamp")
    assert account.sync_key == "External_Id__c"
    assert account.create_safety == "upsert"
    assert account.writes == {"create", "update", "upsert", "delete"}
    assert account.deletes == "feed"
    assert user.sync_key is None
    assert "delete" not in user.writes
    assert user.deletes == "none"
    assert found.objects["Task"].name == "Subject"
    before = len(org.calls())
    assert await connector.capabilities() == found
    assert len(org.calls()) == before


async def test_a_sync_key_can_be_switched_off(make_org: World) -> None:
    org = make_org()
    found = (await org.connect(sync_key="Nonsense__c").capabilities()).objects["Account"]
    assert found.sync_key is None
    assert found.create_safety == "list_recent"


async def test_capabilities_fail_whole_and_can_be_asked_again(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    org.double.faults.replace(["403@/describe"])
    with pytest.raises(QuotaExceeded):
        await connector.capabilities()
    org.double.faults.replace([])
    assert (await connector.capabilities()).objects["Account"].sync_key == "External_Id__c"


async def test_powers_that_are_declared_are_there(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    _contract: ContractConnector = connector
    powers = {
        Power.SEARCH: SupportsSearch,
        Power.COUNT: SupportsCount,
        Power.QUERY: SupportsQuery,
        Power.REQUEST: SupportsRequest,
        Power.NEWEST: SupportsNewest,
        Power.LIMITS: SupportsLimits,
        Power.ESTIMATE: SupportsEstimate,
    }
    assert (await connector.capabilities()).powers == set(powers)
    assert all(isinstance(connector, protocol) for protocol in powers.values())


async def test_describe_says_types_choices_limits_and_references(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    fields = (await connector.describe("Opportunity")).fields
    assert fields["Amount"].type == "money"
    assert fields["Amount"].scale == 2
    assert fields["CloseDate"].type == "date"
    assert fields["CloseDate"].required
    assert fields["StageName"].type == "enum"
    assert {"Prospecting", "Closed Won"} <= {choice.value for choice in fields["StageName"].choices}
    assert fields["AccountId"].refers_to == ("Account",)
    assert fields["Name"].max_length == 120
    assert not fields["Id"].creatable
    assert not fields["SystemModstamp"].updatable
    assert not fields["OwnerId"].required
    account = (await connector.describe("Account")).fields
    assert account["External_Id__c"].unique
    assert account["External_Id__c"].custom
    assert account["BillingAddress"].type == "address"
    assert (await connector.describe("Task")).fields["WhatId"].refers_to[0] == "Account"


async def test_a_describe_is_asked_for_again_after_a_minute(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    for seconds, calls in ((0, 1), (30, 1), (60, 2)):
        org.clock.advance(seconds)
        await connector.describe("Account")
        assert len(org.calls("/describe")) == calls


async def test_an_unknown_object_is_not_found_by_name(make_org: World) -> None:
    org = make_org()
    with pytest.raises(NotFound, match="no object 'Acount'") as caught:
        await org.connect().describe("Acount")
    assert caught.value.where.object == "Acount"
    with pytest.raises(BadRequest, match="API name"):
        await org.connect().describe("../limits")


@pytest.mark.parametrize(
    "body", ["<html>proxy</html>", "[]", "{}", '{"fields": [{"label": "x"}]}', '{"fields": [', ""]
)
async def test_a_describe_that_is_none_is_a_bad_response(make_org: World, body: str) -> None:
    org = make_org()

    def strange(request: Request, sent: bytes) -> Response | None:
        del sent
        return Response(body, media_type="application/json") if "describe" in request.url.path else None

    org.instead = strange
    with pytest.raises(BadResponse) as caught:
        await org.connect().describe("Account")
    assert caught.value.where.object == "Account"


async def test_check_names_each_permission_and_how_to_mend_it(make_org: World) -> None:
    org = make_org()
    lines = {line.name: line for line in await org.connect().check()}
    assert all(line.ok for line in lines.values())
    assert {"sign in", "api calls", "Account", "Account.External_Id__c", "User"} <= set(lines)
    lines = {line.name: line for line in await org.connect(sync_key="Name").check()}
    assert not lines["Account.Name"].ok
    assert "not an external id" in lines["Account.Name"].detail
    assert "sync_key" in lines["Account.Name"].mend


async def test_check_of_credentials_that_fail_is_a_line_and_not_an_error(make_org: World) -> None:
    org = make_org()
    (line,) = await org.connect(client_secret="wrong-secret-value").check()
    assert (line.name, line.ok) == ("sign in", False)
    assert line.mend
    assert "wrong-secret-value" not in str(line)
    _, line = await org.connect(version="99.0").check()
    assert (line.name, line.ok, "99.0" in line.detail) == ("api version", False, True)
    assert "/services/data" in line.mend


async def test_check_warns_of_an_api_version_whose_end_is_announced(make_org: World) -> None:
    org = make_org()
    told = {version: await org.connect(version=version).check() for version in ("40.0", "62.0")}
    lines = {version: next(line for line in told[version] if line.name == "api version") for version in told}
    assert [(line.ok, line.warn) for line in lines.values()] == [(True, True), (True, False)]
    assert "Summer '28" in lines["40.0"].detail
    assert "newer one" in lines["40.0"].mend


# ── single look-ups ──────────────────────────────────────────────────────────────────────────────


async def test_get_answers_each_id_in_order_and_tells_deleted_from_unknown(make_org: World) -> None:
    org = make_org({"Account": 3, "Contact": 1})
    one, two, three = sorted(org.truth("Account"))
    (contact,) = org.truth("Contact")
    await org.remove([two])
    before = len(org.calls("/query"))
    asked = [three, two, one[:15], one, contact, "001000000000000", "nonsense", ""]
    found = await org.connect().get("Account", asked, ("Name", "Owner.Name"))
    assert [row["Id"] if isinstance(row, dict) else row for row in found] == [
        three,
        Missing(two, "deleted"),
        one,
        one,
        Missing(contact),
        Missing("001000000000000"),
        Missing("nonsense"),
        Missing(""),
    ]
    assert set(cast("dict[str, Value]", found[0])) == {"Id", "SystemModstamp", "Name", "Owner"}
    assert len(org.calls("/query")) == before + 1


@pytest.mark.parametrize("count", [0, 199, 200, 201, 400])
async def test_get_asks_for_two_hundred_at_a_time(make_org: World, count: int) -> None:
    org = make_org({"Account": count})
    ids = sorted(org.truth("Account"))
    found = await org.connect().get("Account", ids, ("Name",))
    assert [cast("dict[str, Value]", row)["Id"] for row in found] == ids
    assert len(org.calls("/query")) == -(-count // 200)


async def test_search_finds_words_and_stops_at_the_limit(make_org: World) -> None:
    org = make_org()
    await org.add(5)
    connector = org.connect()
    pages = [page async for page in connector.search("Account", "Added", ("Name",), 3)]
    assert [len(page.upserts) for page in pages] == [3]
    assert set(pages[0].upserts[0]) == {"Id", "SystemModstamp", "Name"}
    (page,) = [page async for page in connector.search("Account", "x' OR {}", ("Name",), 3)]
    assert page.upserts == []
    with pytest.raises(BadRequest, match="two characters"):
        _ = [page async for page in connector.search("Account", "x", ("Name",), 3)]


async def test_a_query_is_sent_as_it_is_and_followed_to_its_end(make_org: World) -> None:
    org = make_org({"Account": 9}, settings={"page_rows": "4"})
    connector = org.connect()
    pages = [page async for page in connector.query("SELECT Id, Owner.Name FROM Account ORDER BY Id")]
    assert [len(page.upserts) for page in pages] == [4, 4, 1]
    assert set(pages[0].upserts[0]) == {"Id", "Owner"}
    assert all(page.checkpoint is None for page in pages)
    (page,) = [page async for page in connector.query("SELECT COUNT(Id) n FROM Account")]
    assert page.upserts == [{"n": 9}]


async def test_a_query_with_a_mistake_says_which_column(make_org: World) -> None:
    org = make_org()
    with pytest.raises(BadRequest, match="Nonsense") as caught:
        _ = [page async for page in org.connect().query("SELECT Nonsense FROM Account WHERE Name = 'secret'")]
    assert caught.value.code == "INVALID_FIELD"
    assert "secret" not in str(caught.value)


async def test_a_query_cursor_that_leads_in_a_circle_ends_the_query(make_org: World) -> None:
    org = make_org({"Account": 9}, settings={"page_rows": "4"}, faults=("loop_token",))
    with pytest.raises(BadResponse, match="not advancing"):
        _ = [page async for page in org.connect().query("SELECT Id FROM Account")]


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.test/services/data/v62.0/query/01g-2",
        "//evil.test/x",
        "/services/data/v62.0/limits",
        "/services/data/v62.0/query/../limits",
        None,
    ],
)
async def test_a_next_page_link_cannot_leave_the_query_resource(make_org: World, link: str | None) -> None:
    org = make_org({"Account": 1})

    def linked(request: Request, body: bytes) -> Response | None:
        del body
        answer: dict[str, Value] = {"totalSize": 2, "done": False, "records": [], "nextRecordsUrl": link}
        found = request.url.path.endswith("/query")
        return Response(json.dumps(answer), media_type="application/json") if found else None

    org.instead = linked
    with pytest.raises(BadResponse, match="nextRecordsUrl"):
        _ = [page async for page in org.connect().query("SELECT Id FROM Account")]
    assert len(org.calls()) == 1


async def test_any_endpoint_below_services_can_be_called_and_no_other(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    answer = await connector.request("GET", "/services/data/v62.0/limits")
    assert isinstance(answer, dict)
    assert "DailyApiRequests" in answer
    made = await connector.request("POST", "/services/data/v62.0/sobjects/Account", json={"Name": "A"})
    assert isinstance(made, dict)
    changed = await connector.request(
        "PATCH", f"/services/data/v62.0/sobjects/Account/{made['id']}", json={"Name": "B"}
    )
    assert changed is None
    for path in (
        "https://evil.test/services/",
        "/id/x",
        "/services/oauth2/token",
        "/services/../x",
        "services/",
    ):
        with pytest.raises(BadRequest):
            await connector.request("GET", path)


async def test_a_missing_permission_is_told_apart_from_a_used_up_quota(make_org: World) -> None:
    org = make_org()

    def denied(request: Request, body: bytes) -> Response | None:
        del body
        refusal = [{"errorCode": "API_DISABLED_FOR_ORG", "message": "The REST API is not enabled"}]
        if _is_token(request):
            return None
        return Response(json.dumps(refusal), 403, media_type="application/json")

    org.instead = denied
    with pytest.raises(PermissionDenied, match="API Enabled"):
        await org.connect().count("Account")
    lines = await org.connect().check()
    assert [(line.name, line.ok) for line in lines] == [("sign in", True), ("api access", False)]


# ── simple-salesforce ────────────────────────────────────────────────────────────────────────────


async def test_simple_salesforce_works_on_the_connections_own_client(make_org: World) -> None:
    org = make_org({"Account": 2})
    connector = org.connect()
    org.double.expire_tokens()
    client = connector.native()
    accounts = cast("SFType", client.Account)

    def work() -> tuple[object, ...]:
        made = str(cast("dict[str, object]", accounts.create({"Name": "By simple-salesforce"}))["id"])
        accounts.update(made, {"Phone": "1"})
        read = cast("dict[str, object]", accounts.get(made))
        found = cast("dict[str, object]", client.query_all("SELECT Id FROM Account"))
        accounts.delete(made)
        return read["Phone"], found["totalSize"]

    assert await anyio.to_thread.run_sync(work) == ("1", 3)
    assert len(org.truth("Account")) == 2
    assert org.calls("/sobjects/Account")
    assert client.session_id == "held by crmhub"


async def test_simple_salesforce_cannot_be_led_to_another_host(make_org: World) -> None:
    org = make_org()
    accounts = cast("SFType", org.connect().native().Account)
    for target in ("https://evil.test/x", "//evil.test/x"):
        with pytest.raises(BadRequest, match="another host"):
            await anyio.to_thread.run_sync(accounts.get, target)
    assert org.calls() == []


async def test_an_error_in_simple_salesforce_is_one_of_ours(make_org: World) -> None:
    org = make_org()
    accounts = cast("SFType", org.connect().native().Account)
    with pytest.raises(NotFound):
        await anyio.to_thread.run_sync(accounts.get, "001000000000000")


async def test_nothing_is_sent_before_the_first_call(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    connector.read(ReadRequest("Account", ("Name",)))
    await connector.aclose()
    assert org.heard == []


async def test_errors_and_events_hold_no_record_values_and_no_tokens(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    await connector.write(
        WriteRequest(
            "Account", "upsert", [WriteItem({"Name": "secret-value"}, key="secret-key")], "External_Id__c"
        )
    )
    await connector.count("Account")
    told = repr(org.heard)
    for secret in ("secret-value", "secret-key", *org.double.credentials.values()):
        assert secret not in told
