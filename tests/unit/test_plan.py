"""Plans as data: the hash stands for exactly these writes, also after they were stored."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from crmhub.plan import Plan, PlannedWrite
from crmhub.store import RecordRef
from crmhub.usage import Estimate

NUMBER = st.decimals(allow_nan=False, allow_infinity=False, places=3)
VALUE = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8) | NUMBER
NATIVE = st.dictionaries(st.text(max_size=6), VALUE | st.lists(VALUE, max_size=3), max_size=4)
PLAIN = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8)
WRITE = st.builds(
    PlannedWrite,
    operation=st.sampled_from(["create", "update"]),
    connection=st.text(max_size=6),
    model=st.sampled_from(["contact", "deal"]),
    object=st.text(max_size=6),
    id=st.none() | st.text(max_size=6),
    source=st.none() | st.builds(RecordRef, st.text(max_size=3), st.text(max_size=3), st.text(max_size=3)),
    fields=NATIVE,
    changes=st.dictionaries(st.text(max_size=6), st.tuples(PLAIN, PLAIN), max_size=3),
    expected=st.none() | st.text(max_size=6),
    defaulted=st.lists(st.text(max_size=4), max_size=2).map(tuple),
)
ONE = PlannedWrite(
    operation="update",
    connection="zoho",
    model="deal",
    object="Deals",
    id="1",
    source=None,
    fields={"Stage": "Won", "Amount": Decimal("10.50")},
    changes={"stage": ("7", "9")},
    expected="2026-01-01T00:00:00+00:00",
)


@given(st.lists(WRITE, max_size=3))
def test_a_plan_that_was_stored_has_the_same_writes_and_the_same_hash(writes: list[PlannedWrite]) -> None:
    plan = Plan(writes)
    again = Plan.decode(plan.json())
    assert again.json() == plan.json()
    assert again.hash == plan.hash


def test_whatever_is_changed_in_a_write_changes_the_hash_and_its_price_does_not() -> None:
    plans = {
        Plan([ONE]).hash,
        Plan([replace(ONE, connection="sf")]).hash,
        Plan([replace(ONE, id="2")]).hash,
        Plan([replace(ONE, expected=None)]).hash,
        Plan([replace(ONE, fields={**ONE.fields, "Stage": "Lost"})]).hash,
        Plan([replace(ONE, changes={"stage": ("8", "9")})]).hash,
        Plan([ONE, ONE]).hash,
        Plan().hash,
    }
    assert len(plans) == 8
    priced = Plan([ONE], price={"zoho": Estimate(1, 1, "credits", "rest")})
    assert priced.hash == Plan([ONE]).hash
