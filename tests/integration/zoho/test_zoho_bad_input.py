"""Bad input, line by line: a typed error with Zoho's code and our advice, and nothing lost.

What can be known to be wrong is not sent. One bad record of many costs that record alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from crmhub.connector import Condition, Missing, Native, Outcome, ReadRequest, WriteItem, WriteRequest
from crmhub.errors import (
    AuthError,
    BadRequest,
    ConnectorError,
    NotFound,
    PermissionDenied,
    ReauthRequired,
)
from crmhub.files import FileBody, safe_name
from crmhub_zoho import Connector
from crmhub_zoho.extras.results import Call
from crmhub_zoho.simulator.double import ZohoDouble
from crmhub_zoho.simulator.guards import set_up
from tests.integration.zoho.conftest import World

pytestmark = pytest.mark.anyio
NOBODY = "554023110000999999"


async def rows(connector: Connector, text: str) -> list[object]:
    return [row async for page in connector.query(text) for row in page.upserts]


async def found(connector: Connector, object: str, *filter: Condition) -> list[object]:
    request = ReadRequest(object, ("Account_Name",), filter=filter)
    return [row["Account_Name"] async for page in connector.read(request) for row in page.upserts]


# ── who calls ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("settings", "kind", "code", "advice"),
    [
        ({"refresh_token": "1000.bad.bad"}, ReauthRequired, "invalid_code", "crmhub auth"),
        ({"client_id": "1000.OF.ANOTHER.DATA.CENTRE"}, AuthError, "invalid_client", "region"),
        ({"client_secret": "wrong"}, AuthError, "invalid_client_secret", "client_secret"),
    ],
)
async def test_wrong_credentials_say_what_is_wrong(
    make_org: World, settings: dict[str, str], kind: type[ConnectorError], code: str, advice: str
) -> None:
    org = make_org(1)
    with pytest.raises(kind) as caught:
        await org.connect(tokens=None, **settings).count("Accounts")
    assert caught.value.code == code
    assert advice in str(caught.value)
    assert all(value not in str(caught.value) for value in settings.values())
    assert org.calls() == []  # no call to the API without a token


async def test_a_missing_scope_is_named(make_org: World) -> None:
    org = make_org(1, settings={"scopes": "ZohoCRM.modules.ALL"})
    with pytest.raises(PermissionDenied) as caught:
        await rows(org.connect(), "select id from Accounts where id is not null")
    assert caught.value.code == "OAUTH_SCOPE_MISMATCH"
    assert "ZohoCRM.coql.READ" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/crm/v8/Accounts/search?word=Acme", "ZohoSearch.securesearch.READ"),
        ("/crm/v8/actions/watch", "ZohoCRM.notifications.ALL"),
        ("/crm/bulk/v8/read/554023000000000001", "ZohoCRM.bulk.ALL"),
        ("/crm/v8/settings/fields?module=Accounts", "ZohoCRM.settings.ALL"),
        ("/crm/v8/org", "ZohoCRM.org.READ"),
        ("/crm/v8/Accounts?fields=id", "ZohoCRM.modules.ALL"),
    ],
)
async def test_each_call_names_the_scope_that_it_lacks(make_org: World, path: str, scope: str) -> None:
    org = make_org(1, settings={"scopes": "ZohoCRM.users.READ"})
    place, _, asked = path.partition("?")
    name, _, value = asked.partition("=")
    with pytest.raises(PermissionDenied) as caught:
        await org.connect().request("GET", place, params={name: value} if name else None)
    assert scope in str(caught.value.hint)


async def test_the_scope_of_a_mass_operation_is_named(make_org: World) -> None:
    org = make_org(1, settings={"scopes": "ZohoCRM.modules.ALL,ZohoCRM.settings.ALL"})
    (account,) = org.truth("Accounts")
    with pytest.raises(PermissionDenied, match=r"ZohoCRM\.mass_delete\.DELETE") as caught:
        await org.connect().extras.mass.delete("Accounts", [account])
    assert (caught.value.code, caught.value.where.object) == ("OAUTH_SCOPE_MISMATCH", "Accounts")
    assert account in org.truth("Accounts")


# ── calls that are wrong as a whole ──────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Wrong:
    """A call that is refused: ``code`` is Zoho's, ``None`` where nothing was sent."""

    name: str
    work: Callable[[Connector], Awaitable[object]]
    kind: type[ConnectorError]
    code: str | None
    told: str


