"""A Tryton of one's own: a database that is prepared once, and a server for each test run.

Source: Tryton's documentation, "Setup an administrator", "REST", "User applications".
"""

from __future__ import annotations

import base64
import os
import shutil
import socket
import sqlite3
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

__all__ = ["Tryton", "running"]

_PASSWORD = "secretadmin"
_DATABASE = "crm"


@dataclass(frozen=True)
class Tryton:
    """A server that runs: where it is, and the key of its REST API."""

    url: str
    key: str
    database: str = _DATABASE

    def rest(self, method: str, path: str, **params: Any) -> Any:
        """A call of its REST API, by nobody's code but httpx."""
        reply = httpx.request(
            method,
            f"{self.url}/{self.database}/rest/model/{path}",
            headers={"authorization": f"Bearer {self.key}"},
            timeout=60,
            **params,
        )
        reply.raise_for_status()
        return reply.json() if reply.content else None


@contextmanager
def running(home: Path, folder: Path) -> Generator[Tryton]:
    """A server on a fresh copy of the prepared database in ``folder``; ``home`` has the installed Tryton."""
    template = home / "template"
    if not (template / "key").exists():
        _prepare(home, template)
    data = folder / "data"
    data.mkdir()
    shutil.copy(template / f"{_DATABASE}.sqlite", data)
    with _served(home, folder, data) as url:
        yield Tryton(url, (template / "key").read_text())


def _prepare(home: Path, template: Path) -> None:
    """The database with its modules, a company, an employee, and a key for the REST API."""
    shutil.rmtree(template, ignore_errors=True)
    template.mkdir()
    (template / f"{_DATABASE}.sqlite").touch()
    (template / "password").write_text(_PASSWORD)
    config = _config(template, template, 0)
    environment = {**os.environ, "TRYTONPASSFILE": str(template / "password")}
    for options in (["--all", "--email", "admin@example.invalid"],
                    ["-u", "sale_opportunity", "--activate-dependencies"]):  # fmt: skip
        command = [home / "bin" / "trytond-admin", "-c", config, "-d", _DATABASE, *options]
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=900)
    with _served(home, template, template) as url:
        key = _furnish(url)
    with sqlite3.connect(template / f"{_DATABASE}.sqlite") as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # else a copy of the file alone lacks the key
    (template / "key").write_text(key)


def _furnish(url: str) -> str:
    """What the REST API needs to be of use, by JSON-RPC; the key."""
    with httpx.Client(base_url=f"{url}/{_DATABASE}/", timeout=60) as client:

        def call(method: str, *params: object) -> Any:
            reply = client.post("rpc/", json={"id": 1, "method": method, "params": params}).json()
            assert "error" not in reply, reply
            return reply["result"]

        user, session, *_ = call("common.db.login", "admin", {"password": _PASSWORD})
        signed = base64.b64encode(f"admin:{user}:{session}".encode()).decode()
        client.headers["authorization"] = f"Session {signed}"
        rate = ["create", [{"rate": {"__class__": "Decimal", "decimal": "1"}}]]
        money = {"name": "Euro", "code": "EUR", "symbol": "E", "rates": [rate]}
        (currency,) = call("model.currency.currency.create", [money], {})
        (party,) = call("model.party.party.create", [{"name": "My Company"}], {})
        (company,) = call("model.company.company.create", [{"party": party, "currency": currency}], {})
        call("model.res.user.write", [user], {"companies": [["add", [company]]], "company": company}, {})
        call("model.company.employee.create", [{"party": party, "company": company}], {})
        (app,) = call("model.res.user.application.create", [{"user": user, "application": "rest"}], {})
        return str(call("model.res.user.application.read", [app], ["key"], {})[0]["key"])


@contextmanager
def _served(home: Path, folder: Path, data: Path) -> Generator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [home / "bin" / "trytond", "-c", _config(folder, data, port), "-d", _DATABASE]
    with (
        (folder / "server.log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as server,
    ):
        try:
            yield _ready(f"http://127.0.0.1:{port}", server)
        finally:
            server.terminate()


def _ready(url: str, server: subprocess.Popen[bytes]) -> str:
    """The URL, once the server answers there: its start is a process's, and has no clock to be turned."""
    until = time.monotonic() + 60
    while time.monotonic() < until and server.poll() is None:
        try:
            httpx.get(url)
        except httpx.TransportError:
            server_pause()
        else:
            return url
    raise AssertionError("Tryton did not start")


def server_pause() -> None:
    """A moment for another process."""
    time.sleep(0.2)


def _config(folder: Path, data: Path, port: int) -> Path:
    config = folder / "trytond.conf"
    lines = [
        *("[database]", "uri = sqlite://", f"path = {data}"),
        *("[web]", f"listen = 127.0.0.1:{port}"),
        *("[session]", "timeout = 36000"),
    ]
    config.write_text("\n".join(lines))
    return config
