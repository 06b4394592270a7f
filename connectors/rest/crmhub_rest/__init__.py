"""CRMs with a REST API."""
