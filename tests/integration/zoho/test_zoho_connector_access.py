from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from crmhub.errors import (
    AuthError,
    PermissionDenied,
    QuotaExceeded,
    RateLimited,
    ReauthRequired,
    Unavailable,
)
from crmhub.powers import (
    Power,
    SupportsCount,
    SupportsEstimate,
    SupportsFiles,
    SupportsLimits,
    SupportsNewest,
    SupportsQuery,
    SupportsRequest,
    SupportsSearch,
    SupportsWebhooks,
)

if TYPE_CHECKING:
    from tests.integration.zoho.conftest import World

pytestmark = pytest.mark.anyio


async def test_a_dead_refresh_token_says_how_to_issue_a_new_one_and_is_asked_once(make_org: World) -> None:
    org = make_org({"Accounts": 1})
    connector = org.connect(refresh_token="1000.not-the-token")
    for _ in range(3):
        with pytest.raises(ReauthRequired, match=r"invalid_code.*Generate Code.*data centre"):
            await org.pages(connector, "Accounts")
    assert len(org.calls("/oauth/")) == 1


async def test_a_wrong_client_says_to_look_at_the_region(make_org: World) -> None:
    org = make_org()
    with pytest.raises(AuthError, match=r"invalid_client.*region"):
        await org.pages(org.connect(client_id="1000.SOMEBODY"), "Accounts")


async def test_too_many_tokens_is_waited_out(make_org: World) -> None:
    org = make_org({"Accounts": 1})
    for _ in range(10):
        await org.pages(org.connect(tokens=None), "users")
        org.double.expire_tokens()
    with pytest.raises(RateLimited, match="more access tokens"):
        await org.pages(org.connect(), "Accounts")
    org.clock.advance(600)
    assert await org.pages(org.connect(), "Accounts")


async def test_no_secret_is_in_any_event_or_error(make_org: World) -> None:
    org = make_org({"Accounts": 2}, faults=("expire@/coql:1x",))
    await org.pages(org.connect(), "Accounts", "Account_Name")
    with pytest.raises(ReauthRequired) as caught:
        await org.pages(org.connect(refresh_token="1000.not-the-token", tokens=None), "Accounts")
    told = f"{org.heard} {caught.value}"
    for name, secret in org.double.credentials.items():
        assert secret not in told or name == "client_id"
    assert "not-the-token" not in told


async def test_a_token_that_names_another_host_is_not_followed(make_org: World) -> None:
    org = make_org({"Accounts": 1})
    with pytest.raises(AuthError, match="does not allow"):
        await org.pages(
            org.connect(api_url="http://127.0.0.1:9", accounts_url="http://localhost:8080"), "Accounts"
        )


async def test_credits_that_are_used_up_are_not_waited_for(make_org: World) -> None:
    org = make_org({"Accounts": 5}, settings={"credits": "4"})
    with pytest.raises((QuotaExceeded, RateLimited)):
        await org.pages(org.connect(), "Accounts", page_size=1)


async def test_check_has_a_line_for_each_permission(make_org: World) -> None:
    org = make_org({"Accounts": 1})
    lines = await org.connect().check()
    assert all(line.ok for line in lines)
    assert {"query (COQL)", "search", "read Deals", "read Notes", "read fields"} <= {
        line.name for line in lines
    }


async def test_check_names_the_scope_that_is_absent(make_org: World) -> None:
    scopes = "ZohoCRM.modules.ALL,ZohoCRM.settings.ALL,ZohoCRM.users.READ"
    org = make_org({"Accounts": 1}, settings={"scopes": scopes})
    failed = {line.name: line.mend for line in await org.connect().check() if not line.ok}
    assert set(failed) == {"query (COQL)", "search"}
    assert "ZohoCRM.coql.READ" in failed["query (COQL)"]
    with pytest.raises(PermissionDenied, match="OAUTH_SCOPE_MISMATCH"):
        await org.pages(org.connect(), "Accounts")


