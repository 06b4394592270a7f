"""A whole CRM."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from crmhub.errors import BadRequest
from crmhub.http.paths import base_origin
from crmhub_rest.language.auth import Authentication
from crmhub_rest.language.call import Encoding
from crmhub_rest.language.limits import Daily, Pace
from crmhub_rest.language.object import CrmObject
from crmhub_rest.language.part import Part
from crmhub_rest.language.refusal import Refusal, Rule
from crmhub_rest.language.settings import Setting
from crmhub_rest.language.template import Template
from crmhub_rest.language.webhooks import Webhooks

__all__ = ["Crm"]


class Crm(Part):
    """The description of a CRM: what one file says."""

    crm: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """Its name."""
    version: Literal[1]
    """Of this language."""
    title: str
    """Its name for people."""
    settings: dict[str, Setting] = {}
    """Settings that a connection to the CRM takes, by name; placeholders stand for their values."""
    base_url: str
    """Where its API is; a connection can name another one."""
    hosts: list[str] = []
    """Hosts, with all below them, that credentials may be sent to besides the base URL's."""
    headers: dict[str, Template] = {}
    """Headers of every call."""
    ids: Literal["text", "int"] = "text"
    """Whether ids are texts or whole numbers where they are sent."""
    lists: Encoding = "repeat"
    """How a parameter that is a list is written."""
    auth: list[Authentication] = Field(min_length=1)
    """Ways to sign in; the first whose settings are given counts."""
    refusal: Refusal = Refusal()
    """Where the body of a refusal says what is wrong."""
    errors: list[Rule] = []
    """What refusals mean; the first rule that fits counts, then the status."""
    limits: list[Pace] = []
    """How many calls the CRM takes, by class of calls."""
    daily: Daily | None = None
    """What the account may use in a day."""
    objects: dict[str, CrmObject] = Field(min_length=1)
    """The CRM's objects, by the names that mappings have for them: ``${object}`` in their calls."""
    webhooks: Webhooks | None = None
    """Messages that the CRM sends about changes."""
    check: list[str] = []
    """Objects that ``check`` tries to read; else all."""
    seams: str | None = Field(default=None, pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
    """A class of an installed package, ``package.module:Class``, for what cannot be said here."""
    maps: list[dict[str, object]] = []
    """The mapping, where it has no file of its own: the ``maps`` of the mapping language."""

    @field_validator("base_url")
    @classmethod
    def _is_a_url(cls, base_url: str) -> str:
        try:
            base_origin(base_url)
        except BadRequest as error:
            raise ValueError(error.what) from None
        return base_url
