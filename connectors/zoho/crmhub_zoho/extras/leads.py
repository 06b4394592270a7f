"""Lead conversion.

Source: Zoho CRM API v8, "Convert Lead": a lead is converted once, as a whole or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping

from crmhub.connector import Native, Value
from crmhub.errors import ConnectorError, UnknownOutcome, Where
from crmhub_zoho.extras.checks import record_id
from crmhub_zoho.extras.results import Converted
from crmhub_zoho.records import ID
from crmhub_zoho.tiers.rest_extras import RestExtras

__all__ = ["Leads"]

_LOOK_UP = (
    "a lead that was converted is found by request('GET', '/crm/v8/Leads',"
    " params={'ids': id, 'converted': 'true', 'fields': 'Last_Name'}); it is converted once, so that"
    " a second try is refused with ID_ALREADY_CONVERTED"
)


class Leads:
    """Converts leads."""

    def __init__(self, rest: RestExtras) -> None:
        self._rest = rest

    async def convert(
        self,
        lead: str,
        *,
        deal: Mapping[str, Value] | None,
        account: str | None,
        contact: str | None,
        owner: str | None,
        overwrite: bool,
        notify_lead_owner: bool,
        notify_new_owner: bool,
    ) -> Converted:
        """The records that the lead has become."""
        record_id(lead, "Leads")
        how: Native = {
            "overwrite": overwrite,
            "notify_lead_owner": notify_lead_owner,
            "notify_new_entity_owner": notify_new_owner,
        }
        for module, one in (("Accounts", account), ("Contacts", contact)):
            if one is not None:
                how[module] = {ID: record_id(one, module)}
        if owner is not None:
            how["assign_to"] = {ID: record_id(owner, "users")}
        if deal is not None:
            how["Deals"] = dict(deal)
        try:
            answer = await self._rest.convert(lead, how)
        except ConnectorError as error:
            if error.applied is None:
                error.hint = _LOOK_UP
            error.at(object="Leads", record=lead)
            raise
        found = _ids(answer.items[0] if answer.items else {})
        if "Contacts" not in found:
            raise UnknownOutcome(
                "Zoho's answer to a conversion names no contact",
                hint=_LOOK_UP,
                where=Where(None, "Leads", lead),
            )
        return Converted(found["Contacts"], found.get("Accounts"), found.get("Deals"))


def _ids(item: Native) -> dict[str, str]:
    """The ids of the new records by their modules."""
    details = item.get("details")
    named = details.items() if isinstance(details, dict) else ()
    return {
        name: str(one[ID])
        for name, one in named
        if isinstance(one, dict) and isinstance(one.get(ID), str | int)
    }
