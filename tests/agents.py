"""What tests of the agents' side share: two small CRMs in memory, an audit in a list, a pack of tools."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, TypeAlias, cast

from pydantic import Field

from crmhub.agent.answers import Answer, AnswerBase, Text, status_of, typed_id
from crmhub.agent.auditing import Intent, Origin, Outcome
from crmhub.agent.gate import Gate
from crmhub.agent.identity import Agent
from crmhub.agent.policy.language import Agents
from crmhub.agent.tool import CREATE, Arguments, Call, Pack, Told, Toolbox, tool
from crmhub.clock import ManualClock
from crmhub.config import Config
from crmhub.connector import Value
from crmhub.errors import StoreError
from crmhub.hub import Hub
from crmhub.models import Contact, Deal

__all__ = ["ADA", "BOT", "ORIGIN", "PACK", "ListedAudit", "agents_of", "gate_to", "hub_of_two"]

BOT = Agent("bot")
ADA = Agent("bot", subject="ada@seller.example")
ORIGIN = Origin("test", request="1")
MAPPING = """
crm: memory
version: 1
maps:
  - model: contact
    object: people
    set: {kind: person}
    fields:
      first_name: first
      last_name: last
      full_name: name
      department: {to: area, as: html_text, dir: read}
      description: about
      birthday: {to: born, as: date}
      emails[role=primary].value: email
      phones[role=work].raw: phone
      account: {ref: account, to: company}
      owner: {ref: user, to: owner, by: email}
      created_at: {to: created_at, as: datetime, dir: read}
      updated_at: {to: modified_at, as: datetime, dir: read}
    custom: {match: "^cf_", to: custom}
  - model: account
    object: companies
    fields: {name: name, website: site}
  - model: deal
    object: deals
    fields:
      name: name
      amount: {to: amount, as: money}
      account: {ref: account, to: company}
      stage: {ref: stage, to: stage, by: label}
      owner: {ref: user, to: owner, by: email}
  - model: activity
    object: notes
    set: {type: note}
    fields:
      body: text
      contact: {ref: contact, to: person}
      regarding: {ref: [account, deal], to: about, type: about_object}
  - model: activity
    object: tasks
    set: {type: task}
    fields:
      subject: subject
      body: text
      due_at: {to: due, as: date}
      contact: {ref: contact, to: person}
  - model: stage
    object: stages
    fields: {label: label, outcome: {to: outcome, as: {enum: {open: open, won: won, lost: lost}}}}
  - model: user
    object: users
    fields: {name: name, email: email}
"""
OBJECTS = {
    "people": dict.fromkeys(
        ["first", "last", "name", "about", "born", "email", "phone", "area", "company", "owner"], "text"
    )
    | {"cf_score": {"type": "text", "custom": True}, "cf_secret": {"type": "text", "custom": True}},
    "companies": {"name": "text", "site": "text"},
    "deals": {"name": "text", "amount": "decimal", "company": "text", "stage": "text", "owner": "text"},
    "notes": {"text": "text", "person": "text", "about": "text", "about_object": "text"},
    "tasks": {"subject": "text", "text": "text", "due": "text", "person": "text"},
    "stages": {"label": "text", "outcome": "text"},
    "users": {"name": "text", "email": "text"},
}
USERS = [
    {"id": "u1", "name": "Ada Seller", "email": "ada@seller.example"},
    {"id": "u2", "name": "Bob Seller", "email": "bob@seller.example"},
]


def people(word: str) -> list[dict[str, str]]:
    """Four people of a CRM; two are Ada's."""
    return [
        {
            "id": f"p{number}",
            "first": f"First{number}",
            "last": f"{word}{number}",
            "name": f"First{number} {word}{number}",
            "about": f"note {number} of {word}",
            "born": f"199{number}-02-03",
            "email": f"p{number}@{word.lower()}.example",
            "phone": f"+1 555 010{number}",
            "area": f"<b>{'East' if number % 2 else 'West'}</b>",
            "company": "c1",
            "owner": "u1" if number < 3 else "u2",
            "cf_score": f"score{number}",
            "cf_secret": f"canary{number}",
        }
        for number in range(1, 5)
    ]


@asynccontextmanager
async def hub_of_two(tmp_path: Path, **more: Sequence[Mapping[str, str]]) -> AsyncGenerator[Hub]:
    """A hub with the connections ``north`` and ``south``; ``more`` replaces rows of both, by object."""
    path = tmp_path / "memory.yaml"
    path.write_text(MAPPING)
    async with Hub(Config({}, store="sqlite:///:memory:"), clock=ManualClock()) as hub:
        for name, word in (("north", "North"), ("south", "South")):
            rows = {
                "people": people(word),
                "companies": [{"id": "c1", "name": f"{word} Ltd", "site": "https://example.com"}],
                "deals": [
                    {"id": "d1", "name": f"{word} deal", "amount": "1250.5", "company": "c1", "owner": "u1"}
                ],
                "stages": [
                    {"id": "s1", "label": "Talking", "outcome": "open"},
                    {"id": "s2", "label": "Won", "outcome": "won"},
                ],
                "users": USERS,
                **more,
            }
            hub.add(
                name,
                "memory",
                mapping=path,
                objects=cast("Value", OBJECTS),
                rows=cast("Value", rows),
                page_size=3,
            )
        yield hub


