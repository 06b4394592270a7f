"""CRMs with a REST API: a connector for whatever a YAML file describes."""

from crmhub_rest.connector import RestConnector, connector
from crmhub_rest.seams import Seams

__all__ = ["RestConnector", "Seams", "connector"]
