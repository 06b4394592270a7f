"""SOQL in the Salesforce double: how it refuses what is not right."""

from __future__ import annotations

import pytest

from crmhub.testing.simulator.options import Options
from crmhub_salesforce.simulator import SalesforceDouble, create
from crmhub_salesforce.simulator.errors import ApiError
from crmhub_salesforce.simulator.soql.lexer import error_at
from crmhub_salesforce.simulator.soql.statement import prepare


@pytest.fixture(scope="module")
def org() -> SalesforceDouble:
    return create(Options())


HELP = "Please reference your WSDL or the describe call for the appropriate names."
TRY = "If you are attempting to use a custom"
FIELD_HELP = f"{TRY} field, be sure to append the '__c' after the custom field name. {HELP}"
LINK_HELP = f"{TRY} relationship, be sure to append the '__r' after the custom relationship name. {HELP}"
OBJECT_HELP = f"{TRY} object, be sure to append the '__c' after the entity name. {HELP}"

WHERE = "WHERE expressions"


def typed(field: str, kind: str, quotes: str = "should not be") -> str:
    of = f"value of filter criterion for field '{field}' must be of type {kind}"
    return f"{of} and {quotes} enclosed in quotes"


@pytest.mark.parametrize(
    ("soql", "code", "row", "message"),
    [
        ("SELECT Id FRM Account", "MALFORMED_QUERY", "1:15", "unexpected token: 'Account'"),
        ("SELECT Id", "MALFORMED_QUERY", "1:10", "unexpected token: '<EOF>'"),
        ("UPDATE Account", "MALFORMED_QUERY", "1:1", "unexpected token: 'UPDATE'"),
        (
            "SELECT Id FROM Account; SELECT Id FROM User",
            "MALFORMED_QUERY",
            "1:23",
            "line 1:22 no viable alternative at character ';'",
        ),
        (
            'SELECT Id FROM Account WHERE Name = "x"',
            "MALFORMED_QUERY",
            "1:37",
            "line 1:36 no viable alternative at character '\"'",
        ),
        (
            "SELECT Id FROM Account WHERE Name = 'x",
            "MALFORMED_QUERY",
            "1:37",
            "line 1:38 mismatched character '<EOF>' expecting '''",
        ),
        (
            r"SELECT Id FROM Account WHERE Name = 'a\x'",
            "MALFORMED_QUERY",
            "1:39",
            r"Illegal character sequence '\x' in string literal",
        ),
        (
            "SELECT Id FROM Account WHERE Name = 'a' AND Phone = 'b' OR Fax = 'c'",
            "MALFORMED_QUERY",
            "1:57",
            "unexpected token: 'OR'",
        ),
        (
            "SELECT Id FROM Account WHERE NOT Name = 'a' AND Phone = 'b'",
            "MALFORMED_QUERY",
            "1:45",
            "unexpected token: 'AND'",
        ),
        ("SELECT Id FROM Account WHERE Name IS NULL", "MALFORMED_QUERY", "1:35", "unexpected token: 'IS'"),
        ("SELECT Id FROM Account WHERE Name IN ()", "MALFORMED_QUERY", "1:39", "unexpected token: ')'"),
        (
            "SELECT Id FROM Account WHERE Name = :name",
            "MALFORMED_QUERY",
            "1:37",
            "Bind variables only allowed in Apex code",
        ),
        ("SELECT Id FROM Account LIMIT -1", "MALFORMED_QUERY", "1:30", "unexpected token: '-1'"),
        ("SELECT Id,\nName,\nId FROM Account", "MALFORMED_QUERY", "3:1", "duplicate field selected: Id"),
        ("SELECT Id, COUNT() FROM Account", "MALFORMED_QUERY", "1:12", "unexpected token: 'COUNT'"),
        (
            "SELECT Name, COUNT(Id) FROM Account",
            "MALFORMED_QUERY",
            "1:8",
            "Field must be grouped or aggregated: Name",
        ),
        (
            "SELECT SUM(Name) FROM Account",
            "MALFORMED_QUERY",
            "1:8",
            "field Name does not support aggregate operator SUM",
        ),
        (
            "SELECT Id n FROM Account",
            "MALFORMED_QUERY",
            "1:8",
            "only aggregate expressions use field aliasing",
        ),
        (
            "SELECT FIELDS(ALL) FROM Account LIMIT 201",
            "MALFORMED_QUERY",
            "1:8",
            "The SOQL FIELDS function must have a LIMIT of at most 200",
        ),
        (
            "SELECT Id FROM Account ORDER BY Description",
            "MALFORMED_QUERY",
            "1:33",
            "field 'Description' can not be sorted in a query call",
        ),
        (
            "SELECT Id FROM Account GROUP BY AnnualRevenue",
            "MALFORMED_QUERY",
            "1:33",
            "field 'AnnualRevenue' can not be grouped in a query call",
        ),
        (
            "SELECT Id FROM Account WHERE Description = 'x'",
            "INVALID_FIELD",
            "1:30",
            "field 'Description' can not be filtered in a query call",
        ),
        (
            "SELECT Id FROM Account WHERE BillingAddress = 'x'",
            "INVALID_FIELD",
            "1:30",
            "Address fields can only be filtered using Distance expressions",
        ),
        (
            "SELECT Id FROM Account WHERE CreatedDate > '2024-01-01T00:00:00Z'",
            "INVALID_FIELD",
            "1:30",
            typed("CreatedDate", "dateTime"),
        ),
        (
            "SELECT Id FROM Account WHERE CreatedDate > 2024-01-01",
            "INVALID_FIELD",
            "1:30",
            typed("CreatedDate", "dateTime"),
        ),
        (
            "SELECT Id FROM Opportunity WHERE CloseDate = 2024-01-01T00:00:00Z",
            "INVALID_FIELD",
            "1:34",
            typed("CloseDate", "date"),
        ),
        (
            "SELECT Id FROM Account WHERE Name = 5",
            "INVALID_FIELD",
            "1:30",
            typed("Name", "string", "should be"),
        ),
        (
            "SELECT Id FROM Account WHERE AnnualRevenue > '5'",
            "INVALID_FIELD",
            "1:30",
            typed("AnnualRevenue", "currency"),
        ),
        (
            "SELECT Id FROM Account WHERE IsDeleted = 'false'",
            "INVALID_FIELD",
            "1:30",
            typed("IsDeleted", "boolean"),
        ),
        (
            "SELECT Id FROM Account WHERE CreatedDate > 2024-02-30T00:00:00Z",
            "MALFORMED_QUERY",
            "1:44",
            "invalid dateTime: 2024-02-30T00:00:00Z",
        ),
        (
            "SELECT Id FROM Account WHERE Id = 'abc'",
            "INVALID_QUERY_FILTER_OPERATOR",
            "1:30",
            "invalid ID field: abc",
        ),
        (
            "SELECT Id FROM Account WHERE OwnerId IN ('nobody')",
            "INVALID_QUERY_FILTER_OPERATOR",
            "1:30",
            "invalid ID field: nobody",
        ),
        (
            "SELECT Id FROM Account WHERE Id LIKE '001%'",
            "INVALID_QUERY_FILTER_OPERATOR",
            "1:30",
            "invalid operator on id field",
        ),
        (
            "SELECT Id FROM Account WHERE CreatedDate LIKE '2%'",
            "INVALID_QUERY_FILTER_OPERATOR",
            "1:30",
            "invalid operator on datetime field",
        ),
        (
            "SELECT Id FROM Account WHERE IsDeleted > false",
            "INVALID_QUERY_FILTER_OPERATOR",
            "1:30",
            "invalid operator on boolean field",
        ),
        (
            "SELECT Id FROM Account WHERE Industry INCLUDES ('x')",
            "INVALID_QUERY_FILTER_OPERATOR",
            "1:30",
            "invalid operator on picklist field",
        ),
        (
            "SELECT Nope FROM Account",
            "INVALID_FIELD",
            "1:8",
            f"No such column 'Nope' on entity 'Account'. {FIELD_HELP}",
        ),
        (
            "SELECT Owner.Type FROM Account",
            "INVALID_FIELD",
            "1:8",
            f"No such column 'Type' on entity 'User'. {FIELD_HELP}",
        ),
        (
            "SELECT Boss.Name FROM Account",
            "INVALID_FIELD",
            "1:8",
            f"Didn't understand relationship 'Boss' in field path. {LINK_HELP}",
        ),
        (
            "select count() from XYZZY",
            "INVALID_TYPE",
            "1:21",
            f"sObject type 'XYZZY' is not supported. {OBJECT_HELP}",
        ),
        (
            "SELECT (SELECT Id FROM Nope) FROM Account",
            "INVALID_TYPE",
            "1:24",
            f"Didn't understand relationship 'Nope' in FROM part of query call. {LINK_HELP}",
        ),
        (
            "SELECT Parent.Parent.Parent.Parent.Parent.Parent.Name FROM Account",
            "MALFORMED_QUERY",
            "1:8",
            "SOQL statements cannot follow more than 5 relationships from the root object.",
        ),
        (
            "SELECT TYPEOF Account WHEN Account THEN Name END FROM Contact",
            "MALFORMED_QUERY",
            "1:15",
            "TYPEOF is only allowed for polymorphic relationships: Account",
        ),
        (
            "SELECT TYPEOF What WHEN Lead THEN Name END FROM Task",
            "INVALID_TYPE",
            "1:25",
            "'Lead' is not a type of the relationship What",
        ),
        (
            "SELECT Name, COUNT(Id) FROM Account HAVING COUNT(Id) > 1",
            "MALFORMED_QUERY",
            "1:37",
            "unexpected token: 'HAVING'",
        ),
        (
            "SELECT Name FROM Account GROUP BY Name HAVING Phone = 'x'",
            "MALFORMED_QUERY",
            "1:47",
            "Field must be grouped or aggregated: Phone",
        ),
        (
            "SELECT Name FROM Account WHERE COUNT(Id) > 1",
            "MALFORMED_QUERY",
            "1:32",
            "unexpected token: 'COUNT'",
        ),
        (
            "SELECT NOW(CreatedDate) FROM Account",
            "MALFORMED_QUERY",
            "1:8",
            "unexpected token: 'NOW'",
        ),
        (
            "SELECT Name n, Phone N FROM Account GROUP BY Name, Phone",
            "MALFORMED_QUERY",
            "1:16",
            "duplicate alias: N",
        ),
        (
            "SELECT Id FROM Account WHERE Id IN (SELECT ParentId FROM Account)",
            "MALFORMED_QUERY",
            "1:58",
            "The inner and outer selects should not be on the same object type",
        ),
        (
            "SELECT Id FROM Account WHERE Name = 'x' OR Id IN (SELECT AccountId FROM Contact)",
            "MALFORMED_QUERY",
            "1:50",
            f"Semi join sub-selects are only allowed at the top level {WHERE} and not in nested {WHERE}",
        ),
        (
            "SELECT Id FROM Account USING SCOPE nobody",
            "MALFORMED_QUERY",
            "1:36",
            "Invalid scope: nobody",
        ),
        (
            "SELECT Id FROM Account ALL ROWS",
            "MALFORMED_QUERY",
            "1:24",
            "ALL ROWS not allowed in this context",
        ),
        (
            "SELECT Id FROM Account WITH SECURITY_ENFORCED",
            "MALFORMED_QUERY",
            "1:24",
            "WITH is not supported by this simulator",
        ),
        (
            "SELECT Id, FIELDS(STANDARD) FROM Account",
            "MALFORMED_QUERY",
            "1:12",
            "duplicate field selected: Id",
        ),
        (
            "SELECT Id FROM Opportunity WHERE HOUR_IN_DAY(CloseDate) = 1",
            "MALFORMED_QUERY",
            "1:34",
            "Invalid use of function HOUR_IN_DAY: CloseDate is of type date",
        ),
    ],
)
def test_a_wrong_statement_is_refused_with_row_and_column(
    org: SalesforceDouble, soql: str, code: str, row: str, message: str
) -> None:
    with pytest.raises(ApiError) as refusal:
        prepare(org.org, soql, "62.0")
    line, column = row.split(":")
    assert refusal.value.code == code
    assert refusal.value.message.endswith(f"^\nERROR at Row:{line}:Column:{column}\n{message}")


