"""SOQL in the Salesforce double: groups and their conditions, functions, types of polymorphic parents."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from crmhub.testing.simulator.options import Options
from crmhub_salesforce.simulator import SalesforceDouble, create
from crmhub_salesforce.simulator.records import Records
from crmhub_salesforce.simulator.soql.statement import prepare

Json = dict[str, object]
NOW = datetime(2026, 6, 15, 12, 0, 0, tzinfo=UTC)


def make(double: SalesforceDouble, name: str, **fields: object) -> str:
    sobject = double.org.catalog.get(name)
    assert sobject is not None
    return Records(double.org).create(sobject, fields)


def run(double: SalesforceDouble, soql: str) -> list[Json]:
    """The records without what every record says of itself."""
    statement = prepare(double.org, soql, "62.0")
    if statement.aggregation is not None:
        found = statement.groups(deleted=False)
    else:
        shown = (statement.record(place) for place in statement.places(deleted=False))
        found = [record for record in shown if record is not None]
    return [{name: value for name, value in record.items() if name != "attributes"} for record in found]


@pytest.fixture(scope="module")
def org() -> SalesforceDouble:
    double = create(Options(now=NOW.timestamp))
    near = make(
        double,
        "Account",
        Name="Near",
        Industry="Banking",
        BillingLatitude=Decimal("37.78"),
        BillingLongitude=Decimal("-122.4"),
    )
    far = make(double, "Account", Name="Far", Industry="Energy")
    for name, account, stage, close, amount in (
        ("a", near, "Prospecting", "2025-11-03", 100),
        ("b", near, "Closed Won", "2026-02-01", 200),
        ("c", far, "Prospecting", "2026-02-28", 50),
        ("d", far, "Prospecting", "2026-06-15", None),
    ):
        make(
            double,
            "Opportunity",
            Name=name,
            AccountId=account,
            StageName=stage,
            CloseDate=close,
            Amount=amount,
        )
    deal = run(double, "SELECT Id FROM Opportunity WHERE Name = 'b'")[0]["Id"]
    make(double, "Task", Subject="of account", WhatId=near)
    make(double, "Task", Subject="of deal", WhatId=deal)
    make(double, "Task", Subject="of nothing")
    return double


DEALS = "FROM Opportunity"
AWAY = "DISTANCE(BillingAddress, GEOLOCATION(37.77, -122.41), 'mi')"


@pytest.mark.parametrize(
    ("soql", "found"),
    [
        (
            f"SELECT StageName, COUNT(Id) n {DEALS} GROUP BY StageName HAVING COUNT(Id) > 1",
            [{"StageName": "Prospecting", "n": 3}],
        ),
        (
            f"SELECT StageName {DEALS} GROUP BY StageName HAVING SUM(Amount) >= 200 OR StageName LIKE 'x%'",
            [{"StageName": "Closed Won"}],
        ),
        (
            f"SELECT StageName, MAX(Amount) {DEALS} GROUP BY StageName ORDER BY COUNT(Id) DESC",
            [
                {"StageName": "Prospecting", "expr0": Decimal("100.0")},
                {"StageName": "Closed Won", "expr0": Decimal("200.0")},
            ],
        ),
        (
            f"SELECT CALENDAR_YEAR(CloseDate) y, SUM(Amount) {DEALS} GROUP BY CALENDAR_YEAR(CloseDate)",
            [{"y": 2025, "expr0": Decimal("100.0")}, {"y": 2026, "expr0": Decimal("250.0")}],
        ),
        (
            f"SELECT Account.Name, COUNT(Id) {DEALS} GROUP BY Account.Name ORDER BY MAX(Amount) DESC LIMIT 1",
            [{"Name": "Near", "expr0": 2}],
        ),
        (
            f"SELECT StageName s, GROUPING(StageName) g, COUNT(Id) n {DEALS} GROUP BY ROLLUP(StageName)",
            [
                {"s": "Closed Won", "g": 0, "n": 1},
                {"s": "Prospecting", "g": 0, "n": 3},
                {"s": None, "g": 1, "n": 4},
            ],
        ),
        (
            f"SELECT COUNT(Id) n {DEALS} GROUP BY CUBE(StageName, Account.Industry) HAVING COUNT(Id) = 4",
            [{"n": 4}],
        ),
        (
            f"SELECT COUNT_DISTINCT(StageName) {DEALS}",
            [{"expr0": 2}],
        ),
        (f"SELECT Name {DEALS} WHERE CALENDAR_MONTH(CloseDate) = 2", [{"Name": "b"}, {"Name": "c"}]),
        (f"SELECT Name {DEALS} WHERE DAY_IN_WEEK(CloseDate) = 2", [{"Name": "a"}, {"Name": "d"}]),
        (f"SELECT Name {DEALS} WHERE WEEK_IN_MONTH(CloseDate) = 4", [{"Name": "c"}]),
        (f"SELECT Name {DEALS} WHERE CloseDate = THIS_FISCAL_QUARTER", [{"Name": "d"}]),
        (f"SELECT Name {DEALS} WHERE CloseDate = LAST_N_FISCAL_YEARS:1", [{"Name": "a"}]),
        (f"SELECT Name {DEALS} WHERE CloseDate = TODAY", [{"Name": "d"}]),
        (f"SELECT COUNT(Id) {DEALS} WHERE DAY_ONLY(CreatedDate) = 2026-06-15", [{"expr0": 4}]),
        (f"SELECT COUNT(Id) {DEALS} WHERE HOUR_IN_DAY(convertTimezone(CreatedDate)) = 12", [{"expr0": 4}]),
        (f"SELECT FORMAT(CloseDate) day {DEALS} WHERE Name = 'a'", [{"day": "11/3/2025"}]),
        (f"SELECT FORMAT(MAX(Amount)) most {DEALS}", [{"most": "$200.00"}]),
        (f"SELECT Name {DEALS} WHERE Amount > USD99.50 ORDER BY Amount DESC", [{"Name": "b"}, {"Name": "a"}]),
        ("SELECT a.Name FROM Opportunity o, o.Account a WHERE o.Name = 'c'", [{"Account": {"Name": "Far"}}]),
        ("SELECT Name FROM Account AS x USING SCOPE mine WHERE x.Name = 'Far' FOR VIEW", [{"Name": "Far"}]),
        ("SELECT toLabel(Industry) FROM Account ORDER BY Name FOR REFERENCE", [
            {"Industry": "Energy"}, {"Industry": "Banking"},
        ]),
        ("SELECT toLabel(Account.Industry) FROM Opportunity WHERE Name = 'c'", [
            {"Account": {"Industry": "Energy"}},
        ]),
        (
            f"SELECT Name FROM Account WHERE {AWAY} < 5 ORDER BY {AWAY}",
            [{"Name": "Near"}],
        ),
    ],
)  # fmt: skip
def test_a_statement_gives_what_the_reference_says(
    org: SalesforceDouble, soql: str, found: list[Json]
) -> None:
    def bare(value: object) -> object:
        if isinstance(value, dict):
            return {name: bare(item) for name, item in value.items() if name != "attributes"}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return value

    assert [bare(record) for record in run(org, soql)] == found


def test_a_polymorphic_parent_is_shown_as_its_type_wants_it(org: SalesforceDouble) -> None:
    soql = (
        "SELECT Subject, TYPEOF What WHEN Account THEN Name, Industry WHEN Opportunity THEN StageName, "
        "Account.Name ELSE Name END FROM Task ORDER BY Subject"
    )
    account, deal, nothing = [record["What"] for record in run(org, soql)]
    assert isinstance(account, dict)
    assert isinstance(deal, dict)
    assert account["attributes"]["type"] == "Account"
    assert (account["Name"], account["Industry"]) == ("Near", "Banking")
    assert (deal["StageName"], deal["Account"]["Name"]) == ("Closed Won", "Near")
    assert nothing is None
    without = "SELECT TYPEOF What WHEN Opportunity THEN Name END FROM Task WHERE Subject = 'of account'"
    assert run(org, without) == [{"What": None}]


def test_days_begin_where_the_user_is() -> None:
    double = create(Options(now=datetime(2026, 6, 15, 3, 0, tzinfo=UTC).timestamp))
    make(double, "Account", Name="x")
    soql = "SELECT COUNT(Id) n FROM Account WHERE CreatedDate = TODAY AND CreatedDate < 2026-06-15T07:00:00Z"
    assert run(double, soql) == [{"n": 1}]
    users = double.org.catalog.get("User")
    assert users is not None
    Records(double.org).change(users, 0, {"TimeZoneSidKey": "America/Los_Angeles"})
    assert run(double, soql) == [{"n": 1}]
    assert run(double, "SELECT COUNT(Id) n FROM Account WHERE CreatedDate > YESTERDAY") == [{"n": 1}]
    assert run(double, "SELECT COUNT(Id) n FROM Account WHERE CreatedDate >= 2026-06-15T00:00:00Z") == [
        {"n": 1}
    ]
    hour = "HOUR_IN_DAY(convertTimezone(CreatedDate))"
    assert run(double, f"SELECT {hour} h FROM Account GROUP BY {hour}") == [{"h": 20}]
