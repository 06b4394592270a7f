"""Logging in to the Salesforce double, and what holds for every call: sessions, versions, limits, faults."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from crmhub.testing.simulator.errors import ConnectionCut, SimulatorError

if TYPE_CHECKING:
    from tests.integration.salesforce_double.conftest import Client, MakeClient

pytestmark = pytest.mark.anyio

TOKEN = "/services/oauth2/token"
JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


async def login(client: Client, **form: str) -> httpx.Response:
    return await client.http.post(TOKEN, data=form, headers={"Authorization": ""})


async def test_client_credentials_in_the_form_open_a_session_without_expires_in(empty: Client) -> None:
    known = empty.double.credentials
    reply = await login(
        empty,
        grant_type="client_credentials",
        client_id=known["client_id"],
        client_secret=known["client_secret"],
    )
    body = reply.json()
    assert reply.status_code == 200
    assert set(body) == {
        "access_token",
        "instance_url",
        "id",
        "token_type",
        "issued_at",
        "signature",
        "scope",
    }
    assert body["instance_url"] == "http://acme.my.salesforce.test"
    assert body["issued_at"] == "1781524830000"
    assert body["id"].startswith(f"{body['instance_url']}/id/00D")
    used = {"Authorization": f"Bearer {body['access_token']}"}
    assert (await empty.call("GET", "/limits", headers=used)).status_code == 200


async def test_client_credentials_in_a_basic_header_open_a_session(empty: Client) -> None:
    known = empty.double.credentials
    pair = base64.b64encode(f"{known['client_id']}:{known['client_secret']}".encode()).decode()
    form = {"grant_type": "client_credentials"}
    reply = await empty.http.post(TOKEN, data=form, headers={"Authorization": f"Basic {pair}"})
    assert reply.status_code == 200


@pytest.mark.parametrize(
    ("form", "error", "description"),
    [
        (
            {"grant_type": "client_credentials", "client_secret": "no"},
            "invalid_client",
            "invalid client credentials",
        ),
        (
            {"grant_type": "client_credentials", "client_id": "no"},
            "invalid_client_id",
            "client identifier invalid",
        ),
        (
            {"grant_type": "refresh_token", "refresh_token": "no"},
            "invalid_grant",
            "expired access/refresh token",
        ),
        (
            {"grant_type": "password", "username": "a", "password": "b"},
            "invalid_grant",
            "authentication failure",
        ),
        ({"grant_type": JWT, "assertion": "a.b.c"}, "invalid_client_id", "client identifier invalid"),
        ({"grant_type": "device"}, "unsupported_grant_type", "grant type not supported"),
    ],
)
async def test_a_wrong_login_is_an_oauth_error(
    empty: Client, form: dict[str, str], error: str, description: str
) -> None:
    known = {name: empty.double.credentials[name] for name in ("client_id", "client_secret")}
    reply = await login(empty, **{**known, **form})
    assert (reply.status_code, reply.json()) == (400, {"error": error, "error_description": description})


async def test_password_and_security_token_together_are_the_password(empty: Client) -> None:
    known = empty.double.credentials
    form = {name: known[name] for name in ("client_id", "client_secret", "username")}
    password = known["password"] + known["security_token"]
    assert (await login(empty, grant_type="password", password=password, **form)).status_code == 200


async def test_a_rotating_refresh_token_works_once(make_client: MakeClient) -> None:
    client = make_client(settings={"rotate_refresh_tokens": "true"})
    form = {name: client.double.credentials[name] for name in ("client_id", "client_secret", "refresh_token")}
    first = await login(client, grant_type="refresh_token", **form)
    again = await login(client, grant_type="refresh_token", **form)
    form["refresh_token"] = first.json()["refresh_token"]
    renewed = await login(client, grant_type="refresh_token", **form)
    assert (first.status_code, again.status_code, renewed.status_code) == (200, 400, 200)


async def test_a_lasting_refresh_token_is_not_given_again(empty: Client) -> None:
    form = {name: empty.double.credentials[name] for name in ("client_id", "refresh_token")}
    for _ in range(2):
        reply = await login(empty, grant_type="refresh_token", **form)
        assert reply.status_code == 200
        assert "refresh_token" not in reply.json()


def _assertion(key: rsa.RSAPrivateKey, claims: Mapping[str, object]) -> str:
    parts = [json.dumps(part).encode() for part in ({"alg": "RS256"}, claims)]
    head = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = key.sign(head, padding.PKCS1v15(), hashes.SHA256())
    return (head + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


@dataclass(frozen=True)
class AppKey:
    """The app's key, and the file that has its public half."""

    key: rsa.RSAPrivateKey
    file: Path


