"""What it costs to begin: imports and the command line, each in fresh processes."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
from collections.abc import Sequence

from bench.measuring import Figure, Section
from bench.sizes import Sizes

__all__ = ["loaded_by", "start"]

_HEAVY = ("sqlalchemy", "alembic", "httpx", "starlette", "uvicorn", "cryptography", "rich", "structlog")
_CONNECTORS = ("crmhub_zoho", "crmhub_salesforce", "crmhub_csv")
_STATEMENTS: dict[str, tuple[str, float | None]] = {
    "python, nothing else": ("pass", None),
    "import crmhub": ("import crmhub", 0.35),
    "from crmhub import Account": ("from crmhub import Account", 0.35),
    "import crmhub.hub": ("import crmhub.hub", 0.35),
}


def start(sizes: Sizes) -> list[Section]:
    """CPU of whole processes, and what must not have been loaded by then."""
    rounds = 2 * sizes.rounds + 1
    figures = [
        Figure(name, _cpu([sys.executable, "-c", statement], rounds), "CPU s", aim)
        for name, (statement, aim) in _STATEMENTS.items()
    ]
    command = [sys.executable, "-m", "crmhub", "--help"]
    figures.append(Figure("crmhub --help", _cpu(command, rounds), "CPU s", 0.2))
    figures += [
        Figure(f"heavy modules after {name}", len(loaded_by(statement)), "", 0)
        for name, (statement, _) in _STATEMENTS.items()
        if statement != "pass"
    ]
    return [Section(f"start: fresh processes, medians of {rounds}", figures)]


def loaded_by(statement: str) -> list[str]:
    """Which of the heavy packages and the connectors a statement loads."""
    names = (*_HEAVY, *_CONNECTORS)
    code = f"import sys\n{statement}\nprint(*(name for name in {names!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def _cpu(command: Sequence[str], rounds: int) -> float:
    found: list[float] = []
    for _ in range(rounds):
        before = _children()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        found.append(_children() - before)
    return statistics.median(found)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
