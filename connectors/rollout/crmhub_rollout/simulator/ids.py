"""Record ids: texts in the form of version 7 UUIDs, rising in the order of creation."""

import re
from typing import Final

_EPOCH: Final = 0x0197_0000_0000
_STEP: Final = 1_021
_TAIL: Final = 0x9E3779B97F4B
_MASK: Final = (1 << 48) - 1
_FORM: Final = re.compile(
    r"(?P<high>[0-9a-f]{8})-(?P<low>[0-9a-f]{4})-7(?P<kind>[0-9a-f]{3})-8(?P<crm>[0-9a-f]{3})-(?P<tail>[0-9a-f]{12})"
)


class UuidBlock:
    """The ids of one kind of record in one CRM."""

    __slots__ = ("_crm", "_kind")

    def __init__(self, kind: int, crm: int) -> None:
        self._kind = kind
        self._crm = crm

    def id_of(self, place: int) -> str:
        """The id at `place`."""
        stamp = f"{_EPOCH + place * _STEP:012x}"
        tail = (place + 1) * _TAIL & _MASK
        return f"{stamp[:8]}-{stamp[8:]}-7{self._kind:03x}-8{self._crm:03x}-{tail:012x}"

    def place_of(self, row_id: str) -> int | None:
        """The place of an id of this block, else None."""
        match = _FORM.fullmatch(row_id)
        if match is None:
            return None
        place, rest = divmod(int(match["high"] + match["low"], 16) - _EPOCH, _STEP)
        return place if rest == 0 and place >= 0 and self.id_of(place) == row_id else None
