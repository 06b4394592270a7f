from __future__ import annotations

import pytest

from crmhub.clock import ManualClock
from crmhub.errors import (
    AuthError,
    BadRequest,
    CircuitOpen,
    Conflict,
    NotFound,
    PermissionDenied,
    RateLimited,
    Unavailable,
    UnknownOutcome,
)
from crmhub.http import BreakerOptions
from crmhub.http.breaker import Breaker

OPTIONS = BreakerOptions(failures=3, window=60.0, cool_down=5.0, longest_cool_down=15.0)


class Circuit:
    """A breaker, its clock, and what it told."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.told: list[tuple[str, float]] = []
        self.breaker = Breaker(
            OPTIONS,
            clock=self.clock,
            tell=lambda state, seconds: self.told.append((state, seconds)),
            connection="crm",
        )

    def call(self, error: BaseException | None = None) -> bool:
        passage = self.breaker.passage()
        probing = passage.__enter__()
        passage.__exit__(type(error) if error else None, error, None)
        return probing

    def fail(self, times: int = 1) -> None:
        for _ in range(times):
            self.call(Unavailable("down", status=503))


def test_it_opens_after_enough_failures_and_says_when_it_tries_again() -> None:
    circuit = Circuit()
    circuit.fail(3)
    assert circuit.told == [("opened", 5.0)]
    with pytest.raises(CircuitOpen, match="tries again in 5 s") as caught:
        circuit.call()
    assert caught.value.where.connection == "crm"
    assert caught.value.applied is False


def test_half_of_the_last_calls_failing_opens_it_too() -> None:
    circuit = Circuit()
    for _ in range(3):
        circuit.call()
        circuit.fail()
    assert circuit.told == [("opened", 5.0)]


def test_failures_in_a_row_open_it_however_slowly_they_come() -> None:
    circuit = Circuit()
    for _ in range(3):
        circuit.fail()
        circuit.clock.advance(90)
    assert circuit.told == [("opened", 5.0)]


def test_failures_spread_over_a_long_time_or_among_many_successes_do_not_open_it() -> None:
    circuit = Circuit()
    for _ in range(10):
        circuit.fail()
        circuit.call()
        circuit.clock.advance(31)
    for _ in range(10):
        circuit.fail()
        for _ in range(6):
            circuit.call()
    assert circuit.told == []


@pytest.mark.parametrize(
    "error",
    [
        AuthError("x", status=401),
        PermissionDenied("x", status=403),
        NotFound("x", status=404),
        BadRequest("x", status=400),
        Conflict("x", status=412),
        RateLimited("x", status=429),
        Unavailable("x", status=408),
        ValueError("ours"),
        KeyboardInterrupt(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_the_crm_refuses_never_counts(error: BaseException) -> None:
    circuit = Circuit()
    for _ in range(50):
        circuit.call(error)
    assert circuit.told == []


@pytest.mark.parametrize(
    "error", [Unavailable("no network"), UnknownOutcome("reply lost"), UnknownOutcome("x", status=502)]
)
def test_no_answer_and_server_errors_count(error: Exception) -> None:
    circuit = Circuit()
    for _ in range(3):
        circuit.call(error)
    assert circuit.told == [("opened", 5.0)]


def test_after_the_cool_down_one_probe_passes_and_the_others_are_told_to_wait() -> None:
    circuit = Circuit()
    circuit.fail(3)
    circuit.clock.advance(5)
    with circuit.breaker.passage() as probing:
        assert probing
        with pytest.raises(CircuitOpen, match="when the probe under way has ended"):
            circuit.call()
    assert circuit.told == [("opened", 5.0), ("closed", 0.0)]
    assert not circuit.call()
    circuit.fail(2)
    assert len(circuit.told) == 2, "it begins anew after it closed"


def test_a_failing_probe_doubles_the_cool_down_up_to_its_cap() -> None:
    circuit = Circuit()
    circuit.fail(3)
    for _ in range(3):
        circuit.clock.advance(15)
        circuit.fail()
    circuit.clock.advance(15)
    circuit.call()
    circuit.fail(3)
    assert [seconds for state, seconds in circuit.told if state == "opened"] == [5.0, 10.0, 15.0, 15.0, 5.0]


def test_a_probe_that_the_crm_refuses_closes_the_circuit_since_somebody_answered() -> None:
    circuit = Circuit()
    circuit.fail(3)
    circuit.clock.advance(5)
    assert circuit.call(NotFound("x", status=404))
    assert circuit.told[-1] == ("closed", 0.0)


def test_a_cancelled_probe_leaves_the_place_to_the_next() -> None:
    circuit = Circuit()
    circuit.fail(3)
    circuit.clock.advance(5)
    assert circuit.call(KeyboardInterrupt())
    assert circuit.call()
    assert circuit.told[-1] == ("closed", 0.0)


def test_calls_that_were_under_way_when_it_opened_change_nothing() -> None:
    circuit = Circuit()
    passages = [circuit.breaker.passage() for _ in range(5)]
    circuit.fail(3)
    for passage in passages:
        with passage:
            pass
    with pytest.raises(CircuitOpen):
        circuit.call()
