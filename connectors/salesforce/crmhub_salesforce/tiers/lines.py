"""Records as lines of text: `Record 1:`, then `    Name: value` for each field, under a heading or an
object's (`Account (2 records found):`). Source: npm, @tsmztech/mcp-server-salesforce, its tools for queries
and searches.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from crmhub.connector import Native

__all__ = ["lines_of"]

_RECORD = re.compile(r" *Record \d+:")
_OBJECT = re.compile(r"(\w+) \(\d+ records found\):")
_FIELD = re.compile(r" {4}([A-Za-z]\w*(?:\.\w+)*): ?(.*)")


def lines_of(text: str) -> Sequence[Native]:
    """The records, every value a text or (written ``null``) ``None``; a line that begins no field goes on
    with the value above it. Searched records have ``attributes`` with their object's name.
    """
    rows: list[Native] = []
    kind: str | None = None
    last: str | None = None
    for line in text.split("\n"):
        if match := _OBJECT.fullmatch(line):
            kind, last = match[1], None
        elif _RECORD.fullmatch(line):
            rows.append({"attributes": {"type": kind}} if kind else {})
            last = None
        elif rows and (match := _FIELD.fullmatch(line)):
            name, value = match[1], match[2]
            rows[-1][name] = None if value == "null" else value
            last = name
        elif rows and last is not None and line.strip():
            rows[-1][last] = f"{rows[-1][last]}\n{line}"
    return rows