class ListedAudit:
    """An audit that keeps all it is told; ``broken`` refuses to."""

    def __init__(self) -> None:
        self.intents: list[Intent] = []
        self.outcomes: dict[str, Outcome] = {}
        self.broken = False

    async def intend(self, intent: Intent) -> str:
        if self.broken:
            raise StoreError("the disk is full")
        self.intents.append(intent)
        return str(len(self.intents))

    async def conclude(self, id: str, outcome: Outcome) -> None:
        assert id not in self.outcomes
        self.outcomes[id] = outcome


# ── tools ────────────────────────────────────────────────────────────────────────────────────────


Word: TypeAlias = Annotated[str, Field(max_length=64)]


class FindPeople(Arguments):
    connection: str | None = Field(None, max_length=64, description="A connection; all by default.")
    query: str | None = Field(None, max_length=100, description="Words to look for.")
    where: dict[str, Word] = Field({}, max_length=5, description="Conditions, by field.")
    fields: list[Word] | None = Field(None, max_length=20, description="Fields wanted.")
    limit: int = Field(10, ge=1, le=50, description="How many.")
    cursor: str | None = Field(None, max_length=2000, description="Where to go on.")


class Person(Answer):
    id: str
    name: str | None = None
    phone: str | None = None
    birthday: str | None = None
    about: Text | None = None
    owner: str | None = None
    account: str | None = None
    custom: dict[str, str] = Field(default_factory=dict[str, str])


class People(AnswerBase):
    listed = "people"

    people: list[Person] = Field(default_factory=list[Person])


def person(contact: Contact) -> Person:
    return Person(
        id=typed_id(contact),
        name=contact.full_name,
        phone=contact.phones[0].raw if contact.phones else None,
        birthday=contact.birthday.isoformat() if contact.birthday else None,
        about=Text.of(contact.description),
        owner=contact.owner.email if contact.owner else None,
        account=contact.account.name if contact.account else None,
        custom={key: str(value) for key, value in contact.custom.items()},
    )


@tool(FindPeople, People, title="Find people", models=["contact"])
async def find_people(call: Call, given: FindPeople) -> Told:
    """Find people by words, by conditions, or all of them."""
    skip = cast("int", (call.place or {}).get("skip", 0))

    async def ask(connection: str) -> list[Contact]:
        contacts = call.reach.of(connection, Contact)
        if given.query is not None:
            return await contacts.search(given.query, fields=given.fields, limit=given.limit)
        return await contacts.list(fields=given.fields, where=given.where, limit=skip + given.limit)

    found, sources = await call.reach.ask(call.reach.named(given.connection), ask)
    people = [person(each) for several in found.values() for each in several[skip:]]
    data = People(status=status_of(sources), sources=sources, people=people)
    if len(people) >= given.limit:
        data.next_cursor, data.truncated = call.seal({"skip": skip + given.limit}), True
    return Told(data, f"{len(people)} people", lambda count: {"skip": skip + count})


class GetPerson(Arguments):
    """Which."""

    id: str = Field(max_length=200, description="The person's id.")
    connection: str = Field("north", max_length=64, description="A connection.")


@tool(GetPerson, People, title="Get a person", models=["contact"])
async def get_person(call: Call, given: GetPerson) -> Told:
    """Give one person."""
    contact = await call.reach.of(given.connection, Contact).get(given.id)
    return Told(People(people=[person(contact)]), "1 person")


class Nothing(Arguments):
    """None."""


class Count(AnswerBase):
    """A number."""

    amount: str | None = None


@tool(Nothing, Count, title="Sum up deals", models=["deal"])
async def sum_deals(call: Call, given: Nothing) -> Told:
    """Sum up the amounts of all deals."""
    deals = call.reach.of("north", Deal)
    deals.demand("amount")
    amounts = [deal.amount.amount for deal in await deals.list() if deal.amount]
    return Told(Count(amount=str(sum(amounts))), "1 sum")


WRITTEN: list[str] = []


@tool(Nothing, Count, CREATE, title="Write", models=["contact"])
async def write_it(call: Call, given: Nothing) -> Told:
    """Write something."""
    WRITTEN.append(call.agent.name)
    return Told(Count(), "done")


PACK = Pack("people", "About people.", (find_people, get_person, sum_deals, write_it))


# ── the gate ─────────────────────────────────────────────────────────────────────────────────────


def agents_of(**policy: object) -> Agents:
    """The agents file of ``bot`` alone, whose policy has these parts over generous ones."""
    whole = {
        "tools": ["pack:people"],
        "connections": ["north", "south"],
        "models": {
            "contact": {"fields": {"allow": ["*"]}},
            "account": {"fields": {"allow": ["*"]}},
            "deal": {"fields": {"allow": ["*"]}},
        },
    }
    return Agents.model_validate({"agents": {"bot": {"policy": "p"}}, "policies": {"p": whole | policy}})


async def gate_to(hub: Hub, audit: ListedAudit | None = None, *packs: Pack, **policy: object) -> Gate:
    """The gate of a hub for ``bot``, with that policy."""
    toolbox = Toolbox(packs or [PACK])
    return await Gate.of(hub, agents_of(**policy), toolbox, audit or ListedAudit())
