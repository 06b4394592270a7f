"""Read, write and keep in sync any CRM through one typed Python API.

>>> import crmhub
>>> async with crmhub.Hub.load("crmhub.yaml") as hub:
...     async for deal in hub["zoho"].deals.list():
...         print(deal.name, deal.amount)

Everything is loaded when it is first asked for, so importing crmhub costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crmhub.clock import Clock, ManualClock
    from crmhub.config import Config, load_config
    from crmhub.connection import Connection
    from crmhub.connector import Outcome
    from crmhub.errors import CrmhubError
    from crmhub.events import Event, Events
    from crmhub.everywhere import Answers, Everywhere
    from crmhub.hookspecs import hookimpl
    from crmhub.hub import Hub
    from crmhub.listing import ChangePage, Listing
    from crmhub.models import (
        Account,
        Activity,
        Call,
        Contact,
        CustomObject,
        Deal,
        Invoice,
        Meeting,
        Money,
        Note,
        Project,
        Record,
        Ref,
        Task,
        User,
        UserRef,
    )
    from crmhub.records import Records, Written
    from crmhub.sync import Job, SyncReport

__all__ = [
    "Account",
    "Activity",
    "Answers",
    "Call",
    "ChangePage",
    "Clock",
    "Config",
    "Connection",
    "Contact",
    "CrmhubError",
    "CustomObject",
    "Deal",
    "Event",
    "Events",
    "Everywhere",
    "Hub",
    "Invoice",
    "Job",
    "Listing",
    "ManualClock",
    "Meeting",
    "Money",
    "Note",
    "Outcome",
    "Project",
    "Record",
    "Records",
    "Ref",
    "SyncReport",
    "Task",
    "User",
    "UserRef",
    "Written",
    "hookimpl",
    "load_config",
]

_HOMES = {
    "clock": ("Clock", "ManualClock"),
    "config": ("Config", "load_config"),
    "connection": ("Connection",),
    "connector": ("Outcome",),
    "errors": ("CrmhubError",),
    "events": ("Event", "Events"),
    "everywhere": ("Answers", "Everywhere"),
    "hookspecs": ("hookimpl",),
    "hub": ("Hub",),
    "listing": ("ChangePage", "Listing"),
    "models": (
        "Account", "Activity", "Call", "Contact", "CustomObject", "Deal", "Invoice", "Meeting",
        "Money", "Note", "Project", "Record", "Ref", "Task", "User", "UserRef",
    ),
    "records": ("Records", "Written"),
    "sync": ("Job", "SyncReport"),
}  # fmt: skip
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"crmhub.{_HOME[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
