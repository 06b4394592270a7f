"""Marks in the place of personal data: the same for the same value, to be guessed by nobody without the key.

A mark is ``~TYPE:`` and 128 bits of HMAC-SHA256 of type and value. Another store gives other marks; once
its key is destroyed nobody can tie a mark to a person any more.
"""

from __future__ import annotations

import hmac
import re
from typing import Final

__all__ = ["KEY", "Pseudonyms"]

KEY: Final = "pseudonyms"
"""The name of the key among the store's."""
_BITS: Final = 128
_EMAIL: Final = re.compile(r"[^\s@]{1,64}@[^\s@]{1,255}")
_PHONE: Final = re.compile(r"[+\d][\d\s()./-]{5,30}\d")


class Pseudonyms:
    """Makes marks with one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, value: str, kind: str | None = None) -> str:
        """The mark of a text; ``kind`` is found by its looks. E-mails and phones however they are written."""
        kind, plain = (kind, value) if kind else _kind(value)
        whole = f"{kind}\0{plain}".encode("utf-8", "surrogatepass")
        return f"~{kind}:{hmac.digest(self._key, whole, 'sha256')[: _BITS // 8].hex()}"


def _kind(value: str) -> tuple[str, str]:
    """What a text seems to be, and the form in which equal ones are equal."""
    text = " ".join(value.split())
    if _EMAIL.fullmatch(text):
        return "email", text.casefold()
    if _PHONE.fullmatch(text):
        return "phone", "".join(char for char in text if char.isdigit())
    return "text", text.casefold()
