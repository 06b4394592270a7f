"""Files of bulk jobs: records as CSV or as a calendar, always zipped.

Source: Zoho CRM API v8, "Download Bulk Read Result": the id is always there; lookups are ids; values of
multi-select fields are joined by semicolons; times are ISO 8601.
"""

import csv
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import cast

from crmhub.testing.simulator.table import Row

Read = Callable[[Row], object]
MULTIPLE = ";"


def csv_text(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows as CSV with a header line."""
    out = io.StringIO()
    writer = csv.writer(out)  # RFC 4180: lines end in CR LF, and a cell with either is quoted
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def cells(columns: Sequence[Read], rows: Iterable[Row]) -> Iterator[list[str]]:
    """The texts of the columns in each row."""
    return ([cell(read(row)) for read in columns] for row in rows)


def cell(value: object) -> str:
    """A stored value as CSV shows it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return MULTIPLE.join(_member(one) for one in cast("list[object]", value))
    return str(value)


def _member(value: object) -> str:
    return str(cast("Row", value).get("name", "")) if isinstance(value, dict) else str(value)


def calendar_text(rows: Iterable[Row]) -> str:
    """Meetings as an iCalendar file (RFC 5545)."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Zoho CRM//EN"]
    for row in rows:
        lines += [
            "BEGIN:VEVENT",
            f"UID:{row['id']}",
            f"SUMMARY:{_escaped(row.get('Event_Title'))}",
            f"DTSTART:{_utc(row.get('Start_DateTime'))}",
            f"DTEND:{_utc(row.get('End_DateTime'))}",
            "END:VEVENT",
        ]
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


def _escaped(value: object) -> str:
    text = cell(value).replace("\\", "\\\\")
    return text.replace(",", "\\,").replace(";", "\\;").replace("\n", "\\n")


def _utc(value: object) -> str:
    if not isinstance(value, str):
        return ""
    stamp = datetime.fromisoformat(value)
    return (stamp - (stamp.utcoffset() or stamp - stamp)).strftime("%Y%m%dT%H%M%SZ")


def zipped(name: str, text: str) -> bytes:
    """A zip archive with one file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), text.encode(), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def unzipped(content: bytes) -> list[tuple[str, bytes]] | None:
    """The files of a zip archive, by name; None if it is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return [(one.filename, archive.read(one)) for one in archive.infolist() if not one.is_dir()]
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError):
        return None
