"""Bulk jobs: many records by one file that Zoho reads or writes in its own time."""
