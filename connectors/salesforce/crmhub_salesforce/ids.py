"""Record ids: 15 characters whose case counts, or 18 with three that spell the case out.

Each of the three covers five characters: bit i is set where the i-th is an upper-case letter, and the
number is written as one of A-Z, 0-5 (Salesforce Help, article 000385585).
"""

from __future__ import annotations

import re

__all__ = ["SHORT", "full_id", "looks_like_id"]

SHORT = 15
"""Characters of an id without those that spell its case out."""

_SHAPE = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def full_id(text: str) -> str | None:
    """The 18-character form of an id; ``None`` when it cannot be one.

    The case of an 18-character id may have been lost on the way (a spreadsheet); it is restored.
    """
    if not looks_like_id(text):
        return None
    if len(text) == SHORT:
        return text + _suffix(text)
    short, suffix = text[:SHORT], text[SHORT:].upper()
    if short in {short.lower(), short.upper()}:
        groups = zip((0, 5, 10), suffix, strict=True)
        short = "".join(_cased(short[start : start + 5], letter) for start, letter in groups)
    return short + suffix if _suffix(short) == suffix else None


def looks_like_id(text: str) -> bool:
    """Whether the text has the shape of an id; the check characters are not looked at."""
    return _SHAPE.fullmatch(text) is not None


def _suffix(short: str) -> str:
    letters = ""
    for start in (0, 5, 10):
        group = short[start : start + 5]
        letters += _LETTERS[sum(1 << place for place, letter in enumerate(group) if letter.isupper())]
    return letters


def _cased(group: str, letter: str) -> str:
    bits = max(_LETTERS.find(letter), 0)
    return "".join(char.upper() if bits >> place & 1 else char.lower() for place, char in enumerate(group))
