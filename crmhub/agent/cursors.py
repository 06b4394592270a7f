"""Cursors: where a listing goes on, sealed for one agent, one tool, one question, one policy, a while.

An agent cannot read one, change one, or use another's. They hold what a tool put in and nothing else,
and nobody keeps them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from crmhub.agent.answers import Refused
from crmhub.native import Value

__all__ = ["CURSOR", "Bound", "Cursors"]

CURSOR: Final = "cursor"
"""The argument that takes one."""
_LIMIT: Final = "limit"
_LIVES: Final = 900
_NONCE: Final = 12
_encode: Final = msgspec.json.Encoder(order="sorted", decimal_format="string").encode


@dataclass(frozen=True, slots=True)
class Bound:
    """What a cursor is bound to."""

    agent: str
    subject: str | None
    tool: str
    policy: str
    """The policy's version."""
    question: bytes
    """The digest of the arguments, but for the cursor and how many are wanted."""

    @classmethod
    def to(
        cls, agent: str, subject: str | None, tool: str, policy: str, arguments: Mapping[str, object]
    ) -> Bound:
        """Bind to these; ``arguments`` as JSON would have them."""
        asked = {name: value for name, value in arguments.items() if name not in {CURSOR, _LIMIT}}
        return cls(agent, subject, tool, policy, hashlib.sha256(_encode(asked)).digest())

    def sealed_in(self) -> bytes:
        """The associated data: no two bindings give the same."""
        parts = [self.agent, self.subject, self.tool, self.policy, self.question.hex()]
        return _encode(["crmhub cursor", *parts])


class Cursors:
    """Seals and opens cursors with a key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, place: Mapping[str, Value], bound: Bound, now: float) -> str:
        """A place in a listing as a cursor that lives for a quarter of an hour."""
        nonce = os.urandom(_NONCE)
        plain = _encode([int(now) + _LIVES, place])
        body = nonce + self._cipher.encrypt(nonce, plain, bound.sealed_in())
        return base64.urlsafe_b64encode(body).decode().rstrip("=")

    def open(self, cursor: str, bound: Bound, now: float) -> Mapping[str, Value]:
        """The place. Raises :class:`Refused` for one that is forged, foreign, of another question or old."""
        plain = self._opened(cursor, bound)
        if plain is not None:
            until, place = cast("tuple[int, dict[str, Value]]", msgspec.json.decode(plain))
            if now < until:
                return place
        raise Refused(
            "invalid_cursor",
            "the cursor is not one of this question, or is too old",
            hint="ask again without a cursor",
        )

    def _opened(self, cursor: str, bound: Bound) -> bytes | None:
        try:
            body = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            return self._cipher.decrypt(body[:_NONCE], body[_NONCE:], bound.sealed_in())
        except (binascii.Error, InvalidTag, ValueError):
            return None
