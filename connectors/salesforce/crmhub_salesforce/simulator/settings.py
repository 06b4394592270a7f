"""The Salesforce double's own choices, given as `settings` in the options."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import cast

from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.mcp_switches import settings_of
from crmhub_salesforce.simulator.customs import Duplicates
from crmhub_salesforce.simulator.mcp_results import SHAPES
from crmhub_salesforce.simulator.mcp_tools import NAMES
from crmhub_salesforce.simulator.record_types import RecordType, read_record_types

_HELP = {
    **settings_of(NAMES, SHAPES),
    "daily_api_requests": "API calls allowed in 24 hours (default 5000000)",
    "session_seconds": "life of an access token (default 7200)",
    "page_rows": "most records in a page of query results (default 2000)",
    "query_timeout_above": "a query that finds more rows fails with QUERY_TIMEOUT (default: none does)",
    "query_fields_above": "one that selects more fields fails with QUERY_TOO_COMPLICATED (default: none)",
    "bulk_seconds": "how long a bulk job takes, by the org's clock (default 0)",
    "bulk_page_rows": "most records in a page of a bulk query's results (default 250000)",
    "daily_bulk_query_jobs": "bulk query jobs allowed in 24 hours (default 10000)",
    "daily_bulk_batches": "batches of 10,000 rows of bulk ingest allowed in 24 hours (default 15000)",
    "rotate_refresh_tokens": "true: each refresh gives a new refresh token and voids the old one",
    "require_secret": "true: the app wants its secret for codes and refresh tokens too",
    "require_pkce": "true: the app wants a code challenge in the web server flow",
    "password_logins": "false: no password flow and no SOAP login(), as in orgs made since Winter '26",
    "validation_rules": "true: the administrators' rules are active (no negative amounts, …)",
    "duplicate_rules": "alert or block: accounts of one name, contacts and leads of one e-mail address",
    "held_parents": "writes that each parent record refuses first, as others hold it (default 0)",
    "currencies": "currencies that amounts can have, the org's own first, with their rates: USD,EUR:0.9",
    "record_types": "record types: Opportunity.New_Business,Opportunity.Renewal, or a YAML file with them",
    "hidden_fields": "fields that the user may not see: Account.Phone,Contact.Email",
    "late_commits": "writes are seen up to so many seconds after their SystemModstamp (default 0)",
    "equal_stamps": "so many seeded records of each object share one SystemModstamp (default up to 5000)",
    "short_pages": "true: pages of queries hold fewer records than they might",
    "nul_bytes": "true: some seeded texts hold a NUL character",
    "concurrent_calls": "calls at one time, beyond which they are refused (default: any number)",
    "jwt_certificate": "PEM file with the certificate or public key for the JWT bearer flow",
}
_RATE = "0.9"
"""What a unit of the org's own currency is worth in another, where nothing is said."""


@dataclass(frozen=True)
class Settings:
    """How this org is set up."""

    daily_api_requests: int = 5_000_000
    session_seconds: int = 7_200
    page_rows: int = 2_000
    query_timeout_above: int = 0
    query_fields_above: int = 0
    bulk_seconds: int = 0
    bulk_page_rows: int = 250_000
    daily_bulk_query_jobs: int = 10_000
    daily_bulk_batches: int = 15_000
    rotate_refresh_tokens: bool = False
    require_secret: bool = False
    require_pkce: bool = False
    password_logins: bool = True
    validation_rules: bool = False
    duplicate_rules: Duplicates = "off"
    held_parents: int = 0
    currencies: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    record_types: tuple[RecordType, ...] = ()
    hidden_fields: frozenset[str] = frozenset()
    late_commits: int = 0
    equal_stamps: int | None = None
    short_pages: bool = False
    nul_bytes: bool = False
    concurrent_calls: int | None = None
    jwt_certificate: Path | None = None


