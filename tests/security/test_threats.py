"""The table of threats in docs/agents.md names tests that there are, for each threat."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
ROW = re.compile(r"^\| (?P<number>\d+) \|(?P<told>.*)\|$", re.MULTILINE)


def test_each_threat_has_a_test_that_there_is() -> None:
    _, _, section = (ROOT / "docs" / "agents.md").read_text("utf-8").partition("\n## Threats\n")
    rows = {int(row["number"]): re.findall(r"`(test_\w+)`", row["told"]) for row in ROW.finditer(section)}
    places = [*(ROOT / "tests" / "security").glob("*.py"), *(ROOT / "tests" / "unit" / "agent").glob("*.py")]
    sources = "\n".join(path.read_text("utf-8") for path in places)
    known = {*re.findall(r"^(?:async )?def (test_\w+)\(", sources, re.MULTILINE)}
    assert [*rows] == [*range(1, 30)]
    assert [number for number, names in rows.items() if not names] == []
    assert {name for names in rows.values() for name in names} - known == set()
