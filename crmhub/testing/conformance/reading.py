"""Checks 16 to 26: reading everything, once and whole."""
