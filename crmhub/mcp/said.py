"""What a tool said, read with all its digits, and what it means where that is no JSON."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

import msgspec

from crmhub.connector import Value
from crmhub.errors import (
    ApprovalRequired,
    BadRequest,
    BadResponse,
    ConnectorError,
    RateLimited,
    Unavailable,
    UnknownOutcome,
)

__all__ = ["Said", "approval", "asks_approval", "check_text", "lost", "said_too_fast", "unclear", "value_of"]

_APPROVAL = re.compile(
    r"\b(requires?|needs?|awaiting|await|pending)\s+(\w+\s+){0,2}approval\b"
    r"|\bapproval\s+(is\s+)?(required|needed|pending)\b",
    re.IGNORECASE,
)
_BAD_ARGUMENTS = re.compile(
    r"\b(invalid|unknown|missing|unexpected)\s+(\w+\s+)?arguments?\b|\bvalidation errors?\b", re.IGNORECASE
)
_TOO_FAST = re.compile(
    r"\btoo many requests\b|\brate[ -]?limit(ed|s)?\b.*\b(exceeded|reached)\b", re.IGNORECASE
)

_exact = msgspec.json.Decoder(float_hook=Decimal).decode
_loose = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Said:
    """A tool's result: whether it calls itself an error, its structured content and its first text."""

    tool: str
    failed: bool
    structured: object = None
    text: str = ""


def approval(tool: str) -> ApprovalRequired:
    """The error for a call that waits for a person."""
    return ApprovalRequired(
        f"the tool {tool} waits for somebody's approval; nothing has been done yet",
        hint="approve it where the server asks for it, or let a person do it; do not send it by another way",
        code="approval_required",
    )


def asks_approval(text: str) -> bool:
    """Whether a text says that a person has to agree first."""
    return _APPROVAL.search(text) is not None


def lost(what: str, *, changes: bool) -> ConnectorError:
    """The error for a call of which nobody knows what became of it."""
    if changes:
        return UnknownOutcome(what, hint="it may have been applied; read back before sending it again")
    return Unavailable(what)


def value_of(said: Said) -> tuple[bool, Value]:
    """Whether the tool said JSON, and what: its structured content, else its text."""
    text = said.text.strip()
    exact: Value = None
    readable = False
    if text[:1] in {"{", "["}:
        try:
            exact, readable = cast("Value", _exact(text)), True
        except (msgspec.DecodeError, RecursionError):
            readable = False
    if said.structured is None:
        return readable, exact
    if readable and _loose(text) == said.structured:
        return True, exact  # the same, with all its digits
    return True, _as_decimals(cast("Value", said.structured))


def said_too_fast(said: Said, text: str) -> RateLimited | None:
    """The error for a refusal of a call that came too fast."""
    if said.failed and _TOO_FAST.search(text):
        return RateLimited(f"the tool {said.tool} says that calls came too fast")
    return None


def check_text(said: Said, text: str, *, changes: bool) -> None:
    """Raise what a tool's plain words mean; nothing where it said none, and need not."""
    if asks_approval(text):
        raise approval(said.tool)
    if (too_fast := said_too_fast(said, text)) is not None:
        raise too_fast
    if said.failed and _BAD_ARGUMENTS.search(text):
        # a server's complaint may repeat the value that it complains of
        raise BadRequest(
            f"the tool {said.tool} does not take these arguments",
            hint="name its arguments under tools in the settings",
        )
    if said.failed or text:
        raise unclear(said, text, changes=changes)
    if changes:
        raise lost(f"the tool {said.tool} said nothing", changes=True)


def unclear(said: Said, text: str, *, changes: bool) -> ConnectorError:
    """The error for words that may stand for either; they are not shown, since they may hold values."""
    told = f"{len(text)} characters of text" if text else "nothing"
    what = (
        f"the tool {said.tool} {'failed and said' if said.failed else 'answered'} {told} instead of records"
    )
    return lost(what, changes=True) if changes else BadResponse(what, hint="another tier can read it")


def _as_decimals(value: Value) -> Value:
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, dict):
        return {name: _as_decimals(one) for name, one in value.items()}
    return [_as_decimals(one) for one in value] if isinstance(value, list) else value