async def test_check_tells_where_the_sync_key_is_absent_or_not_unique(
    make_org: World, tmp_path: Path
) -> None:
    schema = tmp_path / "schema.yaml"
    schema.write_text(
        "Accounts: [{name: Sync_Key, type: text, length: 60, unique: true}]\n"
        "Deals: [{name: Sync_Key, type: text, length: 60}]\n"
    )
    lines = await make_org({"Accounts": 1}, schema=schema).connect(sync_key="Sync_Key").check()
    told = {line.name: (line.ok, line.detail) for line in lines if "Sync_Key" in line.name}
    twice = "no sync key: the field may hold a value twice"
    assert told == {"Accounts.Sync_Key": (True, ""), "Deals.Sync_Key": (False, twice)}


async def test_check_tells_where_no_module_has_the_sync_key(make_org: World) -> None:
    lines = await make_org({"Accounts": 1}).connect(sync_key="Sync_Kye").check()
    (told,) = [line for line in lines if not line.ok]
    assert (told.name, told.detail) == ("Sync_Kye", "no sync key: no main module has the field")
    assert "Do not allow duplicate values" in told.mend


async def test_check_with_wrong_credentials_has_one_line_that_says_so(make_org: World) -> None:
    (line,) = await make_org().connect(refresh_token="1000.wrong-one").check()
    assert (line.name, line.ok) == ("sign in", False)
    assert "api-console" in line.mend


async def test_check_stops_where_the_crm_does_not_answer(make_org: World) -> None:
    with pytest.raises(Unavailable):
        await make_org(faults=("503@",)).connect().check()


async def test_a_module_that_is_hidden_does_not_hide_the_others(make_org: World) -> None:
    org = make_org({"Accounts": 1}, faults=("403@/settings/modules",))
    objects = (await org.connect().capabilities()).objects
    assert {"Accounts", "Deals", "Notes", "users", "stages"} <= set(objects)


async def test_every_declared_power_is_there(make_org: World) -> None:
    connector = make_org().connect()
    declared = (await connector.capabilities()).powers
    powers = {
        Power.COUNT: SupportsCount,
        Power.ESTIMATE: SupportsEstimate,
        Power.FILES: SupportsFiles,
        Power.LIMITS: SupportsLimits,
        Power.NEWEST: SupportsNewest,
        Power.QUERY: SupportsQuery,
        Power.REQUEST: SupportsRequest,
        Power.SEARCH: SupportsSearch,
        Power.WEBHOOKS: SupportsWebhooks,
    }
    assert declared == set(powers)
    assert all(isinstance(connector, protocol) for protocol in powers.values())


async def test_never_more_calls_at_once_than_configured(make_org: World) -> None:
    org = make_org(150, settings={"concurrency": "3"})
    connector = org.connect(concurrency=3)
    await connector.capabilities()
    pages = await org.pages(connector, "Tasks", "Subject", "$se_module")
    assert sum(len(page.upserts) for page in pages) == 150


async def test_stages_come_from_the_choices_where_pipelines_cannot_be_read(make_org: World) -> None:
    org = make_org(faults=("403@/settings/layouts",))
    (page,) = await org.pages(org.connect(), "stages")
    outcomes = {row["id"]: row["outcome"] for row in page.upserts}
    assert (outcomes["Qualification"], outcomes["Closed Won"], outcomes["Closed Lost"]) == (
        "open",
        "won",
        "lost",
    )
    with pytest.raises(PermissionDenied):
        await org.pages(org.connect(), "pipelines")


async def test_describe_tells_types_choices_and_rules(make_org: World) -> None:
    connector = make_org().connect()
    deals = (await connector.describe("Deals")).fields
    assert (deals["Stage"].type, deals["Stage"].required, deals["Stage"].restricted) == ("enum", True, True)
    assert "Closed Won" in {choice.value for choice in deals["Stage"].choices}
    assert (deals["Amount"].type, deals["Amount"].scale) == ("money", 2)
    assert deals["Account_Name"].refers_to == ("Accounts",)
    assert (deals["Owner"].type, deals["Owner"].refers_to) == ("ref", ("users",))
    assert (deals["Created_Time"].creatable, deals["Created_Time"].updatable) == (False, False)
    assert deals["id"].unique
    assert deals["Deal_Name"].max_length == 120
    assert "$se_module" in (await connector.describe("Tasks")).fields
