"""Pipedrive's standard fields, as the field endpoints list them.

Each row: code, display name, type, whether people must fill it in, whether it comes only when asked for with
`include_fields`, and its choices.
"""

from collections.abc import Mapping
from typing import Final

Standard = tuple[str, str, str, bool, bool, tuple[tuple[int | str, str], ...]]

VISIBLE: Final = (
    (1, "Item owner"),
    (3, "All users"),
    (5, "Item owner's group"),
    (7, "Item owner's group and sub-groups"),
)
LABELS: Final = ((1, "Hot"), (2, "Warm"), (3, "Cold"))
CONTACT_LABELS: Final = ((5, "Customer"), (6, "Prospect"), (7, "Partner"))
INDUSTRIES: Final = (
    (1, "Agriculture"),
    (2, "Construction"),
    (3, "Education"),
    (4, "Finance"),
    (5, "Technology"),
)
STATUSES: Final = (("open", "Open"), ("won", "Won"), ("lost", "Lost"), ("deleted", "Deleted"))
PRIORITIES: Final = ((263, "High"), (264, "Medium"), (265, "Low"))


def _row(
    code: str,
    name: str,
    kind: str,
    *,
    required: bool = False,
    options: tuple[tuple[int | str, str], ...] = (),
) -> Standard:
    return (code, name, kind, required, False, options)


def _asked(code: str, name: str, kind: str = "int") -> Standard:
    return (code, name, kind, False, True, ())


_COMMON: Final = (
    _row("id", "ID", "int"),
    _row("owner_id", "Owner", "user"),
    _row("add_time", "Created", "date"),
    _row("update_time", "Updated", "date"),
)
_COUNTS: Final = (
    _asked("next_activity_id", "Next activity", "activity"),
    _asked("last_activity_id", "Last activity", "activity"),
    _asked("activities_count", "Total activities"),
    _asked("done_activities_count", "Done activities"),
    _asked("undone_activities_count", "Activities to do"),
    _asked("notes_count", "Notes"),
    _asked("files_count", "Files"),
    _asked("followers_count", "Followers"),
    _asked("email_messages_count", "Email messages count"),
)
STANDARD: Final[Mapping[str, tuple[Standard, ...]]] = {
    "deal": (
        *_COMMON,
        _row("title", "Title", "varchar", required=True),
        _row("value", "Value", "monetary"),
        _row("currency", "Currency", "varchar"),
        _row("org_id", "Organization", "org"),
        _row("pipeline_id", "Pipeline", "double"),
        _row("person_id", "Contact person", "people"),
        _row("stage_id", "Stage", "stage"),
        _row("label_ids", "Label", "set", options=LABELS),
        _row("status", "Status", "status", options=STATUSES),
        _row("stage_change_time", "Last stage change", "date"),
        _row("won_time", "Won time", "date"),
        _row("lost_time", "Lost time", "date"),
        _row("close_time", "Deal closed on", "date"),
        _row("lost_reason", "Lost reason", "varchar_options"),
        _row("expected_close_date", "Expected close date", "date"),
        _row("probability", "Probability", "int"),
        _row("visible_to", "Visible to", "visible_to", options=VISIBLE),
        _row("is_archived", "Is archived", "boolean"),
        *_COUNTS,
    ),
    "person": (
        *_COMMON,
        _row("name", "Name", "varchar", required=True),
        _row("first_name", "First name", "varchar"),
        _row("last_name", "Last name", "varchar"),
        _row("org_id", "Organization", "org"),
        _row("emails", "Email", "varchar"),
        _row("phones", "Phone", "phone"),
        _row("label_ids", "Label", "set", options=CONTACT_LABELS),
        _row("visible_to", "Visible to", "visible_to", options=VISIBLE),
        _row("job_title", "Job title", "varchar"),
        _row("birthday", "Birthday", "date"),
        _row("postal_address", "Postal address", "address"),
        _row("notes", "Notes", "text"),
        _row("im", "Instant messenger", "varchar"),
        *_COUNTS,
    ),
    "organization": (
        *_COMMON,
        _row("name", "Name", "varchar", required=True),
        _row("label_ids", "Label", "set", options=CONTACT_LABELS),
        _row("address", "Address", "address"),
        _row("website", "Website", "varchar"),
        _row("linkedin", "LinkedIn profile", "varchar"),
        _row("industry", "Industry", "enum", options=INDUSTRIES),
        _row("annual_revenue", "Annual revenue", "int"),
        _row("employee_count", "Number of employees", "int"),
        _row("visible_to", "Visible to", "visible_to", options=VISIBLE),
        *_COUNTS,
    ),
    "activity": (
        *_COMMON,
        _row("subject", "Subject", "varchar"),
        _row("type", "Type", "varchar"),
        _row("deal_id", "Deal", "deal"),
        _row("lead_id", "Lead", "lead"),
        _row("person_id", "Contact person", "people"),
        _row("org_id", "Organization", "org"),
        _row("due_date", "Due date", "date"),
        _row("due_time", "Due time", "time"),
        _row("duration", "Duration", "time"),
        _row("busy", "Free/busy", "boolean"),
        _row("done", "Done", "boolean"),
        _row("marked_as_done_time", "Marked as done time", "date"),
        _row("location", "Location", "address"),
        _row("public_description", "Public description", "text"),
        _row("priority", "Priority", "enum", options=PRIORITIES),
        _row("note", "Note", "text"),
        _asked("attendees", "Attendees", "json"),
    ),
}
NOTE_FIELDS: Final = (
    ("content", "Content", "text", False),
    *(
        (f"pinned_to_{kind}_flag", f"Note is pinned to {kind}", "enum", True)
        for kind in ("deal", "person", "organization")
    ),
)
DEFAULT_CUSTOM: Final[Mapping[str, tuple[tuple[str, str, tuple[str, ...]], ...]]] = {
    "deal": (
        ("Segment", "enum", ("Small", "Medium", "Large")),
        ("Channels", "set", ("Web", "Phone", "Fair", "Partner")),
        ("Setup fee", "monetary", ()),
        ("Contract period", "daterange", ()),
        ("Reference", "varchar", ()),
    ),
    "person": (("Customer number", "varchar", ()), ("Newsletter", "enum", ("Yes", "No"))),
    "organization": (
        ("Tax number", "varchar", ()),
        ("Branch address", "address", ()),
        ("Tax number", "varchar", ()),
    ),
    "activity": (),
}
"""Custom fields that the company begins with; display names may repeat."""
ACTIVITY_TYPES: Final = (
    ("call", "Call", "call"),
    ("meeting", "Meeting", "meeting"),
    ("task", "Task", "task"),
    ("deadline", "Deadline", "finish"),
    ("email", "Email", "email"),
    ("lunch", "Lunch", "lunch"),
)
"""key_string, name, icon_key."""
CURRENCIES: Final = (
    ("EUR", "Euro", 2, "€"),
    ("USD", "US Dollar", 2, "$"),
    ("GBP", "Pound Sterling", 2, "£"),
    ("INR", "Indian Rupee", 2, "₹"),
    ("JPY", "Japanese Yen", 0, "¥"),
    ("CHF", "Swiss Franc", 2, "CHF"),
    ("BRL", "Brazilian Real", 2, "R$"),
    ("AED", "United Arab Emirates Dirham", 2, "AED"),
)
PIPELINES: Final = (
    ("Pipeline", ("Qualified", "Contact Made", "Demo Scheduled", "Proposal Made", "Negotiations Started")),
    ("Renewals", ("Up for renewal", "Offer sent", "In negotiation")),
)
