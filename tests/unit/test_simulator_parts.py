"""The parts of simulators: clock, faults, table, options, tokens, routes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from crmhub.testing.simulator.clock import SimClock, fixed_offset, iso_seconds
from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.faults import Faults, parse_fault
from crmhub.testing.simulator.oauth import TokenBook
from crmhub.testing.simulator.options import parse_latency, parse_rows, parse_settings
from crmhub.testing.simulator.routes import Routes
from crmhub.testing.simulator.table import Row, Seeded, Table


class Numbers:
    """Ids that are the places, from 1000."""

    def id_of(self, place: int) -> str:
        return str(1000 + place)

    def place_of(self, row_id: str) -> int | None:
        return int(row_id) - 1000 if row_id.isdigit() else None


def make(place: int) -> Row:
    return {"id": str(1000 + place), "name": f"row {place // 2}"}


def seeded(count: int) -> Table:
    """Rows whose times of change come in pairs: 0, 0, 2, 2, 4, 4, …"""
    return Table(Numbers(), Seeded(count, make, lambda place: place - place % 2))


def test_the_clock_starts_where_told_and_can_be_turned() -> None:
    ticks = [100.0]
    clock = SimClock.starting(datetime(2026, 1, 1, tzinfo=UTC), lambda: ticks[0])
    ticks[0] += 5
    clock.advance(60)
    assert clock.moment() == datetime(2026, 1, 1, 0, 1, 5, tzinfo=UTC)
    clock.set(datetime(2027, 1, 1, tzinfo=UTC))
    ticks[0] += 1
    assert clock.moment() == datetime(2027, 1, 1, 0, 0, 1, tzinfo=UTC)
    with pytest.raises(SimulatorError, match="with a zone"):
        clock.set(datetime(2027, 1, 1))  # noqa: DTZ001


def test_instants_are_written_in_whole_seconds_with_their_offset() -> None:
    assert iso_seconds(0.9, fixed_offset("+05:30")) == "1970-01-01T05:30:00+05:30"
    assert fixed_offset("-08:00").utcoffset(None) == timedelta(hours=-8)


@pytest.mark.parametrize(
    ("text", "kind", "method", "path", "share", "times"),
    [
        ("429", "429", None, "", None, None),
        ("429:5%", "429", None, "", 0.05, None),
        ("503@/crm/v8/Deals:3x", "503", None, "/crm/v8/Deals", None, 3),
        ("lost@POST /crm/v8/Deals:1x", "lost", "POST", "/crm/v8/Deals", None, 1),
        ("html@/x", "html", None, "/x", None, None),
        ("hang:0.5%", "hang", None, "", 0.005, None),
    ],
)
def test_fault_rules_are_read(
    text: str, kind: str, method: str | None, path: str, share: float | None, times: int | None
) -> None:
    rule = parse_fault(text)
    assert (rule.kind, rule.method, rule.path, rule.share, rule.times) == (kind, method, path, share, times)


def test_a_fault_can_ask_for_a_pause() -> None:
    rule = parse_fault("429+30@GET /a:1x")
    assert (rule.status, rule.wait, rule.times) == (429, 30, 1)


@pytest.mark.parametrize(
    "text", ["", "never", "200", "429:", "429:5", "429:500%", "700:1x", "429@/x:y", "429+", "cut+3"]
)
def test_wrong_fault_rules_are_named(text: str) -> None:
    with pytest.raises(SimulatorError, match="fault "):
        parse_fault(text)


def test_counted_faults_are_used_up_and_shares_are_seeded() -> None:
    faults = Faults(["503@/a:2x", "duplicate_ids:1x"])
    struck = [faults.on_call("GET", path) is not None for path in ("/a", "/b", "/a", "/a")]
    assert struck == [True, False, True, False]
    assert faults.on_data("duplicate_ids", "GET", "/b")
    assert not faults.on_data("duplicate_ids", "GET", "/b")
    assert faults.rules == []

    def strikes(seed: int) -> list[bool]:
        shares = Faults(["429:30%"], seed)
        return [shares.on_call("GET", "/") is not None for _ in range(200)]

    assert strikes(1) == strikes(1) != strikes(2)
    assert 30 < sum(strikes(1)) < 90


def test_wrong_rules_change_nothing() -> None:
    faults = Faults(["429"])
    with pytest.raises(SimulatorError):
        faults.replace(["503", "nonsense"])
    assert faults.rules == ["429"]


def test_seeded_rows_cost_nothing_until_read() -> None:
    read: list[int] = []

    def noting(place: int) -> Row:
        read.append(place)
        return make(place)

    table = Table(Numbers(), Seeded(10**9, noting, lambda place: place))
    assert len(table) == 10**9
    assert table.get(str(1000 + 10**9 - 1)) == make(10**9 - 1)
    assert next(table.places(after=10**8)) == 10**8 + 1
    assert next(table.places_by_modified(since=5 * 10**8)) == 5 * 10**8
    assert read == [10**9 - 1]


def test_rows_are_walked_in_id_order_whatever_was_done_to_them() -> None:
    table = seeded(6)
    table.insert({"id": "1006", "name": "new"}, 100)
    table.delete(2, 101)
    table.replace(4, {"id": "1004", "name": "changed"}, 102)
    assert list(table.places()) == [0, 1, 3, 4, 5, 6]
    assert list(table.places(descending=True)) == [6, 5, 4, 3, 1, 0]
    assert list(table.places(after=1, before=5)) == [3, 4]
    assert len(table) == 6
    assert table.get("1002") is None
    assert [row["name"] for row in table.rows()][3] == "changed"


def test_rows_are_walked_in_order_of_change() -> None:
    table = seeded(6)
    table.insert({"id": "1006"}, 4)
    table.replace(0, {"id": "1000"}, 9)
    table.delete(3, 10)
    everything = [1, 2, 4, 5, 6, 0]
    assert list(table.places_by_modified()) == everything
    assert list(table.places_by_modified(descending=True)) == everything[::-1]
    assert list(table.places_by_modified(since=4)) == [4, 5, 6, 0]
    assert list(table.places_by_modified(since=2, until=4)) == [2, 4, 5, 6]
    table.replace(0, {"id": "1000"}, 11)
    assert list(table.places_by_modified(since=5)) == [0]


def test_deleted_rows_are_kept_restored_and_forgotten() -> None:
    table = seeded(3)
    gone = table.delete(1, 50, "somebody")
    assert (gone.at, gone.by, gone.row["id"]) == (50, "somebody", "1001")
    assert [one.place for one in table.deleted()] == [1]
    table.restore(1, 60)
    assert (table.get("1001"), table.modified(1)) == (make(1), 60)
    table.delete(1, 70)
    table.purge(1)
    assert (list(table.deleted()), len(table), table.get("1001")) == ([], 2, None)


def test_values_are_found_by_index_in_all_rows() -> None:
    table = seeded(6)
    assert table.find("name", "ROW 1 ") == [2, 3]
    table.replace(2, {"id": "1002", "name": "other"}, 50)
    table.insert({"id": "1006", "name": "row 1"}, 51)
    assert table.find("name", "row 1") == [3, 6]
    table.delete(3, 52)
    assert table.find("name", "row 1") == [6]
    table.restore(3, 53)
    assert table.find("name", "row 1") == [3, 6]
    assert table.find("name", None) == []


def test_values_of_seeded_rows_may_be_found_by_arithmetic() -> None:
    def locate(field: str, value: str) -> Iterable[int] | None:
        if field != "name":
            return None
        pair = int(value[4:]) * 2 if value else 0
        return (pair, pair + 1)

    table = Table(Numbers(), Seeded(10**9, make, lambda place: place, locate))
    assert table.find("name", "row 7") == [14, 15]
    table.replace(14, {"id": "1014", "name": "other"}, 10**9)
    table.delete(15, 10**9)
    assert table.find("name", "row 7") == []
    assert table.find("name", "row 8") == [16, 17]


def test_tokens_live_as_long_as_they_should() -> None:
    now = [0.0]
    book = TokenBook(SimClock(lambda: now[0]))
    for number in range(4):
        book.issue(f"t{number}", "grant", frozenset(), 60, at_most=3)
    assert [token.value for token in book.of_grant("grant")] == ["t1", "t2", "t3"]
    book.kill("t1")
    now[0] = 60
    assert book.live("t2") is None
    book.issue("t4", "grant", frozenset(), 60)
    book.expire_all()
    assert book.live("t4") is None


def test_routes_find_the_first_that_fits() -> None:
    routes = Routes[str](ignore_case=True)
    routes.add("GET", "/a/{name}/end", "first")
    routes.add("GET", "/a/{name}/{rest}", "second")
    routes.add("PUT", "/a/{name}/end", "third")
    found = routes.find("/A/x.y/END/")
    assert found is not None
    assert (found.pattern, found.params) == ("/a/{name}/end", {"name": "x.y"})
    assert found.targets == {"GET": "first", "PUT": "third"}
    assert routes.find("/a/x") is None


def test_options_are_read_from_words() -> None:
    assert parse_rows("100") == 100
    assert parse_rows("Accounts=85, Deals=8800") == {"Accounts": 85, "Deals": 8800}
    assert (parse_latency("50ms"), parse_latency("0.05"), parse_latency("1.5s")) == (0.05, 0.05, 1.5)
    assert parse_settings(["a=b=c", "d="]) == {"a": "b=c", "d": ""}
    for wrong in (lambda: parse_rows("x"), lambda: parse_latency("fast"), lambda: parse_settings(["x"])):
        with pytest.raises(SimulatorError):
            wrong()
