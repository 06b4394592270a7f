"""Which fields go into which part of a query that has too many."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crmhub.connector import Value
from crmhub.errors import BadRequest
from crmhub_salesforce.schema import Described, described
from crmhub_salesforce.wide import Parts

TOO_WIDE = BadRequest("too wide", code="QUERY_TOO_COMPLICATED")
NAMES = st.lists(st.integers(1, 400), unique=True, min_size=1, max_size=60).map(
    lambda sizes: [f"f{size}".ljust(size, "x") for size in sizes]
)


def account(stamp: str) -> Described:
    fields: list[Value] = [
        {"name": name, "type": "id", "filterable": True, "sortable": True} for name in ("Id", stamp)
    ]
    return described("Account", {"name": "Account", "fields": fields})


@given(NAMES, st.integers(0, 20_000))
def test_every_field_is_in_one_part_and_each_part_says_which_version_it_is(
    names: list[str], room: int
) -> None:
    parts = Parts(account("SystemModstamp"), ["Id", "SystemModstamp", *names])
    parts.fit(room)
    counts = [len(parts.all)]
    while parts.halve(TOO_WIDE):  # it ends
        counts.append(len(parts.all))
    assert counts == sorted(set(counts))
    assert {part[:2] for part in parts.all} == {("Id", "SystemModstamp")}
    assert [name for part in parts.all for name in part[2:]] == names


@given(NAMES)
def test_what_does_not_tell_that_it_has_changed_is_not_parted(names: list[str]) -> None:
    parts = Parts(account("CreatedDate"), ["Id", *names])
    parts.fit(300)
    assert not parts.halve(TOO_WIDE)
    assert parts.all == [("Id", *names)]


def test_only_a_query_with_too_many_fields_is_parted() -> None:
    parts = Parts(account("SystemModstamp"), [f"a_long_name_of_a_field_{at}" for at in range(30)])
    assert not parts.halve(BadRequest("else", code="MALFORMED_QUERY"))
    assert parts.halve(TOO_WIDE)
    assert len(parts.all) > 1
