"""The double's own choices, given as `settings` in the options."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from crmhub.testing.simulator.errors import SimulatorError

AREAS: Final = ("leads", "transactions", "tasks", "notes", "communications", "members", "team", "webhooks")
"""What a token may be allowed."""
_MODES: Final = {"development": 100, "production": 500}
_HELP: Final = {
    "app_mode": "development (100 calls a minute) or production (500; the default)",
    "rate_limit": "calls a minute, instead of the mode's",
    "reset": "X-RateLimit-Reset as epoch (seconds, as documented) or left (milliseconds left, as the sample)",
    "token_seconds": "life of an access token (default 3600)",
    "scopes": f"what the credentials may do, comma-separated, of {', '.join(AREAS)} (default: everything)",
    "persist_seconds": "how long a new lead, note or log entry cannot be read yet (default 0)",
    "scroll_seconds": "life of a scrollId (default 300)",
    "metadata": "the name of the paging object: _metadata (default) or get_metadata, as specified",
    "lead_reply": "one lead is answered bare (default; the specified schema) or wrapped in `lead` (its text)",
    "errors": "object (code and message; default) or text (a bare JSON text, as specified)",
    "webhook_seconds": "how long events are gathered before they are sent (default 0)",
    "timezone": "IANA zone of the team (default America/Los_Angeles)",
    "forbidden": "ids of leads that the caller may not work with, comma-separated",
}


@dataclass(frozen=True)
class Settings:
    """How this team is set up."""

    rate_limit: int
    reset_as_epoch: bool
    token_seconds: float
    scopes: frozenset[str]
    persist_seconds: float
    scroll_seconds: float
    metadata: str
    wrap_lead: bool
    errors_as_text: bool
    webhook_seconds: float
    timezone: str
    forbidden: frozenset[str]


def read_settings(given: Mapping[str, str]) -> Settings:
    """Read the settings; raises SimulatorError for one that is unknown or malformed."""
    for name in given:
        if name not in _HELP:
            known = "; ".join(f"{key}: {text}" for key, text in _HELP.items())
            raise SimulatorError(f"lofty has no setting {name!r}; it has {known}")
    mode = _choice(given, "app_mode", "production", *_MODES)
    return Settings(
        rate_limit=int(_number(given, "rate_limit", _MODES[mode], least=1)),
        reset_as_epoch=_choice(given, "reset", "epoch", "left") == "epoch",
        token_seconds=_number(given, "token_seconds", 3600, least=1),
        scopes=_scopes(given.get("scopes")),
        persist_seconds=_number(given, "persist_seconds", 0),
        scroll_seconds=_number(given, "scroll_seconds", 300, least=1),
        metadata=_choice(given, "metadata", "_metadata", "get_metadata"),
        wrap_lead=_choice(given, "lead_reply", "bare", "wrapped") == "wrapped",
        errors_as_text=_choice(given, "errors", "object", "text") == "text",
        webhook_seconds=_number(given, "webhook_seconds", 0),
        timezone=given.get("timezone", "America/Los_Angeles"),
        forbidden=frozenset(one.strip() for one in given.get("forbidden", "").split(",") if one.strip()),
    )


def _choice(given: Mapping[str, str], name: str, default: str, *others: str) -> str:
    text = given.get(name, default)
    known = dict.fromkeys((default, *others))
    if text not in known:
        raise SimulatorError(f"{name}: {text!r} is not one of {', '.join(known)}")
    return text


def _number(given: Mapping[str, str], name: str, default: float, least: float = 0) -> float:
    text = given.get(name)
    if text is None:
        return default
    if not text.replace(".", "", 1).isdigit() or float(text) < least:
        raise SimulatorError(f"{name}: {text!r} is not a number of at least {least:g}")
    return float(text)


def _scopes(text: str | None) -> frozenset[str]:
    names = AREAS if text is None else tuple(one.strip() for one in text.split(",") if one.strip())
    for name in names:
        if name not in AREAS:
            raise SimulatorError(f"scopes: {name!r} is not one of {', '.join(AREAS)}")
    return frozenset(names)
