"""What a simulator is started with."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from crmhub.testing.simulator.errors import SimulatorError


@dataclass(frozen=True)
class Options:
    """The choices a double is made from; the same options give the same double.

    - `rows`: seeded rows in each of the main objects, or a mapping of object to rows. 0: an empty org.
    - `seed`: changes which data and which faults; the same seed gives the same.
    - `schema`, `users`: files with custom fields and with users (see `schema_file` and `users_file`).
    - `faults`: rules as read by `faults.parse_fault`.
    - `latency`: seconds that every answered call takes.
    - `admin`: whether the routes under `/_` answer (loopback only).
    - `base_url`: where the double says that it lives. Empty: wherever it was called.
    - `settings`: the double's own choices, by name (each double says which it knows).
    - `now`: epoch seconds for the clock; None: the machine's.
    """

    rows: int | Mapping[str, int] = 0
    seed: int = 1
    schema: Path | None = None
    users: Path | None = None
    faults: tuple[str, ...] = ()
    latency: float = 0.0
    admin: bool = False
    base_url: str = ""
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    now: Callable[[], float] | None = None

    def rows_of(self, name: str, default: int | None = None) -> int:
        """How many rows to seed in object `name`; `default` (else `rows`) where a plain number was given."""
        if isinstance(self.rows, int):
            return self.rows if default is None else default
        return self.rows.get(name, 0)


def parse_rows(text: str) -> int | dict[str, int]:
    """`1000` or `Accounts=85,Deals=8800`; raises SimulatorError for anything else."""
    if text.strip().isdigit():
        return int(text)
    rows: dict[str, int] = {}
    for part in text.split(","):
        name, joint, count = part.partition("=")
        if not joint or not name.strip() or not count.strip().isdigit():
            raise SimulatorError(f"rows {text!r}: write a number, or Object=number,Object=number")
        rows[name.strip()] = int(count)
    return rows


def parse_latency(text: str) -> float:
    """Seconds from `50ms`, `0.05s` or `0.05`; raises SimulatorError for anything else."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s)?", text.strip())
    if match is None:
        raise SimulatorError(f"latency {text!r}: write it like 50ms or 0.05")
    return float(match[1]) / (1000 if match[2] == "ms" else 1)


def parse_settings(texts: Iterable[str]) -> dict[str, str]:
    """Settings from `name=value` texts; raises SimulatorError for anything else."""
    settings: dict[str, str] = {}
    for text in texts:
        name, joint, value = text.partition("=")
        if not joint or not name.strip():
            raise SimulatorError(f"setting {text!r}: write it like name=value")
        settings[name.strip()] = value.strip()
    return settings
