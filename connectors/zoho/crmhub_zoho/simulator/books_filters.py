"""Which invoices and contacts a list of Zoho Books shows, and in what order.

Source: Zoho Books API v3, "List invoices" and "List Contacts": the query parameters and their allowed values.
`last_modified_time` chooses what changed after it; ranges of dates are `_start` and `_end` (with the day),
`_after` and `_before` (without).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from crmhub.testing.simulator.table import Row

_UNPAID: Final = frozenset({"sent", "viewed", "overdue", "partially_paid"})
_INVOICE_STATUSES: Final = frozenset(
    {"sent", "draft", "overdue", "paid", "void", "unpaid", "partially_paid", "viewed"}
)
_INVOICE_FILTERS: Final = {
    "Status.All": "", "Status.Sent": "sent", "Status.Draft": "draft", "Status.OverDue": "overdue",
    "Status.Paid": "paid", "Status.Void": "void", "Status.Unpaid": "unpaid",
    "Status.PartiallyPaid": "partially_paid", "Status.Viewed": "viewed",
}  # fmt: skip
_CONTACT_FILTERS: Final = {
    "Status.All": "", "Status.Active": "active", "Status.Inactive": "inactive", "Status.Crm": "crm",
}  # fmt: skip
_DATE_VARIANTS: Final = ("", "_start", "_end", "_before", "_after")
_TEXT_VARIANTS: Final = ("", "_startswith", "_contains")

Test = Callable[[Row], bool]


@dataclass(frozen=True)
class Choosing:
    """The parameters of one list. Methods raise ValueError with the name of a parameter that is wrong."""

    ids: frozenset[str]
    texts: frozenset[str]
    dates: frozenset[str]
    filters: Mapping[str, str]
    statuses: frozenset[str]
    columns: frozenset[str]
    others: frozenset[str] = field(default=frozenset())

    @property
    def params(self) -> frozenset[str]:
        """All that may be given, besides organisation and page."""
        spelled = {name + end for name in self.texts for end in _TEXT_VARIANTS}
        ranged = {name + end for name in self.dates for end in _DATE_VARIANTS}
        status = {"status"} if self.statuses else set[str]()
        return frozenset(
            self.ids | self.others | spelled | ranged | status | {"filter_by", "sort_column", "sort_order"}
        )

    def of(self, params: Mapping[str, str], rows: Iterator[Row]) -> list[Row]:
        """The rows that all parameters choose, in the order asked for."""
        tests = list(self._tests(params))
        column, order = self.order(params)
        chosen = [row for row in rows if all(test(row) for test in tests)]
        chosen.sort(key=lambda row: _sortable(row[column]), reverse=order == "D")
        return chosen

    def order(self, params: Mapping[str, str]) -> tuple[str, str]:
        """The column, and A or D."""
        column = params.get("sort_column", "created_time")
        order = params.get("sort_order", "D")
        if column not in self.columns:
            raise ValueError("sort_column")
        if order not in {"A", "D"}:
            raise ValueError("sort_order")
        return column, order

    def _tests(self, params: Mapping[str, str]) -> Iterator[Test]:
        for name in self.ids & params.keys():
            yield _is(name, params[name])
        for name in self.texts:
            yield from _text_tests(name, params)
        for name in self.dates:
            yield from _date_tests(name, params)
        if "status" in params:
            if params["status"] not in self.statuses:
                raise ValueError("status")
            yield _has_status(params["status"])
        if "filter_by" in params:
            if params["filter_by"] not in self.filters:
                raise ValueError("filter_by")
            yield _has_status(self.filters[params["filter_by"]])
        if "contact_type" in params:
            if params["contact_type"] not in {"customer", "vendor"}:
                raise ValueError("contact_type")
            yield _is("contact_type", params["contact_type"])
        if "last_modified_time" in params:
            yield _changed_after(params["last_modified_time"])


def _is(name: str, value: str) -> Test:
    return lambda row: str(row[name]) == value


def _has_status(status: str) -> Test:
    match status:
        case "":
            return lambda _: True
        case "unpaid":
            return lambda row: row["status"] in _UNPAID
        case "crm":
            return lambda row: row["is_linked_with_zohocrm"] is True
        case _:
            return lambda row: row["status"] == status


def _text_tests(name: str, params: Mapping[str, str]) -> Iterator[Test]:
    wanted = {end: params[name + end].casefold() for end in _TEXT_VARIANTS if name + end in params}
    if any(len(text) > 100 for text in wanted.values()):
        raise ValueError(name)
    if "" in wanted:
        yield lambda row: str(row[name]).casefold() == wanted[""]
    if "_startswith" in wanted:
        yield lambda row: str(row[name]).casefold().startswith(wanted["_startswith"])
    if "_contains" in wanted:
        yield lambda row: wanted["_contains"] in str(row[name]).casefold()


def _date_tests(name: str, params: Mapping[str, str]) -> Iterator[Test]:
    meanings: Mapping[str, Callable[[str, str], bool]] = {
        "": lambda day, bound: day == bound,
        "_start": lambda day, bound: day >= bound,
        "_end": lambda day, bound: day <= bound,
        "_before": lambda day, bound: day < bound,
        "_after": lambda day, bound: day > bound,
    }
    for end, meaning in meanings.items():
        text = params.get(name + end)
        if text is None:
            continue
        try:
            bound = date.fromisoformat(text).isoformat()
        except ValueError:
            raise ValueError(name + end) from None
        if bound != text:
            raise ValueError(name + end)
        yield lambda row, meaning=meaning, bound=bound: meaning(str(row[name]), bound)


def _changed_after(text: str) -> Test:
    try:
        after = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("last_modified_time") from None
    if after.tzinfo is None or text[-3:-2] == ":" or text.endswith("Z"):
        raise ValueError("last_modified_time")  # an offset is written without a colon
    return lambda row: datetime.fromisoformat(str(row["last_modified_time"])) > after


def _sortable(value: object) -> tuple[Decimal, str]:
    return (Decimal(0), value.casefold()) if isinstance(value, str) else (Decimal(str(value)), "")


INVOICES: Final = Choosing(
    ids=frozenset({"customer_id"}),
    texts=frozenset({"customer_name", "invoice_number", "reference_number"}),
    dates=frozenset({"date", "due_date"}),
    filters=_INVOICE_FILTERS,
    statuses=_INVOICE_STATUSES,
    columns=frozenset(
        {"customer_name", "invoice_number", "date", "due_date", "total", "balance", "created_time"}
    ),
    others=frozenset({"last_modified_time"}),
)
CONTACTS: Final = Choosing(
    ids=frozenset({"zcrm_account_id"}),
    texts=frozenset({"contact_name", "company_name", "email"}),
    dates=frozenset(),
    filters=_CONTACT_FILTERS,
    statuses=frozenset(),
    columns=frozenset(
        {"contact_name", "email", "outstanding_receivable_amount", "created_time", "last_modified_time"}
    ),
    others=frozenset({"contact_type"}),
)
