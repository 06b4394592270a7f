from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from crmhub.connector import Condition, Missing, Outcome, WriteItem, WriteRequest
from crmhub.errors import AuthError, NotFound, RateLimited, Unavailable, Unsupported

if TYPE_CHECKING:
    from pathlib import Path

    from crmhub_zoho import Connector
    from tests.integration.zoho.conftest import Org, World

pytestmark = pytest.mark.anyio

NAME = "Account_Name"


def accounts(*names: str) -> WriteRequest:
    return WriteRequest("Accounts", "create", [WriteItem({NAME: name}) for name in names])


async def test_created_records_can_be_read_with_the_version_they_were_given(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    item = WriteItem({NAME: "New", "Annual_Revenue": Decimal("12345678901.23"), "Employees": 7})
    (created,) = await connector.write(WriteRequest("Accounts", "create", [item]))
    assert created.status == "created"
    (row,) = await connector.get("Accounts", [str(created.id)], [NAME, "Annual_Revenue", "Employees"])
    assert not isinstance(row, Missing)
    assert row == {
        "id": created.id,
        "Modified_Time": created.version,
        NAME: "New",
        "Annual_Revenue": Decimal("12345678901.23"),
        "Employees": 7,
    }


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250])
async def test_items_are_sent_a_hundred_a_call_and_answered_in_order(make_org: World, count: int) -> None:
    org = make_org()
    connector = org.connect()
    names = [f"Number {place}" for place in range(count)]
    outcomes = await connector.write(accounts(*names))
    assert len(outcomes) == count
    rows = await connector.get("Accounts", [str(outcome.id) for outcome in outcomes], [NAME])
    assert [row[NAME] for row in rows if not isinstance(row, Missing)] == names
    assert len(org.calls("POST /crm/v8/Accounts")) == -(-count // 100)


async def test_one_bad_record_costs_one_and_names_its_field_not_its_value(make_org: World) -> None:
    org = make_org()
    secret = "Confidential" * 30
    request = WriteRequest(
        "Accounts",
        "create",
        [
            WriteItem({NAME: "a"}),
            WriteItem({NAME: secret}),
            WriteItem({"Phone": "1"}),
            WriteItem({NAME: "d"}),
        ],
    )
    outcomes = await org.connect().write(request)
    assert [outcome.status for outcome in outcomes] == ["created", "rejected", "rejected", "created"]
    problems = [outcome.problem for outcome in outcomes if outcome.problem]
    assert [(one.code, one.field, one.permanent) for one in problems] == [
        ("INVALID_DATA", NAME, True),
        ("MANDATORY_NOT_FOUND", NAME, True),
    ]
    assert "Confidential" not in str(outcomes)


async def test_a_batch_refused_for_one_record_is_cut_until_it_is_alone(
    make_org: World,
) -> None:
    org = make_org()
    org.poison = b"Number 17"
    outcomes = await org.connect().write(accounts(*(f"Number {place}." for place in range(40))))
    assert [place for place, outcome in enumerate(outcomes) if outcome.status != "created"] == [17]
    assert len(org.truth("Accounts")) == 39
    assert _code(outcomes[17]) == ("BadRequest", True)


async def test_numbers_that_no_field_can_hold_cost_one_record(make_org: World) -> None:
    org = make_org()
    items = [WriteItem({NAME: "Good"}), WriteItem({NAME: "Bad", "Annual_Revenue": Decimal("1e400")})]
    outcomes = await org.connect().write(WriteRequest("Accounts", "create", items))
    assert [outcome.status for outcome in outcomes] == ["created", "rejected"]


async def test_a_lost_reply_to_a_create_is_unknown_and_is_not_sent_again(make_org: World) -> None:
    org = make_org(faults=("lost@POST /Accounts:1x",))
    connector = org.connect()
    outcomes = await connector.write(accounts("a", "b"))
    assert [outcome.status for outcome in outcomes] == ["unknown", "unknown"]
    assert len(org.calls("POST /crm/v8/Accounts")) == 1
    wanted = (Condition(NAME, "in", ["a", "b"]),)
    found = [row for page in await org.pages(connector, "Accounts", filter=wanted) for row in page.upserts]
    assert len(found) == 2, "they are there, and can be adopted"


async def test_a_lost_reply_among_batches_leaves_the_others_told_apart(make_org: World) -> None:
    org = make_org(faults=("lost@POST /Accounts:1x",))
    outcomes = await org.connect(concurrency=1).write(accounts(*(f"Number {place}" for place in range(250))))
    assert [outcome.status for outcome in outcomes] == ["unknown"] * 100 + ["created"] * 150
    assert len(org.truth("Accounts")) == 250


@pytest.mark.parametrize("fault", ["cut", "503", "429", "lost", "truncated", "html", "empty"])
async def test_an_upsert_whose_reply_is_lost_is_repeated_and_makes_one_record(
    make_org: World, fault: str
) -> None:
    org = make_org(faults=(f"{fault}@POST /upsert:1x",))
    request = WriteRequest("Accounts", "upsert", [WriteItem({"Phone": "1"}, key="a")], match=NAME)
    (outcome,) = await org.connect().write(request)
    assert outcome.ok
    assert next(iter(org.truth("Accounts", NAME, "Phone").values()))[1:] == ("a", "1")
    assert len(org.truth("Accounts")) == 1


async def test_an_upsert_makes_what_is_not_there_and_changes_what_is(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    (made,) = await connector.write(accounts("a"))
    items = [WriteItem({"Phone": "1"}, key="a"), WriteItem({}, key="b"), WriteItem({}, key=None)]
    outcomes = await connector.write(WriteRequest("Accounts", "upsert", items, match=NAME))
    assert [outcome.status for outcome in outcomes] == ["updated", "created", "rejected"]
    assert outcomes[0].id == made.id
    with pytest.raises(Unsupported, match="match by one of: Account_Name"):
        await connector.write(WriteRequest("Accounts", "upsert", items, match="Phone"))
    with pytest.raises(Unsupported, match="cannot upsert Tasks"):
        await connector.write(WriteRequest("Tasks", "upsert", items, match="Subject"))


async def test_two_items_of_one_key_are_not_sent_at_once(make_org: World) -> None:
    org = make_org()
    items = [WriteItem({"Phone": phone}, key=key) for key, phone in (("a", "1"), ("b", "2"), ("A", "3"))]
    outcomes = await org.connect().write(WriteRequest("Accounts", "upsert", items, match=NAME))
    assert [outcome.status for outcome in outcomes] == ["created", "created", "updated"]
    assert len(org.calls("upsert")) == 2
    assert len(org.truth("Accounts")) == 2


async def test_a_taken_unique_value_is_rejected_with_the_id_of_the_record_that_has_it(
    make_org: World, tmp_path: Path
) -> None:
    org, connector = _keyed(make_org, tmp_path)
    first = WriteItem({NAME: "a", "Sync_Key": "k1"})
    (made,) = await connector.write(WriteRequest("Accounts", "create", [first]))
    (again,) = await connector.write(WriteRequest("Accounts", "create", [first]))
    assert (again.status, again.id) == ("rejected", made.id)
    assert again.problem is not None
    assert again.problem.code == "DUPLICATE_DATA"
    assert again.problem.permanent
    assert len(org.truth("Accounts")) == 1


async def test_a_sync_key_makes_creates_safe_to_repeat(make_org: World, tmp_path: Path) -> None:
    org, connector = _keyed(make_org, tmp_path)
    able = (await connector.capabilities()).objects
    assert (able["Accounts"].sync_key, able["Accounts"].create_safety) == ("Sync_Key", "upsert")
    assert able["Accounts"].upsert_keys == (NAME, "Sync_Key")
    assert (able["Contacts"].sync_key, able["Contacts"].create_safety) == (None, "list_recent")
    request = WriteRequest("Accounts", "upsert", [WriteItem({NAME: "a"}, key="k1")], match="Sync_Key")
    org.double.faults.replace(["lost@POST /upsert:1x"])
    (outcome,) = await connector.write(request)
    assert outcome.ok
    assert len(org.truth("Accounts")) == 1


async def test_an_update_changes_what_it_names_and_clears_none(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    (made,) = await connector.write(
        WriteRequest("Accounts", "create", [WriteItem({NAME: "a", "Phone": "1", "Fax": "2"})])
    )
    items = [WriteItem({"Phone": None}, id=made.id), WriteItem({}, id="12"), WriteItem({}, id="x' or 1")]
    outcomes = await connector.write(WriteRequest("Accounts", "update", items))
    assert [outcome.status for outcome in outcomes] == ["updated", "rejected", "rejected"]
    assert org.truth("Accounts", NAME, "Phone", "Fax")[str(made.id)][1:] == ("a", None, "2")


async def test_a_conditional_update_is_refused_when_the_record_has_changed(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    made = await connector.write(accounts("a", "b", "c"))
    org.clock.advance(60)
    await org.change("Accounts", [str(made[1].id)], Phone="meanwhile")
    items = [WriteItem({"Phone": "mine"}, id=one.id, if_version=one.version) for one in made]
    outcomes = await connector.write(WriteRequest("Accounts", "update", items))
    assert [outcome.status for outcome in outcomes] == ["updated", "conflict", "updated"]
    assert org.truth("Accounts", "Phone")[str(made[1].id)][1] == "meanwhile"


async def test_a_conditional_update_whose_reply_is_lost_is_unknown_and_no_conflict(
    make_org: World,
) -> None:
    org = make_org()
    connector = org.connect()
    (made,) = await connector.write(accounts("a"))
    org.clock.advance(60)
    org.double.faults.replace(["lost@PUT /Accounts:1x"])
    item = WriteItem({"Phone": "mine"}, id=made.id, if_version=made.version)
    (outcome,) = await connector.write(WriteRequest("Accounts", "update", [item]))
    assert outcome.status == "unknown"


async def test_deleting_twice_is_deleted_both_times(make_org: World) -> None:
    org = make_org({"Accounts": 3})
    ids = sorted(org.truth("Accounts"))
    request = WriteRequest("Accounts", "delete", [WriteItem(id=one) for one in ids[:2]])
    connector = org.connect()
    for _ in range(2):
        outcomes = await connector.write(request)
        assert [outcome.status for outcome in outcomes] == ["deleted", "deleted"]
    assert set(org.truth("Accounts")) == {ids[2]}


async def test_a_delete_whose_replies_cannot_be_read_is_unknown(make_org: World) -> None:
    org = make_org({"Accounts": 2}, faults=("truncated@DELETE /crm/v8/Accounts",))
    one, other = sorted(org.truth("Accounts"))
    (outcome,) = await org.connect().write(WriteRequest("Accounts", "delete", [WriteItem(id=one)]))
    assert (outcome.status, outcome.id) == ("unknown", one)
    assert set(org.truth("Accounts")) == {other}, "the first try was applied"


async def test_a_delete_whose_reply_is_lost_is_repeated(make_org: World) -> None:
    org = make_org({"Accounts": 2}, faults=("lost@DELETE /Accounts:1x",))
    ids = sorted(org.truth("Accounts"))
    outcomes = await org.connect().write(
        WriteRequest("Accounts", "delete", [WriteItem(id=one) for one in ids])
    )
    assert [outcome.status for outcome in outcomes] == ["deleted", "deleted"]


async def test_activities_are_linked_to_the_module_they_name(make_org: World) -> None:
    org = make_org({"Accounts": 1})
    connector = org.connect()
    (account,) = org.truth("Accounts")
    task = WriteItem({"Subject": "Call back", "What_Id": {"id": account}, "$se_module": "Accounts"})
    (made,) = await connector.write(WriteRequest("Tasks", "create", [task]))
    (row,) = await connector.get("Tasks", [str(made.id)], ["What_Id", "$se_module"])
    assert not isinstance(row, Missing)
    assert row["$se_module"] == "Accounts"


async def test_instants_are_sent_in_the_one_form_that_zoho_takes(make_org: World) -> None:
    org = make_org()
    event = WriteItem(
        {
            "Event_Title": "Meeting",
            "Start_DateTime": "2026-03-01T10:00:00.250Z",
            "End_DateTime": "2026-03-01T11:00:00+00:00",
        }
    )
    (made,) = await org.connect().write(WriteRequest("Events", "create", [event]))
    assert made.status == "created"


async def test_the_organisations_automations_run_unless_told_otherwise(make_org: World) -> None:
    org = make_org()
    for trigger, sent in ((None, False), ([], True), (["workflow"], True)):
        (outcome,) = await org.connect(trigger=trigger).write(accounts(f"{trigger}"))
        assert outcome.ok
        body = json.loads(org.bodies[-1])
        assert ("trigger" in body, body.get("trigger")) == (sent, trigger)


async def test_what_could_not_be_sent_is_told_apart_from_what_was(make_org: World) -> None:
    org = make_org()
    connector = org.connect(concurrency=1)
    await connector.write(accounts("first"))
    names = [f"Number {place}" for place in range(250)]
    org.double.faults.replace([])
    calls = 0

    def cut_off(_: object) -> None:
        nonlocal calls
        calls = len(org.calls("POST /crm/v8/Accounts"))
        if calls == 2:
            org.double.faults.replace(["403@POST /Accounts"])

    org.events.subscribe(cut_off)
    outcomes = await connector.write(accounts(*names))
    statuses = [outcome.status for outcome in outcomes]
    assert statuses == ["created"] * 100 + ["rejected"] * 150
    assert {_code(outcome) for outcome in outcomes[100:]} == {("not_sent", False)}


async def test_when_nothing_was_sent_the_error_is_raised(make_org: World) -> None:
    org = make_org(faults=("403@POST /Accounts",))
    with pytest.raises(AuthError, match="NO_PERMISSION"):
        await org.connect().write(accounts("a"))
    org = make_org(faults=("cut@/oauth/",))
    with pytest.raises(Unavailable):
        await org.connect().write(accounts("a"))
    org = make_org(faults=("429@POST /Accounts",))
    with pytest.raises(RateLimited):
        await org.connect().write(accounts("a"))
    with pytest.raises(NotFound):
        await make_org().connect().write(WriteRequest("Nothing", "create", [WriteItem({})]))


async def test_a_page_of_updates_with_versions_is_sent_several_at_once(make_org: World) -> None:
    org = make_org(settings={"concurrency": "5"})
    connector = org.connect(concurrency=5)
    made = await connector.write(accounts(*(f"Number {place}" for place in range(23))))
    items = [WriteItem({"Phone": "1"}, id=one.id, if_version=one.version) for one in made]
    outcomes = await connector.write(WriteRequest("Accounts", "update", items))
    assert {outcome.status for outcome in outcomes} == {"updated"}


def _keyed(make_org: World, tmp_path: Path) -> tuple[Org, Connector]:
    schema = tmp_path / "schema.json"
    field = {"name": "Sync_Key", "type": "text", "unique": True}
    schema.write_text(json.dumps({"Accounts": [field]}))
    org = make_org(schema=schema)
    return org, org.connect(sync_key="Sync_Key")


def _code(outcome: Outcome) -> tuple[str, bool]:
    assert outcome.problem is not None
    return outcome.problem.code, outcome.problem.permanent
