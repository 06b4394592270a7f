"""Deals, persons, organizations and activities as v1 shows them, where v1 still does: flat and with names.

Source: Pipedrive, "API v2 migration guide", the old objects; custom fields as in `custom.flatten`.
"""

from collections.abc import Callable, Mapping
from typing import Final, cast

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.pipedrive.company import Company
from crmhub_rest.simulators.pipedrive.custom import flatten
from crmhub_rest.simulators.pipedrive.shapes import extra
from crmhub_rest.simulators.pipedrive.v1_pages import v1_time

_DEAL_TIMES: Final = ("add_time", "update_time", "stage_change_time", "won_time", "lost_time", "close_time")
_DEAL_SAME: Final = (
    *(
        "id",
        "creator_user_id",
        "stage_id",
        "title",
        "value",
        "currency",
        "is_archived",
        "status",
        "probability",
    ),
    *("lost_reason", "pipeline_id", "expected_close_date", "origin", "origin_id", "channel", "channel_id"),
    *("arr", "mrr", "acv", "person_id", "org_id"),
)
_LOCATION: Final = (
    *("subpremise", "street_number", "route", "sublocality", "locality", "admin_area_level_1"),
    *("admin_area_level_2", "country", "postal_code", "formatted_address"),
)


def deal_v1(company: Company, row: Row) -> Row:
    """A deal as v1 shows it."""
    told: Row = {name: row[name] for name in _DEAL_SAME}
    told |= {name: v1_time(row[name]) for name in _DEAL_TIMES}
    told |= {
        "user_id": row["owner_id"],
        "active": row["status"] == "open",
        "deleted": row["is_deleted"],
        "visible_to": str(row["visible_to"]),
        "label": _joined(row["label_ids"]),
        "person_name": _name(company, "person", row["person_id"]),
        "org_name": _name(company, "organization", row["org_id"]),
        "owner_name": _owner(company, row["owner_id"]),
        "weighted_value": row["value"],
        "weighted_value_currency": row["currency"],
        "cc_email": f"{company.domain}+deal{row['id']}@pipedrivemail.com",
        "org_hidden": False,
        "person_hidden": False,
    }
    return told | _custom(company, "deal", row)


_COUNTS: Final = (
    *("products_count", "files_count", "notes_count", "followers_count", "email_messages_count"),
    *("activities_count", "done_activities_count", "undone_activities_count", "participants_count"),
    *("next_activity_id", "last_activity_id", "last_incoming_mail_time", "last_outgoing_mail_time"),
)


def whole_deal_v1(company: Company, row: Row) -> Row:
    """A deal as v1 shows it, with what it counts and with its next activity."""
    told = deal_v1(company, row)
    told |= {name: extra(company, "deal", row, name) for name in _COUNTS}
    following = company.live("activity", told["next_activity_id"]) or {}
    last = company.live("activity", told["last_activity_id"]) or {}
    stage = company.any("stage", row["stage_id"]) or {}
    told |= {
        "next_activity_date": following.get("due_date"),
        "next_activity_time": following.get("due_time"),
        **{f"next_activity_{name}": following.get(name) for name in ("subject", "type", "duration", "note")},
        "last_activity_date": last.get("due_date"),
        "first_won_time": v1_time(row["won_time"]),
        "stage_order_nr": stage.get("order_nr"),
        "rotten_time": None,
        **{f"{name}_currency": row["currency"] for name in ("arr", "mrr", "acv")},
        "formatted_value": f"{row['currency']} {row['value']}",
        "formatted_weighted_value": f"{row['currency']} {row['value']}",
    }
    return told


def person_v1(company: Company, row: Row) -> Row:
    """A person as v1 shows it."""
    told: Row = {name: row[name] for name in ("id", "name", "first_name", "last_name", "owner_id", "org_id")}
    told |= {
        "active_flag": not row["is_deleted"],
        "email": row["emails"],
        "phone": row["phones"],
        "visible_to": str(row["visible_to"]),
        "label_ids": row["label_ids"],
        "picture_id": row["picture_id"],
        "org_name": _name(company, "organization", row["org_id"]),
        "owner_name": _owner(company, row["owner_id"]),
        "cc_email": f"{company.domain}@pipedrivemail.com",
        "company_id": company.id,
    }
    return told | _times(row) | _custom(company, "person", row)


