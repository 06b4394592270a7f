"""A checked statement, ready to run: which rows, in which order, shown how."""

from array import array
from collections.abc import Callable, Iterator, Sequence
from heapq import merge
from itertools import islice
from typing import Literal

from crmhub.testing.simulator.table import Row
from crmhub_salesforce.simulator.catalog.fields import TEXT_TYPES, Field
from crmhub_salesforce.simulator.catalog.sobject import SObject
from crmhub_salesforce.simulator.errors import ApiError
from crmhub_salesforce.simulator.org import Org
from crmhub_salesforce.simulator.soql.aggregate import Aggregation
from crmhub_salesforce.simulator.soql.bounds import CHANGE, ID, Bounds, Finder
from crmhub_salesforce.simulator.soql.columns import HELP, Column, Getter, Scope
from crmhub_salesforce.simulator.soql.conditions import Conditions, Predicate
from crmhub_salesforce.simulator.soql.functions import is_aggregate, term
from crmhub_salesforce.simulator.soql.lexer import error_at
from crmhub_salesforce.simulator.soql.parser import parse
from crmhub_salesforce.simulator.soql.selection import Selection
from crmhub_salesforce.simulator.soql.syntax import (
    Both,
    ChildItem,
    Compare,
    Condition,
    Either,
    FieldItem,
    FunctionItem,
    InList,
    InQuery,
    Negation,
    Order,
    Path,
    Query,
    conjuncts,
)

_LINK_ENDS = frozenset({"contentdocumentid", "linkedentityid"})
_SELECTIVE = 4
"""Scan in order of change, then sort, if the bounds leave less than one row in this many."""