WRONG = (
    Wrong(
        "51 fields of a related list",
        lambda zoho: _first(zoho, [f"F{n}" for n in range(51)]),
        BadRequest,
        None,
        "1 to 50 fields",
    ),
    Wrong(
        "an unknown field", lambda zoho: zoho.get("Accounts", ["1"], ["Phoone"]), BadRequest, None, "Phone?"
    ),
    Wrong(
        "an unknown field in a condition",
        lambda zoho: zoho.count("Accounts", [Condition("Phoone", "eq", "1")]),
        BadRequest,
        None,
        "did you mean Phone?",
    ),
    Wrong("an unknown module", lambda zoho: zoho.count("Acounts"), NotFound, "INVALID_MODULE", "Acounts"),
    Wrong(
        "COQL in a module's name",
        lambda zoho: zoho.count("Accounts where id > 0"),
        BadRequest,
        None,
        "not the API name",
    ),
    Wrong(
        "COQL in a field's name",
        lambda zoho: zoho.get("Accounts", ["1"], ["id from Deals"]),
        BadRequest,
        None,
        "not the API name",
    ),
    Wrong(
        "unbalanced brackets in COQL",
        lambda zoho: rows(zoho, "select id from Accounts where ((id is not null)"),
        BadRequest,
        "SYNTAX_ERROR",
        "check the query's brackets",
    ),
    Wrong(
        "unbalanced criteria",
        lambda zoho: zoho.request(
            "GET", "/crm/v8/Accounts/search", params={"criteria": "((Phone:equals:1)and(Fax:equals:2)"}
        ),
        BadRequest,
        "INVALID_QUERY",
        "check the query's brackets",
    ),
    Wrong(
        "51 fields by hand",
        lambda zoho: zoho.request(
            "GET", "/crm/v8/Accounts", params={"fields": ",".join(f"F{n}" for n in range(51))}
        ),
        BadRequest,
        "LIMIT_EXCEEDED",
        "50",
    ),
    Wrong(
        "a path that climbs", lambda zoho: zoho.request("GET", "/crm/v8/../../x"), BadRequest, None, "path"
    ),
    Wrong(
        "a path outside of the CRM",
        lambda zoho: zoho.request("GET", "/oauth/v2/token"),
        BadRequest,
        None,
        "/crm/",
    ),
    Wrong("another host", lambda zoho: zoho.request("GET", "//evil.example/crm/"), BadRequest, None, "/crm/"),
    Wrong(
        "six calls in one",
        lambda zoho: zoho.extras.composites.run(
            [Call("GET", "/crm/v8/org")] * 6, rollback=False, parallel=False
        ),
        BadRequest,
        None,
        "1 to 5 calls",
    ),
    Wrong(
        "a lead that there is not",
        lambda zoho: zoho.extras.blueprints.of("Leads", NOBODY),
        ConnectorError,
        "INVALID_DATA",
        "Zoho refused",
    ),
    Wrong("a search of one letter", lambda zoho: _search(zoho, "x"), BadRequest, None, "at least 2"),
)


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name)
async def test_a_wrong_call_is_told(make_org: World, wrong: Wrong) -> None:
    org = make_org(2)
    connector = org.connect()
    await connector.describe("Accounts")
    await connector.extras.relations.lists("Accounts")
    before = len(org.calls())
    with pytest.raises(wrong.kind) as caught:
        await wrong.work(connector)
    assert caught.value.code == wrong.code
    assert wrong.told in str(caught.value)
    assert caught.value.applied is False
    if wrong.code is None:
        assert len(org.calls()) == before


async def _first(zoho: Connector, fields: Sequence[str]) -> object:
    async for page in zoho.extras.relations.records("Accounts", NOBODY, "Contacts", fields):
        return page
    return None


async def _search(zoho: Connector, text: str) -> list[object]:
    return [
        row["id"]
        async for page in zoho.search("Accounts", text, ["Account_Name"], 10)
        for row in page.upserts
    ]


# ── one bad record among good ones ───────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Bad:
    """A record that is refused: with Zoho's code, or with ours where it is not sent."""

    name: str
    fields: Native
    code: str
    field: str | None
    told: str = ""
    object: str = "Deals"


