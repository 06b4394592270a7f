"""What people do with records outside of REST: merging two of them, converting a lead.

Sources: SOAP API Developer Guide, "merge()", "convertLead()"; Object Reference, "Lead".
"""

from crmhub.testing.simulator.table import Row
from crmhub_salesforce.simulator.catalog.sobject import SObject
from crmhub_salesforce.simulator.errors import ApiError, not_found
from crmhub_salesforce.simulator.org import Org
from crmhub_salesforce.simulator.records import Records
from crmhub_salesforce.simulator.values import stamp


def merge(org: Org, name: str, winner: str, loser: str) -> None:
    """Merge one record into another; what belongs to it goes over. Raises ApiError."""
    sobject, records = _sobject(org, name), Records(org)
    if not sobject.mergeable:
        raise ApiError("INVALID_TYPE_FOR_OPERATION", f"entity type {name} does not support merge")
    master, place = records.find(sobject, winner), records.find(sobject, loser)
    for child in org.catalog.children(name):
        below = org.catalog.get(child.sobject)
        if below is not None:
            table = org.tables[below.name]
            for found in [one for one in table.find(child.field.name, loser) if table.is_live(one)]:
                org.update(below, found, {**table.row(found), child.field.name: winner})
    table = org.tables[name]
    org.update(sobject, master, dict(table.row(master)))
    table.replace(place, {**table.row(place), "MasterRecordId": winner}, table.modified(place))
    org.delete(sobject, place)


def convert_lead(org: Org, lead: str, *, deal: str | None = None) -> dict[str, str]:
    """Convert a lead to an account, a contact and, named so, an opportunity; their ids. Raises ApiError."""
    sobject, records = _sobject(org, "Lead"), Records(org)
    place = records.find(sobject, lead)
    row = org.tables["Lead"].row(place)
    if row.get("IsConverted"):
        raise ApiError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", fields=())
    account = records.create(_sobject(org, "Account"), {"Name": row["Company"]})
    shared = {name: row[name] for name in ("FirstName", "LastName", "Email", "Phone") if row.get(name)}
    contact = records.create(_sobject(org, "Contact"), {**shared, "AccountId": account})
    made: dict[str, str] = {"ConvertedAccountId": account, "ConvertedContactId": contact}
    today = stamp(org.clock.seconds())[:10]
    if deal is not None:
        body = {"Name": deal, "AccountId": account, "StageName": org.stages[0].label, "CloseDate": today}
        made["ConvertedOpportunityId"] = records.create(_sobject(org, "Opportunity"), body)
    done: Row = {**row, **made, "IsConverted": True, "ConvertedDate": today, "Status": "Closed - Converted"}
    org.update(sobject, place, done)
    return made


def _sobject(org: Org, name: str) -> SObject:
    found = org.catalog.get(name)
    if found is None:
        raise not_found()
    return found
