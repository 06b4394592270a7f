"""Writes that wait for a person: when they must, how the person is asked, and by whom.

The person decides outside the agent's channel, by ``crmhub approvals``; an :class:`~.asking.Asker` only
where a policy trusts the agent's host.
"""

from __future__ import annotations

from crmhub.agent.approvals.asking import Asker, Desk, Question
from crmhub.agent.approvals.rules import is_needed

__all__ = ["Asker", "Desk", "Question", "is_needed"]