class Statement:
    """One statement on one org. Raises ApiError while being made, if the statement is not right."""

    def __init__(self, org: Org, query: Query, version: str, sobject: SObject | None = None) -> None:
        found = sobject or org.catalog.get(query.source)
        if found is None:
            message = (
                f"sObject type '{query.source}' is not supported. If you are attempting to use a custom "
                f"object, be sure to append the '__c' after the entity name. {HELP}"
            )
            raise error_at(query.text, query.source_pos, message, "INVALID_TYPE")
        self.org = org
        self.query = query
        self.version = version
        self.sobject = found
        self.show_children: Callable[[Statement, Sequence[int]], Row] = _shown_whole
        """How child records stand inside of their parent: some of them, and where the others are."""
        self._scope = Scope(org, found, query.text, query.aliases)
        self._conditions = Conditions(self._scope, self._inner)
        self._finder = Finder(self._scope, self._conditions)
        _check_semi_joins(query)
        self._demand_link(sobject is None)
        self._predicate = self._narrowed(self._conditions.predicate(query.where) if query.where else None)
        self.counts = _is_count(query)
        calls = [item.call for item in query.items if isinstance(item, FunctionItem)]
        grouped = bool(query.group) or any(call is not None and is_aggregate(call) for call in calls)
        self.aggregation = (
            None if self.counts or not grouped else Aggregation(self._scope, query, self._inner)
        )
        self._selection = (
            None if self.counts or grouped else Selection(self._scope, query, version, self._children)
        )
        self._sort = [] if grouped else [self._sort_key(key) for key in query.order]

    def _demand_link(self, root: bool) -> None:
        """Links of files are asked for by one side or the other."""
        if self.sobject.name != "ContentDocumentLink" or not root:
            return
        for item in conjuncts(self.query.where):
            if isinstance(item, Compare) and item.operator != "=":
                continue
            if isinstance(item, Compare | InList) and str(item.path).lower() in _LINK_ENDS:
                return
        message = (
            "Implementation restriction: ContentDocumentLink requires a filter by a single Id on "
            "ContentDocumentId or LinkedEntityId using the equals operator or multiple Id's using the IN "
            "operator."
        )
        raise ApiError("MALFORMED_QUERY", message)

    def _narrowed(self, predicate: Predicate | None) -> Predicate | None:
        """The condition, and that of the scope: records of the user's own."""
        if not self.query.mine or self.sobject.field("OwnerId") is None:
            return predicate
        user = self.org.user_id
        if predicate is None:
            return lambda row: row.get("OwnerId") == user
        return lambda row: row.get("OwnerId") == user and predicate(row)

    def record(self, place: int) -> Row | None:
        """The record to show for the row at `place`; None if it is gone for good."""
        row = self.org.row_at(self.sobject, place)
        return None if row is None or self._selection is None else self._selection.record(row)

    def columns(self) -> tuple[Column, ...] | None:
        """The selected fields in order; None where something else than fields is selected."""
        paths = [item.path for item in self.query.items if isinstance(item, FieldItem)]
        if self._selection is None or len(paths) != len(self.query.items):
            return None
        return tuple(self._scope.column(path) for path in paths)

    def groups(self, *, deleted: bool) -> list[Row]:
        """The groups of a grouped statement."""
        if self.aggregation is None:
            return []
        rows = (self.org.row_at(self.sobject, place) for place in self._matching("id", False, deleted))
        found = self.aggregation.rows(row for row in rows if row is not None)
        end = None if self.query.limit is None else self.query.offset + self.query.limit
        return found[self.query.offset : end]

    def places(self, *, deleted: bool) -> Sequence[int]:
        """The places of all rows of the result, in order; `deleted` takes in the recycle bin."""
        query = self.query
        # What has no IsDeleted leaves nothing behind.
        deleted = deleted and self.sobject.field("IsDeleted") is not None
        order, descending = self._scan_order()
        if order is None:
            found: Sequence[int] = self._sorted(self._matching("id", False, deleted))
            return (
                found[query.offset :]
                if query.limit is None
                else found[query.offset : query.offset + query.limit]
            )
        whole = None if deleted else self._whole(order)
        if whole is not None:
            found = whole[::-1] if descending else whole
            return (
                found[query.offset :]
                if query.limit is None
                else found[query.offset : query.offset + query.limit]
            )
        stream = self._matching(order, descending, deleted)
        end = None if query.limit is None else query.offset + query.limit
        return array("q", islice(stream, query.offset, end))

    def _whole(self, order: Literal["id", "change"]) -> range | None:
        """The result as one range of places, where bounds say it all and nothing is in between."""
        table, where = self.org.tables[self.sobject.name], self.query.where
        if self.query.mine:
            return None
        if order == "id" and self._finder.only(where, ID) and len(table) == table.next_place:
            bounds = self._finder.places(where)
            low = max(bounds.low or 0, 0)
            return range(
                low, table.next_place if bounds.high is None else min(bounds.high + 1, table.next_place)
            )
        if order == "change" and self._finder.only(where, CHANGE):
            bounds = self._finder.change(where)
            return table.span_by_modified(bounds.low, bounds.high)
        return None

    def _scan_order(self) -> tuple[Literal["id", "change"] | None, bool]:
        """In which order of scanning the rows come out as ORDER BY wants them; None: they must be sorted."""
        if not self.query.order:
            return "id", False
        keys = [
            (self._scope.column(key.path), key.descending)
            for key in self.query.order
            if isinstance(key.path, Path)
        ]
        if len(keys) < len(self.query.order):
            return None, False
        names = [column.field.name.lower() if column.own else "" for column, _ in keys]
        first, descending = names[0], keys[0][1]
        if first == "id":
            return "id", descending
        if first in CHANGE and (len(keys) == 1 or (names[1] == "id" and keys[1][1] == descending)):
            return "change", descending
        return None, False

    def _matching(self, order: Literal["id", "change"], descending: bool, deleted: bool) -> Iterator[int]:
        """Places of matching rows in id order or in order of (change, id)."""
        table = self.org.tables[self.sobject.name]
        where, predicate = self.query.where, self._predicate
        live: Iterator[int] = iter(())
        if not (deleted and self._finder.only_deleted(where)):
            live = self._live(order, descending)
        if not deleted:
            return live
        gone = {item.place: item.at for item in table.deleted() if predicate is None or predicate(item.row)}

        def position(place: int) -> tuple[int, int]:
            if order == "id":
                return 0, place
            return gone[place] if place in gone else table.modified(place), place

        return merge(live, sorted(gone, key=position, reverse=descending), key=position, reverse=descending)

    def _live(self, order: Literal["id", "change"], descending: bool) -> Iterator[int]:
        table, where = self.org.tables[self.sobject.name], self.query.where
        named = self._finder.candidates(where)
        if named is not None:
            ordered = sorted(named, reverse=descending)
            if order == "change":
                ordered.sort(key=table.modified, reverse=descending)
            return self._checked(iter(ordered))
        change = self._finder.change(where)
        if order == "change":
            stream = table.places_by_modified(since=change.low, until=change.high, descending=descending)
            return self._checked(stream, sure=self._finder.only(where, CHANGE))
        places = self._finder.places(where)
        if self._selects(change) and places.open:
            stream = table.places_by_modified(since=change.low, until=change.high)
            return iter(sorted(self._checked(stream), reverse=descending))
        after = -1 if places.low is None else places.low - 1
        before = None if places.high is None else places.high + 1
        stream = table.places(after=after, before=before, descending=descending)
        return self._checked(stream, sure=self._finder.only(where, ID))

    def _selects(self, change: Bounds) -> bool:
        table = self.org.tables[self.sobject.name]
        if change.open:
            return False
        return table.about_modified(change.low, change.high) * _SELECTIVE < len(table)

    def _checked(self, places: Iterator[int], *, sure: bool = False) -> Iterator[int]:
        predicate: Predicate | None = None if sure and not self.query.mine else self._predicate
        if predicate is None:
            return places
        row = self.org.tables[self.sobject.name].row
        return (place for place in places if predicate(row(place)))

    def _sort_key(self, key: Order) -> tuple[Getter, bool, bool]:
        found = term(self._scope, key.path)
        if not found.field.sortable:
            message = f"field '{found.field.name}' can not be sorted in a query call"
            raise error_at(self.query.text, key.path.pos, message)
        get = found.get
        # Nulls come first unless said otherwise (SOQL reference, ORDER BY).
        nulls_first = key.nulls_first is not False
        null_rank = 2 if nulls_first == key.descending else 0
        text = found.field.type in TEXT_TYPES and found.field.type not in {"id", "reference"}

        def rank(row: Row) -> tuple[int, object]:
            value = get(row)
            if value is None:
                return null_rank, 0
            return 1, value.casefold() if text and isinstance(value, str) else value

        return rank, key.descending, nulls_first

    def _sorted(self, places: Iterator[int]) -> list[int]:
        ranked = [
            (place, [rank(row) for rank, _, _ in self._sort])
            for place in places
            if (row := self.org.row_at(self.sobject, place)) is not None
        ]
        for at in reversed(range(len(self._sort))):
            ranked.sort(key=lambda item, at=at: item[1][at], reverse=self._sort[at][1])  # pyright: ignore[reportArgumentType, reportCallIssue]
        return [place for place, _ in ranked]

    def _inner(self, query: Query, outer: Field) -> set[str]:
        """The ids that the query of a semi-join selects."""
        statement = Statement(self.org, query, self.version)
        if statement.sobject is self.sobject:
            message = "The inner and outer selects should not be on the same object type"
            raise error_at(self.query.text, query.source_pos, message)
        items = [item for item in query.items if isinstance(item, FieldItem)]
        column = statement._scope.column(items[0].path) if len(query.items) == len(items) == 1 else None
        if column is None or column.field.type not in {"id", "reference"}:
            message = f"The selected field in the subquery and the left operand ({outer.name}) should be ids"
            raise error_at(self.query.text, query.source_pos, message)
        get = statement._scope.getter(column)
        rows = (self.org.row_at(statement.sobject, place) for place in statement.places(deleted=False))
        return {str(value) for row in rows if row is not None and (value := get(row)) is not None}

    def _children(self, item: ChildItem) -> tuple[str, Getter]:
        """The records of a child relationship, as shown inside their parent."""
        child = self.org.catalog.child(self.sobject.name, item.query.source)
        sobject = None if child is None else self.org.catalog.get(child.sobject)
        if child is None or sobject is None:
            message = (
                f"Didn't understand relationship '{item.query.source}' in FROM part of query call. If "
                "you are attempting to use a custom relationship, be sure to append the '__r' after the "
                f"custom relationship name. {HELP}"
            )
            raise error_at(self.query.text, item.query.source_pos, message, "INVALID_TYPE")
        inner = Statement(self.org, item.query, self.version, sobject)
        if inner.counts or inner.aggregation is not None:
            raise error_at(self.query.text, item.pos, "Only root queries support aggregate expressions")
        table, reference = self.org.tables[sobject.name], child.field.name

        def records(row: Row) -> object:
            places = inner.among(table.find(reference, row["Id"]))
            return self.show_children(inner, places) if places else None

        return child.field.children or item.query.source, records

    def among(self, places: list[int]) -> list[int]:
        """Those of the places whose rows match, in the order that was asked for, within the limit."""
        matching = self._checked(iter(places))
        found = self._sorted(matching) if self._sort else list(matching)
        return found[: self.query.limit] if self.query.limit is not None else found


