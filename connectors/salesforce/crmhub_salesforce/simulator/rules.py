"""What the service fills in and insists on, object by object: names, stages, activities."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal

from crmhub.testing.simulator.table import Row
from crmhub_salesforce.simulator.catalog.opportunities import FORECAST_NAMES
from crmhub_salesforce.simulator.catalog.sobject import SObject
from crmhub_salesforce.simulator.errors import ApiError
from crmhub_salesforce.simulator.org import Org
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
    if sobject.name == "Lead":
        row["IsUnreadByOwner"] = True
    return row


def complete(org: Org, sobject: SObject, row: Row, given: Row, before: Row | None) -> None:
    """Fill in the computed fields of a row about to be kept; raises ApiError where the object's own rules are
    broken.
    """
    rule = _RULES.get(sobject.name)
    if rule is not None:
        rule(org, row, given, before)


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


_RULES: Mapping[str, Rule] = {
    "Contact": _full_name,
    "Lead": _full_name,
    "User": _full_name,
    "Opportunity": _opportunity,
    "Task": _task,
    "Event": _event,
}
