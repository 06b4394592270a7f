"""``crmhub backup`` and ``crmhub rotate-key``, as processes."""

from __future__ import annotations

import base64
import os
import sqlite3
import subprocess
from pathlib import Path

import pytest

from tests.support import CRMHUB


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("CRMHUB_KEY", raising=False)
    (tmp_path / "crmhub.yaml").write_text("connections: {shop: {connector: memory}}\n")
    return tmp_path


def crmhub(folder: Path, *arguments: str, code: int = 0, **environment: str) -> tuple[str, str]:
    done = subprocess.run(
        [*CRMHUB, *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stdout, done.stderr


def a_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


def test_a_backup_names_the_key_that_belongs_to_it_and_overwrites_nothing(folder: Path) -> None:
    said, _ = crmhub(folder, "backup", "copy.db")
    assert "wrote copy.db" in said
    assert f"the key file {folder}/crmhub.db.key" in said
    with sqlite3.connect(folder / "copy.db") as connection:
        assert connection.execute("SELECT count(*) FROM data_key").fetchone() == (1,)
    connection.close()

    _, error = crmhub(folder, "backup", "copy.db", code=1)
    assert "already" in error


def test_a_key_in_a_file_is_replaced(folder: Path) -> None:
    crmhub(folder, "dead-letters")
    before = (folder / "crmhub.db.key").read_text()
    said, _ = crmhub(folder, "rotate-key")
    after = (folder / "crmhub.db.key").read_text()
    assert before != after
    assert "holds the new key: keep a copy" in said
    assert after.strip() not in said
    crmhub(folder, "dead-letters")


def test_a_key_in_the_environment_is_replaced_by_the_one_beside_it(folder: Path) -> None:
    old, new = a_key(), a_key()
    crmhub(folder, "dead-letters", CRMHUB_KEY=old)
    said, _ = crmhub(folder, "rotate-key", CRMHUB_KEY=old)
    assert "CRMHUB_KEY itself is the same as before" in said
    for _ in range(2):
        said, _ = crmhub(folder, "rotate-key", CRMHUB_KEY=old, CRMHUB_NEW_KEY=new)
        assert "give CRMHUB_KEY the value of CRMHUB_NEW_KEY" in said
        assert new not in said
    crmhub(folder, "dead-letters", CRMHUB_KEY=new)
    _, error = crmhub(folder, "dead-letters", code=1, CRMHUB_KEY=old)
    assert "CRMHUB_KEY is not the key" in error


def test_tokens_that_do_not_open_are_named_and_the_exit_code_tells(folder: Path) -> None:
    crmhub(folder, "dead-letters")
    with sqlite3.connect(folder / "crmhub.db") as connection:
        connection.execute(
            "INSERT INTO token VALUES ('zoho', 'v1.00000000.AAAA', '2026-01-01 00:00:00.000000')"
        )
    connection.close()
    _, error = crmhub(folder, "rotate-key", code=3)
    assert "did not open: zoho" in error
