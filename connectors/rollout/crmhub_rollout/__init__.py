"""Rollout's universal CRM API."""