def read_settings(given: Mapping[str, str]) -> Settings:
    """Read the settings; raises SimulatorError for one that is unknown or malformed."""
    for name in given:
        if name not in _HELP:
            known = "; ".join(f"{key}: {text}" for key, text in _HELP.items())
            raise SimulatorError(f"unknown setting {name!r}. There are: {known}")
    standard = Settings()
    certificate = given.get("jwt_certificate")
    return Settings(
        daily_api_requests=_number(given, "daily_api_requests", standard.daily_api_requests),
        session_seconds=_number(given, "session_seconds", standard.session_seconds),
        page_rows=_number(given, "page_rows", standard.page_rows),
        query_timeout_above=_number(given, "query_timeout_above", standard.query_timeout_above),
        query_fields_above=_number(given, "query_fields_above", standard.query_fields_above),
        bulk_seconds=_number(given, "bulk_seconds", standard.bulk_seconds),
        bulk_page_rows=_number(given, "bulk_page_rows", standard.bulk_page_rows),
        daily_bulk_query_jobs=_number(given, "daily_bulk_query_jobs", standard.daily_bulk_query_jobs),
        daily_bulk_batches=_number(given, "daily_bulk_batches", standard.daily_bulk_batches),
        rotate_refresh_tokens=_flag(given, "rotate_refresh_tokens"),
        require_secret=_flag(given, "require_secret"),
        require_pkce=_flag(given, "require_pkce"),
        password_logins=_flag(given, "password_logins", "true"),
        validation_rules=_flag(given, "validation_rules"),
        duplicate_rules=_duplicates(given.get("duplicate_rules", "off")),
        held_parents=_number(given, "held_parents", standard.held_parents),
        currencies=_currencies(given.get("currencies", "")),
        record_types=read_record_types(given.get("record_types", "")),
        hidden_fields=_fields(given.get("hidden_fields", "")),
        late_commits=_number(given, "late_commits", standard.late_commits),
        equal_stamps=_number(given, "equal_stamps", 0) or None,
        short_pages=_flag(given, "short_pages"),
        nul_bytes=_flag(given, "nul_bytes"),
        concurrent_calls=_number(given, "concurrent_calls", 0) or None,
        jwt_certificate=None if certificate is None else Path(certificate),
    )


FIXED = frozenset({"currencies", "record_types", "hidden_fields", "equal_stamps", "nul_bytes"})
"""What an org has from its beginning."""


def changed_settings(known: Mapping[str, str], changes: Mapping[str, str]) -> Settings:
    """The settings after changes to a running org; raises SimulatorError."""
    fixed = sorted(name for name in changes if name in FIXED or name.startswith("mcp_"))
    if fixed:
        raise SimulatorError(f"setting {fixed[0]}: it can be chosen when the org begins, not afterwards")
    return read_settings({**known, **changes})


def _duplicates(text: str) -> Duplicates:
    if text not in {"off", "alert", "block"}:
        raise SimulatorError(f"setting duplicate_rules: {text!r} is none of off, alert, block")
    return cast("Duplicates", text)


def _currencies(text: str) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for part in text.split(",") if text else ():
        match = re.fullmatch(r"([A-Z]{3})(?::(\d{1,9}(?:\.\d{1,6})?))?", part)
        if match is None or match[1] in found:
            message = "is no list of different codes such as USD,EUR (or EUR:0.9)"
            raise SimulatorError(f"setting currencies: {text!r} {message}")
        found[match[1]] = Decimal(match[2] or (_RATE if found else "1"))
    return found


def _fields(text: str) -> frozenset[str]:
    names = text.split(",") if text else []
    if any(re.fullmatch(r"\w+\.\w+", name) is None for name in names):
        raise SimulatorError(
            f"setting hidden_fields: {text!r} is no list such as Account.Phone,Contact.Email"
        )
    return frozenset(name.lower() for name in names)


def _number(given: Mapping[str, str], name: str, standard: int) -> int:
    text = given.get(name)
    if text is None:
        return standard
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 16) or int(text) == 0:
        raise SimulatorError(f"setting {name}: {text!r} is not a positive whole number")
    return int(text)


def _flag(given: Mapping[str, str], name: str, standard: str = "false") -> bool:
    text = given.get(name, standard).lower()
    if text not in {"true", "false"}:
        raise SimulatorError(f"setting {name}: {text!r} is neither true nor false")
    return text == "true"
