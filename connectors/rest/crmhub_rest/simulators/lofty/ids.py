"""Record ids: 64-bit integers, most of them beyond what a double-precision number can hold."""

from typing import Final


class Block:
    """The ids of one kind of record: `base` and then one every `step`."""

    __slots__ = ("base", "step")

    def __init__(self, base: int, step: int = 1) -> None:
        self.base = base
        self.step = step

    def at(self, place: int) -> int:
        """The id at `place`."""
        return self.base + place * self.step

    def id_of(self, place: int) -> str:
        """The id at `place`, as text."""
        return str(self.at(place))

    def place_of(self, row_id: str) -> int | None:
        """The place of an id of this block, else None."""
        if not row_id.isascii() or not row_id.isdigit() or len(row_id) > 19:
            return None
        place, rest = divmod(int(row_id) - self.base, self.step)
        return place if place >= 0 and rest == 0 else None


LEADS: Final = Block(1_147_301_720_804_789_013, 13)
TRANSACTIONS: Final = Block(2_100_560_001, 7)
TASKS: Final = Block(1_563_172_647_619_608_011, 11)
NOTES: Final = Block(400_000_012_345, 3)
TIMELINE: Final = Block(1_224_565_260_755_697_665, 2)
"""Of calls, texts and e-mails; a note has one of its own kind beside its note id."""
NOTE_TIMELINE: Final = Block(1_334_565_260_755_697_667, 2)
MEMBERS: Final = Block(302_656_410_082_719, 17)
STAGES: Final = Block(100_234)
TRANSACTION_STAGES: Final = Block(88_001)
TAGS: Final = Block(730_001)
FIELDS: Final = Block(1_001)
PROPERTIES: Final = Block(20_001)
SUBSCRIPTIONS: Final = Block(1_234)
TEAM: Final = 13_233_324
OFFICE: Final = 12_345
