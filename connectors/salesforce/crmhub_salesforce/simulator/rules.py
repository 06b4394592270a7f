"""What the service fills in and insists on, object by object: names, stages, activities."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal

from crmhub.testing.simulator.table import Row
from crmhub_salesforce.simulator.catalog.opportunities import FORECAST_NAMES
from crmhub_salesforce.simulator.catalog.sobject import SObject
from crmhub_salesforce.simulator.errors import ApiError
from crmhub_salesforce.simulator.org import Org
from crmhub_salesforce.simulator.uploads import measure, size_of
from crmhub_salesforce.simulator.values import as_double, epoch, stamp

Rule = Callable[[Org, Row, Row, Row | None], None]
"""(org, row to be completed, what the request set, the row before or None on create)."""

_MAX_EVENT_DAYS = 14


def defaults(org: Org, sobject: SObject) -> Row:
    """What a new record has where the request says nothing."""
    row: Row = {}
    for field in sobject.fields:
        if field.type == "boolean":
            row[field.name] = False
        for choice in field.choices:
            if choice.default:
                row[field.name] = choice.value
        if field.name == "OwnerId":
            row[field.name] = org.user_id
    if (kind := org.default_type(sobject)) is not None:
        row["RecordTypeId"] = kind
    if sobject.name == "Lead":
        row["IsUnreadByOwner"] = True
    return row


def complete(org: Org, sobject: SObject, row: Row, given: Row, before: Row | None) -> None:
    """Fill in the computed fields of a row about to be kept; raises ApiError where the object's own rules are
    broken.
    """
    _check_type(org, sobject, row, given)
    if sobject.name.endswith("__c") and not row.get("Name"):
        row["Name"] = str(
            row.get("Id") or org.tables[sobject.name].id_at(org.tables[sobject.name].next_place)
        )
    rule = _RULES.get(sobject.name)
    if rule is not None:
        rule(org, row, given, before)


def _check_type(org: Org, sobject: SObject, row: Row, given: Row) -> None:
    """A record's type is one of its object's, and cuts its restricted pick lists to the type's own values."""
    if not org.record_types or sobject.field("RecordTypeId") is None:
        return
    key = row.get("RecordTypeId")
    known = org.record_types.get(str(key))
    if key is not None and (known is None or known[0] != sobject.name):
        message = f"Record Type ID: this ID value isn't valid for the user: {key}"
        raise ApiError("INVALID_CROSS_REFERENCE_KEY", message, fields=["RecordTypeId"])
    for name, values in known[1].values.items() if known else ():
        field = sobject.field(name)
        if field is not None and field.restricted and given.get(field.name) not in {None, *values}:
            value = given[field.name]
            message = f"{field.label}: bad value for restricted picklist field: {value}"
            raise ApiError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, fields=[field.name])


def _full_name(org: Org, row: Row, given: Row, before: Row | None) -> None:
    del org, given, before
    parts = [str(row[name]) for name in ("FirstName", "LastName") if row.get(name)]
    row["Name"] = " ".join(parts)


def _opportunity(org: Org, row: Row, given: Row, before: Row | None) -> None:
    stage = org.stage(row.get("StageName"))
    moved = before is None or before.get("StageName") != row.get("StageName")
    forecast = stage.forecast if stage else "Pipeline"
    if moved:
        row["StageName"] = stage.label if stage else row["StageName"]
        row["LastStageChangeDate"] = stamp(org.clock.seconds())
        if "ForecastCategoryName" not in given:
            row["ForecastCategoryName"] = FORECAST_NAMES[forecast]
    if given.get("Probability") is None and (moved or "Probability" in given):
        row["Probability"] = Decimal(f"{stage.probability if stage else 0}.0")
    named = {shown: name for name, shown in FORECAST_NAMES.items()}
    row["ForecastCategory"] = named.get(str(row.get("ForecastCategoryName")), forecast)
    row["IsClosed"] = stage is not None and stage.closed
    row["IsWon"] = stage is not None and stage.won
    amount, probability = row.get("Amount"), row["Probability"]
    if isinstance(probability, Decimal) and not 0 <= probability <= 100:
        message = f"Probability (%): value outside of valid range on numeric field: {probability}"
        raise ApiError("NUMBER_OUTSIDE_VALID_RANGE", message, fields=["Probability"])
    if isinstance(amount, Decimal) and isinstance(probability, Decimal):
        row["ExpectedRevenue"] = as_double(amount * probability / 100)
    else:
        row.pop("ExpectedRevenue", None)
    year, month = str(row["CloseDate"]).split("-")[:2]
    quarter = (int(month) + 2) // 3
    row.update(FiscalYear=int(year), FiscalQuarter=quarter, Fiscal=f"{year} {quarter}")


def _related(org: Org, row: Row) -> None:
    """An activity belongs to the account that it, its opportunity or its contact belongs to; a lead stands
    alone.
    """
    who, what = row.get("WhoId"), row.get("WhatId")
    if who and str(who).startswith("00Q") and what:
        message = "If you select a lead in the Name field, the Related To field must be empty"
        raise ApiError("FIELD_INTEGRITY_EXCEPTION", message, fields=["WhatId"])
    row.pop("AccountId", None)
    for key in (what, who):
        if isinstance(key, str):
            found = key if key.startswith("001") else (org.live(key) or {}).get("AccountId")
            if found:
                row["AccountId"] = found
                return