BAD = (
    Bad("wrong type", {"Amount": "much"}, "INVALID_DATA", "Amount", "expected_data_type currency"),
    Bad("no such choice", {"Stage": "Dreaming"}, "INVALID_DATA", "Stage", "picklist"),
    Bad("too long", {"Deal_Name": "x" * 121}, "INVALID_DATA", "Deal_Name", "maximum_length 120"),
    Bad("mandatory", {"Deal_Name": None}, "MANDATORY_NOT_FOUND", "Deal_Name", "required"),
    Bad("unknown field", {"Ammount": 5}, "unknown_field", "Ammount", "did you mean Amount?"),
    Bad("read only", {"Created_Time": "2026-01-01T00:00:00+00:00"}, "read_only", "Created_Time", "itself"),
    Bad("a parent that is no id", {"Account_Name": {"id": "1 or 1=1"}}, "INVALID_DATA", "Account_Name"),
    Bad("a parent that is not there", {"Account_Name": {"id": NOBODY}}, "INVALID_DATA", "Account_Name"),
    Bad("two faults", {"Amount": "much", "Stage": "Dreaming"}, "MULTIPLE_OR_MULTI_ERRORS", "Stage"),
)


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
async def test_one_bad_record_costs_that_record(make_org: World, bad: Bad) -> None:
    org = make_org()
    connector = org.connect()
    good: Native = {"Deal_Name": "Good", "Stage": "Qualification"}
    items = [WriteItem(dict(good)), WriteItem({**good, **bad.fields}), WriteItem(dict(good))]
    outcomes = await connector.write(WriteRequest("Deals", "create", items))
    check(outcomes, bad.code, bad.field, bad.told, "created")
    assert set(org.truth("Deals")) == {outcomes[0].id, outcomes[2].id}
    sent = [body for body in org.bodies if b"Good" in body]
    assert len(sent) == 1
    assert (b"Ammount" in sent[0], b"Created_Time" in sent[0]) == (False, False)


def check(outcomes: Sequence[Outcome], code: str, field: str | None, told: str, done: str) -> None:
    assert [one.status for one in outcomes] == [done, "rejected", done]
    problem = outcomes[1].problem
    assert problem is not None
    assert (problem.code, problem.field) == (code, field)
    assert told in problem.message


@pytest.mark.parametrize(
    ("guard", "code", "told"),
    [
        ("locked", "RECORD_LOCKED", "once it is not"),
        ("pending", "NOT_APPROVED", "waits for approval"),
        ("blueprint", "RECORD_IN_BLUEPRINT", "make a transition"),
    ],
)
async def test_a_guarded_record_stays_and_the_others_change(
    make_org: World, guard: str, code: str, told: str
) -> None:
    org = make_org()
    connector = org.connect()
    ids = await org.add("Deals", 3, Stage="Qualification")
    assert isinstance(org.double, ZohoDouble)
    played = org.double.org
    change: Native = {"Deal_Name": "Other"}
    match guard:
        case "locked":
            played.locked.add(ids[1])
        case "pending":
            played.pending.add(ids[1])
        case _:
            await org.change("Deals", [ids[0], ids[2]], Stage="Closed Lost")
            set_up(played, {"blueprint": "Deals"}.get)
            change = {"Stage": "Closed Won"}
    items = [WriteItem(dict(change), id=one) for one in ids]
    outcomes = await connector.write(WriteRequest("Deals", "update", items))
    field = {"locked": "id", "pending": None, "blueprint": "Stage"}[guard]
    check(outcomes, code, field, told, "updated")
    name = next(iter(change))
    assert [values[1] == change[name] for values in org.truth("Deals", name).values()] == [True, False, True]


@pytest.mark.parametrize(("guard", "code"), [("locked", "RECORD_LOCKED"), ("pending", "NOT_APPROVED")])
async def test_a_guarded_record_is_not_deleted(make_org: World, guard: str, code: str) -> None:
    org = make_org()
    ids = await org.add("Deals", 3, Stage="Qualification")
    assert isinstance(org.double, ZohoDouble)
    (org.double.org.locked if guard == "locked" else org.double.org.pending).add(ids[1])
    items = [WriteItem(id=one) for one in ids]
    outcomes = await org.connect().write(WriteRequest("Deals", "delete", items))
    check(outcomes, code, None, "", "deleted")
    assert outcomes[1].problem is not None
    assert outcomes[1].problem.permanent is False
    assert list(org.truth("Deals")) == [ids[1]]


