"""The language of policies: mistakes with their places; what is not named is not there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema_rs
import pytest
from typer.testing import CliRunner

from crmhub.agent.identity import Agent
from crmhub.agent.policy.decide import Grant
from crmhub.agent.policy.language import Agents, Policy
from crmhub.agent.policy.load import Known, load_agents, remarks
from crmhub.agent.policy.schema import agents_schema
from crmhub.agent.tool import Toolbox
from crmhub.cli.app import app
from crmhub.document import Document
from crmhub.errors import ConfigError
from tests.agents import PACK

KNOWN = Known(connections=["north", "south"], toolbox=Toolbox([PACK]))


def loaded(folder: Path, text: str) -> Agents:
    file = folder / "agents.yaml"
    file.write_text(text)
    return load_agents(file, KNOWN)


MISNAMED = """
agents:
  bot: {policy: suport}
policies:
  support:
    tools: [find_peple, pack:people]
    connections: [norht]
    models:
      contct: {fields: {allow: ["*"]}}
      contact:
        fields: {allow: [phnes, id, owner.email, custom.cf_x], deny: [raw]}
        rows: {ownr.email: x}
    approval: {tools: {find_deals: never}}
"""
MISTAKES = """
3:9 no policy 'suport'; did you mean 'support'?
6:13 no tool or pack 'find_peple'; did you mean 'find_people'?
13:24 the policy allows no tool 'find_deals'; did you mean 'find_people'?
7:19 no connection 'norht'; did you mean 'north'?
9:7 no model 'contct'; did you mean 'contact'?
11:26 no field 'phnes'; did you mean 'phones'?
11:33 'id' is always shown: records are known by it; leave it out
11:37 'owner.email' leads into a field; name the whole field: 'owner'
11:71 'raw' is never shown: it goes around the other fields; leave it out
12:16 contact has no field 'ownr'; did you mean 'owner'?
"""
MISSHAPEN = """
policies:
  support:
    tool: [get_person]
    tools: [get_person]
    connections: []
    models:
      contact: {fields: {allow: ["*"]}, rows: {kind: {a: b}}}
    limits: {calls_per_minute: many}
    approval: {tools: {get_person: sometimes}, elicitation: host}
"""
SHAPES = """
6:5 List should have at least 1 item after validation, not 0
8:48 a value, or a list of values, is expected
9:14 Input should be a valid integer, unable to parse string as an integer
10:24 always, never or {over: AMOUNT} is expected
10:48 a list is expected
4:5 unknown key 'tool'; did you mean 'tools'?
"""


@pytest.mark.parametrize(("text", "told"), [(MISNAMED, MISTAKES), (MISSHAPEN, SHAPES)])
def test_every_mistake_is_a_line_with_its_place_and_a_suggestion(
    tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    lines = str(caught.value).replace(f"{tmp_path / 'agents.yaml'}:", "")
    assert re.sub(r"(?m)^([0-9:]+): [^ ]+: ", r"\1 ", lines).split("\n") == told.strip().split("\n")


def test_agents_stand_in_the_configuration_or_in_a_file_that_it_names(tmp_path: Path) -> None:
    policy = "{tools: [get_person], connections: [a]}"
    whole = tmp_path / "crmhub.yaml"
    connections = "connections: {a: {connector: memory}}\n"
    whole.write_text(f"{connections}agents: {{bot: {{policy: p}}}}\npolicies: {{p: {policy}}}\n")
    run = CliRunner().invoke
    first = run(app, ["agents", "check", "-c", str(whole)])
    (tmp_path / "agents.yaml").write_text(f"agents: {{bot: {{policy: p}}}}\npolicies: {{p: {policy}}}\n")
    whole.write_text(f"{connections}agents: ./agents.yaml\n")
    second = run(app, ["agents", "check", "-c", str(whole)])
    for result in (first, second):
        assert isinstance(result.exception, ConfigError)  # both were read: no installed tool is called that
        assert "no tool or pack 'get_person'" in str(result.exception)


@pytest.mark.parametrize("name", ["customer-service", "operations", "executive-assistant"])
def test_the_policies_to_begin_with_load_and_their_schema_takes_them(tmp_path: Path, name: str) -> None:
    printed = CliRunner().invoke(app, ["agents", "example", name])
    file = tmp_path / "agents.yaml"
    file.write_text(printed.stdout)
    agents = load_agents(file)
    assert [*agents.policies] == [name]
    assert [entry.policy for entry in agents.agents.values()] == [name]
    data = json.loads(json.dumps(Document.load(file).data))
    assert [*jsonschema_rs.validator_for(agents_schema()).iter_errors(data)] == []


def test_the_version_changes_with_what_a_policy_says() -> None:
    first = Policy(tools=["a"], connections=["b"])
    assert first.version == Policy(tools=["a"], connections=["b"]).version
    assert first.version != Policy(tools=["a"], connections=["b", "c"]).version


def test_nothing_is_seen_that_is_not_named() -> None:
    policy = Policy.model_validate(
        {
            "tools": ["x"],
            "connections": ["c"],
            "models": {
                "contact": {
                    "fields": {
                        "allow": ["*", "custom.a"],
                        "mask": ["phones"],
                        "deny": ["birthday", "custom.b"],
                    }
                },
                "deal": {"fields": {"allow": ["name", "custom"], "deny": ["custom.secret"]}},
            },
        }
    )
    grant = Grant(Agent("bot"), "p", policy)
    contact, deal = grant.sight("contact"), grant.sight("deal")
    assert [contact.seen(name) for name in ("title", "phones[role=main].raw", "birthday", "raw")] == [
        "shown",
        "masked",
        "denied",
        "denied",
    ]
    assert [contact.seen(f"custom.{key}") for key in "abc"] == ["shown", "denied", "denied"]
    assert [deal.seen(name) for name in ("name", "amount", "custom.any", "custom.secret")] == [
        "shown",
        "denied",
        "shown",
        "denied",
    ]
    assert not grant.sees("account", "name")


def test_what_may_not_have_been_meant_is_remarked() -> None:
    agents = Agents.model_validate(
        {
            "policies": {
                "p": {
                    "tools": ["pack:people"],
                    "connections": ["north"],
                    "models": {"contact": {"fields": {"allow": ["*"], "deny": ["last_name"]}}},
                    "limits": {"writes_per_day": 0},
                }
            }
        }
    )
    assert remarks(agents, Toolbox([PACK])) == [
        "p: sum_deals needs models: deal",
        "p: it allows tools that write, and no writes: writes_per_day is 0",
        "p: contact.full_name tells last_name: hide it too",
        "p: no agent has this policy",
    ]
