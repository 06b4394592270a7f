"""Threat 28: what comes in with the packages that crmhub needs."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==[0-9][A-Za-z0-9.!+]*(?:\s*;.*)?")
NAME = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[(?P<extras>[^]]*)\])?(?P<rest>.*)")
QUIET = """
import importlib, sys
loud = {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto",
        "subprocess.Popen", "os.system", "os.posix_spawn"}
def heard(event, arguments):
    if event in loud:
        raise SystemExit(f"{event} while importing {module}")
sys.addaudithook(heard)
for module in sys.argv[1:]:
    importlib.import_module(module)
"""


def plain(name: str) -> str:
    """A distribution's name as it is compared (PyPA, name normalisation)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned() -> set[str]:
    lines = [
        line for line in (ROOT / "constraints.txt").read_text().splitlines() if line[:1] not in {"", "#"}
    ]
    found = [PIN.fullmatch(line) for line in lines]
    assert [line for line, pin in zip(lines, found, strict=True) if pin is None] == []
    return {plain(pin["name"]) for pin in found if pin}


def needed(name: str, extras: frozenset[str], seen: set[tuple[str, frozenset[str]]]) -> Iterator[str]:
    """What is installed because of a distribution, at any depth."""
    if (name, extras) in seen:
        return
    seen.add((name, extras))
    try:
        requires = distribution(name).requires or []
    except PackageNotFoundError:
        return  # for another platform or version of Python
    yield name
    for line in requires:
        match = NAME.fullmatch(line)
        assert match is not None
        wanted = re.search(r"""extra\s*==\s*['"]([^'"]+)""", match["rest"])
        if wanted is None or wanted[1] in extras:
            more = frozenset(each.strip() for each in (match["extras"] or "").split(",") if each)
            yield from needed(plain(match["name"]), more, seen)


def test_threat_28_everything_that_an_installation_brings_is_pinned_to_a_version() -> None:
    extras = frozenset({"mcp", "zoho", "salesforce", "rest", "csv", "rollout", "postgres", "simulate"})
    brought = {*needed("crmhub", extras, set())}
    assert {"mcp", "pyjwt", "uvicorn", "starlette", "cryptography"} <= brought
    assert {name for name in brought - pinned() if not name.startswith("crmhub")} == set()


def test_threat_28_no_import_reaches_the_network_or_starts_a_program() -> None:
    modules = [
        "crmhub", "crmhub.cli", "crmhub.agent.serving.running", "crmhub.mcp.session", "crmhub.store",
        "crmhub_csv", "crmhub_rest", "crmhub_rollout", "crmhub_salesforce", "crmhub_zoho",
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", QUIET, *modules], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
