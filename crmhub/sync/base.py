"""The base of a link: what both sides last agreed on, and what they never agreed on.

Two sides can hold different things without either having changed: a value that was filled in because
the target demands it, an owner that the target does not have. The base remembers both, so that a sync
the other way does not take them for changes and write them back.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

__all__ = ["Base"]

_encoder = msgspec.json.Encoder(order="deterministic")


class Base(msgspec.Struct, frozen=True):
    """Agreed values in comparable form, by canonical path."""

    values: dict[str, object] = {}
    side: str = ""
    """The connection in whose ids the references among ``values`` are."""
    derived: dict[str, object] = {}
    """What stands there in the place of a value that the source lacks, or that the target has not."""
    left_out: dict[str, str] = {}
    """Paths that were not carried over as they are, each with the connection that it was read from."""

    @classmethod
    def decode(cls, text: str | None) -> Base:
        """The base as it was stored."""
        return _decoder.decode(text.encode()) if text is not None else cls()

    def encode(self) -> str:
        """The base as it is stored."""
        return _encoder.encode(self).decode()

    def differs(self, path: str, value: object, side: str) -> bool:
        """Whether ``side`` has changed the value since; references of the other side always seem so."""
        if self._never_agreed(path, value, side):
            return False
        return self.values.get(path) != value

    def agreed(
        self,
        new: Mapping[str, object],
        side: str,
        *,
        late: Mapping[str, object],
        derived: Mapping[str, object],
        left_out: Mapping[str, str],
    ) -> Base:
        """The base once ``new`` has gone from ``side`` to the other; ``late`` values follow later."""
        values = dict(self.values)
        for path, value in new.items():
            if path in late:
                values.pop(path, None)
            elif not self._never_agreed(path, value, side):
                values[path] = value
        kept = {
            path: value for path, value in self.derived.items() if values.get(path) == self.values.get(path)
        }
        return Base(values, side, {**kept, **derived}, {**self.left_out, **left_out})

    def _never_agreed(self, path: str, value: object, side: str) -> bool:
        if path in self.derived and self.derived[path] == value:
            return True
        return self.left_out.get(path, side) != side


_decoder = msgspec.json.Decoder(Base)
