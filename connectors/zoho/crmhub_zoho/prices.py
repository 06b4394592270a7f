"""What operations cost: API calls, and credits out of the organisation's rolling 24 hours.

Source: Zoho CRM API v8, "API Limits" (its table of credits), and the pages of the single APIs for how many
records a call takes. What the table does not name costs one credit.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "BULK_READ_CREDITS",
    "BULK_READ_ROWS",
    "BULK_WRITE_CREDITS",
    "BULK_WRITE_FROM",
    "BULK_WRITE_ROWS",
    "COQL_ROWS",
    "FREE",
    "GET_IDS",
    "LIST_ROWS",
    "WRITE_ROWS",
    "Price",
    "bulk_read",
    "bulk_read_pays_from",
    "bulk_write",
    "bulk_write_job",
    "calls",
    "coql",
    "coql_page",
    "count",
    "get",
    "lists",
    "search",
    "write",
    "write_call",
]

COQL_ROWS = 2_000
"""Rows of one query ("COQL Limitations")."""
LIST_ROWS = 200
"""Records of one page of a list or a search ("Get Records", "Search Records")."""
GET_IDS = 100
"""Ids of one list by ids."""
WRITE_ROWS = 100
"""Records of one insert, update, upsert or delete ("Insert Records")."""
BULK_READ_ROWS = 200_000
"""Rows of one bulk read job ("Bulk Read")."""
BULK_READ_CREDITS = 50
"""To start a bulk read job ("API Limits": Bulk Read Initialize)."""
BULK_WRITE_ROWS = 25_000
"""Rows of one bulk write job ("Bulk Write")."""
BULK_WRITE_CREDITS = 500
"""To start a bulk write job ("API Limits": Bulk Write Initialize)."""
_ROWS_A_CREDIT = 10  # of a write


@dataclass(frozen=True, slots=True)
class Price:
    """API calls, and the credits that they use."""

    calls: int = 0
    credits: int = 0

    def __add__(self, other: Price) -> Price:
        return Price(self.calls + other.calls, self.credits + other.credits)

    def __mul__(self, times: int) -> Price:
        return Price(self.calls * times, self.credits * times)

    __rmul__ = __mul__


FREE = Price()
"""Nothing."""


def calls(number: int) -> Price:
    """That many calls of one credit each: metadata, one record, a page of a list, attachments."""
    return Price(number, number)


def coql_page(limit: int) -> Price:
    """One query with that limit: 1 credit up to 200 rows, 2 up to 1,000, 3 up to 2,000."""
    return Price(1, 1 if limit <= 200 else 2 if limit <= 1_000 else 3)


def coql(records: int, page_size: int = COQL_ROWS) -> Price:
    """All of so many records by queries of ``page_size`` rows; at least one query.

    The price of a query goes by its limit, not by the rows that it finds.
    """
    return coql_page(page_size) * max(1, _parts(records, page_size))


def lists(records: int) -> Price:
    """So many records by pages of a list; at least one page."""
    return calls(max(1, _parts(records, LIST_ROWS)))


def search(records: int) -> Price:
    """So many records by pages of a search; at least one page."""
    return lists(records)


def get(ids: int) -> Price:
    """Records by their ids, with fields that lists show."""
    return calls(_parts(ids, GET_IDS))


def count(*, filtered: bool = False) -> Price:
    """How many records there are: the record count, or with conditions a query for ``count(id)``."""
    return coql_page(1) if filtered else calls(1)


def write_call(records: int) -> Price:
    """One insert, update or upsert of at most 100 records: 1 credit for each 10 of them."""
    return Price(1, max(1, _parts(records, _ROWS_A_CREDIT)))


def write(records: int) -> Price:
    """So many records inserted, updated or upserted, 100 a call."""
    whole, rest = divmod(max(records, 0), WRITE_ROWS)
    return write_call(WRITE_ROWS) * whole + (write_call(rest) if rest else FREE)


def bulk_read(records: int, *, polls: int = 5) -> Price:
    """So many records by bulk read jobs of 200,000, each started, asked for ``polls`` times, downloaded."""
    job = Price(1, BULK_READ_CREDITS) + calls(polls) + calls(1)
    return job * max(1, _parts(records, BULK_READ_ROWS))


def bulk_read_pays_from(page_size: int = COQL_ROWS) -> int:
    """From how many records on a bulk read job costs fewer credits than queries of ``page_size`` rows."""
    pages = bulk_read(1).credits // coql_page(page_size).credits
    return pages * page_size + 1


def bulk_write_job(*, polls: int = 5) -> Price:
    """One bulk write job: its file uploaded, started, asked for ``polls`` times, its result downloaded."""
    return calls(1) + Price(1, BULK_WRITE_CREDITS) + calls(polls) + calls(1)


def bulk_write(records: int, *, polls: int = 5) -> Price:
    """So many records by bulk write jobs of 25,000."""
    return bulk_write_job(polls=polls) * _parts(records, BULK_WRITE_ROWS)


def _parts(records: int, size: int) -> int:
    return -(-max(records, 0) // size)


BULK_WRITE_FROM = next(
    records for records in range(BULK_WRITE_ROWS) if bulk_write_job().credits < write(records).credits
)
"""From so many records on a job costs fewer credits than calls of 100 records."""
