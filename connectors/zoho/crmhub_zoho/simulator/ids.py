"""Record ids: texts of 64-bit integers, one block of numbers per module, rising in the order of creation."""

_ORG = 554_023 * 10**12
_BLOCK = 10**10
_FIRST = 1_001
USERS_BLOCK = 1
LAYOUTS_BLOCK = 2
METADATA_BLOCK = 3
JOBS_BLOCK = 4
FILES_BLOCK = 5
ATTACHMENTS_BLOCK = 6
ROWS_BLOCK = 7
FIRST_MODULE_BLOCK = 10


class IdBlock:
    """The ids of block `number`: place 0 has the lowest."""

    __slots__ = ("_base", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self._base = _ORG + number * _BLOCK + _FIRST

    def id_of(self, place: int) -> str:
        """The id at `place`."""
        return str(self._base + place)

    def place_of(self, row_id: str) -> int | None:
        """The place of an id of this block, else None."""
        if not row_id.isascii() or not row_id.isdigit():
            return None
        place = int(row_id) - self._base
        return place if 0 <= place < _BLOCK - _FIRST else None

    def bound(self, row_id: str) -> int:
        """Where `row_id` (any number) stands in this block's order; before 0 or after the last if it is
        outside.
        """
        return int(row_id) - self._base


def as_record_id(value: object) -> str | None:
    """An id given as a number or as text, as text; None if it is neither."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value)
    return (
        value if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 19 else None
    )
