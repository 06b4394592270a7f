"""Zoho CRM for crmhub."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from crmhub_zoho.config import ZohoConfig
from crmhub_zoho.connector import Connector

if TYPE_CHECKING:
    from crmhub_zoho.companion import Zoho
    from crmhub_zoho.manager import ZohoIntegrationManager

__all__ = ["Connector", "Zoho", "ZohoConfig", "ZohoIntegrationManager"]

_LATER = {"Zoho": "companion", "ZohoIntegrationManager": "manager"}


def __getattr__(name: str) -> object:
    """What stands above the connections, which the connector stands below: at its first use."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"crmhub_zoho.{_LATER[name]}"), name)
