"""Record ids: 15 case-sensitive characters, or 18 with a check that restores the case.

The three further characters cover five characters each: bit i is set where character i is an upper-case
letter, and the number is written as one of A-Z, 0-5 (Salesforce Help, "What is the difference between 15 and
18 digit ids").
"""

import re

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_BASE = len(_DIGITS)
_SQUARE = _BASE**2
_PAIRS = [first + second for first in _DIGITS for second in _DIGITS]
_PAIR_BITS = [first.isupper() | second.isupper() << 1 for first, second in _PAIRS]
_VALUES = {digit: value for value, digit in enumerate(_DIGITS)}
_POD = "Hs0000"
_WIDTH = 6
_SHAPE = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")


def check_of(id15: str) -> str:
    """The three check characters of a 15-character id."""
    letters = ""
    for start in (0, 5, 10):
        bits = 0
        for place, char in enumerate(id15[start : start + 5]):
            if "A" <= char <= "Z":
                bits |= 1 << place
        letters += _CHECK[bits]
    return letters


def normal_id(text: str) -> str | None:
    """The 18-character form of a 15- or 18-character id, its case restored; None if it cannot be an id."""
    if _SHAPE.fullmatch(text) is None:
        return None
    if len(text) == 15:
        return text + check_of(text)
    restored = ""
    for group, letter in enumerate(text[15:].upper()):
        bits = _CHECK.find(letter)
        for place in range(5):
            char = text[group * 5 + place]
            upper = bits >= 0 and bits >> place & 1
            restored += char.upper() if upper else char.lower()
    complete = restored + check_of(restored)
    return complete if complete[15:] == text[15:].upper() else None


class ObjectIds:
    """The ids of one object's records: its prefix, then the place counted in base 62 from 1."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self._stem = f"{prefix}{_POD}"
        self._check = check_of(f"{self._stem}000000")[:1]

    def id_of(self, place: int) -> str:
        """The id of the record at `place`."""
        number = place + 1
        high, low = divmod(number, _SQUARE)
        high, middle = divmod(high, _SQUARE)
        # The 1st character of the tail is the 5th of the second group; the others are the third group.
        bits = _PAIR_BITS[high]
        third = bits >> 1 | _PAIR_BITS[middle] << 1 | _PAIR_BITS[low] << 3
        tail = _PAIRS[high] + _PAIRS[middle] + _PAIRS[low]
        return f"{self._stem}{tail}{self._check}{_CHECK[(bits & 1) << 4]}{_CHECK[third]}"

    def place_of(self, row_id: str) -> int | None:
        """The place of an id (18 characters, normal form); None if it is not one of this object's."""
        if not row_id.startswith(self._stem) or len(row_id) != 18:
            return None
        return self.number(row_id) - 1

    def number(self, row_id: str) -> int:
        """The number that the id's last characters count."""
        value = 0
        for char in row_id[15 - _WIDTH : 15]:
            value = value * _BASE + _VALUES[char]
        return value

    def first_at_or_after(self, row_id: str) -> int:
        """The lowest place whose id is not below `row_id` (any id-like text, 18 characters)."""
        head = row_id[: len(self._stem)]
        if head != self._stem:
            return 0 if head < self._stem else _BASE**_WIDTH
        return max(self.number(row_id) - 1, 0)
