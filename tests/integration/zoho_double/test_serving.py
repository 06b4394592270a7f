"""The double on a real socket: the command, its JSON line, cut connections, TLS, the official SDK."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest

from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.serve import running
from crmhub_zoho.simulator.double import ZohoDouble

COMMAND = [sys.executable, "-c", "from crmhub.cli import main; main()", "simulate"]


@contextmanager
def simulated(*arguments: str) -> Generator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    process = subprocess.Popen(
        [*COMMAND, *arguments, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.communicate(timeout=20)


def authorized(state: dict[str, Any]) -> httpx.Client:
    headers = {"Authorization": f"Zoho-oauthtoken {state['credentials']['access_token']}"}
    return httpx.Client(base_url=state["url"], headers=headers, trust_env=False)


def test_the_command_prints_one_line_of_json_and_stops_when_told() -> None:
    with simulated("zoho", "--rows", "Accounts=3", "--fault", "lost@POST /crm/v8/Accounts:1x") as (
        process,
        state,
    ):
        assert set(state) == {"url", "credentials"}
        names = {"client_id", "client_secret", "refresh_token", "access_token", "mcp_token", "mcp_url"}
        assert set(state["credentials"]) == names
        assert state["credentials"]["mcp_url"] == f"{state['url']}/mcp"
        with authorized(state) as client:
            assert client.get("/crm/v8/Accounts/actions/count").json() == {"count": 3}
            with pytest.raises(httpx.RemoteProtocolError):
                client.post("/crm/v8/Accounts", json={"data": [{"Account_Name": "kept"}]})
            assert client.get("/crm/v8/Accounts/actions/count").json() == {"count": 4}
            form = {**state["credentials"], "grant_type": "refresh_token"}
            assert client.post("/oauth/v2/token", data=form).json()["api_domain"] == state["url"]
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=20)
        assert (process.returncode, rest, errors) == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["zohoo"], "did you mean 'zoho'?"),
        (["zoho", "--fault", "bad"], "unknown kind 'bad'"),
        (["zoho", "--schema", "none.yaml"], "there is no such file"),
    ],
)
def test_the_command_says_what_is_wrong_in_one_line(arguments: list[str], message: str) -> None:
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_port_in_use_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(SimulatorError, match=f"port {port} on 127.0.0.1 is in use"),
            running(ZohoDouble(Options()), port=port),
        ):
            pass


def test_tls_is_trusted_by_who_trusts_its_authority(tmp_path: Path) -> None:
    with running(ZohoDouble(Options()), tls_dir=tmp_path) as state:
        assert state.ca_file is not None
        trust = ssl.create_default_context(cafile=str(state.ca_file))
        assert state.url.startswith("https://")
        assert httpx.get(f"{state.url}/x", verify=trust, trust_env=False).status_code == 404
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{state.url}/x", trust_env=False)
    assert (tmp_path / "key.pem").stat().st_mode & 0o077 == 0


SDK_SCRIPT = Path(__file__).with_name("sdk_script.py")


@pytest.mark.skipif(find_spec("zohocrmsdk") is None, reason="the official SDK is not installed")
def test_the_official_sdk_works_against_it(tmp_path: Path) -> None:
    with simulated("zoho", "--rows", "250") as (_, state):
        done = subprocess.run(
            [sys.executable, str(SDK_SCRIPT), json.dumps(state), str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "fields": 200,
        "created": [201, 100],
        "refused": "INVALID_DATA",
        "listed": 350,
        "got": ["Sdk0", "Chat"],
        "updated": 200,
        "upserted": ["update", "insert"],
        "searched": ["Sdk7"],
        "queried": ["Sdk1", "Sdk10", "Sdk11"],
        "users": 5,
        "deleted": 200,
    }
