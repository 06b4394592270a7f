"""Bulk API 2.0: many records by a job that Salesforce does in its own time."""
