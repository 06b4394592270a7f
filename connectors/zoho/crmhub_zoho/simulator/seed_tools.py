"""What the makers of seeded rows share: counts, ids, cheap numbers from (seed, place), times as text."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo

from crmhub_zoho.simulator.ids import IdBlock

_MASK = (1 << 64) - 1
_DAY = 86_400
_TWO = tuple(f"{number:02}" for number in range(60))


@dataclass
class SeedWorld:
    """The seeded organisation: how many rows each module has, and how places become ids and links."""

    seed: int
    zone: tzinfo
    counts: Mapping[str, int]
    blocks: Mapping[str, IdBlock]
    users: Sequence[str]
    _days: dict[int, str] = field(default_factory=dict[int, str])

    def __post_init__(self) -> None:
        shift = self.zone.utcoffset(None) or timedelta()
        self._shift = int(shift.total_seconds())
        self._suffix = datetime(2000, 1, 1, tzinfo=self.zone).isoformat()[-6:]

    def number(self, salt: int, place: int) -> int:
        """A 64-bit number that looks random, always the same for (seed, salt, place)."""
        mixed = (
            place * 0x9E3779B97F4A7C15 + salt * 0xD1B54A32D192ED03 + self.seed * 0x2545F4914F6CDD1D
        ) & _MASK
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return mixed ^ (mixed >> 31)

    def stamp(self, instant: int) -> str:
        """Epoch seconds as a date-time with the organisation's offset."""
        day, rest = divmod(instant + self._shift, _DAY)
        text = self._days.get(day)
        if text is None:
            text = self._days[day] = date.fromordinal(719_163 + day).isoformat()
        hours, rest = divmod(rest, 3_600)
        minutes, seconds = divmod(rest, 60)
        return f"{text}T{_TWO[hours]}:{_TWO[minutes]}:{_TWO[seconds]}{self._suffix}"

    def day(self, instant: int) -> str:
        """The date of epoch seconds in the organisation's zone."""
        return self.stamp(instant)[:10]

    def partner(self, module: str, place: int, count: int) -> int | None:
        """The place in `module` that goes with `place` of `count`; rises with `place`. None if the module
        is empty.
        """
        total = self.counts[module]
        return place * total // count if total else None

    def partners_of(self, module: str, record_id: str, count: int) -> Iterable[int]:
        """The places of `count` whose partner in `module` is the record with this id."""
        total = self.counts[module]
        place = self.blocks[module].place_of(record_id)
        if not total or place is None or place >= total:
            return ()
        return range(-(-place * count // total), -(-(place + 1) * count // total))

    def id_of(self, module: str, place: int) -> str:
        """The id of a seeded record."""
        return self.blocks[module].id_of(place)
