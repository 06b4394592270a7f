"""HubSpot's associations as fields: complete, the primary one first, the others left alone."""

from __future__ import annotations

import pytest
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from crmhub.connector import Missing, WriteItem
from crmhub.errors import ConnectorError
from crmhub.http import asgi_transport
from tests.integration.hubspot.conftest import Portals

pytestmark = pytest.mark.anyio
PLAIN, PRIMARY = 279, 1


async def test_more_contacts_of_a_deal_than_one_reply_holds_all_come(portal: Portals) -> None:
    (deal,) = await portal.insert("deals", {"dealname": "Everybody"})
    (other,) = await portal.insert("deals", {"dealname": "Two of them"})
    contacts = await portal.insert("contacts", *({"email": f"c{n}@example.com"} for n in range(1_203)))
    for one in contacts:
        portal.link("deals", deal, "contacts", one)
    for one in contacts[:2]:
        portal.link("deals", other, "contacts", one)
    rows = (await portal.read("deals", "associated_contacts")).rows
    assert rows[deal]["associated_contacts"] == contacts
    assert rows[other]["associated_contacts"] == contacts[:2]


async def test_the_company_of_a_contact_is_its_primary_one(portal: Portals) -> None:
    first, second = await portal.insert("companies", {"name": "Old"}, {"name": "New"})
    (contact,) = await portal.insert("contacts", {"email": "ana@example.com"})
    portal.link("contacts", contact, "companies", first)
    portal.link("contacts", contact, "companies", second, PRIMARY)
    assert (await portal.read("contacts", "associated_company")).rows[contact]["associated_company"] == second


async def test_a_contact_moves_to_another_company_and_keeps_those_that_are_not_primary(
    portal: Portals,
) -> None:
    old, side, new = await portal.insert("companies", {"name": "Old"}, {"name": "Side"}, {"name": "New"})
    (contact,) = await portal.insert("contacts", {"email": "ana@example.com"})
    portal.link("contacts", contact, "companies", old)
    portal.link("contacts", contact, "companies", side)
    outcomes = await portal.write("contacts", "update", WriteItem({"associated_company": new}, id=contact))
    assert [one.status for one in outcomes] == ["updated"]
    assert portal.linked("contacts", contact, "companies") == {side: {PLAIN}, new: {PLAIN, PRIMARY}}


async def test_a_company_that_was_tied_already_becomes_the_primary_one(portal: Portals) -> None:
    old, side = await portal.insert("companies", {"name": "Old"}, {"name": "Side"})
    (contact,) = await portal.insert("contacts", {"email": "ana@example.com"})
    portal.link("contacts", contact, "companies", old)
    portal.link("contacts", contact, "companies", side)
    await portal.write("contacts", "update", WriteItem({"associated_company": side}, id=contact))
    assert portal.linked("contacts", contact, "companies") == {side: {PLAIN, PRIMARY}}


async def test_a_company_is_taken_from_a_contact(portal: Portals) -> None:
    (company,) = await portal.insert("companies", {"name": "Old"})
    (contact,) = await portal.insert("contacts", {"email": "ana@example.com"})
    portal.link("contacts", contact, "companies", company)
    await portal.write("contacts", "update", WriteItem({"associated_company": None}, id=contact))
    assert portal.linked("contacts", contact, "companies") == {}


async def test_deals_are_tied_by_the_calls_that_create_them(portal: Portals) -> None:
    (company,) = await portal.insert("companies", {"name": "Acme"})
    contacts = await portal.insert("contacts", {"email": "a@example.com"}, {"email": "b@example.com"})
    await portal.connector.able("deals")
    before = len(portal.org.calls)
    items = [
        WriteItem(
            {"dealname": f"Deal {n}", "associated_company": company, "associated_contacts": [*contacts]}
        )
        for n in range(3)
    ]
    made = await portal.write("deals", "create", *items)
    assert (
        portal.org.calls[before:]
        == ["POST /oauth/2026-03/token", "POST /crm/v3/objects/deals/batch/create"][
            -len(portal.org.calls[before:]) :
        ]
    )
    for one in made:
        assert one.id is not None
        assert portal.linked("deals", one.id, "companies") == {company: {341, 5}}
        assert [*portal.linked("deals", one.id, "contacts")] == contacts


async def test_a_tie_to_nobody_is_told_and_the_record_is_written(portal: Portals) -> None:
    (deal,) = await portal.insert("deals", {"dealname": "Alone"})
    (outcome,) = await portal.write(
        "deals", "update", WriteItem({"dealname": "Still alone", "associated_contacts": ["999"]}, id=deal)
    )
    assert outcome.status == "rejected"
    assert outcome.problem is not None
    assert "written, but not tied by associated_contacts" in outcome.problem.message
    assert (await portal.read("deals", "dealname")).rows[deal]["dealname"] == "Still alone"


async def test_notes_are_tied_to_contact_company_and_deal_at_once(portal: Portals) -> None:
    (company,) = await portal.insert("companies", {"name": "Acme"})
    (contact,) = await portal.insert("contacts", {"email": "a@example.com"})
    (deal,) = await portal.insert("deals", {"dealname": "Big"})
    item = WriteItem(
        {
            "hs_note_body": "Spoke",
            "associated_company": company,
            "associated_contact": contact,
            "associated_deal": deal,
        }
    )
    (made,) = await portal.write("notes", "create", item)
    rows = (await portal.read("notes", "associated_company", "associated_contact", "associated_deal")).rows
    assert rows[made.id or ""] == {
        "id": made.id,
        "hs_lastmodifieddate": rows[made.id or ""]["hs_lastmodifieddate"],
        "associated_company": company,
        "associated_contact": contact,
        "associated_deal": deal,
    }


