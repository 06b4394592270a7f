"""The ids of leads, which are UUIDs; all others are numbers from 1 on."""

import re


class LeadIds:
    """The ids of leads: UUIDs whose last part counts."""

    def __init__(self, seed: int) -> None:
        self._head = f"{0xADF21080 + seed & 0xFFFFFFFF:08x}-0e10-11eb-879b-"
        self._form = re.compile(re.escape(self._head) + "([0-9a-f]{12})")

    def id_of(self, place: int) -> str:
        """The id at `place`."""
        return f"{self._head}{place + 1:012x}"

    def place_of(self, row_id: str) -> int | None:
        """The place of an id, or None if it is no such id."""
        match = self._form.fullmatch(row_id.lower())
        place = int(match[1], 16) - 1 if match else -1
        return place if place >= 0 else None
