"""Zoho CRM for crmhub."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmhub_zoho.config import ZohoConfig
from crmhub_zoho.connector import Connector

if TYPE_CHECKING:
    from crmhub_zoho.companion import Zoho

__all__ = ["Connector", "Zoho", "ZohoConfig"]


def __getattr__(name: str) -> object:
    """``Zoho`` at its first use: it stands above the connections, which the connector stands below."""
    if name != "Zoho":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from crmhub_zoho.companion import Zoho

    return Zoho
