"""Checks 10 to 14: what the connector says of its objects."""
