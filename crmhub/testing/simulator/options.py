"""What a simulator is started with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


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
