"""Reading Lofty: scrolls that are forgotten, replies in either shape, what stands below leads, refusals."""

from __future__ import annotations

from decimal import Decimal

import pytest

from crmhub.connector import Missing, Native, ReadRequest
from crmhub.errors import AuthError, PermissionDenied
from crmhub.http import MemoryTokenStore
from crmhub.mapping.check import check_mapping
from crmhub.mapping.load import load_mapping, shipped_mappings
from crmhub_rest.conformance.lofty import LoftyOrg
from tests.integration.lofty.conftest import Make, create, get, read

pytestmark = pytest.mark.anyio


def _leads(count: int) -> list[Native]:
    return [{"firstName": f"Lead {number}"} for number in range(count)]


@pytest.mark.parametrize("metadata", ["_metadata", "get_metadata"])
async def test_a_scroll_that_lofty_has_forgotten_begins_anew(make: Make, metadata: str) -> None:
    org = make(scroll_seconds="60", metadata=metadata)
    wanted = set(await org.insert("leads", _leads(10)))  # pyright: ignore[reportArgumentType]
    pages = org.connect().read(ReadRequest("leads", ("firstName",), page_size=4))
    first = await anext(pages)
    await pages.aclose()
    org.clock.advance(3600)
    rest = await read(org.connect(), "leads", "firstName", since=first.checkpoint, page_size=4)
    assert {str(row["leadId"]) for row in rest} | {str(row["leadId"]) for row in first.upserts} == wanted


@pytest.mark.parametrize("shape", ["wrapped", "bare", "both"])
async def test_one_lead_is_read_in_whichever_shape_it_comes(make: Make, shape: str) -> None:
    org = make(lead_reply=shape)
    (id_,) = await org.insert("leads", [{"firstName": "Ada", "emails": ["a@x.example", "b@x.example"]}])
    found = await get(org.connect(), "leads", id_, "firstName", "emails")
    assert (found["firstName"], found["emails"]) == ("Ada", {"n1": "a@x.example", "n2": "b@x.example"})


@pytest.mark.parametrize("switches", [{}, {"codes": "words"}, {"errors": "text"}])
async def test_refusals_are_understood_in_every_form(make: Make, switches: dict[str, str]) -> None:
    org = make(**switches)
    (id_,) = await org.insert("leads", [{"firstName": "Ada"}])
    connector = org.connect()
    (found,) = await connector.get("leads", ["1147301720804789999"], ("firstName",))
    assert isinstance(found, Missing)
    refused = await create(connector, "leads", firstName="Ada", assignedUserId="999")
    assert refused.problem is not None
    assert refused.problem.field == "assignedUserId"
    org.played.change_settings({"forbidden": id_})
    with pytest.raises(PermissionDenied):
        await read(connector, "notes", "content")


async def test_what_is_below_leads_is_read_with_its_own_times(org: LoftyOrg) -> None:
    leads = await org.insert("leads", [{"firstName": "Ada"}, {"firstName": "Bob"}])
    for lead in leads:
        await org.insert("notes", [{"leadId": lead, "content": "Wants a garden"}])
        task: Native = {
            "leadId": lead,
            "type": "Call",
            "content": "Ring",
            "endAt": "2030-01-01T09:00:00+00:00",
        }
        await org.insert("tasks", [task])
        await org.insert("calls", [{"leadId": lead, "content": "Rang", "leadPhoneNumber": "+1 555 0100"}])
    connector, now = org.connect(), org.clock.now().replace(microsecond=0).isoformat()
    notes = await read(connector, "notes", "leadId", "content", "createTime")
    assert sorted((str(row["leadId"]), row["content"], row["createTime"]) for row in notes) == sorted(
        (lead, "Wants a garden", now) for lead in leads
    )
    tasks = await read(connector, "tasks", "leadId", "endAt", "done")
    assert {(row["leadId"], row["endAt"], row["done"]) for row in tasks} == {
        (lead, "2030-01-01T09:00:00+00:00", "planned") for lead in leads
    }
    calls = await read(connector, "calls", "leadId", "content", "outboundOrInbound")
    assert {(row["leadId"], row["content"], row["outboundOrInbound"]) for row in calls} == {
        (lead, "Rang", "Outbound") for lead in leads
    }


