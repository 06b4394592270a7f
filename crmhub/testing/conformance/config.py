"""Checks 1 to 9: settings, credentials and secrets."""
