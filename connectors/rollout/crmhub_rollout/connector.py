"""Rollout's connector: what ``rollout.yaml`` beside this file says."""

from __future__ import annotations

from pathlib import Path

from crmhub_rest import connector

__all__ = ["RolloutConnector"]

RolloutConnector = connector(Path(__file__).with_name("rollout.yaml"))
"""One credential of Rollout's: one connected CRM of one user."""
