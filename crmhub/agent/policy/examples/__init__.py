"""Policies to begin with: ``crmhub agents example``."""
