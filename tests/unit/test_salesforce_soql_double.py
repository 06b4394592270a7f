"""SOQL in the Salesforce double: what statements mean."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from time import process_time
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmhub.testing.simulator.options import Options
from crmhub_salesforce.simulator import SalesforceDouble, create
from crmhub_salesforce.simulator.errors import ApiError
from crmhub_salesforce.simulator.records import Records
from crmhub_salesforce.simulator.soql.statement import prepare

Json = dict[str, object]
NOW = datetime(2026, 6, 15, 12, 0, 0, tzinfo=UTC)  # a Monday


def org_with(**objects: list[Json]) -> SalesforceDouble:
    double = create(Options(now=NOW.timestamp))
    records = Records(double.org)
    for name, rows in objects.items():
        sobject = double.org.catalog.get(name)
        assert sobject is not None
        for row in rows:
            records.create(sobject, row)
    return double


def run(double: SalesforceDouble, soql: str, *, deleted: bool = False) -> list[Json]:
    statement = prepare(double.org, soql, "62.0")
    if statement.aggregation is not None:
        return statement.groups(deleted=deleted)
    shown = (statement.record(place) for place in statement.places(deleted=deleted))
    return [record for record in shown if record is not None]


def names(double: SalesforceDouble, condition: str) -> list[object]:
    return [row["Name"] for row in run(double, f"SELECT Name FROM Account {condition}")]


@pytest.fixture(scope="module")
def accounts() -> SalesforceDouble:
    return org_with(
        Account=[
            {
                "Name": "alpha",
                "Industry": "Banking",
                "NumberOfEmployees": 5,
                "AnnualRevenue": Decimal("10.5"),
            },
            {"Name": "Beta", "Industry": "Energy", "NumberOfEmployees": 50, "Phone": "50%_off"},
            {"Name": "O'Brien \\ Sons", "NumberOfEmployees": None, "AnnualRevenue": 10},
            {"Name": "delta", "Industry": "banking", "NumberOfEmployees": 7},
        ]
    )


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("WHERE Name = 'ALPHA'", ["alpha"]),
        ("WHERE name = 'alpha'", ["alpha"]),
        ("WHERE Account.Name = 'beta'", ["Beta"]),
        ("WHERE Name != 'alpha' AND Name <> 'Beta'", ["O'Brien \\ Sons", "delta"]),
        ("WHERE Industry != 'Banking'", ["Beta", "O'Brien \\ Sons"]),
        ("WHERE Industry = null", ["O'Brien \\ Sons"]),
        ("WHERE Industry = ''", ["O'Brien \\ Sons"]),
        ("WHERE Industry != NULL", ["alpha", "Beta", "delta"]),
        ("WHERE Industry IN ('Energy', 'banking')", ["alpha", "Beta", "delta"]),
        ("WHERE Industry NOT IN ('Energy')", ["alpha", "O'Brien \\ Sons", "delta"]),
        ("WHERE Industry IN (null)", ["O'Brien \\ Sons"]),
        ("WHERE Name > 'b'", ["Beta", "O'Brien \\ Sons", "delta"]),
        ("WHERE NumberOfEmployees > 6", ["Beta", "delta"]),
        ("WHERE NumberOfEmployees <= 7", ["alpha", "delta"]),
        ("WHERE AnnualRevenue = 10.5", ["alpha"]),
        ("WHERE AnnualRevenue = 10", ["O'Brien \\ Sons"]),
        ("WHERE AnnualRevenue < 10.25 OR NumberOfEmployees = 7", ["O'Brien \\ Sons", "delta"]),
        ("WHERE (Industry = 'Banking' AND NumberOfEmployees = 5) OR Name = 'Beta'", ["alpha", "Beta"]),
        ("WHERE NOT Industry = 'Banking'", ["Beta", "O'Brien \\ Sons"]),
        ("WHERE (NOT Name LIKE 'a%') AND (NOT Name LIKE 'B%')", ["O'Brien \\ Sons", "delta"]),
        ("WHERE Name LIKE '%ta'", ["Beta", "delta"]),
        ("WHERE Name LIKE '_lpha'", ["alpha"]),
        (r"WHERE Phone LIKE '50\%\_off'", ["Beta"]),
        (r"WHERE Phone LIKE '50\_%'", []),
        ("WHERE Phone = '50%_off'", ["Beta"]),
        (r"WHERE Name = 'O\'Brien \\ Sons'", ["O'Brien \\ Sons"]),
        (r"WHERE Name = '\u0061lpha'", ["alpha"]),
        ("WHERE IsDeleted = false", ["alpha", "Beta", "O'Brien \\ Sons", "delta"]),
        (
            "WHERE CreatedDate = TODAY AND LastModifiedDate < TOMORROW",
            ["alpha", "Beta", "O'Brien \\ Sons", "delta"],
        ),
        ("WHERE CreatedDate > 2026-06-15T13:59:59.5+02:00", ["alpha", "Beta", "O'Brien \\ Sons", "delta"]),
        ("WHERE CreatedDate > 2026-06-15T12:00:00Z", []),
        ("WHERE Owner.Username = 'integration.user@example.com' LIMIT 1", ["alpha"]),
        ("WHERE Parent.Name = null LIMIT 1", ["alpha"]),
        ("WHERE Id IN (SELECT AccountId FROM Contact)", []),
        ("ORDER BY Name", ["alpha", "Beta", "delta", "O'Brien \\ Sons"]),
        ("ORDER BY Name DESC LIMIT 2", ["O'Brien \\ Sons", "delta"]),
        ("ORDER BY NumberOfEmployees", ["O'Brien \\ Sons", "alpha", "delta", "Beta"]),
        ("ORDER BY NumberOfEmployees DESC NULLS LAST", ["Beta", "delta", "alpha", "O'Brien \\ Sons"]),
        ("ORDER BY NumberOfEmployees ASC NULLS LAST", ["alpha", "delta", "Beta", "O'Brien \\ Sons"]),
        ("ORDER BY Industry NULLS LAST, Name DESC", ["delta", "alpha", "Beta", "O'Brien \\ Sons"]),
        ("LIMIT 2 OFFSET 1", ["Beta", "O'Brien \\ Sons"]),
        ("LIMIT 0", []),
        ("a WHERE a.Name = 'alpha'", ["alpha"]),
    ],
)
def test_conditions_mean_what_the_reference_says(
    accounts: SalesforceDouble, condition: str, found: list[str]
) -> None:
    assert names(accounts, condition) == found


@pytest.mark.parametrize(
    ("literal", "first", "last"),
    [
        ("TODAY", "2026-06-15", "2026-06-15"),
        ("YESTERDAY", "2026-06-14", "2026-06-14"),
        ("THIS_WEEK", "2026-06-14", "2026-06-20"),
        ("LAST_WEEK", "2026-06-07", "2026-06-13"),
        ("THIS_MONTH", "2026-06-01", "2026-06-30"),
        ("LAST_QUARTER", "2026-01-01", "2026-03-31"),
        ("NEXT_YEAR", "2027-01-01", "2027-12-31"),
        ("LAST_90_DAYS", "2026-03-17", "2026-06-15"),
        ("LAST_N_DAYS:3", "2026-06-12", "2026-06-15"),
        ("NEXT_N_DAYS:2", "2026-06-16", "2026-06-17"),
        ("LAST_N_MONTHS:2", "2026-04-01", "2026-05-31"),
        ("N_DAYS_AGO:1", "2026-06-14", "2026-06-14"),
    ],
)
def test_named_dates_are_spans_of_days(literal: str, first: str, last: str) -> None:
    days = ["2026-01-01", "2026-03-16", first, last, "2027-12-31", "2028-01-01"]
    deal = {"StageName": "Prospecting"}
    double = org_with(Opportunity=[{**deal, "Name": day, "CloseDate": day} for day in sorted(set(days))])

    def found(operator: str) -> list[object]:
        soql = f"SELECT CloseDate FROM Opportunity WHERE CloseDate {operator} {literal} ORDER BY CloseDate"
        return [row["CloseDate"] for row in run(double, soql)]

    every = sorted(set(days))
    assert found("=") == [day for day in every if first <= day <= last]
    assert found("!=") == [day for day in every if not first <= day <= last]
    assert found("<") == [day for day in every if day < first]
    assert found("<=") == [day for day in every if day <= last]
    assert found(">") == [day for day in every if day > last]
    assert found(">=") == [day for day in every if day >= first]


def test_parents_and_children_are_nested() -> None:
    double = org_with(Account=[{"Name": "a", "External_Id__c": "k"}, {"Name": "b"}])
    records = Records(double.org)
    contact = double.org.catalog.get("Contact")
    task = double.org.catalog.get("Task")
    assert contact is not None
    assert task is not None
    by_key = {"Account": {"External_Id__c": "k"}}
    person = records.create(contact, {"LastName": "z", "Email": "z@example.com", **by_key})
    records.create(contact, {"LastName": "y", **by_key})
    records.create(task, {"Subject": "Call", "WhoId": person})
    (first, second) = run(
        double, "SELECT Name, (SELECT LastName FROM Contacts ORDER BY LastName) FROM Account"
    )
    children = cast("Json", first["Contacts"])
    assert (children["totalSize"], children["done"], second["Contacts"]) == (2, True, None)
    assert [row["LastName"] for row in cast("list[Json]", children["records"])] == ["y", "z"]
    (row,) = run(double, "SELECT Who.Name, Who.Type, Who.Email, What.Name, Account.Owner.Name FROM Task")
    who = cast("Json", row["Who"])
    assert cast("Json", who["attributes"])["type"] == "Name"
    assert (who["Name"], who["Type"], who["Email"], row["What"]) == ("z", "Contact", "z@example.com", None)
    owner = cast("Json", cast("Json", row["Account"])["Owner"])
    assert owner["Name"] == "Integration User"
    assert len(run(double, "SELECT Id FROM Task WHERE Who.Type = 'Contact' AND Account.Name = 'A'")) == 1


def test_groups_are_rows_of_their_own() -> None:
    deals = [("Prospecting", 10), ("prospecting", Decimal("5.5")), ("Closed Won", None)]
    rows: list[Json] = [
        {"Name": "d", "CloseDate": "2026-01-01", "StageName": stage, "Amount": amount}
        for stage, amount in deals
    ]
    double = org_with(Opportunity=rows)
    soql = (
        "SELECT StageName, COUNT(Id) n, SUM(Amount), AVG(Amount), MIN(Amount), COUNT(Amount) FROM Opportunity"
    )
    first, second = run(double, f"{soql} GROUP BY StageName")
    kind = {"attributes": {"type": "AggregateResult"}}
    assert first == {
        **kind,
        "StageName": "Closed Won",
        "n": 1,
        "expr0": None,
        "expr1": None,
        "expr2": None,
        "expr3": 0,
    }
    assert (second["StageName"], second["n"], second["expr0"], second["expr1"], second["expr3"]) == (
        "Prospecting",
        2,
        15.5,
        7.75,
        2,
    )
    (total,) = run(double, "SELECT COUNT(Id), COUNT_DISTINCT(StageName) FROM Opportunity WHERE IsWon = false")
    assert (total["expr0"], total["expr1"]) == (2, 1)
    (none,) = run(double, "SELECT COUNT(Id), MAX(Amount) FROM Opportunity WHERE Name = 'x'")
    assert (none["expr0"], none["expr1"]) == (0, None)


def test_fields_selects_by_kind(accounts: SalesforceDouble) -> None:
    (custom,) = run(accounts, "SELECT FIELDS(CUSTOM) FROM Account LIMIT 1")
    assert set(custom) == {"attributes", "External_Id__c"}
    (standard,) = run(accounts, "SELECT FIELDS(STANDARD), External_Id__c FROM Account LIMIT 1")
    (everything,) = run(accounts, "SELECT FIELDS(ALL) FROM Account LIMIT 1")
    assert standard == everything


SEEDED = create(Options(rows={"Account": 900}))


@settings(max_examples=40, deadline=None)
@given(
    start=st.integers(0, 899),
    size=st.integers(1, 400),
    touched=st.lists(st.integers(0, 899), max_size=8),
    removed=st.lists(st.integers(0, 899), max_size=8, unique=True),
)
def test_paging_by_change_and_id_meets_every_record_once(
    start: int, size: int, touched: list[int], removed: list[int]
) -> None:
    double = create(Options(rows={"Account": 900}, now=NOW.timestamp))
    account = double.org.catalog.get("Account")
    assert account is not None
    for place in touched:
        Records(double.org).change(account, place, {"Phone": "1"})
    for place in removed:
        Records(double.org).delete(account, place)
    table = double.org.tables["Account"]
    by_change = sorted((str(row["SystemModstamp"]), str(row["Id"])) for row in table.rows())
    stamp, last = by_change[min(start, len(by_change) - 1)]
    wanted = [key for key in by_change if key > (stamp, last)]
    found: list[tuple[str, str]] = []
    while True:
        literal = stamp.replace("+0000", "Z")
        page = run(
            double,
            f"SELECT Id, SystemModstamp FROM Account WHERE SystemModstamp > {literal} OR "
            f"(SystemModstamp = {literal} AND Id > '{last}') ORDER BY SystemModstamp, Id LIMIT {size}",
        )
        if not page:
            break
        found += [(str(row["SystemModstamp"]), str(row["Id"])) for row in page]
        stamp, last = found[-1]
    assert found == wanted


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["Id", "SystemModstamp", "LastModifiedDate"]),
    st.sampled_from(["<", "<=", ">", ">=", "="]),
    st.integers(0, 899),
    st.sampled_from(
        ["", "ORDER BY Id", "ORDER BY Id DESC", "ORDER BY SystemModstamp DESC, Id DESC", "ORDER BY Name"]
    ),
)
def test_scans_within_bounds_find_what_a_full_look_finds(
    field: str, sign: str, place: int, order: str
) -> None:
    table = SEEDED.org.tables["Account"]
    value = str(table.row(place)[field])
    literal = f"'{value}'" if field == "Id" else value.replace("+0000", "Z")
    compare = {"<": str.__lt__, "<=": str.__le__, ">": str.__gt__, ">=": str.__ge__, "=": str.__eq__}[sign]
    wanted = [row["Id"] for row in table.rows() if compare(str(row[field]), value)]
    found = [
        row["Id"] for row in run(SEEDED, f"SELECT Id FROM Account WHERE {field} {sign} {literal} {order}")
    ]
    assert sorted(map(str, found)) == sorted(map(str, wanted))
    if order in {"", "ORDER BY Id"}:
        assert found == wanted
    if order == "ORDER BY Id DESC":
        assert found == wanted[::-1]


WORDS = (
    "SELECT FROM WHERE Id Name Account ( ) , = ' 'x' \\ LIKE IN NOT AND OR NULL 5 TODAY : LIMIT ORDER BY "
    "COUNT() LAST_N_DAYS:3 2024-01-01 CreatedDate > Owner.Name GROUP BY HAVING COUNT(Id) MAX( ROLLUP( CUBE( "
    "TYPEOF What WHEN THEN ELSE END FOR VIEW UPDATE ALL ROWS USING SCOPE MINE AS a a.Name USD5 USD5.5 "
    "FORMAT( CALENDAR_YEAR( convertTimezone( DISTANCE( GEOLOCATION(1,2) 'mi' THIS_FISCAL_YEAR (SELECT "
    "FIELDS(ALL) é \0"
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(WORDS.split()), max_size=25))
def test_any_text_is_run_or_refused(words: list[str]) -> None:
    for text in (" ".join(["SELECT Id FROM Account", *words]), " ".join(words)):
        with suppress(ApiError):
            run(SEEDED, text, deleted=True)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60), st.sampled_from(["", "SELECT ", "SELECT Id FROM Account WHERE "]))
def test_any_characters_are_run_or_refused(text: str, before: str) -> None:
    with suppress(ApiError):
        run(SEEDED, before + text, deleted=True)


def test_a_million_rows_are_not_looked_at_to_find_a_page() -> None:
    double = create(Options(rows={"Account": 1_000_000}))
    table = double.org.tables["Account"]
    row = table.row(600_000)
    stamp = str(row["SystemModstamp"]).replace("+0000", "Z")
    keyset = f"SystemModstamp > {stamp} OR (SystemModstamp = {stamp} AND Id > '{row['Id']}')"
    begun = process_time()
    for condition, place in (
        (f"WHERE Id > '{row['Id']}' ORDER BY Id LIMIT 2000", 600_001),
        (f"WHERE {keyset} ORDER BY SystemModstamp, Id LIMIT 2000", 600_001),
        (f"WHERE Id = '{row['Id']}'", 600_000),
        ("", 0),
        ("ORDER BY SystemModstamp DESC, Id DESC", 999_999),
    ):
        places = prepare(double.org, f"SELECT Id FROM Account {condition}", "62.0").places(deleted=False)
        assert places[0] == place
    assert len(prepare(double.org, "SELECT COUNT() FROM Account", "62.0").places(deleted=False)) == 1_000_000
    # A look at every row takes seconds; all of this takes a few hundredths of one.
    assert process_time() - begun < 1


def test_seeded_records_are_found_by_every_indexed_field() -> None:
    rows = {"Account": 7, "Contact": 23, "Opportunity": 31, "Task": 97, "Event": 20, "Lead": 9}
    double = create(Options(rows=rows))
    for name in rows:
        sobject = double.org.catalog.get(name)
        assert sobject is not None
        everything = list(double.org.tables[name].rows())
        for field in (field for field in sobject.fields if field.indexed and field.type != "id"):
            for value in {str(row[field.name]) for row in everything if field.name in row}:
                found = run(double, f"SELECT Id FROM {name} WHERE {field.name} = '{value}'")
                wanted = [row["Id"] for row in everything if row.get(field.name) == value]
                assert [row["Id"] for row in found] == wanted