def _shown_whole(statement: Statement, places: Sequence[int]) -> Row:
    """Child records, all of them at once."""
    found = [record for place in places if (record := statement.record(place)) is not None]
    return {"totalSize": len(found), "done": True, "records": found}


def _is_count(query: Query) -> bool:
    """Whether the statement is `SELECT COUNT() FROM …`."""
    found = [item for item in query.items if isinstance(item, FunctionItem) and item.call is None]
    if found and len(query.items) > 1:
        raise error_at(query.text, found[0].pos, "unexpected token: 'COUNT'")
    if found and query.group:
        raise error_at(query.text, found[0].pos, "Grouped query cannot use COUNT()")
    return bool(found)


MOST_SEMI_JOINS = 2


def _check_semi_joins(query: Query) -> None:
    """Semi-joins stand on top of a WHERE clause, at most two of them, and hold none themselves."""
    top = [item for item in conjuncts(query.where) if isinstance(item, InQuery)]
    if len(top) > MOST_SEMI_JOINS:
        message = f"Maximum {MOST_SEMI_JOINS} semi join sub-selects are allowed"
        raise error_at(query.text, top[MOST_SEMI_JOINS].pos, message)
    for item in top:
        inner = item.query
        nested = next(_semi_joins(inner.where), None)
        if nested is not None:
            raise error_at(query.text, nested.pos, "Nesting of semi join sub-selects is not supported")
        if inner.order or inner.limit is not None or inner.offset:
            message = "ORDER BY, LIMIT and OFFSET are not allowed in semi join sub-selects"
            raise error_at(query.text, inner.source_pos, message)
    for item in _semi_joins(query.where):
        if not any(item is known for known in top):
            message = (
                "Semi join sub-selects are only allowed at the top level WHERE expressions and not in nested "
                "WHERE expressions"
            )
            raise error_at(query.text, item.pos, message)


def _semi_joins(condition: Condition | None) -> Iterator[InQuery]:
    match condition:
        case InQuery():
            yield condition
        case Both(items) | Either(items):
            for item in items:
                yield from _semi_joins(item)
        case Negation(item):
            yield from _semi_joins(item)
        case _:
            return


def prepare(org: Org, text: str, version: str) -> Statement:
    """Parse and check a statement; raises ApiError if it is not right."""
    return Statement(org, parse(text), version)