@pytest.fixture(scope="module")
def app_key(tmp_path_factory: pytest.TempPathFactory) -> AppKey:
    key = rsa.generate_private_key(65537, 2048)
    pem = tmp_path_factory.mktemp("app") / "app.pem"
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    pem.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, form))
    return AppKey(key, pem)


async def test_a_signed_assertion_opens_a_session_until_it_expires(
    make_client: MakeClient, app_key: AppKey
) -> None:
    client = make_client(settings={"jwt_certificate": str(app_key.file)})
    claims = {
        "iss": client.double.credentials["client_id"],
        "sub": client.double.credentials["username"],
        "aud": "https://login.salesforce.com",
        "exp": str(client.double.clock.seconds() + 180),
    }
    good = _assertion(app_key.key, claims)
    forged = _assertion(rsa.generate_private_key(65537, 2048), claims)
    assert (await login(client, grant_type=JWT, assertion=good)).status_code == 200
    assert (await login(client, grant_type=JWT, assertion=forged)).json()["error"] == "invalid_grant"
    client.double.clock.advance(181)
    assert (await login(client, grant_type=JWT, assertion=good)).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("claim", "value", "error", "description"),
    [
        ("aud", "https://evil.test", "invalid_grant", "Audience validation failed"),
        ("iss", "another app", "invalid_client_id", "client identifier invalid"),
        ("sub", "somebody@example.com", "invalid_grant", "user hasn't approved this consumer"),
        ("exp", "1781524830", "invalid_grant", "assertion has expired"),
        ("exp", "1781524830999", "invalid_grant", "assertion has expired"),
        ("exp", "soon", "invalid_grant", "invalid assertion"),
    ],
)
async def test_each_claim_of_an_assertion_is_checked(
    make_client: MakeClient, app_key: AppKey, claim: str, value: str, error: str, description: str
) -> None:
    client = make_client(settings={"jwt_certificate": str(app_key.file)})
    claims = {
        "iss": client.double.credentials["client_id"],
        "sub": client.double.credentials["username"],
        "aud": "https://login.salesforce.com",
        "exp": client.double.clock.seconds() + 180,
    }
    assert (await login(client, grant_type=JWT, assertion=_assertion(app_key.key, claims))).status_code == 200
    reply = await login(client, grant_type=JWT, assertion=_assertion(app_key.key, {**claims, claim: value}))
    assert (reply.status_code, reply.json()) == (400, {"error": error, "error_description": description})


async def test_a_session_ends_after_two_hours(empty: Client) -> None:
    empty.double.clock.advance(7199)
    assert (await empty.call("GET", "/limits")).status_code == 200
    empty.double.clock.advance(2)
    assert await empty.refused("GET", "/limits") == (
        401,
        "INVALID_SESSION_ID",
        "Session expired or invalid",
        None,
    )


async def test_a_revoked_session_is_over(empty: Client) -> None:
    token = empty.double.credentials["access_token"]
    assert (await empty.http.post("/services/oauth2/revoke", data={"token": token})).status_code == 200
    assert (await empty.call("GET", "/limits")).status_code == 401


async def test_identity_and_resources_name_each_other(empty: Client) -> None:
    resources = (await empty.call("GET", "/")).json()
    reply = await empty.http.get(resources["identity"])
    assert reply.json()["username"] == empty.double.credentials["username"]


async def test_versions_need_no_login_and_carry_their_release(empty: Client) -> None:
    reply = await empty.http.get("/services/data/", headers={"Authorization": ""})
    labels = {item["version"]: item["label"] for item in reply.json()}
    assert (min(labels), max(labels)) == ("31.0", "68.0")
    assert [labels[name] for name in ("62.0", "63.0", "64.0", "65.0", "68.0")] == [
        "Winter '25",
        "Spring '25",
        "Summer '25",
        "Winter '26",
        "Winter '27",
    ]


