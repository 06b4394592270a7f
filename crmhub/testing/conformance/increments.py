"""Checks 28 to 37: reading what is new."""
