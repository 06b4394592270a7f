"""The guide's table of error codes says what the connector makes of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmhub_salesforce.codes import CODES

PAGE = Path(__file__).parents[3] / "docs" / "salesforce.md"


def documented() -> dict[str, tuple[str, str]]:
    """What each code is told as, and what it means, by the guide."""
    table = PAGE.read_text(encoding="utf-8").partition("\n## Error codes\n")[2]
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| `")]
    return {
        code.strip(" `"): (kind.strip(" `"), words.strip())
        for codes, kind, words in rows
        for code in codes.split(",")
    }


@pytest.mark.parametrize("code", CODES)
def test_the_guide_tells_each_code_as_the_connector_does(code: str) -> None:
    assert documented()[code] == (CODES[code].kind.__name__, CODES[code].words)


def test_the_guide_names_no_code_that_the_connector_does_not_know() -> None:
    assert documented().keys() - CODES.keys() == {"REQUEST_LIMIT_EXCEEDED"}  # its message tells which it is
