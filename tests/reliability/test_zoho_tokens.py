"""Several processes, one Zoho whose tokens die at once: the token endpoint is never asked too often."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.serve import running
from crmhub_zoho.simulator.double import ZohoDouble

pytestmark = pytest.mark.slow

WORKER = Path(__file__).with_name("token_worker.py")
MOST = 10
"""Access tokens in ten minutes (Zoho, Kaizen #43)."""


def test_processes_that_lose_their_tokens_never_ask_for_more_than_ten_in_ten_minutes(tmp_path: Path) -> None:
    double = ZohoDouble(Options(faults=("expire@/users:60%",)))
    with running(double) as served:
        secrets = "".join(
            f" {name}: '{double.credentials[name]}'," for name in ("client_id", "client_secret")
        )
        both = "".join(
            f"  {name}: {{connector: zoho, api_url: '{served.url}',{secrets}"
            f" refresh_token: '{double.credentials['refresh_token']}'}}\n"
            for name in ("zoho", "second")
        )
        (tmp_path / "crmhub.yaml").write_text(f"plain_secrets: true\nconnections:\n{both}")
        workers = [
            subprocess.Popen(
                [sys.executable, WORKER, str(tmp_path), name, "11"], stdout=subprocess.PIPE, text=True
            )
            for name in ("zoho", "zoho", "second")
        ]
        said = [worker.communicate(timeout=120)[0].split() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0]
    assert "done" in said[0] + said[1] + said[2]
    assert any("waiting" in one or "RateLimited" in one for one in said), said
    assert 5 <= double.stats.tokens_issued <= MOST
    assert double.accounts.throttled == 0