@pytest.mark.parametrize(
    ("soql", "at", "shown", "column"),
    [
        # As real orgs answered: roblesterjr04/EloquentSalesForce issue 68, airbytehq/airbyte issue 62877.
        (
            "select Id, ProductCode from Product2 where ProductCode = 3999",
            "ProductCode = 3999",
            "ProductCode from Product2 where ProductCode = 3999",
            44,
        ),
        (
            "SELECT Id FROM ActivityFieldHistory WHERE SystemModstamp >= 2017-01-01T00:00:00Z AND Id = null",
            "SystemModstamp >=",
            "FROM ActivityFieldHistory WHERE SystemModstamp >= 2017-01-01T00:00:00Z",
            43,
        ),
    ],
)
def test_an_error_shows_whole_words_within_32_characters(soql: str, at: str, shown: str, column: int) -> None:
    refusal = error_at(soql, soql.index(at), "no")
    assert refusal.message == f"\n{shown}\n{' ' * 32}^\nERROR at Row:1:Column:{column}\nno"


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("", "MALFORMED_QUERY"),
        (f"SELECT Id FROM Account WHERE Name = '{'x' * 100_000}'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account LIMIT 1 OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE"),
        (f"SELECT Id FROM Account WHERE {'(' * 60}Id = null{')' * 60}", "QUERY_TOO_COMPLICATED"),
    ],
)
def test_limits_of_statements(org: SalesforceDouble, soql: str, code: str) -> None:
    with pytest.raises(ApiError) as refusal:
        prepare(org.org, soql, "62.0")
    assert refusal.value.code == code
