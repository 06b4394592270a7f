"""A folder of CSV files as a read-only CRM; see :class:`CsvConnector`."""

from __future__ import annotations

from crmhub_csv.connector import CsvConfig, CsvConnector

__all__ = ["Connector", "CsvConfig", "CsvConnector"]

Connector = CsvConnector
