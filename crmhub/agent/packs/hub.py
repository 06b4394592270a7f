"""About the server itself: which CRMs there are for the agent."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from crmhub.agent.answers import Answer, AnswerBase, status_of
from crmhub.agent.tool import READ, Arguments, Call, Effect, Pack, Told, tool

__all__ = ["HUB"]

_OWN: Final = Effect(READ.writes, READ.destructive, READ.idempotent, open_world=False)


class Nothing(Arguments):
    """No arguments."""


class AvailableCrm(Answer):
    """A CRM that the agent may use."""

    connection: str
    """Its name: the argument `connection` of other tools."""
    crm: str
    """The kind of CRM."""
    models: list[str]
    """The kinds of records that can be asked for."""


class AvailableCrms(AnswerBase):
    """The CRMs."""

    listed = "crms"

    crms: list[AvailableCrm] = Field(default_factory=list[AvailableCrm])
    """Each with what can be asked of it."""


@tool(Nothing, AvailableCrms, _OWN, title="List available CRMs")
async def list_available_crms(call: Call, _given: Nothing) -> Told:
    """Tell which CRMs can be asked, and for which kinds of records. Use it first when you do not know which
    connections there are. No CRM is called."""
    known = call.reach.connections

    async def look(name: str) -> AvailableCrm:
        return AvailableCrm(connection=name, crm=known[name], models=[*call.reach.models_of(name)])

    found, sources = await call.reach.ask(known, look)
    data = AvailableCrms(status=status_of(sources), sources=sources, crms=[*found.values()])
    return Told(data, f"{len(found)} CRMs: {', '.join(found)}")


HUB: Final = Pack("hub", "About the server itself: which CRMs there are.", (list_available_crms,))
