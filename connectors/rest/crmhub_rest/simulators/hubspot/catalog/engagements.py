"""Properties of activities, which HubSpot calls engagements: each kind is an object of its own.

Source: HubSpot "CRM API | Notes", "Tasks", "Calls", "Meetings", "Email", "Communications"; `hs_timestamp`
is required of all.
"""

from crmhub_rest.simulators.hubspot.catalog.properties import choice, moment, number, same, text

NOTE = (
    text("hs_note_body", "Note body", area=True),
    text("hs_attachment_ids", "Attached file IDs"),
)

TASK = (
    text("hs_task_subject", "Task Title"),
    text("hs_task_body", "Task Notes", area=True),
    choice(
        "hs_task_status",
        "Task Status",
        same("NOT_STARTED", "IN_PROGRESS", "WAITING", "COMPLETED", "DEFERRED"),
    ),
    choice("hs_task_priority", "Priority", same("NONE", "LOW", "MEDIUM", "HIGH")),
    choice("hs_task_type", "Task Type", same("TODO", "CALL", "EMAIL", "LINKED_IN")),
    text("hs_task_reminders", "Reminders"),
    text("hs_attachment_ids", "Attached file IDs"),
    moment("hs_task_completion_date", "Completed at", read_only=True),
)

CALL = (
    text("hs_call_title", "Call Title"),
    text("hs_call_body", "Call notes", area=True),
    choice("hs_call_direction", "Call direction", same("INBOUND", "OUTBOUND")),
    text("hs_call_disposition", "Call outcome"),
    text("hs_activity_type", "Call and meeting type"),
    text("hs_call_callee_object_id", "Callee object id"),
    text("hs_call_callee_object_type", "Callee object type"),
    text("hs_call_source", "Call source"),
    text("hs_attachment_ids", "Attached file IDs"),
    number("hs_call_duration", "Call duration"),
    text("hs_call_from_number", "From number"),
    text("hs_call_to_number", "To number"),
    text("hs_call_recording_url", "Recording URL"),
    choice(
        "hs_call_status",
        "Call status",
        same(
            *("BUSY", "CALLING_CRM_USER", "CANCELED", "COMPLETED", "CONNECTING", "FAILED", "IN_PROGRESS"),
            *("MISSED", "NO_ANSWER", "QUEUED", "RINGING"),
        ),
    ),
)

MEETING = (
    text("hs_meeting_title", "Meeting name"),
    text("hs_activity_type", "Call and meeting type"),
    text("hs_attachment_ids", "Attached file IDs"),
    text("hs_meeting_body", "Meeting description", area=True),
    text("hs_internal_meeting_notes", "Internal meeting notes", area=True),
    text("hs_meeting_location", "Location"),
    text("hs_meeting_external_url", "External URL"),
    moment("hs_meeting_start_time", "Meeting start time"),
    moment("hs_meeting_end_time", "Meeting end time"),
    choice(
        "hs_meeting_outcome",
        "Meeting outcome",
        same("SCHEDULED", "COMPLETED", "RESCHEDULED", "NO_SHOW", "CANCELED"),
    ),
)

EMAIL = (
    text("hs_email_subject", "Email subject"),
    text("hs_email_text", "Email body", area=True),
    text("hs_email_html", "Email HTML body", area=True),
    text("hs_email_headers", "Email headers", area=True),
    text("hs_attachment_ids", "Attached file IDs"),
    choice("hs_email_direction", "Email direction", same("EMAIL", "INCOMING_EMAIL", "FORWARDED_EMAIL")),
    choice("hs_email_status", "Email send status", same("BOUNCED", "FAILED", "SCHEDULED", "SENDING", "SENT")),
)

COMMUNICATION = (
    text("hs_communication_body", "Communication body", area=True),
    choice("hs_communication_channel_type", "Channel Type", same("WHATS_APP", "LINKEDIN_MESSAGE", "SMS")),
    choice("hs_communication_logged_from", "Logged From", same("CRM")),
)
