"""Simulated CRMs in processes of their own, so that their time is not ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from crmhub.config import Config, ConnectionSettings
from crmhub.native import Value

__all__ = ["Double", "config_of", "double", "store_in"]

_URLS = {"zoho": ("api_url", "accounts_url"), "salesforce": ("instance_url", "login_url")}
_KEYS = {
    "zoho": ("client_id", "client_secret", "refresh_token"),
    "salesforce": ("client_id", "client_secret"),
}


@dataclass(frozen=True, slots=True)
class Double:
    """A running simulator."""

    name: str
    url: str
    credentials: Mapping[str, str]
    process: int

    @property
    def calls(self) -> int:
        """How many calls it has had, those for tokens included; to ask this is none."""
        return int(httpx.get(f"{self.url}/_stats", timeout=60).raise_for_status().json()["total_calls"])

    @property
    def cpu(self) -> float:
        """The CPU seconds that its process has used."""
        fields = Path(f"/proc/{self.process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def token(self) -> str:
        """An access token, for calls by hand."""
        return self.credentials["access_token"]

    @property
    def settings(self) -> dict[str, Value]:
        """The settings of a connection to it."""
        keys = {key: self.credentials[key] for key in _KEYS[self.name]}
        return {**dict.fromkeys(_URLS[self.name], self.url), **keys}


@contextmanager
def double(name: str, *options: str) -> Generator[Double]:
    """``crmhub simulate`` on a free port, stopped at the end."""
    command = [sys.executable, "-m", "crmhub", "simulate", name, "--port", "0", "--json", "--admin", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        yield Double(name, line["url"], line["credentials"], process.pid)
    finally:
        process.terminate()
        process.wait()
        if process.stdout:
            process.stdout.close()


def config_of(*doubles: Double, store: str = "sqlite:///:memory:") -> Config:
    """A configuration with a connection to each."""
    return Config(
        {each.name: ConnectionSettings(each.name, each.name, each.settings) for each in doubles}, store=store
    )


def store_in(folder: str) -> str:
    """The URL of a store in a folder: made by the first run, there for the others, as in real life."""
    return f"sqlite:///{Path(folder) / 'crmhub.db'}"
