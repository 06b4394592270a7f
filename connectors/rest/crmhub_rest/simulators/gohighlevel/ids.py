"""Ids that look random, as GoHighLevel's do, and lead back to the place of their row."""

import random
import string
import uuid

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
HEX = "0123456789abcdef"
_SPACE = 1 << 64


class IdBlock:
    """The ids of one object: `length` letters, of which the first are the same for all.

    Unlike most ids of the other doubles they do not rise with places: GoHighLevel's do not either.
    """

    def __init__(self, name: str, seed: int, letters: str = BASE62, length: int = 20) -> None:
        source = random.Random(f"gohighlevel-ids-{name}-{seed}")
        self._letters = letters
        self._values = {letter: value for value, letter in enumerate(letters)}
        self._width = 1
        while len(letters) ** self._width < _SPACE:
            self._width += 1
        self._prefix = "".join(source.choices(letters, k=length - self._width))
        self._length = length
        self._times = source.getrandbits(64) | 1
        self._back = pow(self._times, -1, _SPACE)
        self._plus = source.getrandbits(64)

    def id_of(self, place: int) -> str:
        """The id of the row at `place`."""
        number = (place * self._times + self._plus) % _SPACE
        base, letters, digits = len(self._letters), self._letters, [""] * self._width
        for position in range(self._width - 1, -1, -1):
            number, digit = divmod(number, base)
            digits[position] = letters[digit]
        return self._prefix + "".join(digits)

    def place_of(self, row_id: str) -> int | None:
        """The place of `row_id`; None if no row of this object can have it."""
        if len(row_id) != self._length or not row_id.startswith(self._prefix):
            return None
        number = 0
        for letter in row_id[len(self._prefix) :]:
            value = self._values.get(letter)
            if value is None:
                return None
            number = number * len(self._letters) + value
        return None if number >= _SPACE else (number - self._plus) * self._back % _SPACE


def seeded_uuid(source: random.Random) -> str:
    """A UUID from a seeded source."""
    return str(uuid.UUID(int=source.getrandbits(128), version=4))
