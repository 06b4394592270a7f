"""The state store: tokens, checkpoints, links, intents, dead letters and runs in one SQL database.

The values it keeps can be imported without a database; :class:`Store` brings SQLAlchemy with it, so
it is loaded when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmhub.store.records import (
    Changes,
    DeadLetter,
    DeadLetterState,
    Intent,
    IntentState,
    Link,
    LinkState,
    RecordRef,
    Run,
    RunState,
)

if TYPE_CHECKING:
    from crmhub.store.store import Store

__all__ = [
    "Changes",
    "DeadLetter",
    "DeadLetterState",
    "Intent",
    "IntentState",
    "Link",
    "LinkState",
    "RecordRef",
    "Run",
    "RunState",
    "Store",
]


def __getattr__(name: str) -> object:
    if name != "Store":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from crmhub.store.store import Store

    return Store
