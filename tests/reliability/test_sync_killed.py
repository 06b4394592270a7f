"""kill -9 in the middle of a load and of a sync: run again, and the end is the same."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from crmhub.testing.sales import generate
from tests.support import CRMHUB, EXAMPLE, Row, Simulated, crmhub, simulator, summary, write_config, written

ACCOUNTS, DEALS = 30, 900
LOAD = (
    "load",
    "zoho",
    "--from",
    "data",
    "--mapping",
    str(EXAMPLE / "mapping.yaml"),
    "--name",
    "files",
    "--json",
)
SYNC = ("sync", "zoho", "salesforce", "--models", "accounts,deals", "--page-size", "200", "--json")


def killed_after(folder: Path, simulated: Simulated, calls: int, *arguments: str) -> None:
    """Run the command and kill it, without any chance to clean up, after some calls to the simulator."""
    start = simulated.calls()
    process = subprocess.Popen(
        [*CRMHUB, *arguments], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None and simulated.calls() - start < calls:
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()


def names(rows: list[Row], field: str) -> list[object]:
    return sorted((row[field] for row in rows), key=str)


@pytest.mark.slow
@pytest.mark.parametrize("lost", [False, True], ids=["replies-arrive", "some-replies-are-lost"])
def test_a_load_that_is_killed_again_and_again_ends_as_if_it_had_not_been(tmp_path: Path, lost: bool) -> None:
    generate(tmp_path / "data", accounts=ACCOUNTS, deals=DEALS, agents=8, seed=3)
    options = ("--schema", str(EXAMPLE / "zoho-schema.yaml"), "--users", str(tmp_path / "data" / "users.csv"))
    with simulator("zoho", *options) as zoho:
        write_config(tmp_path, zoho)
        if lost:
            zoho.faults("lost@POST /crm/v8/Deals:30%")
        for calls in (3, 9, 12, 14, 11, 13):
            killed_after(tmp_path, zoho, calls, *LOAD)
        zoho.faults()
        last = crmhub(tmp_path, *LOAD)
        assert summary(last)["dead_letters"] == {}
        assert len(zoho.truth("Accounts")) == ACCOUNTS
        deals = zoho.truth("Deals")
        assert len(deals) == DEALS
        assert len({row["Opportunity_Id"] for row in deals}) == DEALS
        assert written(crmhub(tmp_path, *LOAD)) == 0


@pytest.mark.slow
def test_a_sync_that_is_killed_again_and_again_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    generate(tmp_path / "data", accounts=ACCOUNTS, deals=DEALS, agents=8, seed=3)
    users = ("--users", str(tmp_path / "data" / "users.csv"))
    with (
        simulator("zoho", "--schema", str(EXAMPLE / "zoho-schema.yaml"), *users) as zoho,
        simulator("salesforce", "--schema", str(EXAMPLE / "salesforce-schema.yaml"), *users) as salesforce,
    ):
        write_config(tmp_path, zoho, salesforce)
        crmhub(tmp_path, *LOAD)
        for calls in (4, 8, 11, 13, 12):
            killed_after(tmp_path, salesforce, calls, *SYNC)
        last = crmhub(tmp_path, *SYNC)
        assert summary(last)["dead_letters"] == {}
        assert names(salesforce.truth("Account"), "Name") == names(zoho.truth("Accounts"), "Account_Name")
        assert names(salesforce.truth("Opportunity"), "Name") == names(zoho.truth("Deals"), "Deal_Name")
        assert written(crmhub(tmp_path, *SYNC)) == 0
