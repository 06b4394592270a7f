"""The double's own choices, given as `settings` in the options."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from crmhub.testing.simulator.errors import SimulatorError
from crmhub_rest.simulators.lofty.times import read_zone
from crmhub_rest.simulators.switches import Switches

AREAS: Final = ("leads", "transactions", "tasks", "notes", "communications", "members", "team", "webhooks")
"""What a token may be allowed."""
_MODES: Final = {"development": 100, "production": 500}
_HELP: Final = {
    "app_mode": "development (100 calls a minute) or production (500; the default)",
    "rate_limit": "calls a minute, instead of the mode's",
    "reset": "X-RateLimit-Reset as epoch (seconds, as documented) or left (milliseconds left, as the sample)",
    "token_seconds": "life of an access token (default 3600)",
    "redirect_uri": "the address that the application has registered (default: any that it names)",
    "scopes": f"what the credentials may do, comma-separated, of {', '.join(AREAS)} (default: everything)",
    "persist_seconds": "how long a new lead, note or log entry cannot be read yet (default 0)",
    "scroll_seconds": "life of a scrollId (default 300)",
    "metadata": "the name of the paging object: _metadata (default) or get_metadata, as specified",
    "lead_reply": "how one lead is answered: bare, wrapped (in `lead`), both as documents differ (default)",
    "errors": "object (code and message; default) or text (a bare JSON text, as specified)",
    "codes": "mixed (numbers and words, as documented; default) or words (instead of all numbers)",
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
    redirect_uri: str
    scopes: frozenset[str]
    persist_seconds: float
    scroll_seconds: float
    metadata: str
    lead_reply: str
    errors_as_text: bool
    codes_as_words: bool
    webhook_seconds: float
    timezone: str
    forbidden: frozenset[str]


def read_settings(given: Mapping[str, str]) -> Settings:
    """Read the settings; raises SimulatorError for one that is unknown or malformed."""
    switches = Switches("lofty", _HELP, given)
    mode = switches.one_of("app_mode", "production", *_MODES)
    return Settings(
        rate_limit=switches.whole("rate_limit", _MODES[mode], least=1),
        reset_as_epoch=switches.one_of("reset", "epoch", "epoch", "left") == "epoch",
        token_seconds=switches.number("token_seconds", 3600, least=1),
        redirect_uri=switches.text("redirect_uri"),
        scopes=_scopes(switches.texts("scopes", AREAS)),
        persist_seconds=switches.number("persist_seconds", 0),
        scroll_seconds=switches.number("scroll_seconds", 300, least=1),
        metadata=switches.one_of("metadata", "_metadata", "_metadata", "get_metadata"),
        lead_reply=switches.one_of("lead_reply", "both", "both", "bare", "wrapped"),
        errors_as_text=switches.one_of("errors", "object", "object", "text") == "text",
        codes_as_words=switches.one_of("codes", "mixed", "mixed", "words") == "words",
        webhook_seconds=switches.number("webhook_seconds", 0),
        timezone=switches.text("timezone", _default_zone()),
        forbidden=frozenset(switches.texts("forbidden")),
    )


def _default_zone() -> str:
    zone = "America/Los_Angeles"
    return zone if read_zone(zone) else "UTC"  # where the machine has no table of zones


def _scopes(names: Sequence[str]) -> frozenset[str]:
    for name in names:
        if name not in AREAS:
            raise SimulatorError(f"setting scopes: {name!r} is not one of {', '.join(AREAS)}")
    return frozenset(names)
