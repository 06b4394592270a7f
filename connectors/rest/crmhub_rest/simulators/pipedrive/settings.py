"""The Pipedrive double's own choices, given as `settings` in the options."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from crmhub_rest.simulators.switches import Switches

PLANS: Final[Mapping[str, tuple[int, int, int]]] = {
    "lite": (1, 20, 80),
    "growth": (2, 40, 160),
    "premium": (5, 100, 400),
    "ultimate": (7, 120, 480),
}
"""By plan: the multiplier of the daily tokens, calls in two seconds with an API token, and with OAuth.

Source: Pipedrive, "Rate limiting".
"""
BASE_TOKENS: Final = 30_000
_HELP: Final[Mapping[str, str]] = {
    "plan": f"one of {', '.join(PLANS)} (default: ultimate)",
    "seats": "seats, which multiply the daily tokens (default: the active users)",
    "daily_tokens": "tokens in a day, instead of what plan and seats give",
    "burst": "calls in two seconds with either kind of token, instead of the plan's; off: no limit",
    "hammering": "refused calls in ten seconds after which an HTML page with 403 is the answer (default 50)",
    "scopes": "what the app's tokens may do, comma-separated (default: everything)",
    "contact_sync": "true: contact sync is on: persons have job_title, birthday, im, notes, postal_address",
    "rotate_refresh_tokens": "true: each refresh gives a new refresh token and voids the old one",
    "refresh_days": "days that a refresh token lives from its last use (default 60)",
    "open_deals": "so many open deals are all that the plan allows (default: any number)",
    "consents": "false: the user declines when an app asks (default true)",
    "redirect_uri": "the callback address that the app registered (default: any)",
}


@dataclass(frozen=True)
class Settings:
    """How this company is set up; `burst` 0 is no limit, None the plan's."""

    plan: str = "ultimate"
    seats: int | None = None
    daily_tokens: int | None = None
    burst: int | None = None
    hammering: int = 50
    scopes: tuple[str, ...] = ()
    contact_sync: bool = False
    rotate_refresh_tokens: bool = False
    refresh_days: int = 60
    redirect_uri: str = ""
    consents: bool = True
    open_deals: int | None = None

    def tokens_for(self, users: int) -> int:
        """The tokens of a day for a company with so many active users."""
        if self.daily_tokens is not None:
            return self.daily_tokens
        return BASE_TOKENS * PLANS[self.plan][0] * (self.seats or users)


def read_settings(given: Mapping[str, str]) -> Settings:
    """Read the settings; raises SimulatorError for one that is unknown or malformed."""
    switches = Switches("pipedrive", _HELP, given)

    def most(name: str) -> int | None:
        return switches.whole(name, 1, least=1) if name in given else None

    return Settings(
        plan=switches.one_of("plan", "ultimate", *PLANS),
        seats=most("seats"),
        daily_tokens=most("daily_tokens"),
        burst=0 if switches.text("burst") == "off" else most("burst"),
        hammering=switches.whole("hammering", Settings.hammering, least=1),
        scopes=tuple(switches.texts("scopes")),
        contact_sync=switches.flag("contact_sync"),
        rotate_refresh_tokens=switches.flag("rotate_refresh_tokens"),
        refresh_days=switches.whole("refresh_days", Settings.refresh_days, least=1),
        redirect_uri=switches.text("redirect_uri"),
        open_deals=most("open_deals"),
        consents=switches.flag("consents", default=True),
    )
