"""``crmhub limits``, and what ``crmhub doctor`` says of it."""

from __future__ import annotations

import subprocess
from collections.abc import Generator
from pathlib import Path

import anyio
import pytest

from crmhub.hub import Hub
from tests.support import CRMHUB, Simulated, crmhub, simulator, write_config


@pytest.fixture
def zoho() -> Generator[Simulated]:
    with simulator("zoho", "--rows", "Accounts=5", "--set", "edition=standard") as running:
        yield running


def said(folder: Path, *arguments: str, code: int = 0) -> str:
    done = subprocess.run([*CRMHUB, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


def test_limits_shows_what_is_used_and_asks_once_a_day_for_all_processes(
    tmp_path: Path, zoho: Simulated
) -> None:
    write_config(tmp_path, zoho)
    before = zoho.calls()
    shown = said(tmp_path, "limits", "zoho").splitlines()
    assert shown == [
        "zoho: 1 of 51,500 credits used in 24 hours (0%; standard edition, 6 users)",
        "  41,199 left for jobs, 10,300 kept for people",
        "  10 calls at once",
    ]
    (told,) = crmhub(tmp_path, "limits", "--json")
    assert (told["connection"], told["used"], told["most"], told["left"]) == ("zoho", 1, 51_500, 41_199)
    assert zoho.calls() - before == 2  # a token, and the organisation


def test_limits_tells_of_connections_that_count_nothing_only_when_asked(tmp_path: Path) -> None:
    (tmp_path / "crmhub.yaml").write_text("connections:\n  shop: {connector: memory}\n")
    assert said(tmp_path, "limits") == ""
    assert "has no limits" in said(tmp_path, "limits", "shop", code=1)


def test_doctor_warns_when_most_is_used_and_may_use_what_is_kept_for_people(
    tmp_path: Path, zoho: Simulated
) -> None:
    file = write_config(tmp_path, zoho)
    file.write_text(file.read_text().replace("connector: zoho,", "connector: zoho, credits: 100,"))
    anyio.run(spend, file, 70)
    shown = said(tmp_path, "doctor")
    (line,) = [line for line in shown.splitlines() if "of 100 credits of a day are used" in line]
    assert line.startswith("warn  connection zoho: 8")
    assert "0 failed" in shown


async def spend(file: Path, calls: int) -> None:
    async with Hub.load(file) as hub:
        for _ in range(calls):
            await hub["zoho"].request("GET", "/crm/v8/org")
