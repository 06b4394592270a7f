"""The error for a declared path that leads nowhere."""

from __future__ import annotations

from crmhub.connector import Value
from crmhub.errors import BadResponse, Where
from crmhub_rest.language.path import JsonPath

__all__ = ["members", "nowhere"]

_SHOWN = 20


def nowhere(path: JsonPath, body: Value, object: str, what: str) -> BadResponse:
    """The error where ``what`` should be at that path of ``body``; it names what is there, never a value."""
    return BadResponse(
        f"the reply has no {path.text!r}, where {what} should be: {members(body)}",
        hint="the path in the CRM's description is wrong, or the CRM has changed",
        where=Where(object=object),
    )


def members(body: Value) -> str:
    """What a reply or a record has, by name."""
    if isinstance(body, dict):
        return f"it has {', '.join(sorted(body)[:_SHOWN]) or 'nothing'}"
    return "it is a list" if isinstance(body, list) else "it is no table"
