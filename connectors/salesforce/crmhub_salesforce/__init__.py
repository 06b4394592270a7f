"""The Salesforce connector of crmhub."""

from crmhub_salesforce.config import SalesforceConfig
from crmhub_salesforce.connector import Connector

__all__ = ["Connector", "SalesforceConfig"]
