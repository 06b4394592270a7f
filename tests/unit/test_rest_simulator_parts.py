"""What the doubles of the REST CRMs share: switches, ids, numbers."""

from __future__ import annotations

from datetime import UTC

import pytest

from crmhub.testing.simulator.errors import SimulatorError
from crmhub_rest.simulators.numbers import NumberIds, mixed
from crmhub_rest.simulators.switches import Switches
from crmhub_rest.simulators.world import Times

KNOWN = {
    "burst": "calls at once",
    "mode": "keep or new",
    "strict": "whether",
    "scopes": "names",
    "zone": "where",
}


def given(**texts: str) -> Switches:
    return Switches("acme", KNOWN, texts)


def test_switches_are_read_by_kind_and_have_defaults() -> None:
    switches = given(burst="5", mode="new", strict="yes", scopes="a,b c")
    assert (switches.whole("burst", 9), switches.number("burst", 9)) == (5, 5.0)
    assert (switches.one_of("mode", "keep", "keep", "new"), switches.flag("strict")) == ("new", True)
    assert (switches.texts("scopes"), given().texts("scopes", ["x"])) == (["a", "b", "c"], ["x"])
    assert (str(given(zone="Europe/Berlin").zone("zone")), given().zone("zone")) == ("Europe/Berlin", UTC)
    assert (given().text("mode", "keep"), given().whole("burst", 9), given().flag("strict")) == (
        "keep",
        9,
        False,
    )


def read(**texts: str) -> None:
    switches = given(**texts)
    switches.whole("burst", 9, 1)
    switches.one_of("mode", "keep", "keep", "new")
    switches.zone("zone")
    switches.flag("strict")


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"brust": "5"}, "acme has no setting 'brust'; it has burst: calls at once"),
        ({"burst": "many"}, "setting burst: 'many' is not a whole number"),
        ({"burst": "1.5"}, "setting burst: '1.5' is not a whole number"),
        ({"burst": "inf"}, "setting burst: 'inf' is not a whole number"),
        ({"burst": "0"}, "setting burst: 0 is less than 1"),
        ({"mode": "old"}, "setting mode: 'old' is not one of keep, new"),
        ({"zone": "Mars"}, "setting zone: 'Mars' is not a time zone"),
        ({"strict": "maybe"}, "setting strict: 'maybe' is neither true nor false"),
    ],
)
def test_a_wrong_switch_is_named(texts: dict[str, str], message: str) -> None:
    with pytest.raises(SimulatorError) as caught:
        read(**texts)
    assert message in str(caught.value)


def test_ids_and_places_lead_to_each_other() -> None:
    ids = NumberIds(1_000, 10)
    assert [ids.place_of(ids.id_of(place)) for place in range(10)] == list(range(10))
    assert [ids.place_of(text) for text in ("999", "1010", "01000", "x", "", "1" * 40)] == [None] * 6


def test_numbers_depend_on_the_seed_the_salt_and_the_place() -> None:
    assert mixed(1, 2, 3) == mixed(1, 2, 3)
    assert (
        len({mixed(seed, salt, place) for seed in range(5) for salt in range(5) for place in range(5)}) == 125
    )


@pytest.mark.parametrize("count", [1, 5, 40, 250])
def test_seeded_rows_are_never_changed_before_they_are_made_and_both_times_rise(count: int) -> None:
    times = Times(count)
    made = [times.created(place) for place in range(count)]
    changed = [times.modified(place) for place in range(count)]
    assert all(late >= early for early, late in zip(made, changed, strict=True))
    assert (made, changed) == (sorted(made), sorted(changed))
