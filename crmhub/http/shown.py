"""What of a call may be shown in errors and events.

Paths without the values of queries, without e-mail addresses or other free text in a segment, and
texts without registered secrets and e-mail addresses. Excerpts of pages have no telephone numbers either.
"""

from __future__ import annotations

import re

from crmhub.redact import HIDDEN, redact

__all__ = ["excerpt", "scrub", "shown_name", "shown_path"]

_PLAIN_SEGMENT = re.compile(r"[A-Za-z0-9_.~:,=-]{1,64}")
_WORD = re.compile(r"[A-Za-z0-9_.:/+=-]{1,128}")
_EMAIL = re.compile(r"[^\s@\"'<>()\[\],;:=&?/]+(?:@|%40)[^\s@\"'<>()\[\],;:=&?/]+")
_PHONE = re.compile(r"\+?\d(?:[ ()/-]{0,2}\d){6,}")
_MARKUP = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_EXCERPT = 200


def shown_path(path: str) -> str:
    """``path`` without its query, and with every segment hidden that is not a plain identifier."""
    path = path.partition("?")[0]
    return redact(
        "/".join(
            segment if not segment or _PLAIN_SEGMENT.fullmatch(segment) else HIDDEN
            for segment in path.split("/")
        )
    )


def scrub(text: str) -> str:
    """``text`` without registered secrets and e-mail addresses."""
    return _EMAIL.sub(HIDDEN, redact(text))


def shown_name(text: str) -> str:
    """``text`` when it is one plain word of at most 128 characters (a request id, a media type)."""
    return redact(text) if _WORD.fullmatch(text) else HIDDEN


def excerpt(content: bytes) -> str:
    """The first 200 characters of a body that is not JSON, scrubbed, without markup, on one line.

    Scrubbed before it is cut: half of a secret is a secret too.
    """
    text = content[: 20 * _EXCERPT].decode("utf-8", "replace")
    words = " ".join(_PHONE.sub(HIDDEN, scrub(_MARKUP.sub(" ", text))).split())
    return "".join(letter if letter.isprintable() else "?" for letter in words)[:_EXCERPT]
