"""What a transaction survives, told to each database in its own words."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import Connection, Engine

__all__ = ["Durability", "durability", "writing"]

Durability = Literal["process", "disk"]
"""``process``: the death of our process. ``disk``: a power cut too."""

_OPTION = "crmhub_write"


def writing(engine: Engine, wanted: Durability) -> Engine:
    """The engine, where every transaction is a write of that durability."""
    return engine.execution_options(**{_OPTION: wanted})


def durability(connection: Connection) -> Durability | None:
    """That of the connection's transactions; ``None`` when they only read."""
    return connection.get_execution_options().get(_OPTION)
