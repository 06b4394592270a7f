"""The audit log among processes that append at the same time, and one that is killed in the middle of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import cast

import anyio
from typer.testing import CliRunner

from crmhub.cli.audit import audit
from crmhub.store import Store
from crmhub.store.chain import Verified
from tests.stores import behind_its_back

WORKER = Path(__file__).with_name("audit_worker.py")


def worker(url: str, name: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(WORKER), url, name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


async def read(url: str) -> tuple[Verified, list[dict[str, str]]]:
    async with await Store.open(url) as store:
        rows = [cast("dict[str, str]", json.loads(entry.body)) async for entry in store.audit.entries()]
        return await store.audit.verify(), rows


def test_processes_append_to_one_chain_and_a_killed_one_leaves_it_whole(store_url: str) -> None:
    anyio.run(read, store_url)
    doomed = worker(store_url, "doomed", 1_000_000)
    others = [worker(store_url, name, 25) for name in ("one", "two")]
    told: list[int] = []
    assert doomed.stdout is not None
    for line in doomed.stdout:
        told.append(int(line))
        if len(told) == 15:
            doomed.kill()
    doomed.wait(timeout=30)
    doomed.stdout.close()
    for each in others:
        said, _ = each.communicate(timeout=60)
        assert (each.returncode, len(said.split())) == (0, 25)

    found, rows = anyio.run(read, store_url)
    assert found.broken is None
    assert found.rows == len(rows) == found.head.seq
    kinds = defaultdict[str, list[str]](list)
    for row in rows:
        kinds[row["id"]].append(row["kind"])
    assert set(map(tuple, kinds.values())) == {("call.intent", "call.outcome")}, (
        "both rows of a call, or none"
    )
    mine = sum(1 for id_ in kinds if id_.startswith("doomed"))
    assert mine >= len(told), "what was told to be stored is"
    assert len(kinds) == mine + 50


def test_the_command_line_verifies_exports_prunes_and_names_what_was_tampered_with(tmp_path: Path) -> None:
    config = tmp_path / "crmhub.yaml"
    config.write_text("store: sqlite:///crmhub.db\nconnections: {files: {connector: csv, folder: .}}\n")
    url = f"sqlite:///{tmp_path}/crmhub.db"

    async def fill() -> None:
        async with await Store.open(url) as store:
            for number in range(6):
                await store.audit.append({"kind": "call.intent", "n": number})

    def command(*arguments: str, code: int = 0) -> str:
        done = CliRunner().invoke(audit, [*arguments, "--config", str(config)], catch_exceptions=False)
        assert done.exit_code == code, done.output
        return done.output

    anyio.run(fill)
    head = command("head").strip()
    assert "6 rows hold, from 1 to 6" in command("verify", "--head", head)
    lines = [json.loads(line) for line in command("export", "--since", "4").splitlines()]
    assert [(line["seq"], line["n"]) for line in lines] == [(5, 4), (6, 5)]
    assert command("prune", "--before", "3", "--by", "ada") == "2 rows removed\n"
    assert "7: rows before 3 were pruned" in command("verify", "--head", head)
    assert command("mark", "ada@example.com").startswith("~email:")
    with behind_its_back(url) as connection:
        connection.exec_driver_sql("DELETE FROM audit_log WHERE seq > 6")
        connection.exec_driver_sql(
            "UPDATE audit_head SET seq = 6, mac = (SELECT mac FROM audit_log WHERE seq = 6)"
        )
    assert "row 1 does not hold: it is missing" in command("verify", code=5)
