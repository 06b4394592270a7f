"""``crmhub auth``, as a person meets it: a process, a terminal or a pipe, a browser."""

from __future__ import annotations

import os
import pty
import select
import socket
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from crmhub.config import load_config
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.serve import running
from crmhub_zoho.scopes import ASKED
from crmhub_zoho.simulator.double import ZohoDouble
from tests.support import CRMHUB

BROWSER = "import sys, httpx; print(httpx.get(sys.argv[1], follow_redirects=True, timeout=20).status_code)"


@dataclass(frozen=True)
class Zoho:
    """A Zoho that is served, and a folder whose configuration has no refresh token for it."""

    double: ZohoDouble
    folder: Path

    def code(self, *scopes: str) -> str:
        """What a person gets in the API console."""
        return self.double.accounts.self_client_code(frozenset(scopes or ASKED))

    def auth(self, *options: str, code: str = "") -> subprocess.CompletedProcess[str]:
        """``crmhub auth zoho``, with the code on its standard input."""
        return subprocess.run(
            [*CRMHUB, "auth", "zoho", *options],
            cwd=self.folder,
            input=f"{code}\n",
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def secrets(self) -> list[str]:
        """What must be shown nowhere."""
        names = ("client_secret", "refresh_token", "access_token")
        return [self.double.credentials[name] for name in names]


@pytest.fixture
def zoho(tmp_path: Path) -> Generator[Zoho]:
    double = ZohoDouble(Options(rows={"Accounts": 3}))
    with running(double) as served:
        (tmp_path / "crmhub.yaml").write_text(
            "plain_secrets: true\nconnections:\n"
            f"  zoho: {{connector: zoho, api_url: '{served.url}', client_id: {double.accounts.client_id},"
            f" client_secret: {double.accounts.client_secret}}}\n"
        )
        yield Zoho(double, tmp_path)


def free_uri() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://localhost:{free.getsockname()[1]}/callback"


def demand_secret(zoho: Zoho, done: subprocess.CompletedProcess[str], code: str = "") -> None:
    """Nothing that was printed or stored shows a secret."""
    issued = zoho.double.accounts.refresh_tokens()
    for secret in filter(None, [*zoho.secrets(), *issued, code]):
        assert secret not in done.stdout + done.stderr
    stored = b"".join(path.read_bytes() for path in zoho.folder.glob("crmhub.db*"))
    assert b"zoho" in stored
    assert [token for token in issued if token.encode() in stored] == []


def test_a_pasted_code_signs_in_for_all_later_processes(zoho: Zoho) -> None:
    code = zoho.code()
    done = zoho.auth(code=code)
    assert done.returncode == 0, done.stderr
    assert "https://api-console.zoho.com" in done.stdout
    assert ",".join(ASKED) in done.stdout
    assert "signed in: connection zoho" in done.stdout
    assert "ok    write Deals" in done.stdout
    demand_secret(zoho, done, code)
    checked = zoho.auth("--check")
    assert checked.returncode == 0, checked.stderr
    assert "ok    search" in checked.stdout
    doctor = subprocess.run(
        [*CRMHUB, "doctor"], cwd=zoho.folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert "ok    connection zoho: read Accounts" in doctor.stdout
    assert zoho.double.stats.tokens_issued == 1  # of the first sign-in; all others found it


def test_on_a_terminal_the_code_is_asked_for_and_not_shown(zoho: Zoho) -> None:
    code = zoho.code()
    ours, its = pty.openpty()
    with subprocess.Popen(
        [*CRMHUB, "auth", "zoho"], cwd=zoho.folder, stdin=its, stdout=its, stderr=its, close_fds=True
    ) as process:
        os.close(its)
        shown = b""
        while part := read_terminal(ours):
            shown += part
            if shown.endswith(b"shown): "):
                os.write(ours, f"{code}\n".encode())
    os.close(ours)
    assert process.returncode == 0, shown
    assert b"signed in: connection zoho" in shown
    assert code.encode() not in shown


def read_terminal(ours: int) -> bytes:
    """What comes next on the terminal; nothing once the other side has closed it."""
    try:
        return os.read(ours, 65_536) if select.select([ours], [], [], 60)[0] else b""
    except OSError:  # how Linux says that it is closed
        return b""


def test_what_is_not_granted_is_told_with_its_scopes(zoho: Zoho) -> None:
    asked = (
        "ZohoCRM.modules.accounts.READ",
        "ZohoCRM.users.READ",
        "ZohoCRM.settings.ALL",
        "ZohoCRM.coql.READ",
    )
    done = zoho.auth("--scopes", ",".join(asked), code=zoho.code(*asked))
    assert done.returncode == 1
    assert f"\n{','.join(asked)}\n" in done.stdout
    assert "ok    read Accounts" in done.stdout
    assert "fail  read Deals: not granted · ask for ZohoCRM.modules.deals.READ" in done.stdout
    assert "warn  notifications: not granted · ask for ZohoCRM.notifications.ALL" in done.stdout
    assert "crmhub auth zoho" in done.stdout


def test_a_code_that_was_used_and_no_code_are_told(zoho: Zoho) -> None:
    code = zoho.code()
    assert zoho.auth(code=code).returncode == 0
    again = zoho.auth(code=code)
    assert again.returncode == 4
    assert "works once" in again.stderr
    demand_secret(zoho, again, code)
    assert "no code was given" in zoho.auth().stderr
    assert zoho.auth("--check").returncode == 0  # the first sign-in still stands


def test_a_browser_that_comes_back_signs_in(zoho: Zoho) -> None:
    uri = free_uri()
    zoho.double.accounts.redirect_uris = frozenset({uri})
    command = [*CRMHUB, "auth", "zoho", "--browser", "--redirect-uri", uri]
    with subprocess.Popen(
        command, cwd=zoho.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = next(line for line in process.stdout if line.startswith("http")).strip()
        stranger = httpx.get(f"{uri}?code=evil&state=guessed", timeout=20)
        told = httpx.get(url, follow_redirects=True, timeout=20)
        stdout, stderr = process.communicate(timeout=60)
    assert (stranger.status_code, told.status_code) == (400, 200)
    assert "close this page" in told.text
    assert process.returncode == 0, stderr
    demand_secret(zoho, subprocess.CompletedProcess(command, 0, url + stdout, stderr))


def test_a_browser_is_opened_when_asked_for_and_a_refusal_is_told(zoho: Zoho) -> None:
    uri = free_uri()
    zoho.double.accounts.consents = False
    script = zoho.folder / "browser.py"
    script.write_text(BROWSER)
    done = subprocess.run(
        [*CRMHUB, "auth", "zoho", "--open", "--redirect-uri", uri],
        cwd=zoho.folder,
        env={**os.environ, "BROWSER": f"{sys.executable} {script} %s"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 4
    assert "ended without access: access_denied" in done.stderr


def test_nobody_who_comes_is_waited_for_so_long_as_was_said(zoho: Zoho) -> None:
    done = zoho.auth("--browser", "--redirect-uri", free_uri(), "--wait", "1")
    assert done.returncode == 4
    assert "nobody signed in within 1 s" in done.stderr


def test_without_signing_in_commands_say_how(zoho: Zoho) -> None:
    done = zoho.auth("--check")
    assert done.returncode == 4
    assert "crmhub auth zoho" in done.stderr


def test_without_a_file_it_prints_one_that_can_be_read(tmp_path: Path) -> None:
    done = subprocess.run(
        [*CRMHUB, "auth", "zoho"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "crmhub.yaml: no such file" in done.stderr
    (tmp_path / "crmhub.yaml").write_text(done.stdout)
    settings = load_config(tmp_path / "crmhub.yaml").connections["zoho"].values
    assert settings["client_secret"] == "env:ZOHO_CLIENT_SECRET"
    assert settings["region"] == "us"
    assert "refresh_token" not in settings


def test_a_connector_without_sign_in_says_so(tmp_path: Path) -> None:
    (tmp_path / "crmhub.yaml").write_text("connections: {a: {connector: memory}}\n")
    done = subprocess.run([*CRMHUB, "auth", "a"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "'memory' has no sign-in for people" in done.stderr
