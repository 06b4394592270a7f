"""OAuth scopes: what a token may do.

Source: Zoho CRM API v8, "Scopes": `ZohoCRM.<area>.<operation>` and, for records and settings,
`ZohoCRM.<area>.<part>.<operation>`; operation ALL covers every other, WRITE covers CREATE and UPDATE.
"""

import re
from collections.abc import Iterable

from crmhub.testing.simulator.errors import SimulatorError
from crmhub_zoho.simulator.errors import ZohoError

EVERYTHING = (
    "ZohoCRM.modules.ALL",
    "ZohoCRM.settings.ALL",
    "ZohoCRM.users.ALL",
    "ZohoCRM.org.ALL",
    "ZohoCRM.coql.READ",
    "ZohoCRM.bulk.ALL",
    "ZohoCRM.notifications.ALL",
    "ZohoCRM.composite_requests.CUSTOM",
    "ZohoCRM.mass_update.ALL",
    "ZohoCRM.mass_delete.ALL",
    "ZohoSearch.securesearch.READ",
    "ZohoFiles.files.ALL",
    "ZohoBooks.settings.READ",
    "ZohoBooks.invoices.READ",
    "ZohoBooks.contacts.READ",
    "ZohoProjects.portals.READ",
    "ZohoProjects.projects.READ",
    "ZohoProjects.tasks.READ",
    "ZohoProjects.milestones.READ",
)


_SCOPE = re.compile(r"\w+(\.\w+){2,}")


def read_scopes(text: str) -> frozenset[str]:
    """The scopes of a setting; raises SimulatorError for what is written like none."""
    scopes = split_scopes(text)
    for scope in sorted(scopes):
        if not _SCOPE.fullmatch(scope):
            raise SimulatorError(f"scopes: {scope!r} is no scope: write it like ZohoCRM.modules.ALL")
    return scopes


def split_scopes(text: str) -> frozenset[str]:
    """The scopes of a comma- or space-separated list."""
    return frozenset(one for one in text.replace(",", " ").split() if one)


def require(granted: Iterable[str], needed: str) -> None:
    """Raise ZohoError (401 OAUTH_SCOPE_MISMATCH) unless `needed`, such as `modules.Deals.READ`, is
    granted.
    """
    held = {scope.lower() for scope in granted}
    if not any(scope in held for scope in _enough(needed.lower())):
        raise ZohoError(401, "OAUTH_SCOPE_MISMATCH", "invalid oauth scope to access this URL")


def _enough(needed: str) -> Iterable[str]:
    if needed.startswith(("zohosearch.", "zohofiles.")):
        yield needed
        return
    *area, operation = needed.split(".")
    operations = [operation, "all", *(["write"] if operation in {"create", "update"} else [])]
    for depth in range(1, len(area) + 1):
        for one in operations:
            yield ".".join(["zohocrm", *area[:depth], one])
