"""What was seen, as text for a terminal. Credentials are hidden."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus, urlencode

import msgspec

from crmhub.connector import Native, Value
from crmhub.http import Response
from crmhub.mapping.explain import explain
from crmhub.mapping.load import ConnectionMapping
from crmhub.redact import HIDDEN, hide_parameters, is_secret_name, redact
from crmhub_rest.api import Exchange
from crmhub_rest.dev.looking import Seen

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["lines", "record_table"]

_MOST = 40  # lines of one reply


def lines(seen: Seen) -> Iterator[str]:
    """The calls, what came of them, and what may be wrong."""
    yield seen.object
    for exchange, reply in seen.exchanges:
        yield f"  {exchange.role}: {_asked(exchange)} → {_answered(reply)}"
        yield from (f"    {line}" for line in _parts(exchange))
        if reply is not None and seen.error is not None and exchange is seen.exchanges[-1][0]:
            yield from (f"    {line}" for line in _json(reply.peek()))
    if seen.error is not None:
        yield f"  error: {redact(str(seen.error))}"
    elif not seen.records:
        yield "  no records: make one in the CRM to see more"
    else:
        follows = "more follow" if seen.more else "all there are"
        yield f"  {len(seen.records)} records, {follows}"
    yield from (f"  note: {redact(note)}" for note in seen.notes)


def record_table(seen: Seen, mapping: ConnectionMapping | None, today: date) -> Table:
    """The first record: as it came, as crmhub has it, and as the mapping makes it."""
    from rich.table import Table
    from rich.text import Text

    record = seen.records[0]
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    columns = {"in the reply": "\n".join(_json(seen.raw)), "record": "\n".join(_fields(record))}
    columns |= dict([_mapped(seen.object, record, mapping, today)])
    for name in columns:
        table.add_column(name, overflow="fold", vertical="top")
    table.add_row(*(Text(redact(text)) for text in columns.values()))
    return table


def _asked(exchange: Exchange) -> str:
    query = urlencode(exchange.query, doseq=True)
    return f"{exchange.method.upper()} {exchange.path}" + (
        f"?{hide_parameters(unquote_plus(query))}" if query else ""
    )


def _answered(reply: Response | None) -> str:
    return "failed" if reply is None else str(reply.status)


def _parts(exchange: Exchange) -> Iterator[str]:
    for name, value in exchange.headers.items():
        yield f"{name}: {HIDDEN if is_secret_name(name) else redact(value)}"
    if exchange.body is not None:
        yield from _json(exchange.body)


def _json(value: Value) -> list[str]:
    text = msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode()
    whole = redact(text).splitlines()
    return whole if len(whole) <= _MOST else [*whole[:_MOST], f"… {len(whole) - _MOST} more lines"]


def _fields(record: Mapping[str, Value]) -> Iterator[str]:
    for name, value in record.items():
        shown = value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode()
        yield f"{name}: {shown}"


def _mapped(object: str, record: Native, mapping: ConnectionMapping | None, today: date) -> tuple[str, str]:
    found = mapping.of_record(object, record) if mapping is not None else None
    if found is None:
        return "mapped", f"no map of {object}"
    rows = [row for row in explain(record, found, today=today).rows if row.present or row.fault]
    told = [
        f"{row.path}: cannot be read: {row.fault}" if row.fault else f"{row.path}: {row.value}"
        for row in rows
    ]
    return found.model, "\n".join(told)