async def test_an_activity_is_about_its_deal_and_else_about_its_company(portal: Portals) -> None:
    (company,) = await portal.insert("companies", {"name": "Acme"})
    (deal,) = await portal.insert("deals", {"dealname": "Big"})
    about = {"hs_task_subject": "Call", "associated_record": deal, "associated_record_object": "deals"}
    (made,) = await portal.write("tasks", "create", WriteItem({**about}))
    id_ = made.id or ""
    portal.link("tasks", id_, "companies", company)
    fields = ("associated_record", "associated_record_object")

    async def told() -> tuple[object, ...]:
        (found,) = await portal.connector.get("tasks", [id_], fields)
        row = (await portal.read("tasks", *fields)).rows[id_]
        assert not isinstance(found, Missing)
        assert [found[name] for name in fields] == [row[name] for name in fields]
        return tuple(row[name] for name in fields)

    assert await told() == (deal, "deals")
    item = WriteItem({"associated_record": company, "associated_record_object": "companies"}, id=id_)
    assert [one.status for one in await portal.write("tasks", "update", item)] == ["updated"]
    assert await told() == (company, "companies")
    assert portal.linked("tasks", id_, "deals") == {}
    assert (await portal.write("tasks", "update", WriteItem({"associated_record": None}, id=id_)))[0].ok
    assert await told() == (None, None)


async def test_an_activity_about_an_object_that_it_cannot_be_about_is_refused(portal: Portals) -> None:
    item = WriteItem({"associated_record": "5", "associated_record_object": "owners"})
    (outcome,) = await portal.write("tasks", "create", item)
    assert outcome.status == "rejected"
    assert outcome.problem is not None
    assert outcome.problem.message == (
        "associated_record_object has to say of which object it is: deals, companies"
    )


async def test_contacts_that_an_upsert_creates_are_tied_too(portal: Portals) -> None:
    (company,) = await portal.insert("companies", {"name": "Acme"})
    items = [
        WriteItem({"firstname": name, "associated_company": company}, key=f"{name}@example.com")
        for name in ("ana", "bo")
    ]
    made = await portal.write("contacts", "upsert", *items, match="email")
    assert [one.status for one in made] == ["created", "created"]
    for one in made:
        assert [*portal.linked("contacts", one.id or "", "companies")] == [company]


async def test_links_that_hubspot_could_not_give_are_not_taken_for_none(portal: Portals) -> None:
    (contact,) = await portal.insert("contacts", {"email": "ana@example.com"})
    refusal = {"status": "error", "category": "INTERNAL_ERROR", "message": "internal error"}
    body = {"status": "COMPLETE", "results": [], "numErrors": 1, "errors": [refusal]}

    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        answer = portal.org.played.app
        if scope["path"].endswith("/associations/contacts/companies/batch/read"):
            answer = JSONResponse(body, 207)
        await answer(scope, receive, send)

    assert (await portal.read("contacts", "associated_company")).rows[contact]["associated_company"] is None
    portal.org.transport = asgi_transport(failing)
    with pytest.raises(ConnectorError, match="does not tell the links"):
        await portal.read("contacts", "associated_company", connector=portal.again())


async def test_a_note_can_be_about_a_contact_too_and_keeps_it_when_it_is_about_another_deal(
    portal: Portals,
) -> None:
    (contact,) = await portal.insert("contacts", {"email": "ada@example.com"})
    one, other = await portal.insert("deals", {"dealname": "One"}, {"dealname": "Other"})
    about = {"associated_record": contact, "associated_record_object": "contacts"}
    (made,) = await portal.write("notes", "create", WriteItem({"hs_note_body": "Hello", **about}))
    id_ = made.id or ""
    assert list(portal.linked("notes", id_, "contacts")) == [contact]
    for deal in (one, other):
        about = {"associated_record": deal, "associated_record_object": "deals"}
        (changed,) = await portal.write("notes", "update", WriteItem({**about}, id=id_))
        assert changed.ok
        assert list(portal.linked("notes", id_, "deals")) == [deal]
        assert list(portal.linked("notes", id_, "contacts")) == [contact]


async def test_links_of_many_records_are_changed_by_a_few_calls(portal: Portals) -> None:
    old, new = await portal.insert("companies", {"name": "Old"}, {"name": "New"})
    contacts = await portal.insert("contacts", *({"email": f"c{n}@example.com"} for n in range(100)))
    for one in contacts:
        portal.link("contacts", one, "companies", old, PRIMARY)
    await portal.connector.able("contacts")
    before = len(portal.org.calls)
    items = [WriteItem({"associated_company": new}, id=one) for one in contacts]
    assert all(one.ok for one in await portal.write("contacts", "update", *items))
    there = "POST /crm/v4/associations/contacts/companies/batch"
    assert [call for call in portal.org.calls[before:] if "oauth" not in call] == [
        f"{there}/read",
        f"{there}/create",
        f"{there}/archive",
    ]
    assert all(portal.linked("contacts", one, "companies") == {new: {PLAIN, PRIMARY}} for one in contacts)


async def test_of_many_links_the_one_that_cannot_be_is_told(portal: Portals) -> None:
    (company,) = await portal.insert("companies", {"name": "Acme"})
    contacts = await portal.insert("contacts", *({"email": f"c{n}@example.com"} for n in range(3)))
    items = [
        WriteItem({"firstname": "Ana", "associated_company": there}, id=one)
        for one, there in zip(contacts, (company, "999", company), strict=True)
    ]
    outcomes = await portal.write("contacts", "update", *items)
    assert [one.status for one in outcomes] == ["updated", "rejected", "updated"]
    assert outcomes[1].problem is not None
    assert "written, but not tied by associated_company" in outcomes[1].problem.message
    assert [len(portal.linked("contacts", one, "companies")) for one in contacts] == [1, 0, 1]