@pytest.mark.parametrize(
    ("version", "status", "code"),
    [
        ("30.0", 410, "UNSUPPORTED_API_VERSION"),
        ("69.0", 404, "NOT_FOUND"),
        ("20.0", 404, "NOT_FOUND"),
        ("x", 404, "NOT_FOUND"),
    ],
)
async def test_other_versions_do_not_answer(empty: Client, version: str, status: int, code: str) -> None:
    assert (await empty.refused("GET", f"/services/data/v{version}/limits"))[:2] == (status, code)


@pytest.mark.parametrize(
    "path", ["/services/data/v62.0/LIMITS/", "/Services/Data/v31.0/limits", "/services/data/v68.0/Limits"]
)
async def test_paths_may_be_in_any_case_and_end_in_a_slash(empty: Client, path: str) -> None:
    assert (await empty.call("GET", path)).json()["DailyApiRequests"]["Max"] == 5_000_000


async def test_unknown_jobs_and_resources_do_not_exist(empty: Client) -> None:
    jobs = ("/jobs/query/750000000000001", "/jobs/ingest/750000000000001")
    for path in (*jobs, "/tooling/query", "/sobjects/Nope"):
        assert (await empty.refused("GET", path))[:2] == (404, "NOT_FOUND")


async def test_every_call_counts_against_the_limit_of_a_day(make_client: MakeClient) -> None:
    client = make_client(settings={"daily_api_requests": "3"})
    seen = [(await client.call("GET", "/sobjects")).headers["sforce-limit-info"] for _ in range(3)]
    assert seen == ["api-usage=1/3", "api-usage=2/3", "api-usage=3/3"]
    wanted = (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", None)
    assert await client.refused("GET", "/sobjects") == wanted
    client.double.clock.advance(86_400 + 60)
    fresh = {"Authorization": f"Bearer {client.double.sessions.open()}"}
    assert (await client.call("GET", "/sobjects", headers=fresh)).status_code == 200


async def test_wrong_methods_media_types_and_lengths_are_refused(empty: Client) -> None:
    refused = await empty.call("PUT", "/sobjects/Account/001000000000001AAA", {})
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (405, "METHOD_NOT_ALLOWED")
    assert refused.headers["allow"] == "DELETE,GET,HEAD,PATCH"
    text = await empty.http.post(
        "/services/data/v62.0/sobjects/Account", content="Name=x", headers={"Content-Type": "text/plain"}
    )
    assert (text.status_code, text.json()[0]["errorCode"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert (await empty.call("GET", "/query", params={"q": "x" * 16_384})).status_code == 414
    assert (await empty.call("GET", "/limits", headers={"X-Long": "x" * 16_384})).status_code == 431


async def test_malformed_json_names_line_and_column(empty: Client) -> None:
    reply = await empty.http.post(
        "/services/data/v62.0/sobjects/Account",
        content=b'{\n  "Name": }',
        headers={"Content-Type": "application/json"},
    )
    error = reply.json()[0]
    assert (reply.status_code, error["errorCode"]) == (400, "JSON_PARSER_ERROR")
    assert error["message"].endswith("[line:2, column:11]")


async def test_a_lost_reply_leaves_the_record_and_a_cut_one_does_not(make_client: MakeClient) -> None:
    client = make_client(faults=("lost@POST /sobjects/Account:1x", "cut@POST /sobjects/Account:1x"))
    for _ in range(2):
        with pytest.raises(ConnectionCut):
            await client.make("Account", Name="Acme")
    assert [row["Name"] for row in client.double.truth("Account")] == ["Acme"]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (503, "SERVER_UNAVAILABLE"),
        (400, "UNABLE_TO_LOCK_ROW"),
        (401, "INVALID_SESSION_ID"),
        (403, "REQUEST_LIMIT_EXCEEDED"),
    ],
)
async def test_fault_statuses_speak_the_services_words(
    make_client: MakeClient, status: int, code: str
) -> None:
    client = make_client(faults=(f"{status}@/limits:1x",))
    assert (await client.refused("GET", "/limits"))[:2] == (status, code)
    assert (await client.call("GET", "/limits")).status_code == 200


async def test_an_expire_fault_ends_all_sessions(make_client: MakeClient) -> None:
    client = make_client(faults=("expire@/limits:1x",))
    assert (await client.refused("GET", "/limits"))[1] == "INVALID_SESSION_ID"


async def test_the_same_seed_gives_the_same_org(make_client: MakeClient) -> None:
    first, second, other = (list(make_client(20, seed=seed).double.truth("Account")) for seed in (1, 1, 2))
    assert first == second
    assert first != other


async def test_unknown_settings_rows_and_objects_are_refused(make_client: MakeClient, tmp_path: Path) -> None:
    with pytest.raises(SimulatorError, match="unknown setting 'nope'"):
        make_client(settings={"nope": "1"})
    with pytest.raises(SimulatorError, match="not a positive whole number"):
        make_client(settings={"page_rows": "0"})
    with pytest.raises(SimulatorError, match="'Accounts' cannot be seeded; use one of Account, "):
        make_client({"Accounts": 3})
    schema = tmp_path / "schema.yaml"
    for text, message in (
        ("Acount: [{name: A__c, type: text}]", "did you mean Account"),
        ("Account: [{name: Sector, type: text}]", "Sector__c"),
        ("Account: [{name: A__c, type: colour}]", "unknown type 'colour'"),
        ("Note: [{name: A__c, type: text}]", "Note cannot have custom fields"),
        ("Account: [{name: A__c, type: lookup}]", "reference_to"),
        ("Account: [{name: A__c, type: date, unique: true}]", "neither unique nor an external id"),
        ("Account: [{name: Phone, type: text}]", "has the standard field Phone"),
    ):
        schema.write_text(text)
        with pytest.raises(SimulatorError, match=message):
            make_client(schema=schema)


async def test_declared_fields_users_and_stages_belong_to_the_org(
    make_client: MakeClient, tmp_path: Path
) -> None:
    schema, users = tmp_path / "schema.yaml", tmp_path / "users.csv"
    schema.write_text(
        """
        Opportunity:
          - {name: Engage_Date__c, type: Date, label: Engaged on}
          - {name: Partner__c, type: Lookup, reference_to: Account}
          - {name: Tags__c, type: MultiselectPicklist, choices: [a, b, c], restricted: true}
          - {name: Code__c, type: Text, length: 8, unique: true, external_id: true, required: true}
          - {name: StageName, type: Picklist, choices: [Engaging, Won, Lost]}
        """
    )
    users.write_text(
        "name,email,active\nMoses Frase,moses.frase@example.com,true\nOld Hand,old@example.com,false\n"
    )
    client = make_client(schema=schema, users=users)
    partner = await client.make("Account", Name="Partner")
    (owner,) = await client.records("SELECT Id, IsActive FROM User WHERE Email = 'moses.frase@example.com'")
    record = {
        "Name": "Deal",
        "StageName": "won",
        "CloseDate": "2026-07-01",
        "Engage_Date__c": "2026-01-31",
        "Partner__c": partner,
        "Tags__c": "c;A",
        "Code__c": "X1",
        "OwnerId": owner["Id"],
    }
    record_id = await client.make("Opportunity", **record)
    shown = await client.read("Opportunity", record_id)
    assert (shown["StageName"], shown["IsWon"], shown["Tags__c"]) == ("Won", True, "c;a")
    (row,) = await client.records("SELECT Partner__r.Name, Owner.Name FROM Opportunity WHERE Code__c = 'x1'")
    assert cast("dict[str, object]", row["Partner__r"])["Name"] == "Partner"
    assert cast("dict[str, object]", row["Owner"])["Name"] == "Moses Frase"
    missing = await client.refused("POST", "/sobjects/Opportunity", {**record, "Code__c": None})
    assert missing[1:] == ("REQUIRED_FIELD_MISSING", "Required fields are missing: [Code__c]", ["Code__c"])
    (old,) = await client.records("SELECT Id FROM User WHERE IsActive = false")
    inactive = await client.refused("PATCH", f"/sobjects/Opportunity/{record_id}", {"OwnerId": old["Id"]})
    assert inactive[1] == "INACTIVE_OWNER_OR_USER"
    stages = await client.records(
        "SELECT MasterLabel, IsClosed, IsWon FROM OpportunityStage ORDER BY SortOrder"
    )
    assert [(row["MasterLabel"], row["IsClosed"], row["IsWon"]) for row in stages] == [
        ("Engaging", False, False),
        ("Won", True, True),
        ("Lost", True, False),
    ]
