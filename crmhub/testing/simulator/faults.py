"""Fault rules: what goes wrong, where, and how often. Seeded, so that a run can be repeated.

A rule is written `KIND[@[METHOD ]PATH][:RATE]`:

- KIND: an HTTP status (`429`, `503`; `429+30` with `Retry-After: 30`) or one of the names in `CALL_KINDS`
  and `DATA_KINDS`;
- METHOD and PATH: only calls of that method whose path contains PATH (default: every call);
- RATE: `5%` of the calls, or the next `3x` calls (default: every call).
"""

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from crmhub.testing.simulator.errors import SimulatorError

CALL_KINDS: dict[str, str] = {
    "html": "a 502 with an HTML page",
    "empty": "handled, then 200 with an empty body",
    "truncated": "handled, then half of the JSON body",
    "content_type": "handled, then the right body under a wrong content type",
    "cut": "the connection is cut before the call is handled",
    "lost": "the call is handled and kept, then the connection is cut",
    "expire": "every access token expires just before this call",
    "hang": "no answer until the client gives up",
}
DATA_KINDS: dict[str, str] = {
    "duplicate_ids": "a page holds its first record twice",
    "loop_token": "the next-page pointer leads back to the same page",
    "no_cursor_field": "records come without their time of last change",
    "job_failure": "a background job ends in failure",
}

_RULE = re.compile(
    r"(?P<kind>[A-Za-z_]+|\d{3})(?:\+(?P<wait>\d{1,6}))?"
    r"(?:@(?:(?P<method>GET|POST|PUT|PATCH|DELETE|HEAD)\s*)?(?P<path>/?[^:]*))?"
    r"(?::(?P<rate>\d+(?:\.\d+)?%|\d+x))?"
)


@dataclass(frozen=True)
class FaultRule:
    """One parsed rule. `share` is a probability 0..1, or None when `times` counts calls; neither means
    always. `wait` is sent as `Retry-After`, in seconds.
    """

    text: str
    kind: str
    method: str | None = None
    path: str = ""
    share: float | None = None
    times: int | None = None
    wait: int | None = None

    @property
    def status(self) -> int | None:
        """The HTTP status the rule answers with, if it is of that kind."""
        return int(self.kind) if self.kind.isdigit() else None

    def covers(self, method: str, path: str) -> bool:
        """Whether the rule speaks about calls of `method` to `path`."""
        return (self.method is None or self.method == method) and self.path in path


def parse_fault(text: str) -> FaultRule:
    """Read one rule; raises SimulatorError saying what is wrong and what may be written."""
    match = _RULE.fullmatch(text.strip())
    if match is None:
        raise SimulatorError(
            f"fault {text!r}: write KIND[@[METHOD ]PATH][:RATE], e.g. 429:5% or 503@/crm/v8/Deals:3x"
        )
    kind = match["kind"].lower()
    if kind.isdigit():
        if not 300 <= int(kind) <= 599:
            raise SimulatorError(f"fault {text!r}: {kind} is not a status that can be a fault (300 to 599)")
    elif kind not in CALL_KINDS and kind not in DATA_KINDS:
        known = ", ".join([*CALL_KINDS, *DATA_KINDS])
        raise SimulatorError(f"fault {text!r}: unknown kind {kind!r}; use an HTTP status or one of {known}")
    wait = int(match["wait"]) if match["wait"] else None
    if wait is not None and not kind.isdigit():
        raise SimulatorError(f"fault {text!r}: only an HTTP status comes with a Retry-After")
    rate = match["rate"] or ""
    share = float(rate[:-1]) / 100 if rate.endswith("%") else None
    if share is not None and share > 1:
        raise SimulatorError(f"fault {text!r}: {rate} is more than 100%")
    times = int(rate[:-1]) if rate.endswith("x") else None
    return FaultRule(text.strip(), kind, match["method"], (match["path"] or "").strip(), share, times, wait)


class Faults:
    """The rules in force. Counted rules are used up; shares are drawn from a seeded generator."""

    def __init__(self, rules: Iterable[str] = (), seed: int = 0) -> None:
        self._random = random.Random(seed)
        self._rules: list[FaultRule] = []
        self._left: dict[int, int] = {}
        self.replace(list(rules))

    @property
    def rules(self) -> list[str]:
        """The rules in force, as they were written (used-up ones are gone)."""
        return [rule.text for place, rule in enumerate(self._rules) if self._left.get(place, 1) > 0]

    def replace(self, rules: Sequence[str]) -> None:
        """Put `rules` in force instead of all others; raises SimulatorError (changing nothing) if one is
        wrong.
        """
        parsed = [parse_fault(text) for text in rules]
        self._rules = parsed
        self._left = {place: rule.times for place, rule in enumerate(parsed) if rule.times is not None}

    def on_call(self, method: str, path: str) -> FaultRule | None:
        """The rule that strikes this call, if any; the first that does wins. Call once per call."""
        return self._strike(method, path, None)

    def on_data(self, kind: str, method: str, path: str) -> bool:
        """Whether a data fault (`DATA_KINDS`) strikes the answer to this call."""
        return self._strike(method, path, kind) is not None

    def _strike(self, method: str, path: str, data_kind: str | None) -> FaultRule | None:
        for place, rule in enumerate(self._rules):
            wanted = rule.kind == data_kind if data_kind else rule.kind not in DATA_KINDS
            if wanted and rule.covers(method, path) and self._happens(place, rule):
                return rule
        return None

    def _happens(self, place: int, rule: FaultRule) -> bool:
        if rule.share is not None:
            return self._random.random() < rule.share
        left = self._left.get(place)
        if left is None:
            return True
        self._left[place] = max(left - 1, 0)
        return left > 0
