"""Task, Event and the classic Note."""

from crmhub_salesforce.simulator.catalog.fields import Field, field
from crmhub_salesforce.simulator.catalog.sobject import SObject, audit, external_id, head, owner

_SUBJECTS = ("Call", "Email", "Meeting", "Send Letter/Quote", "Other")


def _related(children: str) -> tuple[Field, ...]:
    return (
        field(
            "WhoId",
            "Name ID",
            "reference",
            "CUNX",
            to=["Contact", "Lead"],
            via="Who",
            children=children,
        ),
        field(
            "WhatId",
            "Related To ID",
            "reference",
            "CUNX",
            to=["Account", "Opportunity"],
            via="What",
            children=children,
        ),
    )


def _account() -> Field:
    return field("AccountId", "Account ID", "reference", "N", to=["Account"], via="Account")


_DESCRIPTION = field("Description", "Description", "textarea", "CUN", 32000, extra="plaintextarea")

TASK = SObject(
    "Task",
    "Task",
    "Tasks",
    "00T",
    fields=(
        *head("Activity")[:1],
        *_related("Tasks"),
        field("Subject", "Subject", "combobox", "CUNM", 255, choices=_SUBJECTS),
        field("ActivityDate", "Due Date Only", "date", "CUN"),
        field(
            "Status",
            "Status",
            "picklist",
            "CUD",
            255,
            choices=("Not Started", "In Progress", "Completed", "Waiting on someone else", "Deferred"),
            default="Not Started",
        ),
        field(
            "Priority",
            "Priority",
            "picklist",
            "CUD",
            255,
            choices=("High", "Normal", "Low"),
            default="Normal",
        ),
        field("IsHighPriority", "High Priority", "boolean", "D"),
        owner("Group", "User", label="Assigned To ID"),
        _DESCRIPTION,
        *head("Activity")[1:],
        _account(),
        field("IsClosed", "Closed", "boolean", "D"),
        *audit(),
        field("IsArchived", "Archived", "boolean", "D"),
        field("CallDurationInSeconds", "Call Duration", "int", "CUN", digits=8),
        field("CallType", "Call Type", "picklist", "CUNR", 40, choices=("Internal", "Inbound", "Outbound")),
        field("CallDisposition", "Call Result", "string", "CUN", 255),
        field("CallObject", "Call Object Identifier", "string", "CUN", 255),
        field("ReminderDateTime", "Reminder Date/Time", "datetime", "CUN"),
        field("IsReminderSet", "Reminder Set", "boolean", "CUD"),
        field(
            "TaskSubtype",
            "Task Subtype",
            "picklist",
            "CNR",
            40,
            choices=("Task", "Email", "ListEmail", "Cadence", "Call", "LinkedIn"),
        ),
        field("CompletedDateTime", "Completed Date", "datetime", "N"),
        external_id(),
    ),
)

# Recurring series are not played: their fields are left out.
EVENT = SObject(
    "Event",
    "Event",
    "Events",
    "00U",
    fields=(
        *head("Activity")[:1],
        *_related("Events"),
        field("Subject", "Subject", "combobox", "CUNM", 255, choices=_SUBJECTS),
        field("Location", "Location", "string", "CUN", 255),
        field("IsAllDayEvent", "All-Day Event", "boolean", "CUD"),
        field("ActivityDateTime", "Due Date Time", "datetime", "CUN"),
        field("ActivityDate", "Due Date Only", "date", "CUN"),
        field("DurationInMinutes", "Duration", "int", "CUN", digits=8),
        field("StartDateTime", "Start Date Time", "datetime", "CUN"),
        field("EndDateTime", "End Date Time", "datetime", "CUN"),
        field("EndDate", "End Date", "date", "N"),
        _DESCRIPTION,
        _account(),
        owner("Calendar", "User", label="Assigned To ID"),
        field("IsPrivate", "Private", "boolean", "CUD"),
        field(
            "ShowAs",
            "Show Time As",
            "picklist",
            "CUNDR",
            40,
            choices=("Busy", "OutOfOffice", "Free"),
            default="Busy",
        ),
        *head("Activity")[1:],
        field("IsChild", "Is Child", "boolean", "D"),
        field("IsGroupEvent", "Is Group Event", "boolean", "D"),
        field(
            "GroupEventType",
            "Group Event Type",
            "picklist",
            "NDR",
            40,
            choices=("0", "1", "2", "3"),
            default="0",
        ),
        *audit(),
        field("IsArchived", "Archived", "boolean", "D"),
        field("IsRecurrence", "Create Recurring Series of Events", "boolean", "D"),
        field("ReminderDateTime", "Reminder Date/Time", "datetime", "CUN"),
        field("IsReminderSet", "Reminder Set", "boolean", "CUD"),
        field("EventSubtype", "Event Subtype", "picklist", "CNR", 40, choices=("Event",)),
        external_id(),
    ),
)

NOTE = SObject(
    "Note",
    "Note",
    "Notes",
    "002",
    customizable=False,
    fields=(
        *head("Note"),
        field(
            "ParentId",
            "Parent ID",
            "reference",
            "CX",
            to=["Account", "Contact", "Lead", "Opportunity"],
            via="Parent",
            children="Notes",
        ),
        field("Title", "Title", "string", "CUM", 80),
        field("IsPrivate", "Private", "boolean", "CUD"),
        field("Body", "Body", "textarea", "CUN", 32000, extra="plaintextarea"),
        owner(),
        *audit(),
    ),
)
