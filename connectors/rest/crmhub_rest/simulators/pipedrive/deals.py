"""Deals: what may be written, and what follows from it.

Source: Pipedrive's API v2 file, `POST /deals` and `PATCH /deals/{id}`: times of closing can only be given
with the status that they belong to, and a reason for losing only with `lost`.
"""

from collections.abc import Mapping
from typing import Final, cast

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.pipedrive import values
from crmhub_rest.simulators.pipedrive.company import Company
from crmhub_rest.simulators.pipedrive.custom import read_custom
from crmhub_rest.simulators.pipedrive.errors import ApiError, invalid
from crmhub_rest.simulators.pipedrive.links import check_labels, check_links
from crmhub_rest.simulators.pipedrive.people import User
from crmhub_rest.simulators.pipedrive.values import Rule, nullable

CURRENCY: Final = "USD"
VISIBLE: Final = values.one_of(1, 3, 5, 7)
_RULES: Final[Mapping[str, Rule]] = {
    "title": values.text(255, filled=True),
    "owner_id": values.whole,
    "person_id": nullable(values.whole),
    "org_id": nullable(values.whole),
    "pipeline_id": values.whole,
    "stage_id": values.whole,
    "value": nullable(values.number),
    "currency": values.text(3),
    "is_deleted": values.flag,
    "is_archived": values.flag,
    "archive_time": nullable(values.moment),
    "status": values.one_of("open", "won", "lost"),
    "probability": nullable(values.number),
    "lost_reason": nullable(values.text(150)),
    "visible_to": VISIBLE,
    "close_time": nullable(values.moment),
    "won_time": nullable(values.moment),
    "lost_time": nullable(values.moment),
    "expected_close_date": nullable(values.day),
    "label_ids": values.list_of(values.whole),
    "custom_fields": values.as_object,
}
_CLOSED: Final[Mapping[str, tuple[str, ...]]] = {
    "won_time": ("won",),
    "lost_time": ("lost",),
    "lost_reason": ("lost",),
    "close_time": ("won", "lost"),
}


def blank_deal(company: Company, user: User) -> Row:
    """A deal as nothing but its making says."""
    now = company.now_text()
    return {
        "title": "",
        "creator_user_id": user.id,
        "owner_id": user.id,
        "value": 0,
        "person_id": None,
        "org_id": None,
        "stage_id": None,
        "pipeline_id": None,
        "currency": CURRENCY,
        "archive_time": None,
        "add_time": now,
        "update_time": now,
        "stage_change_time": None,
        "status": "open",
        "is_archived": False,
        "is_deleted": False,
        "probability": None,
        "lost_reason": None,
        "visible_to": 3,
        "close_time": None,
        "won_time": None,
        "lost_time": None,
        "local_won_date": None,
        "local_lost_date": None,
        "local_close_date": None,
        "expected_close_date": None,
        "label_ids": [],
        "origin": "API",
        "origin_id": None,
        "channel": None,
        "channel_id": None,
        "source_lead_id": None,
        "acv": None,
        "arr": None,
        "mrr": None,
        "custom_fields": {},
    }


def make_deal(company: Company, body: Mapping[str, object], user: User) -> Row:
    """The deal that a body of `POST` describes; raises ApiError."""
    if "title" not in body:
        raise invalid("title", "is required")
    given = _read(company, body)
    if given.pop("is_deleted", False):
        raise invalid("is_deleted", "must be equal to one of the allowed values: false")
    row = blank_deal(company, user)
    stage, pipeline = _stage(company, given, None)
    row |= given | {"stage_id": stage, "pipeline_id": pipeline}
    return _settled(company, row, given, None)


def change_deal(company: Company, before: Row, body: Mapping[str, object], user: User) -> Row:
    """What a deal becomes by a body of `PATCH`; raises ApiError."""
    del user
    given = _read(company, body)
    if given.pop("is_deleted", False):
        raise invalid("is_deleted", "must be equal to one of the allowed values: false")
    custom = cast("dict[str, object]", given.pop("custom_fields", {}))
    row = {
        **before,
        **given,
        "custom_fields": {**cast("dict[str, object]", before["custom_fields"]), **custom},
    }
    if "stage_id" in given or "pipeline_id" in given:
        row["stage_id"], row["pipeline_id"] = _stage(company, given, before)
        if row["stage_id"] != before["stage_id"]:
            row["stage_change_time"] = company.now_text()
    row["is_deleted"] = False
    row["update_time"] = company.now_text()
    return _settled(company, row, given, before)


def _read(company: Company, body: Mapping[str, object]) -> dict[str, object]:
    given = values.checked(_RULES, body)
    if "custom_fields" in given:
        given["custom_fields"] = read_custom(company, "deal", given["custom_fields"])
    if "currency" in given and given["currency"] not in company.currencies:
        raise ApiError(400, f"Currency {given['currency']} is not supported", "ERR_BAD_REQUEST")
    if given.get("value", 0) is None:
        given["value"] = 0
    check_links(company, given)
    check_labels(company, "deal", given)
    return given


def _stage(company: Company, given: Mapping[str, object], before: Row | None) -> tuple[object, object]:
    """The stage and pipeline that are meant: a stage decides; a pipeline alone means its first stage."""
    stage, pipeline = given.get("stage_id"), given.get("pipeline_id")
    if stage is not None:
        held = cast("Row", company.live("stage", stage))["pipeline_id"]
        if pipeline is not None and pipeline != held:
            raise ApiError(400, f"Stage {stage} is not in pipeline {pipeline}", "ERR_BAD_REQUEST")
        return stage, held
    if before is not None and pipeline in {None, before["pipeline_id"]}:
        return before["stage_id"], before["pipeline_id"]
    if pipeline is None:
        pipeline = next((row["id"] for row in company.tables["pipeline"].rows()), None)
    stages = [row for row in company.tables["stage"].rows() if row["pipeline_id"] == pipeline]
    first = min(stages, key=lambda row: cast("int", row["order_nr"]), default=None)
    return (first["id"] if first else None), pipeline


def _settled(company: Company, row: Row, given: Mapping[str, object], before: Row | None) -> Row:
    """Bring times of closing and archiving in line with status and flag."""
    status = cast("str", row["status"])
    for name, wanted in _CLOSED.items():
        if given.get(name) is not None and status not in wanted:
            raise ApiError(
                400, f"{name} can only be set if deal status is {' or '.join(wanted)}", "ERR_BAD_REQUEST"
            )
    now = company.now_text()
    if status == "open":
        row |= dict.fromkeys((*_CLOSED, "local_won_date", "local_lost_date", "local_close_date"))
    elif before is None or before["status"] != status or not _CLOSED.keys().isdisjoint(given):
        other = "lost" if status == "won" else "won"
        at = given.get(f"{status}_time") or given.get("close_time") or row[f"{status}_time"] or now
        row[f"{status}_time"] = at
        row["close_time"] = given.get("close_time") or at
        row[f"{other}_time"] = None
        row[f"local_{other}_date"] = None
        row[f"local_{status}_date"] = row["local_close_date"] = str(at)[:10]
        if status == "won":
            row["lost_reason"] = None
    if not row["is_archived"]:
        row["archive_time"] = None
    elif row["archive_time"] is None:
        row["archive_time"] = now
    return row