def _task(org: Org, row: Row, given: Row, before: Row | None) -> None:
    del given
    _related(org, row)
    closed = row.get("Status") == "Completed"
    if closed and not (before or {}).get("IsClosed"):
        row["CompletedDateTime"] = stamp(org.clock.seconds())
    if not closed:
        row.pop("CompletedDateTime", None)
    row.setdefault("TaskSubtype", "Task")
    row["IsClosed"] = closed
    row["IsHighPriority"] = row.get("Priority") == "High"


def _event(org: Org, row: Row, given: Row, before: Row | None) -> None:
    del before
    _related(org, row)
    row.setdefault("EventSubtype", "Event")
    if row["IsAllDayEvent"]:
        first = str(
            given.get("ActivityDate") or str(given.get("StartDateTime") or row.get("ActivityDate") or "")[:10]
        )
        last = str(given.get("EndDateTime") or row.get("EndDateTime") or first)[:10]
        if not first:
            raise _missing("ActivityDate")
        start, days = _midnight(first), max(_midnight(last) - _midnight(first), 0) // 86400 + 1
        _span(row, start, days * 1440)
        row.update(EndDateTime=stamp(_midnight(last)), EndDate=last)
        row.pop("ActivityDateTime", None)
        return
    begin = given.get("StartDateTime") or given.get("ActivityDateTime") or row.get("StartDateTime")
    if given.get("StartDateTime") and given.get("ActivityDateTime", begin) != begin:
        message = "StartDateTime and ActivityDateTime must be the same"
        raise ApiError("FIELD_INTEGRITY_EXCEPTION", message, fields=["ActivityDateTime"])
    if not begin:
        raise _missing("DurationInMinutes", "ActivityDateTime")
    start = epoch(str(begin))
    _span(row, start, _minutes(row, given, start))


def _minutes(row: Row, given: Row, start: int) -> int:
    end, said = given.get("EndDateTime"), given.get("DurationInMinutes")
    if end is None and said is None:
        said = row.get("DurationInMinutes")
    if end is None and not isinstance(said, int):
        raise _missing("DurationInMinutes", "ActivityDateTime")
    found = said if end is None else (epoch(str(end)) - start) // 60
    if not isinstance(found, int) or not 0 <= found <= _MAX_EVENT_DAYS * 1440:
        message = f"Event duration can not be negative or longer than {_MAX_EVENT_DAYS} days"
        raise ApiError("FIELD_INTEGRITY_EXCEPTION", message, fields=["EndDateTime"])
    if said is not None and said != found:
        message = "duration should be consistent with end date: ActivityDateTime + DurationInMinutes"
        raise ApiError("FIELD_INTEGRITY_EXCEPTION", message, fields=["DurationInMinutes"])
    return found


def _span(row: Row, start: int, minutes: int) -> None:
    begin = stamp(start)
    end = stamp(start + minutes * 60)
    row.update(
        StartDateTime=begin,
        ActivityDateTime=begin,
        ActivityDate=begin[:10],
        DurationInMinutes=minutes,
        EndDateTime=end,
        EndDate=end[:10],
    )


def _midnight(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())


def _missing(*names: str) -> ApiError:
    message = f"Required fields are missing: [{', '.join(names)}]"
    return ApiError("REQUIRED_FIELD_MISSING", message, fields=names)


def _attachment(org: Org, row: Row, given: Row, before: Row | None) -> None:
    del org, given, before
    row["BodyLength"] = size_of(row.get("Body"))


def _case(org: Org, row: Row, given: Row, before: Row | None) -> None:
    del given
    row.setdefault("CaseNumber", f"{org.tables['Case'].next_place + 1001:08d}")
    closed = row.get("Status") == "Closed"
    if closed and not (before or {}).get("IsClosed"):
        row["ClosedDate"] = stamp(org.clock.seconds())
    if not closed:
        row.pop("ClosedDate", None)
    row["IsClosed"] = closed


def _member(org: Org, row: Row, given: Row, before: Row | None) -> None:
    del given
    person = row.get("LeadId") or row.get("ContactId")
    if person is None:
        raise _missing("LeadId", "ContactId")
    row["HasResponded"] = row.get("Status") == "Responded"
    table = org.tables["CampaignMember"]
    members = (table.row(place) for place in table.find("CampaignId", row["CampaignId"]))
    name = "LeadId" if row.get("LeadId") else "ContactId"
    if before is None and any(member.get(name) == person for member in members):
        raise ApiError("DUPLICATE_VALUE", "Already a campaign member.", fields=())


def _version(org: Org, row: Row, given: Row, before: Row | None) -> None:
    del org, given, before
    measure(row)


_RULES: Mapping[str, Rule] = {
    "Attachment": _attachment,
    "CampaignMember": _member,
    "Case": _case,
    "Contact": _full_name,
    "ContentVersion": _version,
    "Lead": _full_name,
    "User": _full_name,
    "Opportunity": _opportunity,
    "Task": _task,
    "Event": _event,
}
