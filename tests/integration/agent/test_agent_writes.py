"""The tools that write, over the doubles of two CRMs: what the CRM has afterwards, and what it has not."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import cast

import pytest

from crmhub.agent.gate import Reply
from crmhub.agent.policy.language import Agents
from crmhub.clock import ManualClock
from crmhub.config import Config
from crmhub.connection import Connection
from crmhub.http import asgi_transport
from crmhub.hub import Hub
from crmhub.models import ActivityBase, Contact, Meeting, Note, Task
from crmhub.models import Call as PhoneCall
from crmhub.testing.simulator.finding import make_double
from crmhub.testing.simulator.options import Options
from tests.integration.api_doubles import both
from tests.integration.rest.test_seeded_records import KEYS
from tests.writing_agents import Desked, desk_to, error_of, policies

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["zoho", "salesforce"])
def crm(request: pytest.FixtureRequest) -> str:
    return cast("str", request.param)


def rules(**policy: object) -> Agents:
    return policies(connections=["zoho", "salesforce"], **({"approval": {"default": "never"}} | policy))


@asynccontextmanager
async def desked(agents: Agents | None = None) -> AsyncGenerator[Desked]:
    async with both(6) as given, desk_to(given.hub, agents or rules()) as made:
        yield made


def result(reply: Reply) -> tuple[str, str]:
    """What came of a single write: its status and the CRM's own id."""
    assert not reply.is_error, reply
    (one,) = cast("list[dict[str, str]]", reply.structured["results"])
    return one["status"], one["id"].rpartition(":")[2]


async def people(connection: Connection) -> dict[str, Contact]:
    """A person and a lead."""
    return {contact.kind: contact async for contact in connection.contacts.list()}


async def test_a_note_is_left_on_a_contact_a_lead_and_a_deal(crm: str) -> None:
    async with desked() as given:
        connection = given.hub[crm]
        known = await people(connection)
        (deal,) = await connection.deals.list(limit=1)
        asked = {"Contacts": known["person"].id, "Leads": known["lead"].id, "Deals": deal.id}
        for module, own in asked.items():
            model = "deal" if module == "Deals" else "contact"
            reply = await given.call(
                "create_crm_note", module=module, record_id=f"{model}:{crm}:{own}", note=f"on {module}"
            )
            status, made = result(reply)
            note = await connection.of(Note).get(made)
            assert status == "created"
            assert (note.body, note.regarding and note.regarding.id) == (f"on {module}", own)
        wrong = await given.call("create_crm_note", module="Deals", record_id=f"deal:{crm}:1", note="x")
        assert error_of(wrong) in {"not_found", "crm_refused", "invalid_record"}


async def test_tasks_calls_meetings_and_stages_are_written_as_they_were_said(crm: str) -> None:
    async with desked() as given:
        connection = given.hub[crm]
        person = f"contact:{crm}:{(await people(connection))['person'].id}"
        (deal,) = await connection.deals.list(limit=1)
        about = f"deal:{crm}:{deal.id}"

        told = {"subject": "Ring back", "due_date": "2026-12-01", "details": "about the roof"}
        _, made = result(await given.call("create_task", contact_id=person, regarding_id=about, **told))
        task = await connection.of(Task).get(made)
        assert (task.subject, str(task.due_at), task.body) == ("Ring back", "2026-12-01", "about the roof")
        assert task.contact is not None
        assert task.regarding is not None
        assert (task.contact.id, task.regarding.id) == (person.rpartition(":")[2], deal.id)

        at = "2026-11-20T10:00:00+01:00"
        said: dict[str, object] = {"subject": "Roof", "starts_at": at, "minutes": 20, "contact_id": person}
        _, made = result(await given.call("log_activity", kind="call", **said))
        phoned = await connection.of(PhoneCall).get(made)
        assert phoned.duration is not None
        assert phoned.duration.total_seconds() == 1_200
        _, made = result(await given.call("log_activity", kind="meeting", **said))
        meeting = await connection.of(Meeting).get(made)
        assert meeting.starts_at == datetime(2026, 11, 20, 9, tzinfo=UTC)

        reply = await given.call("update_deal_stage", deal_id=about, stage="closed won")
        assert result(reply) == ("updated", deal.id)
        moved = await connection.deals.get(str(deal.id))
        assert moved.stage is not None
        assert moved.stage.name == "Closed Won"
        again = await given.call("update_deal_stage", deal_id=about, stage="Closed Won")
        assert result(again)[0] == "unchanged"
        assert (
            error_of(await given.call("update_deal_stage", deal_id=about, stage="Nowhere")) == "unknown_stage"
        )