def organization_v1(company: Company, row: Row) -> Row:
    """An organization as v1 shows it."""
    told: Row = {name: row[name] for name in ("id", "name", "owner_id", "label_ids")}
    address = cast("Row", row["address"] or {})
    told |= {
        "active_flag": not row["is_deleted"],
        "address": address.get("value"),
        **{f"address_{part}": address.get(part) for part in _LOCATION},
        "visible_to": str(row["visible_to"]),
        "owner_name": _owner(company, row["owner_id"]),
        "cc_email": f"{company.domain}@pipedrivemail.com",
        "company_id": company.id,
    }
    return told | _times(row) | _custom(company, "organization", row)


def activity_v1(company: Company, row: Row) -> Row:
    """An activity as v1 shows it: times of day without seconds, the place apart in its parts."""
    same = (
        *("id", "subject", "type", "due_date", "deal_id", "lead_id", "person_id", "org_id", "project_id"),
        *("public_description", "note", "done", "participants", "attendees", "conference_meeting_client"),
        *("conference_meeting_url", "conference_meeting_id"),
    )
    location = cast("Row", row["location"] or {})
    told: Row = {name: row[name] for name in same}
    told |= {
        "user_id": row["owner_id"],
        "created_by_user_id": row["creator_user_id"],
        "assigned_to_user_id": row["owner_id"],
        "company_id": company.id,
        "active_flag": not row["is_deleted"],
        "busy_flag": row["busy"],
        "due_time": str(row["due_time"] or "")[:5],
        "duration": str(row["duration"] or "")[:5],
        "location": location.get("value"),
        **{f"location_{part}": location.get(part) for part in _LOCATION},
        "marked_as_done_time": v1_time(row["marked_as_done_time"]) or "",
        "person_name": _name(company, "person", row["person_id"]),
        "org_name": _name(company, "organization", row["org_id"]),
        "deal_title": _name(company, "deal", row["deal_id"]),
        "owner_name": _owner(company, row["owner_id"]),
    }
    return told | _times(row)


def pipeline_v1(company: Company, row: Row) -> Row:
    """A pipeline as v1 shows it."""
    del company
    return {
        **{name: row[name] for name in ("id", "name", "order_nr")},
        "active": not row["is_deleted"],
        "deal_probability": row["is_deal_probability_enabled"],
        "selected": True,
        **_times(row),
    }


def stage_v1(company: Company, row: Row) -> Row:
    """A stage as v1 shows it."""
    return {
        **{name: row[name] for name in ("id", "order_nr", "name", "deal_probability", "pipeline_id")},
        "active_flag": not row["is_deleted"],
        "rotten_flag": row["is_deal_rot_enabled"],
        "rotten_days": row["days_to_rotten"],
        "pipeline_name": _name(company, "pipeline", row["pipeline_id"]),
        **_times(row),
    }


SHOW: Final[Mapping[str, Callable[[Company, Row], Row]]] = {
    "deal": deal_v1,
    "person": person_v1,
    "organization": organization_v1,
    "activity": activity_v1,
    "pipeline": pipeline_v1,
    "stage": stage_v1,
}


def _times(row: Row) -> Row:
    return {name: v1_time(row[name]) for name in ("add_time", "update_time")}


def _name(company: Company, kind: str, ident: object) -> object:
    found = company.any(kind, ident)
    return None if found is None else found["title" if kind == "deal" else "name"]


def _owner(company: Company, ident: object) -> str | None:
    owner = company.user(ident)
    return owner.name if owner else None


def _joined(idents: object) -> str | None:
    return ",".join(str(one) for one in cast("list[object]", idents)) or None


def _custom(company: Company, kind: str, row: Row) -> Row:
    kept = cast("dict[str, object]", row["custom_fields"])
    told: Row = {}
    for field in company.fields[kind].custom:
        told |= flatten(field, kept.get(field.code))
    return told
