"""Pipelines and their stages.

Source: HubSpot "CRM API | Pipelines": a deal stage has `probability`, a ticket stage `ticketState`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from crmhub_rest.simulators.hubspot.times import iso


@dataclass(frozen=True)
class Audit:
    """Something that was done to a pipeline or a stage, when (epoch milliseconds), and what it was then."""

    action: str
    at: int
    shown: Mapping[str, object]


@dataclass
class Stage:
    """One stage; times in epoch milliseconds."""

    id: str
    label: str
    order: int
    metadata: dict[str, str]
    created: int
    updated: int
    archived_at: int | None = None
    audits: list[Audit] = field(default_factory=list[Audit])

    @property
    def closed(self) -> bool:
        """Whether a record in it is closed."""
        return self.metadata.get("isClosed") == "true" or self.metadata.get("ticketState") == "CLOSED"

    @property
    def won(self) -> bool:
        """Whether a deal in it is won."""
        return self.closed and float(self.metadata.get("probability", "0")) == 1.0

    def shown(self) -> dict[str, object]:
        """As the API shows it."""
        return {
            "label": self.label,
            "displayOrder": self.order,
            "metadata": dict(self.metadata),
            **times(self.created, self.updated, self.archived_at),
            "id": self.id,
            "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
        }


@dataclass
class Pipeline:
    """One pipeline of deals, tickets or leads."""

    id: str
    label: str
    order: int
    created: int
    updated: int
    stages: dict[str, Stage] = field(default_factory=dict[str, Stage])
    archived_at: int | None = None
    audits: list[Audit] = field(default_factory=list[Audit])

    @property
    def live_stages(self) -> list[Stage]:
        """The stages that are not archived, in their order."""
        return sorted(
            (one for one in self.stages.values() if one.archived_at is None), key=lambda one: one.order
        )

    def shown(self) -> dict[str, object]:
        """As the API shows it."""
        return {
            "label": self.label,
            "displayOrder": self.order,
            "stages": [one.shown() for one in self.live_stages],
            **times(self.created, self.updated, self.archived_at),
            "id": self.id,
        }


def noted(one: Stage | Pipeline, action: str, now: int) -> None:
    """Keep that `CREATE`, `UPDATE` or `DELETE` happened to it now."""
    if action != "CREATE":
        one.updated = now
    one.audits.append(Audit(action, now, one.shown()))


def times(created: int, updated: int, archived_at: int | None) -> dict[str, object]:
    """The times that everything has."""
    shown: dict[str, object] = {
        "createdAt": iso(created),
        "updatedAt": iso(updated),
        "archived": archived_at is not None,
    }
    if archived_at is not None:
        shown["archivedAt"] = iso(archived_at)
    return shown


_DEAL_STAGES = (
    ("appointmentscheduled", "Appointment Scheduled", "0.2"),
    ("qualifiedtobuy", "Qualified To Buy", "0.4"),
    ("presentationscheduled", "Presentation Scheduled", "0.6"),
    ("decisionmakerboughtin", "Decision Maker Bought-In", "0.8"),
    ("contractsent", "Contract Sent", "0.9"),
    ("closedwon", "Closed Won", "1.0"),
    ("closedlost", "Closed Lost", "0.0"),
)
_SECOND_STAGES = (
    ("99000001", "Renewal due", "0.5"),
    ("99000002", "Negotiation", "0.8"),
    ("99000003", "Renewed", "1.0"),
    ("99000004", "Churned", "0.0"),
)
_TICKET_STAGES = (
    ("1", "New", "OPEN"),
    ("2", "Waiting on contact", "OPEN"),
    ("3", "Waiting on us", "OPEN"),
    ("4", "Closed", "CLOSED"),
)
_LEAD_STAGES = (
    ("new-stage-id", "New", "OPEN"),
    ("attempting-stage-id", "Attempting", "OPEN"),
    ("connected-stage-id", "Connected", "OPEN"),
    ("qualified-stage-id", "Qualified", "CLOSED"),
    ("unqualified-stage-id", "Disqualified", "CLOSED"),
)


def deal_metadata(probability: str) -> dict[str, str]:
    """What is said of a deal stage."""
    return {"isClosed": str(float(probability) in {0.0, 1.0}).lower(), "probability": probability}


def standard_pipelines(now: int) -> dict[str, dict[str, Pipeline]]:
    """The pipelines that a portal begins with, by object: two of deals, one of tickets, one of leads."""
    deals = {one[0]: deal_metadata(one[2]) for one in (*_DEAL_STAGES, *_SECOND_STAGES)}
    tickets = {
        one[0]: {"ticketState": one[2], "isClosed": str(one[2] == "CLOSED").lower()} for one in _TICKET_STAGES
    }
    leads = {
        one[0]: {"leadState": one[2], "isClosed": str(one[2] == "CLOSED").lower()} for one in _LEAD_STAGES
    }
    return {
        "deals": {
            "default": _pipeline("default", "Sales Pipeline", 0, now, _DEAL_STAGES, deals),
            "99000000": _pipeline("99000000", "Renewals", 1, now, _SECOND_STAGES, deals),
        },
        "tickets": {"0": _pipeline("0", "Support Pipeline", 0, now, _TICKET_STAGES, tickets)},
        "leads": {
            "lead-pipeline-id": _pipeline("lead-pipeline-id", "Lead Pipeline", 0, now, _LEAD_STAGES, leads)
        },
    }


def _pipeline(
    id_: str,
    label: str,
    order: int,
    now: int,
    stages: tuple[tuple[str, str, str], ...],
    metadata: Mapping[str, Mapping[str, str]],
) -> Pipeline:
    made = {
        one[0]: Stage(one[0], one[1], place, dict(metadata[one[0]]), now, now)
        for place, one in enumerate(stages)
    }
    return Pipeline(id_, label, order, now, now, made)
