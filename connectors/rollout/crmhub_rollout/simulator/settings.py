"""The double's own choices, given as `settings` in the options."""

from collections.abc import Mapping
from dataclasses import dataclass

from crmhub_rest.simulators.switches import Switches

_HELP = {
    "apps": "the CRMs that are connected, by app key, comma-separated (default follow-up-boss)",
    "rate_limit": "calls a second of the whole tenant (default 50)",
    "sync_seconds": "how long a connected CRM answers 409, as its data is not ready (default 0)",
    "errors": "where a refusal says why: errorMessage (default), error, message, or text (plain)",
    "appointment_fields": "reference (startsAt, endsAt, isAllDay), boss (start, end, allDay), both (default)",
    "webhook_copies": "how often each event is sent, as delivery is at least once (default 1)",
    "user_key": "the partner's own key of the user (default user-1)",
}


@dataclass(frozen=True)
class Settings:
    """How the tenant is set up."""

    apps: tuple[str, ...]
    rate_limit: int
    sync_seconds: float
    errors: str
    appointment_fields: str
    webhook_copies: int
    user_key: str


def read_settings(given: Mapping[str, str]) -> Settings:
    """Read the settings; raises SimulatorError for one that is unknown or malformed."""
    switches = Switches("rollout", _HELP, given)
    return Settings(
        apps=tuple(switches.texts("apps", ("follow-up-boss",))),
        rate_limit=switches.whole("rate_limit", 50, least=1),
        sync_seconds=switches.number("sync_seconds", 0),
        errors=switches.one_of("errors", "errorMessage", "errorMessage", "error", "message", "text"),
        appointment_fields=switches.one_of("appointment_fields", "both", "both", "reference", "boss"),
        webhook_copies=switches.whole("webhook_copies", 1, least=1),
        user_key=switches.text("user_key", "user-1"),
    )