async def test_a_plan_of_several_changes_waits_and_is_done_in_order(crm: str) -> None:
    async with desked(rules(approval={"default": "always"})) as given:
        connection = given.hub[crm]
        person = (await people(connection))["person"]
        (account,) = await connection.accounts.list(limit=1)
        changes = [
            {"record": "contact", "id": f"contact:{crm}:{person.id}", "values": {"title": "Director"}},
            {
                "record": "contact",
                "values": {
                    "last_name": "Lovelace",
                    "email": "ada@lovelace.example",
                    "account": f"account:{crm}:{account.id}",
                },
            },
            {
                "record": "account",
                "id": f"account:{crm}:{account.id}",
                "values": {"annual_revenue": "1250.50"},
            },
        ]
        reply = await given.call("propose_changes", connection=crm, changes=changes)
        shown = cast("list[dict[str, object]]", reply.structured["changes"])
        assert [each["operation"] for each in shown] == ["update", "create", "update"]
        (price,) = cast("list[dict[str, object]]", reply.structured["price"])
        assert (price["connection"], price["units"]) == (crm, 3)
        handle = str(reply.structured["handle"])
        assert await given.apply(handle) == "approval_pending"
        await given.approve(handle)
        done = await given.call("apply_approved_changes", handle=handle)
        results = cast("list[dict[str, str]]", done.structured["results"])
        assert [each["status"] for each in results] == ["updated", "created", "updated"]
        made = await connection.contacts.get(results[1]["id"].rpartition(":")[2])
        assert (made.last_name, made.account and made.account.id) == ("Lovelace", account.id)
        assert made.emails is not None
        assert made.emails[0].value == "ada@lovelace.example"
        assert (await connection.contacts.get(str(person.id))).title == "Director"
        revenue = (await connection.accounts.get(str(account.id))).annual_revenue
        assert revenue is not None
        assert f"{revenue.amount:.2f}" == "1250.50"


@pytest.mark.parametrize("name", KEYS)
async def test_the_same_tools_write_to_every_crm(name: str) -> None:
    clock = ManualClock()
    told = Options(base_url="http://localhost", rows=6, now=lambda: clock.now().timestamp())
    double = make_double(name, told)
    settings = {key: double.credentials[known] for key, known in KEYS[name].items()}
    base = "http://localhost/api" if name == "rollout" else "http://localhost"
    config = Config({}, store="sqlite:///:memory:")
    async with Hub(config, clock=clock, transports={name: asgi_transport(double.app)}) as hub:
        connection = hub.add(name, name, base_url=base, **settings)
        agents = policies(connections=[name], approval={"default": "never"})
        async with desk_to(hub, agents) as given:
            (contact,) = await connection.contacts.list(limit=1)
            person = f"contact:{name}:{contact.id}"
            said: dict[str, dict[str, object]] = {
                "create_crm_note": {"module": "Contacts", "record_id": person, "note": "called back"},
                "create_task": {"subject": "Ring", "due_date": "2026-12-01", "contact_id": person},
                "log_activity": {
                    "kind": "call",
                    "subject": "Roof",
                    "starts_at": "2026-01-01T09:00:00Z",
                    "contact_id": person,
                },
            }
            models: dict[str, type[ActivityBase]] = {"create_crm_note": Note, "create_task": Task}
            for tool, arguments in said.items():
                reply = await given.call(tool, **arguments)
                if (name, tool) == ("gohighlevel", "log_activity"):
                    assert error_of(reply) == "unsupported", "it has no calls"
                    continue
                status, made = result(reply)
                assert status == "created"
                written = await connection.of(models.get(tool, PhoneCall)).get(made)
                pointed = {ref.id for ref in (written.contact, written.regarding) if ref is not None}
                assert pointed == {contact.id}
                text = f"{written.subject} {written.body}"
                assert str(arguments.get("note", arguments.get("subject"))) in text
