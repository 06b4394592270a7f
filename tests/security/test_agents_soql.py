"""Threat 16: SOQL that says more than the policy allows. What is sent is within it, whatever is written."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmhub.agent.answers import Refused
from crmhub.agent.soql import Both, Compared, Condition, Denied, Order, Statement, parse

ALLOWED = {"Account": {"Name": "name", "Site": "site"}, "Contact": {"Email": "emails"}}
QUOTED = re.compile(r"'(?:\\.|[^'\\])*'")

names = st.sampled_from(
    ["Id", "Name", "name", "Site", "Secret__c", "Email", "Owner.Name", "Nаme", "İd", "a.Name"]
)
objects = st.sampled_from(
    ["Account", "account", "Contact", "User", "Accounts", "Contact c", "Account.Contacts"]
)
strings = st.text(max_size=12).map(lambda text: f"'{text}'") | st.sampled_from(
    [r"'O\'Neil'", r"'\\'", "'' OR Secret__c != ''", "'a' -- ", "'\\", "'\u2028'"]
)
values = strings | st.sampled_from(
    [
        "1",
        "-2.5",
        "NULL",
        "TODAY",
        "LAST_N_DAYS:30",
        "2026-01-01",
        "(SELECT Id FROM User)",
        "Secret__c",
        "5 OR 1",
    ]
)
operators = st.sampled_from(["=", "!=", "<", "LIKE", "IN", "NOT IN", "INCLUDES", "~"])
comparisons = st.tuples(names, operators, values).map(
    lambda three: f"{three[0]} {three[1]} {f'({three[2]})' if 'IN' in three[1] else three[2]}"
)
conditions = st.recursive(
    comparisons,
    lambda inner: (
        st.tuples(inner, st.sampled_from(["AND", "OR", "and"]), inner).map(lambda t: f"({' '.join(t)})")
        | inner.map(lambda one: f"NOT ({one})")
    ),
    max_leaves=6,
)
tails = st.sampled_from(
    ["", "ORDER BY Name", "ORDER BY Secret__c", "LIMIT 5", "LIMIT 999999", "OFFSET 5", "FOR VIEW", "ALL ROWS",
     "GROUP BY Name", "; DELETE", "-- ", "/* */", "WITH SECURITY_ENFORCED", "HAVING COUNT(Id) > 1"]
)  # fmt: skip
selected = st.lists(
    names
    | st.sampled_from(["COUNT()", "(SELECT Id FROM Contacts)", "FIELDS(ALL)", "toLabel(Name)", "TYPEOF x"]),
    min_size=1,
    max_size=3,
).map(", ".join)
statements = st.tuples(selected, objects, st.none() | conditions, tails).map(
    lambda four: f"SELECT {four[0]} FROM {four[1]}{f' WHERE {four[2]}' if four[2] else ''} {four[3]}"
)


def sent(text: str) -> str | None:
    """What is sent of a text; ``None`` where it is refused."""
    try:
        return str(parse(text).within(ALLOWED).bounded(6))
    except Refused:
        return None


def demand_within(statement: str) -> None:
    """By another way than the parser's: every word outside of texts is a known one."""
    bare = QUOTED.sub("''", statement)
    assert re.fullmatch(r"[A-Za-z0-9_'(),<>=!:. +\-]*", bare)
    assert bare.upper().count("SELECT") == 1
    assert bare.endswith(" LIMIT 6")
    object_ = re.findall(r" FROM (\w+)", bare)
    assert object_ in (["Account"], ["Contact"])
    fields = {"Id", *ALLOWED[object_[0]]}
    keywords = {
        "SELECT", "FROM", "WHERE", "AND", "OR", "NOT", "LIKE", "IN", "INCLUDES", "EXCLUDES", "NULL", "TRUE",
        "FALSE", "ORDER", "BY", "DESC", "NULLS", "FIRST", "LAST", "LIMIT", "COUNT", "total", "TODAY",
        "LAST_N_DAYS", object_[0],
    }  # fmt: skip
    words = set(re.findall(r"[A-Za-z_]\w*", re.sub(r"\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-][\d:]+))?", "", bare)))
    assert words <= keywords | fields


