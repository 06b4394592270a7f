"""The data of one call, as a CRM of its own that a sync can read."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from crmhub.connector import (
    Capabilities,
    Check,
    ConnectorConfig,
    Context,
    Missing,
    Native,
    ObjectCapabilities,
    ObjectSchema,
    Outcome,
    Page,
    ReadRequest,
    WriteRequest,
)
from crmhub.errors import NotFound, Unsupported
from crmhub.store import RecordRef
from crmhub_rollout.tours.calls import FeedbackData, TourData

__all__ = [
    "BUYERS",
    "FEEDBACK",
    "MAPS",
    "TOURS",
    "VISITS",
    "CallData",
    "Rows",
    "buyer_key",
    "feedback_rows",
    "tour_rows",
]

MAPS = Path(__file__).parent / "maps"
TOURS, VISITS, FEEDBACK, AGENTS, BUYERS = "tours", "visits", "feedback", "agents", "buyers"
_OBJECTS = (TOURS, VISITS, FEEDBACK, AGENTS, BUYERS)
_VISIT = timedelta(minutes=30)
"""How long a visit takes, as callers do not say."""

Rows = Mapping[str, Sequence[Native]]


class CallData:
    """The records of one call, read like those of a CRM; nothing can be written."""

    Config: ClassVar[type[ConnectorConfig]] = ConnectorConfig

    def __init__(self, config: Rows, context: Context | None = None) -> None:  # noqa: ARG002 - as the contract
        """``config``: the records by object."""
        self._rows: Rows = {**dict.fromkeys(_OBJECTS, ()), **config}

    async def capabilities(self) -> Capabilities:
        """Everything can be read whole."""
        return Capabilities({name: ObjectCapabilities(name="name") for name in self._rows})

    async def check(self) -> Sequence[Check]:
        """Nothing is needed."""
        return []

    async def describe(self, object: str) -> ObjectSchema:
        """No fields are told."""
        self._of(object)
        return ObjectSchema(object, {}, label=object)

    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        """All records, in one page."""
        yield Page([dict(row) for row in self._of(request.object)])

    async def get(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> Sequence[Native | Missing]:  # noqa: ARG002 - as the contract
        """The records of those ids."""
        known = {str(row["id"]): row for row in self._of(object)}
        return [dict(known[id_]) if id_ in known else Missing(id_) for id_ in ids]

    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        """Raises ``Unsupported``."""
        raise Unsupported(f"{request.object}: the data of a call is only read")

    async def aclose(self) -> None:
        """Nothing is open."""

    def _of(self, object: str) -> Sequence[Native]:
        if object not in self._rows:
            raise NotFound(f"no object {object!r}")
        return self._rows[object]


def tour_rows(tour: TourData, agent: Native) -> Rows:
    """A tour and its visits; ``agent`` is what is known of the agent."""
    stops = sorted(tour.properties, key=lambda stop: stop.visit_time)
    first, last = stops[0].visit_time, stops[-1].visit_time + _VISIT
    lines = [f"{_clock(stop.visit_time)} {stop.address} (property {stop.property_id})" for stop in stops]
    common: Native = {"tour_id": tour.tour_id, "agent": tour.agent_id}
    whole: Native = {
        **common,
        "id": quote(tour.tour_id, safe=""),
        "name": f"Property tour {tour.tour_id}",
        "starts_at": _iso(first),
        "ends_at": _iso(last),
        "notes": "\n".join(lines),
    }
    visits: list[Native] = [
        {
            **common,
            "id": _id(tour.tour_id, stop.property_id),
            "property_id": stop.property_id,
            "name": f"Property visit {stop.address}"[:120],
            "starts_at": _iso(stop.visit_time),
            "ends_at": _iso(stop.visit_time + _VISIT),
            "address": stop.address,
            "notes": f"Property {stop.property_id}, tour {tour.tour_id}",
        }
        for stop in stops
    ]
    return {TOURS: [whole], VISITS: visits, AGENTS: [{**agent, "id": tour.agent_id}]}


def feedback_rows(given: FeedbackData, buyer: RecordRef) -> Rows:
    """What a buyer said, who is that contact. The same buyer can say more later: that is another record."""
    at = given.timestamp.astimezone(UTC)
    about = f"Property {given.property_id}, tour {given.tour_id}, {at:%Y-%m-%d %H:%M} UTC"
    key = buyer_key(buyer)
    said: Native = {
        "id": _id(given.tour_id, given.property_id, key, at.isoformat()),
        "tour_id": given.tour_id,
        "property_id": given.property_id,
        "name": f"Feedback on property {given.property_id}"[:120],
        "text": f"{given.feedback}\n\n{about}",
        "buyer": key,
    }
    return {FEEDBACK: [said], BUYERS: [{"id": key}]}


def buyer_key(buyer: RecordRef) -> str:
    """The id of a buyer here: the contact's own, so that it counts not by which name a call gave it."""
    return _id(buyer.object, buyer.id)


def _id(*parts: str) -> str:
    """One id of several: no two lists of parts have the same."""
    return "/".join(quote(part, safe="") for part in parts)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _clock(at: datetime) -> str:
    return f"{at:%H:%M}"
