"""What a lead of Salesforce has become, in canonical words."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from crmhub.models import Contact, Ref
from crmhub.powers import Changes
from crmhub_salesforce.simulator.lives import convert_lead
from tests.integration.api_doubles import both

if TYPE_CHECKING:
    from crmhub_salesforce.simulator import SalesforceDouble

pytestmark = pytest.mark.anyio


async def test_a_converted_lead_names_the_account_contact_and_deal_that_it_has_become() -> None:
    async with both(rows=4) as given:
        double = cast("SalesforceDouble", given.doubles["salesforce"])
        whole, part, live = sorted(str(row["Id"]) for row in double.truth("Lead"))[:3]
        made = {whole: convert_lead(double.org, whole, deal="Big one"), part: convert_lead(double.org, part)}
        contacts = given.connection("salesforce").contacts
        assert [_became(await contacts.get(lead)) for lead in (whole, part, live)] == [
            (
                Ref(model="account", id=made[whole]["ConvertedAccountId"]),
                Ref(model="contact", id=made[whole]["ConvertedContactId"]),
                Ref(model="deal", id=made[whole]["ConvertedOpportunityId"]),
            ),
            (
                Ref(model="account", id=made[part]["ConvertedAccountId"]),
                Ref(model="contact", id=made[part]["ConvertedContactId"]),
                None,
            ),
            (None, None, None),
        ]
        listed = {contact.id for contact in await contacts.list(where={"kind": "lead"})}
        assert {whole, part, live} & listed == {live}


async def test_a_lead_that_waits_is_not_synced_once_it_has_been_converted() -> None:
    async with both(rows=0) as given:
        double = cast("SalesforceDouble", given.doubles["salesforce"])
        lead = {"LastName": "Hopper", "Company": "Navy", "LeadSource": "of no choice"}
        path = "/services/data/v62.0/sobjects/Lead"
        answer = await given.hub["salesforce"].request("POST", path, json={**lead})
        assert isinstance(answer, dict)
        report = await given.hub.sync("salesforce", "zoho", models=("contact",))
        assert report.letters == {"rejected": 1}
        convert_lead(double.org, str(answer["id"]))
        report = await given.hub.sync("salesforce", "zoho", models=("contact",), retry=True)
        assert report.letters == {}
        assert not list(given.doubles["zoho"].truth("Leads"))


async def test_a_message_about_a_converted_lead_tells_what_it_has_become() -> None:
    async with both(rows=2) as given:
        double = cast("SalesforceDouble", given.doubles["salesforce"])
        lead = min(str(row["Id"]) for row in double.truth("Lead"))
        made = convert_lead(double.org, lead)
        (page,) = await given.hub["salesforce"].webhooks.read([Changes("Lead", changed=(lead,))])
        (gone,) = page.deleted
        assert (gone.id, gone.life, gone.into) == (lead, "converted", made["ConvertedContactId"])


def _became(lead: Contact) -> tuple[Ref | None, Ref | None, Ref | None]:
    assert lead.kind == "lead"
    return lead.converted_account, lead.converted_contact, lead.converted_deal
