"""The language of policies: which agents there are, and what each may do. What is not named is not there."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Field

from crmhub.agent.policy.part import Part
from crmhub.agent.policy.serving import Serving

__all__ = [
    "AgentEntry",
    "Agents",
    "Approval",
    "Connectable",
    "Fields",
    "Limits",
    "ModelRule",
    "Over",
    "Policy",
    "RowValue",
]

_Scalar: TypeAlias = bool | int | Decimal | str | None
RowValue: TypeAlias = _Scalar | Annotated[list[_Scalar], Field(min_length=1, max_length=100)]
_MOST_BYTES: Final = 65_536


class Fields(Part):
    """Which fields of a model an agent sees. A denied or masked one cannot be searched or filtered by."""

    allow: list[str] = Field(min_length=1)
    """Names of fields; `*`: all of the model. `custom`: all custom fields, `custom.KEY`: one of them."""
    mask: list[str] = []
    """Allowed fields whose values are hidden: the agent sees that there is one."""
    deny: list[str] = []
    """Fields that are not there for the agent, whatever `allow` says."""
    masking: Literal["stars", "hash"] = "stars"
    """How a text is masked: `***`, or by a keyed hash, by which equal values are seen to be equal."""


class ModelRule(Part):
    """What an agent sees of a model."""

    fields: Fields
    """Which fields."""
    rows: dict[str, RowValue] = {}
    """Which records: field paths (`owner.email`, `kind`, `account.id`) with the value that each must have, or
    a list of which it must have one. `$subject` stands for the person for whom the agent acts."""


class Limits(Part):
    """How much an agent may do. All processes that share the store keep them together."""

    calls_per_minute: int = Field(default=60, ge=1, le=100_000)
    """Calls of tools in any minute."""
    records_per_hour: int = Field(default=5_000, ge=1, le=100_000_000)
    """Records handed out in any hour."""
    writes_per_day: int = Field(default=50, ge=0, le=1_000_000)
    """Calls that write in any 24 hours."""
    credits_per_day: int | None = Field(default=None, ge=1)
    """Units of the CRMs' allowances spent in any 24 hours, by their prices; left out: no limit of its own."""
    seconds_per_call: int = Field(default=30, ge=1, le=600)
    """How long a call may take."""
    bytes_per_answer: int = Field(default=32_768, ge=1_024, le=_MOST_BYTES)
    """The size of an answer; beyond it whole items are left out and the answer says so."""
    records_per_scan: int = Field(default=2_000, ge=1, le=1_000_000)
    """Records read for one question where the CRM cannot choose them itself, or all are asked for."""


class Over(Part):
    """A write needs approval where the amount of money in it is larger."""

    over: Decimal = Field(ge=0)
    """The amount, in whatever currency it is."""


class Approval(Part):
    """Which writes wait for a person."""

    default: Literal["always", "never"] = "always"
    """For tools that are not named."""
    tools: dict[str, Literal["always", "never"] | Over] = {}
    """By the tool's name."""
    elicitation: list[str] = []
    """Hosts that are trusted to ask the person at the agent's side; left out: none is."""
    minutes: int = Field(default=1_440, ge=1, le=43_200)
    """How long a write waits for a person."""


class Connectable(Part):
    """A connection that an agent may set up while the server runs."""

    connector: str
    """The kind of CRM."""
    credentials: str = Field(pattern=r"^[a-z][a-z0-9_-]*:.+$")
    """A secret reference, such as `env:ZOHO_OFFICE`: its settings as a JSON object."""


class Policy(Part):
    """What an agent may do."""

    about: str = ""
    """For people: whose policy this is."""
    tools: list[str] = Field(min_length=1)
    """Names of tools, and `pack:NAME` for all of a pack."""
    connections: list[str] = Field(min_length=1)
    """Names of connections."""
    jobs: list[str] = []
    """Names of jobs that it may run and look at, each between connections that it has."""
    connects: dict[str, Connectable] = {}
    """Connections that it may set up, by name; it can use those that `connections` names too."""
    models: dict[str, ModelRule] = {}
    """What it sees of each model; a model that is not named is not there."""
    limits: Limits = Limits()
    """How much it may do."""
    approval: Approval = Approval()
    """Which writes wait for a person."""

    @cached_property
    def version(self) -> str:
        """The hash of what it says: another one as soon as anything is changed."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


class AgentEntry(Part):
    """An agent."""

    policy: str
    """The name of its policy."""
    about: str = ""
    """For people: what it is for, who runs it."""


class Agents(Part):
    """The agents file."""

    agents: dict[str, AgentEntry] = {}
    """The agents, by the name with which they authenticate."""
    policies: dict[str, Policy] = {}
    """The policies, by name."""
    serving: Serving = Serving()
    """How the server is reached over HTTP."""

    def policy_of(self, agent: str) -> tuple[str, Policy] | None:
        """The policy of an agent and its name; ``None`` for an agent that is not named."""
        entry = self.agents.get(agent)
        if entry is None or entry.policy not in self.policies:
            return None
        return entry.policy, self.policies[entry.policy]
