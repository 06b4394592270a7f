"""A process that serves one tool to agents: ``bare``, by the library alone, or ``governed``, by crmhub.

Both read the same record of the same CRM in memory and answer the same data: what lies between is the policy,
the limits, the audit and the cleaning of texts. Prints the URL and a token.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import cast

import anyio
from mcp.server.lowlevel import Server
from mcp.types import CallToolRequestParams, CallToolResult, ListToolsResult, TextContent
from mcp.types import Tool as Shown
from pydantic import Field

from crmhub.agent.answers import Answer, AnswerBase, Source, Text, TimeOut, typed_id
from crmhub.agent.assembling import assemble
from crmhub.agent.policy.language import Agents
from crmhub.agent.serving.bearers import StoredBearer
from crmhub.agent.serving.http import make_app
from crmhub.agent.serving.running import HttpServing, bound, http_serving
from crmhub.agent.serving.server import Context
from crmhub.agent.tool import Arguments, Call, Pack, Told, Toolbox, tool
from crmhub.config import Config
from crmhub.connector import Value
from crmhub.hub import Hub
from crmhub.models import Contact

MAPPING = """
crm: memory
version: 1
maps:
  - model: contact
    object: people
    fields:
      full_name: name
      title: title
      description: about
      emails[role=primary].value: email
"""
ROWS = [
    {"id": f"p{n}", "name": f"Ada Seller {n}", "title": "Buyer", "about": "met at the fair " * 10,
     "email": f"ada{n}@example.com"}
    for n in range(100)
]  # fmt: skip
AGENTS = Agents.model_validate(
    {
        "agents": {"bench": {"policy": "p"}},
        "policies": {
            "p": {
                "tools": ["get_person"],
                "connections": ["crm"],
                "models": {"contact": {"fields": {"allow": ["*"], "mask": ["title"]}}},
                "limits": {"calls_per_minute": 100_000, "records_per_hour": 100_000_000},
            }
        },
    }
)


class GetPerson(Arguments):
    """Which."""

    id: str = Field(max_length=100, description="The person's id.")


class Person(Answer):
    """A person."""

    id: str
    name: str | None
    title: str | None
    email: str | None
    about: Text | None
    updated_at: TimeOut | None


class People(AnswerBase):
    """People."""

    people: list[Person] = Field(default_factory=list[Person])


def person(contact: Contact) -> Person:
    """A contact as it is answered."""
    return Person(
        id=typed_id(contact),
        name=contact.full_name,
        title=contact.title,
        email=contact.emails[0].value if contact.emails else None,
        about=Text.of(contact.description),
        updated_at=TimeOut.of(contact.updated_at),
    )


@tool(GetPerson, People, title="Get a person", models=["contact"])
async def get_person(call: Call, given: GetPerson) -> Told:
    """Give one person."""
    contact = await call.reach.of("crm", Contact).get(given.id)
    return Told(People(people=[person(contact)], sources=[call.reach.source("crm")]), "1 person")


def bare(hub: Hub) -> Server[dict[str, object]]:
    """The library's server with the same tool, and nothing around it."""

    async def list_tools(_ctx: Context, _params: object) -> ListToolsResult:
        schema = dict(get_person.input_schema)
        return ListToolsResult(
            tools=[
                Shown(name="get_person", input_schema=schema, output_schema=dict(get_person.output_schema))
            ]
        )

    async def call_tool(_ctx: Context, params: CallToolRequestParams) -> CallToolResult:
        given = GetPerson.model_validate(params.arguments)
        contact = await hub["crm"].contacts.get(given.id)
        source = Source(connection="crm", crm="memory", state="ok")
        data = People(people=[person(contact)], sources=[source])
        return CallToolResult(
            content=[TextContent(text="1 person")],
            structured_content=data.model_dump(mode="json", exclude_none=True),
        )

    return Server("bare", on_list_tools=list_tools, on_call_tool=call_tool)


class _NoAudit:
    async def intend(self, intent: object) -> str:  # noqa: ARG002 - as the protocol has it
        return ""

    async def conclude(self, id: str, outcome: object) -> None:
        pass


@asynccontextmanager
async def serving(hub: Hub, kind: str) -> AsyncGenerator[HttpServing]:
    """What is served, by its kind."""
    if kind == "governed":
        assembled = await assemble(hub, AGENTS, Toolbox([Pack("people", "People.", (get_person,))]))
        async with http_serving(hub, assembled, port=0, json_response=True) as served:
            yield served
        return
    with bound("127.0.0.1", 0) as sock:
        url = f"http://127.0.0.1:{sock.getsockname()[1]}/mcp"
        bearer = StoredBearer((await hub.store()).agent_tokens, url)
        app = make_app(bare(hub), bearer, _NoAudit(), AGENTS.serving, url, json_response=True)
        yield HttpServing(app, sock, url)


async def main(kind: str, folder: Path) -> None:
    """Serve until the process is ended."""
    mapping = folder / "memory.yaml"
    mapping.write_text(MAPPING)
    async with Hub(Config({}, store=f"sqlite:///{folder / 'state.db'}")) as hub:
        fields = dict.fromkeys(["name", "title", "about", "email"], "text")
        hub.add("crm", "memory", mapping=mapping, objects={"people": cast("Value", fields)},
                rows={"people": cast("Value", ROWS)})  # fmt: skip
        token = await (await hub.store()).agent_tokens.create("bench", "bench", timedelta(days=1))
        async with serving(hub, kind) as served:
            print(served.url, token.get_secret_value(), flush=True)
            await served.serve()


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], Path(sys.argv[2]))
