"""Numbers that look random and depend on the seed and the place alone, and ids that are numbers."""

_MASK = (1 << 64) - 1


def mixed(seed: int, salt: int, place: int) -> int:
    """A 64-bit number, always the same for (seed, salt, place)."""
    number = (place * 0x9E3779B97F4A7C15 + salt * 0xD1B54A32D192ED03 + seed * 0x2545F4914F6CDD1D) & _MASK
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & _MASK
    return number ^ (number >> 31)


class NumberIds:
    """Ids that are the texts of the numbers from `first` on, `room` of them."""

    __slots__ = ("first", "room")

    def __init__(self, first: int, room: int = 10**9) -> None:
        self.first = first
        self.room = room

    def id_of(self, place: int) -> str:
        """The id at `place`."""
        return str(self.first + place)

    def place_of(self, row_id: str) -> int | None:
        """The place of an id of this range, else None."""
        if not row_id.isascii() or not row_id.isdigit() or len(row_id) > 19 or str(int(row_id)) != row_id:
            return None
        place = int(row_id) - self.first
        return place if 0 <= place < self.room else None
