"""About the server itself: which CRMs there are for the agent."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from pydantic import Field

from crmhub.agent.answers import Answer, AnswerBase, status_of
from crmhub.agent.tool import READ, Arguments, Call, Effect, Pack, Told, tool
from crmhub.mapping.rules import Rule
from crmhub.models.registry import BUILT_IN

__all__ = ["HUB"]

Model: TypeAlias = Literal["account", "contact", "deal", "activity", "user", "pipeline", "stage"]
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


class DescribeRecords(Arguments):
    """Of what."""

    connection: str = Field(max_length=64, description="The connection.")
    model: Model = Field(description="The kind of record.")


class RecordField(Answer):
    """A field."""

    name: str
    """As other tools take it in `fields`, `where` and `values`."""
    type: str
    """`text`, `integer`, `decimal`, `date`, `datetime`, `boolean`, … or `reference`."""
    refers_to: list[str] = Field(default_factory=list[str])
    """The kinds of records that a reference points to."""
    writable: bool
    hidden: bool = False
    """Whether its values are masked for this agent, so that nothing can be chosen or sorted by it."""


class RecordFields(AnswerBase):
    """The fields."""

    listed = "fields"

    fields: list[RecordField] = Field(default_factory=list[RecordField])


@tool(DescribeRecords, RecordFields, title="Describe records")
async def describe_records(call: Call, given: DescribeRecords) -> Told:
    """Tell which fields one kind of record has in a CRM, custom ones too, and which can be written. Use it
    before you name fields in other tools. Gives names and types, never what is in records."""
    kind = BUILT_IN[given.model][0]

    async def ask(name: str) -> list[RecordField]:
        seen = call.reach.of(name, kind)
        rules = await seen.rules()
        return [_field(path, rule, hidden=not seen.shows(path)) for path, rule in rules.items()]

    found, sources = await call.reach.ask(call.reach.named(given.connection), ask)
    fields = [each for several in found.values() for each in several]
    data = RecordFields(status=status_of(sources), sources=sources, fields=fields)
    return Told(data, f"{len(fields)} fields of {given.model}")


def _field(path: str, rule: Rule, *, hidden: bool) -> RecordField:
    kind = "reference" if rule.ref else rule.kind
    return RecordField(name=path, type=kind, refers_to=[*rule.ref], writable=rule.writes, hidden=hidden)


HUB: Final = Pack(
    "hub",
    "About the server itself: which CRMs there are, and what they have.",
    (list_available_crms, describe_records),
)
