"""The GoHighLevel double's own choices, given as `settings` in the options."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from crmhub.testing.simulator.errors import SimulatorError
from crmhub_rest.simulators.switches import Switches

EVERY_SCOPE: Final = (
    "associations.readonly",
    "associations.write",
    "associations/relation.readonly",
    "associations/relation.write",
    "businesses.readonly",
    "businesses.write",
    "calendars.readonly",
    "calendars.write",
    "calendars/events.readonly",
    "calendars/events.write",
    "calendars/groups.readonly",
    "companies.readonly",
    "contacts.readonly",
    "contacts.write",
    "associations.readonly",
    "associations.write",
    "associations/relation.readonly",
    "associations/relation.write",
    "locations.readonly",
    "locations/customFields.readonly",
    "locations/customFields.write",
    "locations/customValues.readonly",
    "locations/customValues.write",
    "locations/tags.readonly",
    "locations/tags.write",
    "locations/tasks.readonly",
    "oauth.readonly",
    "oauth.write",
    "objects/record.readonly",
    "objects/record.write",
    "objects/schema.readonly",
    "opportunities.readonly",
    "opportunities.write",
    "users.readonly",
    "users.write",
)
_HELP: Final[Mapping[str, str]] = {
    "burst": "calls in each interval, by app and location (default 100)",
    "interval": "seconds of an interval (default 10)",
    "daily": "calls in 24 hours, by app and location (default 200000)",
    "access_seconds": "life of an access token (default 86399)",
    "index_delay": "seconds until lists and searches show a new record (default 0)",
    "duplicates": "deny, as most locations do, or allow contacts with one e-mail address or phone",
    "match": "fields that must not occur twice, in their order (default email,phone)",
    "scopes": "what the credentials may do, comma-separated (default: everything)",
    "install": "location or agency: what the app is installed on when a user signs in (default location)",
    "paused": "true: the location is paused, and its refresh tokens give nothing for the time being",
    "webhook_url": "where the app wants its webhooks (default: nowhere); see the admin route /_outbox",
    "webhook_events": "types that the app wants, comma-separated (default: all)",
    "webhook_signatures": "both, ed25519, rsa or none (default both)",
}


@dataclass(frozen=True)
class Settings:
    """How this agency is set up."""

    burst: int
    interval: int
    daily: int
    access_seconds: int
    index_delay: int
    allow_duplicates: bool
    match: tuple[str, ...]
    scopes: frozenset[str]
    install: str
    paused: bool
    webhook_url: str
    webhook_events: frozenset[str]
    webhook_signatures: str


def read_settings(given: Mapping[str, str]) -> Settings:
    """Read the settings; raises SimulatorError for one that is unknown or malformed."""
    switches = Switches("gohighlevel", _HELP, given)
    match = tuple(switches.texts("match", ("email", "phone")))
    if not match or set(match) - {"email", "phone"} or len(set(match)) != len(match):
        raise SimulatorError(f"setting match: {switches.text('match')!r} is not of email, phone")
    return Settings(
        burst=switches.whole("burst", 100, 1),
        interval=switches.whole("interval", 10, 1),
        daily=switches.whole("daily", 200_000, 1),
        access_seconds=switches.whole("access_seconds", 86_399, 1),
        index_delay=switches.whole("index_delay", 0),
        allow_duplicates=switches.one_of("duplicates", "deny", "deny", "allow") == "allow",
        match=match,
        scopes=frozenset(switches.texts("scopes", EVERY_SCOPE)),
        install=switches.one_of("install", "location", "location", "agency"),
        paused=switches.flag("paused"),
        webhook_url=switches.text("webhook_url"),
        webhook_events=frozenset(switches.texts("webhook_events")),
        webhook_signatures=switches.one_of("webhook_signatures", "both", "both", "ed25519", "rsa", "none"),
    )