@given(statements)
def test_what_is_sent_of_any_statement_is_within_the_policy(text: str) -> None:
    statement = sent(text)
    if statement is not None:
        demand_within(statement)
        assert sent(statement) == statement or "COUNT(" in statement


@given(st.text(max_size=60))
def test_what_is_sent_of_any_text_after_a_good_beginning_is_within_the_policy(text: str) -> None:
    statement = sent(f"SELECT Name FROM Account WHERE Name = '{text}")
    if statement is not None:
        demand_within(statement)


literals = st.sampled_from(["'x'", r"'O\'Neil'", "1", "2.5", "NULL", "TRUE", "TODAY", "2026-01-01"])
good = st.sampled_from(["Id", "Name", "Site"])


@st.composite
def whole(draw: st.DrawFn) -> Statement:
    leaf: st.SearchStrategy[Condition] = st.builds(
        Compared, good, st.sampled_from(["=", "!=", ">="]), literals.map(lambda one: (one,))
    ) | st.builds(
        Compared, good, st.sampled_from(["IN", "NOT IN"]), st.lists(literals, min_size=1).map(tuple)
    )
    deep = st.recursive(
        leaf,
        lambda inner: (
            st.builds(Denied, inner)
            | st.builds(
                Both, st.sampled_from(["AND", "OR"]), st.lists(inner, min_size=2, max_size=3).map(tuple)
            )
        ),
        max_leaves=5,
    )
    fields = draw(st.lists(good, min_size=1, unique=True).map(tuple))
    order = draw(
        st.lists(st.builds(Order, good, st.booleans(), st.sampled_from([None, "FIRST", "LAST"])), max_size=2)
    )
    return Statement(
        "Account", fields, draw(st.none() | deep), tuple(order), draw(st.none() | st.integers(0, 300))
    )


@given(whole())
def test_a_statement_that_is_allowed_says_the_same_when_it_is_written_anew(statement: Statement) -> None:
    assert parse(str(statement)) == statement
    assert parse(str(statement)).within(ALLOWED) == statement


@pytest.mark.parametrize(
    "text",
    [
        "SELECT Name FROM Account WHERE Id IN (SELECT AccountId FROM Contact)",
        "SELECT Name, (SELECT Email FROM Contacts) FROM Account",
        "SELECT Owner.Email FROM Account",
        "SELECT Name FROM Account WHERE Owner.Email = 'x'",
        "SELECT FIELDS(ALL) FROM Account",
        "SELECT COUNT(Secret__c) FROM Account",
        "SELECT MAX(Name) FROM Account",
        "SELECT Name FROM Account, Account.Owner o",
        "SELECT Name FROM Account a",
        "SELECT Name FROM Account USING SCOPE everything",
        "SELECT Name FROM Account LIMIT 5 OFFSET 5",
        "SELECT Name FROM Account ALL ROWS",
        "SELECT Name FROM Account -- WHERE",
        "SELECT Name FROM Account WHERE Name = 'a' /* */",
        "SELECT Name FROM Account; SELECT Id FROM User",
        "SELECT Name FROM Account WHERE Name = 'a",
        "SELECT Name FROM Account WHERE Name = :secret",
        "SELECT N\u0430me FROM Account",
        "SELECT Name FROM Account WHERE Name = 'a' AND Site = 'b' OR Id = 'c'",
        "SELECT Name FROM Account GROUP BY Name",
        "SELECT Name FROM Account FOR UPDATE",
        "SELECT COUNT() FROM Account ORDER BY Name",
        "DELETE FROM Account",
        "",
        "SELECT Name FROM Account WHERE " + "(" * 500 + "Name = 'a'" + ")" * 500,
        "SELECT Name FROM Account WHERE " + "NOT " * 500 + "Name = 'a'",
    ],
)
def test_what_is_more_than_one_plain_question_is_refused(text: str) -> None:
    assert sent(text) is None


def test_a_refusal_never_repeats_the_statement() -> None:
    with pytest.raises(Refused) as told:
        parse("SELECT Name FROM Account WHERE Name = 'ada@seller.example' canary")
    assert "ada" not in repr(told.value.problem)
    assert "canary" not in repr(told.value.problem)
