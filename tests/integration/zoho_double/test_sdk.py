"""Zoho's own Python SDK does its work against the double: files, tags, related records, bulk jobs."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.integration.zoho_double.test_serving import simulated

SCRIPT = Path(__file__).with_name("sdk_files_script.py")


@pytest.mark.skipif(find_spec("zohocrmsdk") is None, reason="the official SDK is not installed")
def test_the_official_sdk_does_its_file_and_bulk_work(tmp_path: Path) -> None:
    with simulated("zoho", "--set", "bulk_delay=0", "--set", "blueprint=Deals") as (_, state):
        done = subprocess.run(
            [sys.executable, str(SCRIPT), json.dumps(state), str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    codes = {name for name, value in seen.items() if value == "SUCCESS"}
    assert codes == {
        *("note", "attachment gone", "photo", "photo gone", "tagged", "untagged", "linked", "delinked"),
        *("converted", "moved", "watched", "unwatched"),
    }
    assert {name: value for name, value in seen.items() if name not in codes} == {
        "notes": ["Title"],
        "attachments": ["Link", "offer.txt"],
        "downloaded": "an offer",
        "photo bytes": 72,
        "tags on it": ["hot"],
        "tags": ["hot", "new"],
        "related": ["Lee"],
        "in the bin": "Lee",
        "process": ["Qualification", "Analyse", "Needs Analysis"],
        "stage": "Needs Analysis",
        "watching": ["secret"],
        "written": [1, 1],
        "outcomes": ["STATUS", "ADDED", "SKIPPED"],
        "read": [2, False],
        "rows": ["Last_Name,Email", "Okafor,", "Bulk1,b1@example.com"],
    }
