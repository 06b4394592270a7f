"""Zoho CRM for crmhub."""

from crmhub_zoho.config import ZohoConfig
from crmhub_zoho.connector import Connector

__all__ = ["Connector", "ZohoConfig"]
