"""Policies: what each agent may do, written in YAML, and the decisions that follow."""

from crmhub.agent.policy.decide import Grant, Sight
from crmhub.agent.policy.language import AgentEntry, Agents, Approval, Fields, Limits, ModelRule, Policy

__all__ = ["AgentEntry", "Agents", "Approval", "Fields", "Grant", "Limits", "ModelRule", "Policy", "Sight"]
