"""A chain of rows, each tied to the one before it by a key: nothing can be changed or left out unseen.

``mac(n) = HMAC-SHA256(key, mac(n-1) | stream | n | body)``. Without the key nobody can make a row, nor
mend the rows after one that was changed. A chain shows that nothing was changed since; that its end was
not cut off shows only against a head that was kept elsewhere.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias, cast

import msgspec

from crmhub.errors import UsageError

__all__ = [
    "KEY_CHANGED",
    "PRUNED",
    "RESTORED",
    "START",
    "Broken",
    "Chained",
    "Head",
    "Verified",
    "Walk",
    "canonical",
    "kind_of",
    "mac_of",
]

START = ""
"""The mac before the first row."""
KEY_CHANGED, PRUNED, RESTORED = "audit.key", "audit.pruned", "audit.restored"
"""Kinds of the rows that speak of the log itself."""

_encode = msgspec.json.Encoder(order="deterministic", decimal_format="number").encode
_decode = msgspec.json.Decoder(dict[str, object]).decode

KeyOf: TypeAlias = Callable[[str], bytes | None]


class Chained(NamedTuple):
    """One row as it is stored; ``mac`` is in hexadecimal, ``kid`` names the key that made it."""

    seq: int
    kid: str
    mac: str
    body: str


@dataclass(frozen=True, slots=True)
class Head:
    """Where a stream stands: how many rows it has had, and the mac of the last one. It is no secret."""

    stream: str
    seq: int
    mac: str

    def __str__(self) -> str:
        return f"{self.stream}:{self.seq}:{self.mac}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """The head back from its text. Raises :class:`~crmhub.errors.UsageError` for what is none."""
        stream, _, rest = text.strip().partition(":")
        seq, _, mac = rest.partition(":")
        if not stream or not seq.isdecimal() or len(mac) != (64 if int(seq) else 0):
            raise UsageError("this is no head of an audit log", hint="give what `crmhub audit head` told")
        return cls(stream, int(seq), mac)


@dataclass(frozen=True, slots=True)
class Broken:
    """The first row for which the chain does not hold, and why."""

    seq: int
    why: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What a look at a whole stream found."""

    rows: int
    first: int
    """The oldest row that is kept: 1, unless older ones were pruned; 0 when there is none."""
    head: Head
    broken: Broken | None = None
    notes: tuple[str, ...] = ()
    """What was done to the log and stands in it: other keys, rows that were pruned, a restore."""


def canonical(body: Mapping[str, object]) -> str:
    """The body as the one JSON text that stands for it."""
    return _encode(body).decode()


def mac_of(key: bytes, before: str, stream: str, seq: int, body: str) -> str:
    """The mac of a row, in hexadecimal. ``before`` is that of the row before it."""
    name = stream.encode()
    parts = (before.encode(), len(name).to_bytes(2), name, seq.to_bytes(8), body.encode())
    return hmac.digest(key, b"|".join(parts), "sha256").hex()


def kind_of(body: str, *kinds: str) -> Mapping[str, object] | None:
    """What the row says, if it is of one of these kinds; other rows are not even read."""
    if not any(f'"kind":"{kind}"' in body for kind in kinds):
        return None
    told = _decode(body)
    return told if told.get("kind") in kinds else None


class Walk:
    """Checks the rows of a stream in order, some at a time, up to the first that does not hold.

    ``anchor`` is the first row that is kept and the mac before it, as a later row of the stream tells.
    """

    def __init__(
        self, stream: str, key_of: KeyOf, published: Head | None, anchor: tuple[int, str] = (1, START)
    ) -> None:
        self._stream = stream
        self._key_of = key_of
        self._published = published
        self._anchor = anchor
        self._anchored = anchor == (1, START)
        self._seq, self._mac = anchor[0] - 1, anchor[1]
        self._kid = ""
        self._rows = 0
        self._first = 0
        self._lost: list[tuple[int, str]] = []
        self._at_published: str | None = None
        self._notes: list[str] = []
        self.broken: Broken | None = None

    def feed(self, rows: Iterable[Chained]) -> None:
        """Check some more rows."""
        for row in rows:
            if self.broken is None:
                self.broken = self._fault(row)

    def done(self, head: tuple[int, str]) -> Verified:
        """What came of it; ``head`` is what the store believes to be the last row, and its mac."""
        self.broken = self.broken or self._fault_of_ends(head)
        found = Head(self._stream, self._seq if self._rows else 0, self._mac if self._rows else START)
        return Verified(self._rows, self._first, found, self.broken, tuple(self._notes))

    def _fault(self, row: Chained) -> Broken | None:
        if row.seq != self._seq + 1:
            return Broken(self._seq + 1, f"it is missing: the next row is {row.seq}")
        if self._rows and row.kid != self._kid:
            return Broken(row.seq, "it was made with another key than the one in force")
        key = self._key_of(row.kid)
        if key is None:
            return Broken(row.seq, "the key that it was made with is gone, or was never the log's")
        if not hmac.compare_digest(mac_of(key, self._mac, self._stream, row.seq, row.body), row.mac):
            return Broken(row.seq, "it was changed or moved, or made without the key")
        self._first = self._first or row.seq
        self._seq, self._mac, self._kid = row.seq, row.mac, row.kid
        self._rows += 1
        if self._published is not None and row.seq == self._published.seq:
            self._at_published = row.mac
        self._take_note(row)
        return None

    def _take_note(self, row: Chained) -> None:
        told = kind_of(row.body, KEY_CHANGED, PRUNED, RESTORED)
        if told is None:
            return
        if told["kind"] == KEY_CHANGED:
            self._kid = str(told["next"])
            self._notes.append(f"{row.seq}: another key from here on")
        elif told["kind"] == PRUNED:
            self._anchored |= (told["first"], told["before"]) == self._anchor
            self._notes.append(f"{row.seq}: rows before {told['first']} were pruned")
        else:
            self._lost.append((cast("int", told["lost"]), str(told["mac"])))
            self._notes.append(f"{row.seq}: restored from a backup, rows up to {told['lost']} were lost")

    def _fault_of_ends(self, head: tuple[int, str]) -> Broken | None:
        if not self._anchored:
            return Broken(1, f"rows before {self._anchor[0]} are missing, and no row tells of it")
        if head != (self._seq, self._mac):
            return Broken(self._seq + 1, f"it is missing: the log went up to {head[0]}")
        published = self._published
        if published is None or (published.seq, published.mac) in {(0, START), *self._lost}:
            return None
        if published.seq > self._seq:
            return Broken(self._seq + 1, f"it is missing: a head of row {published.seq} was published")
        if published.seq < self._first:
            return None  # pruned since
        if self._at_published != published.mac:
            return Broken(published.seq, "it is another row than the one whose head was published")
        return None
