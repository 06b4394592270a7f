"""A hub whose connections are CRMs in memory, with five companies each."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import httpx

from crmhub.clock import ManualClock
from crmhub.config import Config
from crmhub.connection import Connection
from crmhub.connector import Value
from crmhub.hub import Hub

__all__ = ["FIELDS", "add", "hub_of", "rows"]

MAPPING = """
crm: memory
version: 1
maps:
  - model: account
    object: companies
    fields:
      name: name
      employees: {to: size, as: int}
      phones[role=main].raw: phone
      phones[role=fax].raw: fax
"""
FIELDS = {"name": "text", "size": "text", "phone": "text", "fax": "text"}


def rows(count: int) -> list[dict[str, str]]:
    return [{"id": f"c{number}", "name": f"Company {number}"} for number in range(count)]


@asynccontextmanager
async def hub_of(tmp_path: Path, *names: str, open_connections: int = 64) -> AsyncGenerator[Hub]:
    path = tmp_path / "memory.yaml"
    path.write_text(MAPPING)
    config = Config({}, store="sqlite:///:memory:")
    answer = httpx.MockTransport(lambda _: httpx.Response(200, json={"ok": True}))
    transports: dict[str, httpx.AsyncBaseTransport] = {"a": answer, "b": answer}
    async with Hub(
        config, clock=ManualClock(), open_connections=open_connections, transports=transports
    ) as hub:
        for name in names or ("crm",):
            add(hub, name, path)
        yield hub


def add(hub: Hub, name: str, mapping: Path, **more: Value) -> Connection:
    settings: dict[str, Value] = {"objects": cast("Value", {"companies": FIELDS}), "page_size": 2}
    settings["rows"] = cast("Value", {"companies": rows(5)})
    return hub.add(name, "memory", mapping=mapping, **(settings | more))
