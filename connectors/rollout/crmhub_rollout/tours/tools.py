"""The actions of the pack as tools for agents, within an agent's policy.

A policy that allows them names the connections, the models ``tour`` and ``property_visit``, or ``feedback``
and ``contact``, with their fields, and says that nobody has to agree: ``sync_tour_data: never``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Literal

from pydantic import Field

from crmhub.agent.answers import Answer, AnswerBase, Refused, Text, status_of
from crmhub.agent.running import Running
from crmhub.agent.tool import CHANGE, CREATE, Arguments, Call, Pack, Told, tool
from crmhub.agent.untrusted import SHORT
from crmhub.models import Contact, Record
from crmhub.native import Value
from crmhub_rollout.tours.calls import CrmOutcome, FeedbackData, Report, TourData
from crmhub_rollout.tours.models import Feedback, PropertyVisit, Tour

__all__ = ["TOURS"]

_WHERE: Final = "A connection, a kind of CRM (zoho, salesforce, …), or all."


class TourGiven(Arguments):
    """A tour, and where to."""

    tour_data: TourData = Field(
        alias="tourData", description="tourId, agentId (e-mail address or user), and the properties to visit."
    )
    crm_type: str = Field("all", alias="crmType", min_length=1, max_length=64, description=_WHERE)


class FeedbackGiven(Arguments):
    """Feedback, and where to."""

    feedback_data: FeedbackData = Field(
        alias="feedbackData",
        description="propertyId, tourId, feedback, timestamp, and buyerId: e-mail address or a contact's id.",
    )
    crm_type: str = Field("all", alias="crmType", min_length=1, max_length=64, description=_WHERE)


class RolloutGiven(Arguments):
    """Which project."""

    project_env_key: str = Field(
        alias="projectEnvKey", min_length=1, max_length=200, description="The project's client id."
    )
    auth_token: str = Field(
        alias="authToken",
        max_length=200,
        pattern=r"^[a-z][a-z0-9_-]*:.+$",
        description="The name of the secret, such as env:ROLLOUT_OFFICE; never a secret itself.",
    )
    base_url: str | None = Field(
        None, alias="baseUrl", max_length=300, description="Has to be the address that a person has set."
    )


class RolloutConfigured(AnswerBase):
    """The connection."""

    connection: str
    already: bool
    """Whether it was there before."""


class WrittenOut(Answer):
    """What became of one record."""

    what: str
    """`tour`, `property_visit` or `feedback`."""
    of: str
    """The tour's or the property's id, as it was given."""
    status: Literal["created", "updated", "unchanged", "rejected"]
    id: str | None = None


class WrittenTo(Answer):
    """What became of it in one CRM."""

    connection: str
    crm: str
    status: Literal["written", "unchanged", "partly", "failed"]
    records: list[WrittenOut]
    notes: list[Text] = Field(default_factory=list[Text])
    """What was assumed, such as another owner."""


class Delivered(AnswerBase):
    """What became of it. Safe to repeat while ``ok`` is false."""

    ok: bool
    outcomes: list[WrittenTo]


@tool(TourGiven, Delivered, CHANGE, title="Write a property tour", models=["tour", "property_visit"])
async def sync_tour_data(call: Call, given: TourGiven) -> Told:
    """Write a property tour to the calendars of CRMs: an appointment for the tour, and one for each property.
    Safe to repeat: the same tourId makes nothing twice, and what has changed is written. Gives what each CRM
    has now; repeat it while ok is false."""
    arguments = given.tour_data.model_dump(mode="json", by_alias=True)

    async def write(name: str) -> CrmOutcome:
        _demand(call, name, Tour, PropertyVisit)
        return await _written(call, "sync_tour_data", name, {"tourData": arguments})

    return await _delivered(call, "sync_tour_data", given.crm_type, (Tour, PropertyVisit), write)


@tool(FeedbackGiven, Delivered, CHANGE, title="Write a buyer's feedback", models=["feedback", "contact"])
async def sync_feedback_data(call: Call, given: FeedbackGiven) -> Told:
    """Write what a buyer said of a property to CRMs: a note on the contact who the buyer is there. Safe to
    repeat: the same feedback makes nothing twice. A CRM that does not have the buyer fails, and concerns no
    other. For other notes use create_crm_note."""
    arguments = given.feedback_data.model_dump(mode="json", by_alias=True)

    async def write(name: str) -> CrmOutcome:
        _demand(call, name, Feedback)
        buyer = await _buyer(call, name, given.feedback_data.buyer_id)
        return await _written(
            call, "sync_feedback_data", name, {"feedbackData": {**arguments, "buyerId": buyer}}
        )

    return await _delivered(call, "sync_feedback_data", given.crm_type, (Feedback,), write)


@tool(RolloutGiven, RolloutConfigured, CREATE, title="Set up Rollout")
async def configure_rollout(call: Call, given: RolloutGiven) -> Told:
    """Set up a connection to Rollout that a person has prepared, by the name of the secret that its
    credentials are kept under. No other project or address can be connected, and credentials are never
    told."""
    running = call.part(Running)
    running.demand_agreed("configure_rollout")
    agreeing: dict[str, Value] = {"client_id": given.project_env_key}
    if given.base_url is not None:
        agreeing["base_url"] = given.base_url
    name, already = running.connect("rollout", given.auth_token, agreeing)
    return Told(RolloutConfigured(connection=name, already=already), f"connection {name} is set up")


def _demand(call: Call, connection: str, *models: type[Record]) -> None:
    """Raises where the agent may not have such records there, or not all that is written of them."""
    for model in models:
        own = [name for name in model.model_fields if name not in Record.model_fields]
        call.reach.of(connection, model).demand(*own)


async def _buyer(call: Call, connection: str, given: str) -> str:
    """Who is meant, as the action takes it: a contact that the agent sees.

    Raises :class:`Refused` for one that it could only guess at.
    """
    contacts = call.reach.of(connection, Contact)
    if "@" in given:
        contacts.demand("emails")
        if call.reach.grant.rows("contact"):
            raise Refused(
                "invalid_id",
                "buyerId: an e-mail address may be that of somebody who is not there for this agent",
                hint="find the contact first, and give its id",
            )
        return given
    named, _, own = given.removeprefix("contact:").rpartition(":")
    name = named or connection
    if name not in call.reach.connections:
        raise call.reach.not_there()
    await call.reach.of(name, Contact).get(own)
    return f"{name}:{own}"


async def _written(call: Call, action: str, connection: str, arguments: Mapping[str, object]) -> CrmOutcome:
    report = await call.part(Running).act(action, connection, {**arguments, "crmType": connection})
    assert isinstance(report, Report)  # noqa: S101 - the action's own answer
    return report.outcomes[0]


async def _delivered(
    call: Call,
    action: str,
    where: str,
    models: Sequence[type[Record]],
    write: Callable[[str], Awaitable[CrmOutcome]],
) -> Told:
    call.part(Running).demand_agreed(action)
    names = call.reach.named(where)
    if where == "all":  # as the action itself: those that have no place for it are left out
        wanted = {model.model for model in models}
        names = [name for name in names if wanted & {*call.reach.models_of(name)}]
    if not names:
        raise Refused("unsupported", "no CRM of this agent has a place for it", hint="leave a note instead")
    found, sources = await call.reach.ask(names, write)
    outcomes = [_shown(each) for each in found.values()]
    for each in found.values():
        for one in each.records:
            if one.id is not None:
                call.reach.noted.records[f"{one.what}:{each.connection}:{one.id}"] = None
    fine = all(each.fine for each in found.values()) and len(found) == len(names)
    status = status_of(sources) if fine or not found else "partial"
    data = Delivered(status=status, sources=sources, ok=fine, outcomes=outcomes)
    return Told(data, f"{sum(each.fine for each in found.values())} of {len(names)} CRMs have it")


def _shown(outcome: CrmOutcome) -> WrittenTo:
    """Without the CRM's own words of what went wrong: those are for people."""
    return WrittenTo(
        connection=outcome.connection,
        crm=outcome.crm,
        status="failed" if outcome.status == "skipped" else outcome.status,
        records=[
            WrittenOut(
                what=one.what,
                of=one.of,
                status=one.status,
                id=None if one.id is None else f"{one.what}:{outcome.connection}:{one.id}",
            )
            for one in outcome.records
        ],
        notes=[text for note in outcome.notes if (text := Text.of(note, SHORT))],
    )


TOURS: Final = Pack(
    "tours",
    "Property tours and buyers' feedback, to one CRM or to all.",
    (configure_rollout, sync_tour_data, sync_feedback_data),
)
