"""The settings by which Zoho Books and Zoho Projects are there."""

from __future__ import annotations

from pydantic import Field

from crmhub.connector import ConnectorConfig

__all__ = ["BooksConfig", "ProjectsConfig"]


class BooksConfig(ConnectorConfig):
    """Zoho Books beside the CRM."""

    organization: str | None = Field(default=None, pattern=r"^\d{1,20}$", coerce_numbers_to_str=True)
    """The organisation's id; found by itself where the user has one only."""


class ProjectsConfig(ConnectorConfig):
    """Zoho Projects beside the CRM."""

    portal: str | None = Field(default=None, pattern=r"^\d{1,20}$", coerce_numbers_to_str=True)
    """The portal's id; found by itself where the user has one only."""
