"""CRM text as data: nobody who reads it should be led by what cannot be seen in it.

Names, notes and subjects are written by strangers. Everything that a person would not see, or that a
client would act on, is taken out or made harmless: control and formatting characters, bidirectional
overrides, zero-width and tag characters, HTML, links and images of Markdown, addresses that can be
clicked. What remains is the words.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

__all__ = ["LONG", "SHORT", "neutral", "one_line"]

SHORT: Final = 500
"""Characters of a name, a subject, a label."""
LONG: Final = 4_000
"""Characters of a note, a description, a body."""

_SUSPECT: Final = re.compile(r"[^\n\x20-;=>?@A-Z^_a-z~¡-¬®-ɏ]|://|javascript:|data:", re.IGNORECASE)
"""What has to be looked at: nearly all text of a CRM has none of it."""
_ADDRESS: Final = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d+)?(?:/(?:(?!://)[A-Za-z0-9._~%/?=&#+,@:;-])*)?")
"""A web address and nothing else: a value of its own, such as a company's site."""
_SCHEME: Final = re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]*)://")
_ACTING: Final = re.compile(r"\b(javascript|data|vbscript)\s*:(?=\S)", re.IGNORECASE)
_COMMENT: Final = re.compile(r"<!--.*?-->", re.DOTALL)
_HIDDEN: Final = re.compile(r"<(script|style|template)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
_TAG: Final = re.compile(r"</?[A-Za-z!?][^<>]*>")
_OPENS: Final = re.compile(r"<(?=[A-Za-z/!?])")
_LINK: Final = re.compile(r"\]\s*(?=[(\[])|\](?=:)")
_BLANKS: Final = re.compile(r"\n{3,}")
_DROPPED: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_KEPT: Final = frozenset("\n")
_SELECTORS: Final = frozenset(
    {*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0), 0x115F, 0x1160, 0x3164, 0xFFA0}
)
"""Variation selectors and blank fillers: not of a hidden category, but nothing is seen of them."""


def neutral(text: str, most: int = LONG) -> str:
    """The words of a text, at most so many characters; the same for what is neutral already."""
    if _SUSPECT.search(text) is None:
        return text if len(text) <= most else _cut(text, most)
    shown = _visible(text)
    if _ADDRESS.fullmatch(shown) is None:
        shown = _harmless(shown)
    return shown if len(shown) <= most else _cut(shown, most)


def one_line(text: str, most: int = 80) -> str:
    """A text for the middle of a sentence: neutral, on one line, short."""
    return neutral(" ".join(_visible(text).split()), most)


def _visible(text: str) -> str:
    """The text without what cannot be seen; ends of lines are ``\\n``, other blanks are spaces."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    kept: list[str] = []
    for char in text:
        if char in _KEPT or (char.isascii() and char.isprintable()):
            kept.append(char)
            continue
        category = unicodedata.category(char)
        if char == "\t" or category == "Zs":
            kept.append(" ")
        elif category not in _DROPPED and ord(char) not in _SELECTORS:
            kept.append(char)
    return "".join(kept)


def _harmless(text: str) -> str:
    """The text without markup, its links as words."""
    while True:
        plain = _TAG.sub("", _HIDDEN.sub("", _COMMENT.sub("", text)))
        if plain == text:
            break
        text = plain  # what stood around a tag may be one now
    text = _OPENS.sub("‹", text)
    text = _SCHEME.sub(lambda found: f"{found[1]}[:]//", text).replace("://", "[:]//")
    text = _LINK.sub("] ", text).replace("![", "! [")
    text = _ACTING.sub(r"\1 [:] ", text)
    return _BLANKS.sub("\n\n", text)


def _cut(text: str, most: int) -> str:
    return text[: max(most - 1, 0)].rstrip() + "…"
