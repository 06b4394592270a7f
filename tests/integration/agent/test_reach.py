"""The reach on Zoho and Salesforce: an agent sees what the double holds, less what its policy hides."""

from __future__ import annotations

from collections import Counter

import pytest

from crmhub.agent.answers import AnswerBase, Refused
from crmhub.agent.gate import Gate
from crmhub.agent.reach import Reach
from crmhub.agent.tool import Arguments, Call, Pack, Told, Toolbox, tool
from crmhub.models import Account, ActivityBase, Contact, Deal
from crmhub.routing import routed
from tests.agents import BOT, ORIGIN, PACK, ListedAudit, agents_of
from tests.integration.api_doubles import both

pytestmark = pytest.mark.anyio


class Nothing(Arguments):
    """None."""


def probe(found: dict[str, Reach]) -> Pack:
    """A tool that lets the test have the reach of its call."""

    @tool(Nothing, AnswerBase, title="Probe", name="probe")
    async def probe_(call: Call, given: Nothing) -> Told:
        """Probe."""
        found["reach"] = call.reach
        return Told(AnswerBase(), "probed")

    return Pack("probe", "Probes.", (probe_,))


@pytest.mark.parametrize("crm", ["zoho", "salesforce"])
async def test_an_agent_sees_the_records_of_its_owner_and_no_others(crm: str) -> None:
    async with both() as hubs:
        contacts = await hubs.connection(crm).contacts.list()
        users = {user.id: user for user in await hubs.connection(crm).users.list()}
        owners = Counter(each.owner.id for each in contacts if each.owner)
        owner, _ = owners.most_common()[-1]
        email = users[owner].email
        mine = sorted(str(each.id) for each in contacts if each.owner and each.owner.id == owner)
        found: dict[str, Reach] = {}
        toolbox = Toolbox([PACK, probe(found)])
        agents = agents_of(
            tools=["pack:probe"],
            connections=[crm],
            models={
                "contact": {"fields": {"allow": ["*"], "mask": ["emails"]}, "rows": {"owner.email": email}},
                "account": {"fields": {"allow": ["website"]}},
                "activity": {"fields": {"allow": ["subject", "type", "due_at"]}},
                "deal": {"fields": {"allow": ["*"]}},
            },
        )
        gate = await Gate.of(hubs.hub, agents, toolbox, ListedAudit())
        assert not (await gate.call(BOT, "probe", {}, origin=ORIGIN)).is_error
        reach = found["reach"]
        seen = await reach.of(crm, Contact).list()
        assert sorted(str(each.id) for each in seen) == mine
        assert await reach.of(crm, Contact).count() == len(mine) < len(contacts)
        got = await reach.of(crm, Contact).get_many([str(each.id) for each in contacts])
        assert sorted(str(each.id) for each in got if each is not None) == mine
        assert {email.value for each in seen for email in each.emails or []} <= {"***"}
        assert {each.account.name for each in seen if each.account} <= {None}
        word = str(seen[0].last_name)
        searched = await reach.of(crm, Contact).search(word, limit=50)
        assert {str(each.id) for each in searched} == {
            str(each.id) for each in contacts if each.id in mine and _has(each, word)
        }
        accounts = await reach.of(crm, Account).list(limit=3)
        told = {name for each in accounts for name in each.model_fields_set}
        assert told <= {"id", "connection", "object", "version", "website"}
        tasks = await reach.of(crm, ActivityBase).list(limit=20)
        assert any("due_at" in each.model_fields_set for each in tasks)
        assert not any({"body", "owner", "contact"} & each.model_fields_set for each in tasks)
        deals = await reach.of(crm, Deal).list(where={"status": "open"})
        assert {each.status for each in deals} == {"open"}
        assert {each.stage.name for each in deals if each.stage} != {None}
        with routed("agent") as reach.route:
            await reach.of(crm, Deal).get(str(deals[0].id))
        assert reach.source(crm).tier == {"zoho": "sdk", "salesforce": "rest"}[crm]
        assert set(reach.noted.connections) == {crm}


async def test_the_crms_own_language_reads_what_the_agent_sees_and_no_more() -> None:
    async with both(rows=5) as hubs:
        found: dict[str, Reach] = {}
        agents = agents_of(
            tools=["pack:probe"],
            connections=["salesforce"],
            models={
                "account": {"fields": {"allow": ["*"], "deny": ["annual_revenue"], "mask": ["phones"]}},
                "contact": {"fields": {"allow": ["*"]}, "rows": {"kind": "person"}},
            },
        )
        gate = await Gate.of(hubs.hub, agents, Toolbox([PACK, probe(found)]), ListedAudit())
        await gate.call(BOT, "probe", {}, origin=ORIGIN)
        reach = found["reach"]
        objects = await reach.objects("salesforce")
        assert [*objects] == ["Account"]
        fields = objects["Account"]
        assert fields["Name"] == "name"
        assert {"AnnualRevenue", "Phone"} & fields.keys() == set()
        statement = "SELECT Id, Name, Phone FROM Account ORDER BY Name"
        rows = await reach.query("salesforce", statement, object="Account", names=["Id", "Name"])
        assert [row["Name"] for row in rows] == hubs.account_names("salesforce")
        assert {*rows[0]} == {"Id", "Name"}
        with pytest.raises(Refused, match="no such object"):
            await reach.query("salesforce", "SELECT Id FROM Contact", object="Contact", names=["Id"])


def _has(contact: Contact, word: str) -> bool:
    names = [contact.first_name, contact.last_name, contact.full_name, contact.title]
    return any(word.casefold() in str(name).casefold() for name in names if name)
