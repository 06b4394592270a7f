"""Type checkers know what the API gives, and refuse what it does not take."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHECKER = Path(sys.executable).with_name("basedpyright")
HERE = Path(__file__).parent


@pytest.mark.slow
@pytest.mark.parametrize("api", ["async_api.py", "blocking_api.py"])
def test_every_type_is_what_it_says_and_every_mistake_is_found(api: str) -> None:
    checked = subprocess.run([CHECKER, HERE / api], cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.slow
def test_the_files_would_tell_a_mistake_that_is_none(tmp_path: Path) -> None:
    text = (HERE / "async_api.py").read_text("utf-8")
    harmless = text.replace("deals.get(5)  # pyright", 'deals.get("5")  # pyright').replace(
        "int | None)", "int)"
    )
    path = tmp_path / "harmless.py"
    path.write_text(harmless)
    settings = tmp_path / "pyrightconfig.json"
    settings.write_text(f'{{"typeCheckingMode": "strict", "venvPath": "{ROOT}", "venv": ".venv"}}')
    checked = subprocess.run(
        [CHECKER, "-p", settings], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 1
    assert "reportUnnecessaryTypeIgnoreComment" in checked.stdout
    assert "reportAssertTypeFailure" in checked.stdout
