"""What a lead of Salesforce has become, in canonical words."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from crmhub.models import Contact, Ref
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


def _became(lead: Contact) -> tuple[Ref | None, Ref | None, Ref | None]:
    assert lead.kind == "lead"
    return lead.converted_account, lead.converted_contact, lead.converted_deal
