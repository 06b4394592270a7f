"""OAuth scopes: which capability needs which.

Source: Zoho CRM API v8, "Scopes": ``service.area[.part].operation``; the operation ALL stands for every
other, WRITE for CREATE and UPDATE, and an area without a part for all of its parts. COQL and bulk jobs
need the read scope of the module besides their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from crmhub.sign_in import Allowance
from crmhub_zoho.config import ZohoConfig
from crmhub_zoho.modules import MAIN

__all__ = ["ASKED", "allowances", "asked", "covers"]

ASKED = (
    "ZohoCRM.modules.ALL",
    "ZohoCRM.settings.ALL",
    "ZohoCRM.users.READ",
    "ZohoCRM.org.READ",
    "ZohoCRM.coql.READ",
    "ZohoCRM.bulk.ALL",
    "ZohoCRM.notifications.ALL",
    "ZohoCRM.composite_requests.CUSTOM",
    "ZohoSearch.securesearch.READ",
    "ZohoFiles.files.ALL",
)
"""What covers every capability of the CRM below."""
_BOOKS = tuple(f"ZohoBooks.{area}.READ" for area in ("settings", "invoices", "contacts"))
_PROJECTS = tuple(f"ZohoProjects.{area}.READ" for area in ("portals", "projects", "tasks", "milestones"))


@dataclass(frozen=True, slots=True)
class _Capability:
    name: str
    scopes: tuple[str, ...]
    needed: bool = False


def asked(config: ZohoConfig) -> Sequence[str]:
    """What covers every capability of a connection with those settings."""
    return (*ASKED, *(scope for _, scopes in _beside(config) for scope in scopes))


def allowances(granted: Iterable[str], config: ZohoConfig) -> Sequence[Allowance]:
    """A line for each capability of a connection with those settings, with the scopes that it lacks."""
    held = tuple(granted)
    return [
        Allowance(each.name, tuple(scope for scope in each.scopes if not covers(held, scope)), each.needed)
        for each in (*_capabilities(), *(_Capability(*beside) for beside in _beside(config)))
    ]


def covers(granted: Iterable[str], needed: str) -> bool:
    """Whether one of the granted scopes is enough; letter case does not count."""
    *area, operation = needed.lower().split(".")
    enough = {operation, "all", "write"} if operation in {"create", "update"} else {operation, "all"}
    for scope in granted:
        *held, may = scope.lower().split(".")
        if may in enough and held and held == area[: len(held)] and (len(held) > 1 or held == area):
            return True
    return False


def _beside(config: ZohoConfig) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What Zoho Books and Zoho Projects need, where they are part of the connection."""
    if config.books is not None:
        yield "Zoho Books: invoices and customers", _BOOKS
    if config.projects is not None:
        yield "Zoho Projects: projects, tasks, milestones", _PROJECTS


def _capabilities() -> Iterator[_Capability]:
    yield _Capability("sign in and read users", ("ZohoCRM.users.READ",), needed=True)
    settings = tuple(f"ZohoCRM.settings.{part}.READ" for part in ("modules", "fields", "layouts", "pipeline"))
    yield _Capability("settings: modules, fields, stages", settings, needed=True)
    for module in MAIN:
        area = f"ZohoCRM.modules.{module.lower()}"
        yield _Capability(f"read {module}", (f"{area}.READ",), needed=True)
        writing = tuple(f"{area}.{operation}" for operation in ("CREATE", "UPDATE", "DELETE"))
        yield _Capability(f"write {module}", writing)
    yield _Capability("queries and full reads (COQL)", ("ZohoCRM.coql.READ",), needed=True)
    yield _Capability("search", ("ZohoSearch.securesearch.READ",))
    yield _Capability("bulk read", ("ZohoCRM.bulk.READ",))
    yield _Capability("bulk write", ("ZohoCRM.bulk.CREATE", "ZohoFiles.files.ALL", "ZohoCRM.org.READ"))
    yield _Capability("notifications", ("ZohoCRM.notifications.ALL",))
    yield _Capability("composite requests", ("ZohoCRM.composite_requests.CUSTOM",))
    yield _Capability("organisation: edition and limits", ("ZohoCRM.org.READ",))
