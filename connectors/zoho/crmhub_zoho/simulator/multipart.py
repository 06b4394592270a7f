"""Bodies of the type `multipart/form-data`, taken apart without changing a byte of the content.

Source: RFC 7578 (form data) and RFC 5987 (`filename*`).
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote

_BOUNDARY = re.compile(r'boundary="?([^";,]+)"?', re.IGNORECASE)
_PARAM = re.compile(r';\s*([\w*]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))')


@dataclass(frozen=True)
class Part:
    """One part of a form; `filename` is None for a plain field."""

    name: str
    filename: str | None
    content: bytes


def parse_multipart(content_type: str, body: bytes) -> list[Part] | None:
    """The parts of a form; None if the body is no such form."""
    boundary = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/form-data") or boundary is None:
        return None
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary[1].encode("latin-1", "replace"))
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        return None
    parts: list[Part] = []
    for piece in pieces[1:-1]:
        head, gap, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        if not gap:
            return None
        parts.append(_part(head.decode("utf-8", "replace"), content))
    return parts


def _part(head: str, content: bytes) -> Part:
    params: dict[str, str] = {}
    for line in head.split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-disposition":
            params = {found[1].lower(): found[2] or found[3] or "" for found in _PARAM.finditer(value)}
    extended = params.get("filename*")
    if extended is not None:
        return Part(params.get("name", ""), unquote(extended.rpartition("'")[2]), content)
    return Part(params.get("name", ""), params.get("filename"), content)
