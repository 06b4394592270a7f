"""``crmhub route`` and ``crmhub tiers``."""

from __future__ import annotations

import subprocess
from collections.abc import Generator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support import CRMHUB, Simulated, crmhub, simulator, write_config

HAS_SDK = find_spec("zohocrmsdk") is not None


@pytest.fixture(scope="module")
def zoho() -> Generator[Simulated]:
    with simulator("zoho", "--rows", "Accounts=5") as running:
        yield running


def said(folder: Path, *arguments: str, code: int = 0) -> str:
    done = subprocess.run([*CRMHUB, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


def test_route_prints_the_tiers_of_a_call_in_order_and_sends_nothing(tmp_path: Path, zoho: Simulated) -> None:
    write_config(tmp_path, zoho)
    before = zoho.calls()
    first, second = said(tmp_path, "route", "zoho", "list", "--context", "bulk").splitlines()
    absent = "closed" if HAS_SDK else "not installed: pip install 'crmhub-zoho[sdk]'"
    assert first == f"1  sdk    {absent}  (bulk)"
    assert second == "2  rest   closed  (bulk)"
    assert zoho.calls() == before


def test_route_without_a_context_is_the_way_of_a_sync_and_many_records_are_bulk(
    tmp_path: Path, zoho: Simulated
) -> None:
    write_config(tmp_path, zoho)
    assert crmhub(tmp_path, "route", "zoho", "read", "--json") == [
        {"place": 1, "tier": "rest", "state": "closed", "why": "no context", "absent": ""}
    ]
    many = crmhub(tmp_path, "route", "zoho", "get", "--context", "interactive", "--records", "51", "--json")
    assert [(one["tier"], one["why"]) for one in many] == [
        ("sdk", "bulk, 51 records"),
        ("rest", "bulk, 51 records"),
    ]


def test_route_names_the_contexts_that_there_are(tmp_path: Path, zoho: Simulated) -> None:
    write_config(tmp_path, zoho)
    errors = said(tmp_path, "route", "zoho", "list", "--context", "sometimes", code=1)
    assert "agent, background, bulk, fallback, interactive" in errors
    assert len(errors.splitlines()) == 1


def test_route_names_the_operations_that_there_are(tmp_path: Path, zoho: Simulated) -> None:
    write_config(tmp_path, zoho)
    errors = said(tmp_path, "route", "zoho", "lst", code=1)
    assert "there is no operation 'lst' · one of get, list, search, create" in errors


def test_tiers_makes_a_cheap_call_by_each_and_prints_how_it_went(tmp_path: Path, zoho: Simulated) -> None:
    write_config(tmp_path, zoho)
    mcp, sdk, rest = crmhub(tmp_path, "tiers", "zoho", "--json")
    assert (mcp["tier"], mcp["state"]) == ("mcp", "absent")
    assert (sdk["tier"], sdk["state"]) == ("sdk", "closed" if HAS_SDK else "absent")
    assert (rest["tier"], rest["state"], rest["calls"], rest["failures"]) == ("rest", "closed", 1, 0)
    assert isinstance(rest["mean"], float)
    line = said(tmp_path, "tiers", "zoho").splitlines()[-1]
    assert line.startswith("rest   closed  1 calls, 0 failed, mean ")


def test_a_tier_that_fails_is_a_line_and_an_exit_code(tmp_path: Path, zoho: Simulated) -> None:
    path = write_config(tmp_path, zoho)
    path.write_text(path.read_text().replace(zoho.credentials["refresh_token"], "WRONG"))
    done = subprocess.run(
        [*CRMHUB, "tiers", "zoho"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.count("Traceback")) == (1, 0)
    line = next(
        line for line in done.stdout.splitlines() if line.startswith("rest   closed  1 calls, 1 failed")
    )
    assert "connection zoho" in line
    assert "crmhub auth" in line


def test_a_connection_without_tiers_says_so(tmp_path: Path) -> None:
    (tmp_path / "crmhub.yaml").write_text("connections: {m: {connector: memory}}\n")
    assert "connection 'm' has one way to its CRM" in said(tmp_path, "tiers", "m", code=1)