async def test_ids_beyond_what_a_double_holds_are_exact(org: LoftyOrg) -> None:
    (id_,) = await org.insert("leads", [{"firstName": "Ada"}])
    assert int(id_) > 2**53
    (user, *_) = await read(org.connect(), "users", "email")
    assert int(str(user["memberUserId"])) > 300_000_000_000_000
    found = await get(org.connect(), "leads", id_, "assignedUserId")
    assert found["leadId"] == id_


async def test_transactions_of_every_type_come_with_their_stage(org: LoftyOrg) -> None:
    (lead,) = await org.insert("leads", [{"firstName": "Ada"}])
    rows = [
        {"leadId": lead, "transactionName": "A", "stage": "Purchase/Offer", "homePrice": Decimal("10.50")},
        {"leadId": lead, "transactionName": "B", "stage": "Lease/Leased", "closeDate": "2026-05-01"},
    ]
    wanted = await org.insert("transactions", rows)  # pyright: ignore[reportArgumentType]
    connector = org.connect()
    found = {
        row["id"]: row for row in await read(connector, "transactions", "stage", "homePrice", "closeDate")
    }
    assert [found[id_]["stage"] for id_ in wanted] == ["Purchase/Offer", "Lease/Leased"]
    assert found[wanted[0]]["homePrice"] == Decimal("10.5")
    assert found[wanted[1]]["closeDate"] == "2026-05-01"
    assert await get(connector, "transactions", wanted[1], "stage", "closeDate") == {
        "id": wanted[1],
        "updated": found[wanted[1]]["updated"],
        "stage": "Lease/Leased",
        "closeDate": "2026-05-01",
    }
    stages = {row["id"]: row for row in await read(connector, "stages", "name", "outcome", "transactionType")}
    assert stages["Lease/Leased"]["outcome"] == "won"
    assert stages["Purchase/Cancelled"]["outcome"] == "lost"


async def test_choices_of_custom_fields_stand_in_a_text_that_is_json(org: LoftyOrg) -> None:
    fields = (await org.connect().describe("leads")).fields
    assert [choice.value for choice in fields["cf_Financing"].choices] == ["Cash", "Mortgage", "Other"]
    assert fields["cf_Interests"].type == "multi_enum"
    fields = (await org.connect().describe("transactions")).fields
    assert [choice.value for choice in fields["cf_1502"].choices] == ["Inspection", "Financing", "None"]


async def test_a_key_goes_with_its_own_word_and_a_useless_one_is_told(org: LoftyOrg) -> None:
    await org.insert("leads", [{"firstName": "Ada"}])
    keyed = org.connect(api_key=org.played.credentials["api_key"])
    assert len(await read(keyed, "leads", "firstName")) == 1
    org.played.act("revoke_key", {})
    with pytest.raises(AuthError):
        await read(org.connect(api_key=org.played.credentials["api_key"]), "leads", "firstName")


async def test_an_app_gets_tokens_for_the_key_of_its_customer(org: LoftyOrg) -> None:
    await org.insert("leads", [{"firstName": "Ada"}])
    connector = org.connect(refresh_token=None, customer_key=org.played.credentials["api_key"])
    assert len(await read(connector, "leads", "firstName")) == 1
    wrong = org.connect(tokens=MemoryTokenStore(), refresh_token=None, customer_key="WRONG")
    with pytest.raises(AuthError) as caught:
        await read(wrong, "leads", "firstName")
    assert "WRONG" not in str(caught.value)


async def test_the_mapping_fits_the_team_s_own_fields(org: LoftyOrg) -> None:
    spec = load_mapping(shipped_mappings()["lofty"])
    connector = org.connect()
    schemas = {entry.object: await connector.describe(entry.object) for entry in spec.maps}
    assert [str(found) for found in check_mapping(spec, schemas) if found.severity == "error"] == []
    stages = [choice.value for choice in schemas["leads"].fields["stage"].choices]
    assert "New Lead" in stages
