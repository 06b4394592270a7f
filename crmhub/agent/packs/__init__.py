"""The packs of tools that come with crmhub; plugins bring more by the hook ``crmhub_tools``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

from crmhub.agent.packs.hub import HUB
from crmhub.agent.packs.invoices import get_overdue_invoices
from crmhub.agent.packs.projects import get_project_status
from crmhub.agent.packs.questions import FINDING
from crmhub.agent.packs.questions_about import ABOUT
from crmhub.agent.packs.questions_pipeline import PIPELINE
from crmhub.agent.packs.salesforce import SALESFORCE
from crmhub.agent.packs.writes import WRITES
from crmhub.agent.packs.zoho import ZOHO
from crmhub.agent.tool import Pack, Toolbox
from crmhub.plugins import Plugins

__all__ = ["PACKS", "QUESTIONS", "toolbox_of"]

QUESTIONS: Final = Pack(
    "questions",
    "What is asked of a CRM, in few calls; reads alone.",
    (*FINDING, *ABOUT, get_overdue_invoices, get_project_status, *PIPELINE),
)
PACKS: Sequence[Pack] = (QUESTIONS, WRITES, HUB, SALESFORCE, ZOHO)


def toolbox_of(plugins: Plugins) -> Toolbox:
    """All tools that there are: crmhub's own, then those of plugins."""
    return Toolbox([*PACKS, *cast("Sequence[Pack]", plugins.tools())])
