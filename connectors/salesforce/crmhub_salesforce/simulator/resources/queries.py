"""SOQL over REST: `/query`, `/queryAll`, and the pages behind query locators."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from crmhub.testing.simulator.clock import days
from crmhub.testing.simulator.table import Row
from crmhub_salesforce.simulator.calls import Call, Reply
from crmhub_salesforce.simulator.errors import ApiError
from crmhub_salesforce.simulator.ids import ObjectIds, normal_id
from crmhub_salesforce.simulator.service import PREFIX, Service
from crmhub_salesforce.simulator.soql.statement import Statement, prepare

CURSOR_DAYS = 2
_LOCATORS = ObjectIds("0r8")
_LOCATOR = re.compile(r"([A-Za-z0-9]{15,18})-(\d{1,9})")
_BATCH = re.compile(r"\bbatchSize\s*=\s*(\d{1,6})", re.IGNORECASE)
_SMALLEST, _LARGEST = 200, 2_000
_NO_MORE = "Aggregate query does not support queryMore(), use LIMIT to restrict the results to a single batch"
_TOO_COMPLICATED = "Query is either selecting too many fields or the filter conditions are too complicated."
_CURSOR_FIELDS = ("SystemModstamp", "LastModifiedDate")


@dataclass(frozen=True)
class _Cursor:
    """An open result: its rows are fixed, what they hold is read anew."""

    statement: Statement
    places: Sequence[int]
    rows: int
    opened_at: float
    everything: bool


def add_queries(service: Service) -> None:
    """Add the routes of queries."""
    queries = _Queries(service)
    service.router.add("/query", GET=queries.query)
    service.router.add("/queryAll", GET=queries.query_all)
    service.router.add("/query/{locator}", GET=queries.more)
    service.router.add("/queryAll/{locator}", GET=queries.more)


class _Queries:
    def __init__(self, service: Service) -> None:
        self._service = service
        self._cursors: dict[str, _Cursor] = {}
        self._opened = 0

    def query(self, call: Call) -> Reply:
        return self._run(call, everything=False)

    def query_all(self, call: Call) -> Reply:
        return self._run(call, everything=True)

    def _run(self, call: Call, *, everything: bool) -> Reply:
        text = call.one("q")
        if text is None and (explained := call.one("explain")) is not None:
            return self._explained(call, explained)
        if text is None:
            raise ApiError("MALFORMED_QUERY", "A query string has to be specified")
        if everything:
            self._service.org.empty_old_bins()
        statement = prepare(self._service.org, text, call.version)
        if statement.aggregation is not None:
            return self._groups(statement, everything=everything)
        places = statement.places(deleted=everything)
        if statement.counts:
            return Reply(200, {"totalSize": len(places), "done": True, "records": []})
        self._demand_easy(statement, len(places))
        statement.show_children = lambda inner, below: self._below(call, inner, below)
        return self._page(call, *self._open(call, statement, places, everything=everything), 0)

    def _open(
        self, call: Call, statement: Statement, places: Sequence[int], *, everything: bool
    ) -> tuple[_Cursor, str]:
        """A result, and its locator if it has more than one page."""
        cursor = _Cursor(statement, places, self._rows(call), self._service.org.clock.now(), everything)
        if len(places) <= cursor.rows:
            return cursor, ""
        self._forget_old()
        locator = _LOCATORS.id_of(self._opened)
        self._opened += 1
        self._cursors[locator] = cursor
        return cursor, locator

    def _below(self, call: Call, statement: Statement, places: Sequence[int]) -> Row:
        """Child records: the first page, with a locator of their own if there are more."""
        cursor, locator = self._open(call, statement, places, everything=False)
        end = min(cursor.rows, len(places))
        found = [record for place in places[:end] if (record := statement.record(place)) is not None]
        body: Row = {"totalSize": len(places), "done": not locator}
        if locator:
            body["nextRecordsUrl"] = f"{PREFIX}/v{call.version}/query/{locator}-{end}"
        return {**body, "records": found}

    def _demand_easy(self, statement: Statement, rows: int) -> None:
        """Raise ApiError for a query that is more than this org was set up to bear."""
        settings = self._service.settings
        if 0 < settings.query_fields_above < len(statement.query.items):
            raise ApiError("QUERY_TOO_COMPLICATED", _TOO_COMPLICATED)
        if 0 < settings.query_timeout_above < rows:
            raise ApiError("QUERY_TIMEOUT", "Your query request was running for too long.")

    def _explained(self, call: Call, text: str) -> Reply:
        """How a query would be done, and how many rows there are (REST API Developer Guide, "Query")."""
        statement = prepare(self._service.org, text, call.version)
        table = self._service.org.tables[statement.sobject.name]
        plan: Row = {
            "cardinality": len(statement.places(deleted=False)),
            "fields": [],
            "leadingOperationType": "TableScan",
            "notes": [],
            "relativeCost": 1.0,
            "sobjectCardinality": len(table),
            "sobjectType": statement.sobject.name,
        }
        return Reply(200, {"plans": [plan], "sourceQuery": text})

    def _groups(self, statement: Statement, *, everything: bool) -> Reply:
        found = statement.groups(deleted=everything)
        if len(found) > _LARGEST:
            raise ApiError("EXCEEDED_ID_LIMIT", _NO_MORE)
        return Reply(200, {"totalSize": len(found), "done": True, "records": found})

    def _rows(self, call: Call) -> int:
        """How many records a page holds; the header is a wish within 200 to 2,000."""
        match = _BATCH.search(call.headers.get("sforce-query-options", ""))
        wanted = min(max(int(match[1]), _SMALLEST), _LARGEST) if match else _LARGEST
        most = min(wanted, self._service.settings.page_rows)
        if self._service.settings.short_pages:
            return self._service.random.randint(max(most // 3, 1), most)
        return most

    def more(self, call: Call) -> Reply:
        match = _LOCATOR.fullmatch(call.params["locator"])
        locator = normal_id(match[1]) if match else None
        self._forget_old()
        cursor = self._cursors.get(locator or "")
        if match is None or locator is None or cursor is None or int(match[2]) > len(cursor.places):
            raise ApiError("INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._page(call, cursor, locator, int(match[2]))

    def _forget_old(self) -> None:
        oldest = self._service.org.clock.now() - days(CURSOR_DAYS)
        for locator in [key for key, cursor in self._cursors.items() if cursor.opened_at < oldest]:
            del self._cursors[locator]

    def _page(self, call: Call, cursor: _Cursor, locator: str, start: int) -> Reply:
        end = min(start + cursor.rows, len(cursor.places))
        table = self._service.org.tables[cursor.statement.sobject.name]
        shown = (
            cursor.statement.record(place)
            for place in cursor.places[start:end]
            if cursor.everything or table.is_live(place)
        )
        records = [record for record in shown if record is not None]
        done = end >= len(cursor.places)
        body: Row = {"totalSize": len(cursor.places), "done": done}
        following = end
        if records and self._strikes("duplicate_ids", call):
            records.append(records[0])
        if self._strikes("no_cursor_field", call):
            for record in records:
                for name in _CURSOR_FIELDS:
                    record.pop(name, None)
        if not done and self._strikes("loop_token", call):
            following = start
        if not done:
            body["nextRecordsUrl"] = f"{PREFIX}/v{call.version}/query/{locator}-{following}"
        body["records"] = records
        return Reply(200, body)

    def _strikes(self, kind: str, call: Call) -> bool:
        return self._service.faults.on_data(kind, call.method, call.path)
