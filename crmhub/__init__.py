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
    from crmhub.connection import Connection, Records
    from crmhub.errors import CrmhubError
    from crmhub.events import Event, Events
    from crmhub.hookspecs import hookimpl
    from crmhub.hub import Hub
    from crmhub.models import (
        Account,
        Activity,
        Call,
        Contact,
        Deal,
        Meeting,
        Money,
        Note,
        Record,
        Ref,
        Task,
        User,
        UserRef,
    )
    from crmhub.sync import Job, SyncReport

__all__ = [
    "Account",
    "Activity",
    "Call",
    "Clock",
    "Config",
    "Connection",
    "Contact",
    "CrmhubError",
    "Deal",
    "Event",
    "Events",
    "Hub",
    "Job",
    "ManualClock",
    "Meeting",
    "Money",
    "Note",
    "Record",
    "Records",
    "Ref",
    "SyncReport",
    "Task",
    "User",
    "UserRef",
    "hookimpl",
    "load_config",
]

_HOMES = {
    "clock": ("Clock", "ManualClock"),
    "config": ("Config", "load_config"),
    "connection": ("Connection", "Records"),
    "errors": ("CrmhubError",),
    "events": ("Event", "Events"),
    "hookspecs": ("hookimpl",),
    "hub": ("Hub",),
    "models": (
        "Account", "Activity", "Call", "Contact", "Deal", "Meeting", "Money", "Note", "Record", "Ref",
        "Task", "User", "UserRef",
    ),
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
