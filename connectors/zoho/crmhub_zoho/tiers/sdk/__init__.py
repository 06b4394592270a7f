"""Zoho's own Python SDK as a tier. Nothing of the SDK is imported before the first call."""

from crmhub_zoho.tiers.sdk.tier import Sdk

__all__ = ["Sdk"]
