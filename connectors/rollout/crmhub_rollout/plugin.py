"""What comes with the connector: its mapping, and property tours for every CRM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from crmhub import hookimpl

if TYPE_CHECKING:
    from crmhub import Hub
    from crmhub.actions import Action
    from crmhub.agent.tool import Pack
    from crmhub.models import Record

__all__ = ["crmhub_actions", "crmhub_added_mappings", "crmhub_mappings", "crmhub_models", "crmhub_tools"]

_FOLDER = Path(__file__).parent


@hookimpl
def crmhub_mappings() -> Mapping[str, Path]:
    """Rollout's mapping."""
    return {"rollout": _FOLDER / "mapping.yaml"}


@hookimpl
def crmhub_models() -> Sequence[type[Record]]:
    """Tours, visits of properties, and what buyers say of them."""
    from crmhub_rollout.tours import Feedback, PropertyVisit, Tour

    return [Tour, PropertyVisit, Feedback]


@hookimpl
def crmhub_added_mappings() -> Mapping[str, Path]:
    """What tours are in each CRM."""
    crms = ("gohighlevel", "hubspot", "lofty", "pipedrive", "rollout", "salesforce", "zoho")
    return {crm: _FOLDER / "tours" / "maps" / f"{crm}.yaml" for crm in crms}


@hookimpl
def crmhub_actions() -> Sequence[Action[Hub]]:
    """Writing tours and feedback to one CRM or to all."""
    from crmhub_rollout.tours.actions import sync_feedback_data, sync_tour_data

    return [sync_tour_data, sync_feedback_data]


@hookimpl
def crmhub_tools() -> Sequence[Pack]:
    """The same for agents."""
    from crmhub_rollout.tours.tools import TOURS

    return [TOURS]
