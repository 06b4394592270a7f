"""The store among processes that die, compete and run out of room."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import TypeVar

import anyio
import pytest
from sqlalchemy import text

from crmhub.errors import SyncError
from crmhub.store import RecordRef, Store
from tests.stores import behind_its_back

JOB = "job"
SIZE = 20
WORKER = Path(__file__).with_name("store_worker.py")

_T = TypeVar("_T")


def worker(url: str, job: str, pages: int, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(WORKER), url, job, str(pages), *options]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def output(process: subprocess.Popen[str]) -> tuple[str, str]:
    return process.communicate(timeout=60)


def with_store(url: str, ask: Callable[[Store], Awaitable[_T]]) -> _T:
    async def run() -> _T:
        async with await Store.open(url) as store:
            return await ask(store)

    return anyio.run(run)


async def stored_pages(store: Store, job: str = JOB) -> int:
    """How many pages are stored; fails if any of them is stored in part."""
    checkpoint = await store.checkpoints.get(job, "Accounts")
    pages = int(str(checkpoint["page"])) + 1 if checkpoint else 0
    for page in range(pages + 2):
        ids = [f"{job}-{page}-{n}" for n in range(SIZE)]
        links = await store.links.find(("zoho", "Accounts"), "sf", ids)
        letters = await store.dead_letters.of(job, [RecordRef("zoho", "Accounts", key) for key in ids])
        assert (len(links), len(letters)) == ((SIZE - 1, 1) if page < pages else (0, 0)), page
    runs = await store.runs.recent(1_000, job=job)
    assert sum(run.counts.get("created", 0) for run in runs) == pages * (SIZE - 1)
    left = {intent.id.rpartition("-")[0] for intent in await store.intents.open(job)}
    assert left <= {f"{job}-{pages}"}
    return pages


def is_sound(url: str) -> bool:
    if not url.startswith("sqlite"):
        return True  # the server sees to it
    with behind_its_back(url) as connection:
        return connection.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"


# Statement 1 takes the lock; 2 and 3 hold the run; then links, intents, letter and checkpoint.
@pytest.mark.slow
def test_a_process_killed_in_a_page_leaves_it_whole_or_not_at_all(store_url: str) -> None:
    pages = 0
    for at in (*map(str, range(1, 8)), "commit", "done"):
        process = worker(store_url, JOB, 1_000, "--die-in", str(pages + 1), "--at", at)
        said, errors = output(process)
        assert process.returncode == -signal.SIGKILL, errors
        assert said.splitlines()[1] == f"stored {pages}"
        pages += 2 if at == "done" else 1

        assert with_store(store_url, stored_pages) == pages, at
        intents = with_store(store_url, lambda store: store.intents.open(JOB))
        assert len(intents) == (0 if at == "done" else SIZE), at  # what was sent and is not known

    process = worker(store_url, JOB, pages + 2, "--die-in", str(pages), "--at", "8")  # there is no eighth
    _, errors = output(process)
    assert process.returncode == 0, errors
    assert with_store(store_url, stored_pages) == pages + 2
    assert is_sound(store_url)


@pytest.mark.slow
def test_a_process_killed_at_any_moment_loses_at_most_the_page_it_was_in(store_url: str) -> None:
    random = Random(20260101)
    acknowledged = 0
    for _ in range(4):
        process = worker(store_url, JOB, 100_000)
        assert process.stdout is not None
        for _ in range(random.randint(2, 40)):
            line = process.stdout.readline().split()
            acknowledged = int(line[1]) + 1 if line[0] == "stored" else acknowledged
        process.kill()
        rest, _ = output(process)
        for line in rest.splitlines():
            acknowledged = int(line.removeprefix("stored ")) + 1

        assert with_store(store_url, stored_pages) - acknowledged in {0, 1}
    assert is_sound(store_url)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells whether a process lives")
def test_a_running_job_is_refused_to_others_until_its_process_dies(store_url: str) -> None:
    process = worker(store_url, JOB, 1, "--hold")
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"

    async def start(store: Store) -> str:
        return (await store.runs.start(JOB, "sync", "zoho", "sf", ["account"])).id

    with pytest.raises(SyncError, match=rf"is already running since .* by pid {process.pid} on "):
        with_store(store_url, start)

    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and still in the process table
    with_store(store_url, start)
    output(process)
    states = [run.state for run in with_store(store_url, lambda store: store.runs.recent())]
    assert states == ["interrupted", "interrupted"]


def test_several_processes_may_make_one_store_and_write_to_it_at_once(empty_url: str) -> None:
    jobs = ["a", "b", "c"]
    processes = [worker(empty_url, job, 15) for job in jobs]
    for process in processes:
        _, errors = output(process)
        assert process.returncode == 0, errors

    for job in jobs:

        async def read(store: Store, job: str = job) -> tuple[int, str]:
            token = await store.tokens.load(job)
            assert token is not None
            return await stored_pages(store, job), token.access.get_secret_value()

        assert with_store(empty_url, read) == (15, f"token of {job}")
    assert is_sound(empty_url)


def test_a_full_disk_stops_the_run_cleanly_and_loses_nothing(tmp_path: Path) -> None:
    store_url = f"sqlite:///{tmp_path}/state.db"
    process = worker(store_url, JOB, 10_000, "--limit", "600000")
    said, errors = output(process)
    assert process.returncode == 0, errors
    *stored, failed = said.splitlines()

    assert failed.startswith("failed the store")
    assert "free space" in failed
    assert with_store(store_url, stored_pages) == len(stored) - 1 > 0
    assert is_sound(store_url)

    assert output(worker(store_url, JOB, len(stored) + 5))[1] == ""
    assert with_store(store_url, stored_pages) == len(stored) + 5
