"""Harness for tests that run simulators and the command line as processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import httpx

CRMHUB = (sys.executable, "-m", "crmhub")
EXAMPLE = Path(__file__).parent.parent / "examples" / "sales"

Row = dict[str, object]


@dataclass(frozen=True)
class Simulated:
    """A simulator in a process of its own."""

    name: str
    url: str
    credentials: Mapping[str, str]

    def truth(self, object_: str, *, deleted: bool = False) -> list[Row]:
        """Every row that the simulator holds, in the vendor's own shape."""
        query = "?deleted=1" if deleted else ""
        text = httpx.get(f"{self.url}/_truth/{object_}{query}", timeout=60).raise_for_status().text
        if text.lstrip().startswith("["):
            return cast("list[Row]", json.loads(text))
        return [cast("Row", json.loads(line)) for line in text.splitlines()]

    def calls(self) -> int:
        """How many calls it has had."""
        stats = httpx.get(f"{self.url}/_stats", timeout=60).raise_for_status().json()
        return int(stats["total_calls"])

    def faults(self, *rules: str) -> None:
        """Put these fault rules in force."""
        httpx.put(f"{self.url}/_faults", json={"faults": list(rules)}, timeout=60).raise_for_status()

    def settings(self) -> str:
        """The connection's settings, as a line of crmhub.yaml."""
        urls = {"zoho": ("api_url", "accounts_url"), "salesforce": ("instance_url", "login_url")}[self.name]
        keys = ("client_id", "client_secret", "refresh_token")[: 3 if self.name == "zoho" else 2]
        parts = [f'{name}: "{self.url}"' for name in urls]
        parts += [f'{name}: "{self.credentials[name]}"' for name in keys]
        return f"{self.name}: {{connector: {self.name}, {', '.join(parts)}}}"


@contextmanager
def simulator(name: str, *options: str) -> Generator[Simulated]:
    """``crmhub simulate`` on a free port, stopped at the end."""
    process = subprocess.Popen(
        [*CRMHUB, "simulate", name, "--port", "0", "--json", "--admin", *options],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        yield Simulated(name, line["url"], line["credentials"])
    finally:
        process.terminate()
        assert process.wait(timeout=20) == 0
        if process.stdout:
            process.stdout.close()


def write_config(folder: Path, *simulated: Simulated) -> Path:
    """A crmhub.yaml whose connections are the simulators."""
    connections = "".join(f"  {each.settings()}\n" for each in simulated)
    path = folder / "crmhub.yaml"
    path.write_text(f"store: sqlite:///crmhub.db\nplain_secrets: true\nconnections:\n{connections}")
    return path


def crmhub(folder: Path, *arguments: str, code: int = 0) -> list[Row]:
    """Run the command line; the JSON lines that it printed."""
    done = subprocess.run([*CRMHUB, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == code, f"exit {done.returncode}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
    return [cast("Row", json.loads(line)) for line in done.stdout.splitlines() if line.startswith("{")]


def summary(lines: list[Row]) -> Row:
    """The summary of a sync's JSON lines."""
    return next(line for line in lines if line["event"] == "summary")


def written(lines: list[Row]) -> int:
    """How many records a sync created or updated."""
    models = cast("dict[str, dict[str, int]]", summary(lines)["models"])
    return sum(counts.get(kind, 0) for counts in models.values() for kind in ("created", "updated"))
