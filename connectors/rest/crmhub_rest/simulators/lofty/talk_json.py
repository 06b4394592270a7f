"""Calls, texts and e-mails as the several lists show them."""

from typing import Final

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.lofty.rows import seconds, text, whole
from crmhub_rest.simulators.lofty.team import Team
from crmhub_rest.simulators.lofty.times import iso, naive

OFFICE_PHONE: Final = "+14155550100"


def log_json(row: Row) -> Row:
    """A manual log entry."""
    shown: Row = {
        "id": row["id"],
        "leadId": row["leadId"],
        "content": row["content"],
        "createTime": naive(seconds(row, "time")),
        "outboundOrInbound": text(row, "direction").lower(),
        "isPin": row.get("isPin") is True,
        "agentId": row["agentId"],
    }
    if row["channel"] == "Call":
        shown |= {"leadPhoneNumber": row.get("phone"), "callingOutcome": row.get("outcome") or None}
    if row["channel"] == "Email":
        shown |= {"emailSubject": row.get("subject"), "toEmail": row.get("to"), "fromEmail": row.get("from")}
    return {key: value for key, value in shown.items() if value is not None}


def call_json(team: Team, row: Row) -> Row:
    """A call."""
    del team
    length = whole(row, "duration")
    shown: Row = {
        "id": row["id"],
        "dialerCallRecordId": row["id"],
        "userId": row["agentId"],
        "agentId": row["agentId"],
        "userPhoneNumber": OFFICE_PHONE,
        "leadId": row["leadId"],
        "leadPhoneNumber": row.get("phone"),
        "direction": row["direction"],
        "status": "Completed" if row.get("outcome") == "Talked" else "NoAnswer",
        "startTime": naive(seconds(row, "time")),
        "endTime": naive(seconds(row, "time") + length),
        "duration": length,
        "callingOutcome": row.get("outcome") or None,
        "recordingSwitch": False,
        "showUserNumber": OFFICE_PHONE,
        "createTime": naive(seconds(row, "time")),
        "updateTime": naive(seconds(row, "time") + length),
        "note": row["content"],
        "isMachineAnswered": False,
    }
    return {key: value for key, value in shown.items() if value is not None}


def text_json(team: Team, row: Row) -> Row:
    """A text message."""
    del team
    return {
        "id": row["id"],
        "leadId": row["leadId"],
        "direction": row["direction"],
        "agentId": row["agentId"],
        "textOutcome": "Delivered",
        "textTime": naive(seconds(row, "time")),
        "textType": text(row, "kind").title(),
        "textContent": row["content"],
    }


def email_json(team: Team, row: Row) -> Row:
    """An e-mail."""
    del team
    return {
        "id": row["id"],
        "leadId": row["leadId"],
        "direction": row["direction"],
        "agentId": row["agentId"],
        "eventType": "Sent",
        "emailEventTime": naive(seconds(row, "time")),
        "emailType": text(row, "kind").title(),
        "emailSubject": text(row, "subject"),
        "fromPond": False,
    }


def history_json(team: Team, row: Row) -> Row:
    """A call in the second version of the call history."""
    del team
    return {
        "id": row["id"],
        "agentId": row["agentId"],
        "leadId": row["leadId"],
        "createTime": naive(seconds(row, "time")),
        "direction": row["direction"],
        "leadPhoneNumber": text(row, "phone"),
    }


def activity_json(team: Team, row: Row) -> Row:
    """A call, text or e-mail among the activities of a lead."""
    del team
    shown: Row = {
        "id": row["id"],
        "leadId": row["leadId"],
        "agentId": row["agentId"],
        "activityTime": iso(seconds(row, "time")),
        "channel": row["channel"],
        "communicationType": text(row, "kind").title(),
        "direction": row["direction"],
    }
    if row["channel"] == "Call":
        shown |= {"callingOutcome": row.get("outcome") or None, "leadPhoneNumber": row.get("phone")}
    if row["channel"] == "Email":
        shown |= {"emailEventType": "Sent", "emailSubject": row.get("subject")}
    if row["kind"] == "LOGGED":
        shown["note"] = row["content"]
    return {key: value for key, value in shown.items() if value is not None}


def communication_json(row: Row) -> Row:
    """A call, text or e-mail among the communications of an agent."""
    events = {"Call": "Call", "Text": "Text", "Email": "Sent Email"}
    shown: Row = {
        "id": row["id"],
        "leadId": row["leadId"],
        "agentId": row["agentId"],
        "direction": row["direction"],
        "status": "Delivered",
        "communicationTime": iso(seconds(row, "time")),
        "communicationType": row["kind"],
        "eventType": events[text(row, "channel")],
        "fromPond": False,
    }
    if row["channel"] == "Call":
        shown |= {"callOutcome": row.get("outcome") or "", "callDuration": str(whole(row, "duration"))}
    return shown