async def test_what_belongs_to_a_deleted_record_is_refused(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    kept, gone = await org.add("Accounts", 2)
    await org.remove("Accounts", [gone])
    tasks = [
        WriteItem({"Subject": "Call", "What_Id": {"id": parent}, "$se_module": "Accounts"})
        for parent in (kept, gone, kept)
    ]
    check(
        await connector.write(WriteRequest("Tasks", "create", tasks)),
        "INVALID_DATA",
        "What_Id",
        "",
        "created",
    )
    with pytest.raises(NotFound) as caught:
        async for _ in connector.files("Accounts", gone):
            pass
    assert (caught.value.code, caught.value.where.record) == ("INVALID_DATA", gone)
    (outcome,) = await connector.extras.relations.link("Accounts", gone, "Contacts", ["1"])
    assert outcome.problem is not None
    assert (outcome.status, outcome.problem.code) == ("rejected", "INVALID_DATA")


# ── too much ─────────────────────────────────────────────────────────────────────────────────────


async def test_more_fields_than_a_list_shows_come_all_the_same(make_org: World, tmp_path: Path) -> None:
    schema = tmp_path / "schema.yaml"
    names = [f"Extra_{n}" for n in range(51)]
    schema.write_text("Accounts:\n" + "".join(f"- {{name: {one}, type: text}}\n" for one in names), "utf-8")
    org = make_org(schema=schema)
    connector = org.connect()
    values: Native = {"Account_Name": "Acme", **{one: one for one in names}}
    (made,) = await connector.write(WriteRequest("Accounts", "create", [WriteItem(values)]))
    (record,) = await connector.get("Accounts", [str(made.id)], names)
    assert not isinstance(record, Missing)
    assert {one: record[one] for one in names} == {one: one for one in names}


async def test_more_records_than_a_call_takes_are_sent_in_parts(make_org: World) -> None:
    org = make_org()
    items = [WriteItem({"Account_Name": f"Nr {n}"}) for n in range(250)]
    outcomes = await org.connect().write(WriteRequest("Accounts", "create", items))
    assert [one.status for one in outcomes] == ["created"] * 250
    assert len(org.calls("POST /crm/v8/Accounts")) == 3
    assert len(org.truth("Accounts")) == 250


async def test_a_file_that_is_too_large_is_not_sent(make_org: World, tmp_path: Path) -> None:
    org = make_org(1)
    large = tmp_path / "large.bin"
    with large.open("wb") as file:
        file.truncate(20 * 1024 * 1024 + 1)
    (account,) = org.truth("Accounts")
    with pytest.raises(BadRequest, match="20971520 bytes") as caught:
        await org.connect().upload("Accounts", account, "large.bin", FileBody(large))
    assert (caught.value.status, caught.value.where.record) == (None, account)
    assert org.calls() == []


# ── injection ────────────────────────────────────────────────────────────────────────────────────

NASTY = (
    "' or id is not null or Account_Name = '",
    "O''Brien",
    '") or (Account_Name:starts_with:"',
    "a)or(Account_Name:starts_with:",
    "x' limit 0 --",
    "50% _ *",
)


@pytest.mark.parametrize("text", NASTY)
async def test_a_value_is_never_part_of_the_question(make_org: World, text: str) -> None:
    org = make_org(3)
    connector = org.connect()
    await connector.write(WriteRequest("Accounts", "create", [WriteItem({"Account_Name": text})]))
    condition = Condition("Account_Name", "eq", text)
    assert await found(connector, "Accounts", condition) == [text]
    assert await connector.count("Accounts", [condition]) == 1
    assert len(await _search(connector, text)) <= 1


@pytest.mark.parametrize("id", ["1 or 1=1", "1,2", "../Deals/1", "1/2", "", "1\n", "9" * 20, "-1", "１"])
async def test_what_is_no_id_is_not_sent(make_org: World, id: str) -> None:
    org = make_org(2)
    connector = org.connect()
    await connector.describe("Accounts")
    before = len(org.calls())
    (record,) = await connector.get("Accounts", [id], ["Account_Name"])
    assert isinstance(record, Missing)
    for operation in ("update", "delete"):
        request = WriteRequest("Accounts", operation, [WriteItem({"Phone": "1"}, id=id)])
        (outcome,) = await connector.write(request)
        assert outcome.problem is not None
        assert (outcome.status, outcome.problem.code) == ("rejected", "invalid_id")
    (outcome,) = await connector.extras.tags.add("Accounts", [id], ["hot"], overwrite=False)
    assert outcome.problem is not None
    assert outcome.problem.code == "invalid_id"
    with pytest.raises(NotFound):
        async for _ in connector.files("Accounts", id):
            pass
    assert len(org.calls()) == before


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..\\..\\boot.ini", "a/b.txt", "x\r\nContent-Type: text/html", "..", "\x00"]
)
def test_a_file_name_is_no_path(name: str) -> None:
    safe = safe_name(name)
    assert safe
    assert not set(safe) & set('/\\\r\n\x00"')
    assert set(safe) != {"."}
