"""The agents file as JSON Schema (draft 2020-12), for editors: completion, and mistakes as one types."""

from __future__ import annotations

from typing import Final, cast

from crmhub.agent.policy.language import Agents
from crmhub.agent.schemas import untitled
from crmhub.mapping.json_schema import DRAFT
from crmhub.native import Native

__all__ = ["agents_schema"]

_ID: Final = "https://crmhub.readthedocs.io/en/latest/schemas/agents.v1.json"


def agents_schema() -> Native:
    """The schema. It cannot see what is looked up: whether a policy, a connection or a tool exists."""
    shape = cast("Native", untitled(cast("Native", Agents.model_json_schema())))
    return {"$schema": DRAFT, "$id": _ID, "title": "crmhub agents", **shape}
