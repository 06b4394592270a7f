"""Records as v2 shows them, with the extra fields that are asked for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, cast

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.pipedrive.call import Call
from crmhub_rest.simulators.pipedrive.company import Company
from crmhub_rest.simulators.pipedrive.custom import MOST_ASKED, show_custom
from crmhub_rest.simulators.pipedrive.errors import invalid

CONTACT_SYNC: Final = ("postal_address", "notes", "im", "birthday", "job_title")
_ACTIVITY_COUNTS: Final = ("activities_count", "done_activities_count", "undone_activities_count")
_ACTIVITIES: Final = ("next_activity_id", "last_activity_id", *_ACTIVITY_COUNTS)
_ZERO: Final = ("files_count", "email_messages_count", "products_count")
_MAIL: Final = ("last_incoming_mail_time", "last_outgoing_mail_time")
_DEAL_COUNTS: Final = tuple(
    f"{related}{status}_deals_count"
    for related in ("", "related_")
    for status in ("open", "closed", "won", "lost")
)
INCLUDED: Final[Mapping[str, tuple[str, ...]]] = {
    "deal": (
        *(*_ACTIVITIES, *_ZERO, *_MAIL, "notes_count", "followers_count", "first_won_time"),
        *("participants_count", "smart_bcc_email", "source_lead_id"),
    ),
    "person": (
        *(
            *_ACTIVITIES,
            *_ZERO[:2],
            *_MAIL,
            *_DEAL_COUNTS,
            "notes_count",
            "followers_count",
            "smart_bcc_email",
        ),
        *("participant_open_deals_count", "participant_closed_deals_count", "marketing_status", "doi_status"),
    ),
    "organization": (
        *(*_ACTIVITIES, *_ZERO[:2], *_DEAL_COUNTS, "notes_count", "followers_count", "smart_bcc_email"),
        "people_count",
    ),
    "activity": ("attendees",),
}
_LINK: Final = {"deal": "deal_id", "person": "person_id", "organization": "org_id"}


@dataclass(frozen=True)
class View:
    """What a call wants to see of each record."""

    include: tuple[str, ...] = ()
    custom: tuple[str, ...] = ()
    option_labels: bool = False
    labels: bool = False


PLAIN: Final = View()


def read_view(call: Call, kind: str) -> View:
    """The parameters `include_fields`, `custom_fields`, `include_option_labels` and `include_labels`."""
    codes = tuple(part.strip() for part in call.params.get("custom_fields", "").split(",") if part.strip())
    if len(codes) > MOST_ASKED:
        raise invalid("custom_fields", f"must NOT have more than {MOST_ASKED} items")
    return View(
        call.some_of("include_fields", INCLUDED[kind]),
        codes,
        call.flag("include_option_labels"),
        call.flag("include_labels"),
    )


def shown(company: Company, kind: str, row: Row, view: View = PLAIN) -> Row:
    """A record as v2 shows it."""
    told = dict(row)
    if kind == "activity":
        if "attendees" not in view.include:
            del told["attendees"]
        return told
    if kind not in INCLUDED:
        return told
    book = company.fields[kind]
    kept = cast("dict[str, object]", row["custom_fields"])
    told["custom_fields"] = show_custom(book, kept, only=view.custom, labels=view.option_labels)
    if kind == "person" and not company.settings.contact_sync:
        for name in CONTACT_SYNC:
            del told[name]
    if view.labels:
        told["labels"] = _labels(company, kind, row)
    for name in view.include:
        if name not in row:
            told[name] = extra(company, kind, row, name)
    return told


def _labels(company: Company, kind: str, row: Row) -> list[dict[str, object]]:
    field = company.fields[kind].get("label_ids")
    options = [field.option(ident) for ident in cast("list[object]", row["label_ids"])] if field else []
    return [{"id": one.id, "label": one.label} for one in options if one is not None]


def extra(company: Company, kind: str, row: Row, name: str) -> object:
    """The value of a field that comes only when it is asked for."""
    if name in _ACTIVITIES:
        return _of_activities(company, kind, row, name)
    if name.endswith("deals_count"):
        return _of_deals(company, kind, row, name)
    match name:
        case "notes_count":
            return len(_related(company, "note", kind, row, lambda one: bool(one["active_flag"])))
        case "people_count":
            return len(_related(company, "person", kind, row, lambda _: True))
        case "participants_count":
            return int(row.get("person_id") is not None)
        case "first_won_time":
            return row.get("won_time")
        case "smart_bcc_email":
            return f"{company.domain}+{kind}{row['id']}@pipedrivemail.com"
        case "marketing_status":
            return "no_consent"
        case "followers_count":
            return len(company.followers.get((kind, cast("int", row["id"])), ()))
        case "files_count" | "email_messages_count" | "products_count":
            return 0
        case _:
            return None


def _of_activities(company: Company, kind: str, row: Row, name: str) -> object:
    found = _related(company, "activity", kind, row, lambda _: True)
    done = [one for one in found if one["done"]]
    match name:
        case "activities_count":
            return len(found)
        case "done_activities_count":
            return len(done)
        case "undone_activities_count":
            return len(found) - len(done)
        case "last_activity_id":
            return max(done, key=_due)["id"] if done else None
        case _:
            due = [one for one in found if not one["done"]]
            return min(due, key=_due)["id"] if due else None


def _due(row: Row) -> tuple[str, str]:
    return (str(row["due_date"] or ""), str(row["due_time"] or ""))


def _of_deals(company: Company, kind: str, row: Row, name: str) -> int:
    if name.startswith(("related_", "participant_")):
        return 0
    status = name.removesuffix("_deals_count")
    wanted = ("won", "lost") if status == "closed" else (status,)
    return len(_related(company, "deal", kind, row, lambda one: one["status"] in wanted))


def _related(company: Company, kind: str, owner: str, row: Row, wanted: Callable[[Row], bool]) -> list[Row]:
    table = company.tables[kind]
    rows = (table.row(place) for place in table.find(_LINK[owner], row["id"]))
    return [one for one in rows if wanted(one)]
