"""Keeping credentials out of text.

Two rules: values known to be secret (registered when they are resolved) are replaced wherever they
appear, and so are the values of parameters and headers whose name says that they are secret.
"""

from __future__ import annotations

import re
from bisect import insort
from urllib.parse import quote, quote_plus

__all__ = ["HIDDEN", "hide_parameters", "is_secret_name", "redact", "register"]

HIDDEN = "[hidden]"
_SHORTEST = 8  # a shorter value would blot out ordinary words
_registered: set[str] = set()
_known: list[str] = []
"""The longest first: one that holds another is hidden before that one cuts it into pieces."""
_SECRET_NAME = re.compile(
    r"(?i)(authorization|token|secret|password|passwd|assertion|api[-_]?key|cookie|signature|^code$|^key$|^sid$)"
)
_PARAMETER = re.compile(r"([?&;]?)([A-Za-z0-9_.-]+)=([^&\s]*)")


def register(value: str) -> None:
    """Remember a secret so that :func:`redact` hides it, also as it looks in a URL or a form.

    Values under 8 characters are left out.
    """
    if len(value) >= _SHORTEST:
        safe = value.encode(errors="replace")
        for form in {value, quote(safe, safe=""), quote(safe), quote_plus(safe)} - _registered:
            _registered.add(form)
            insort(_known, form, key=lambda known: -len(known))


def is_secret_name(name: str) -> bool:
    """Whether a header, parameter or setting of that name holds a secret."""
    return _SECRET_NAME.search(name) is not None


def redact(text: str) -> str:
    """``text`` with every registered secret hidden."""
    for value in _known:
        if value in text:
            text = text.replace(value, HIDDEN)
    return text


def hide_parameters(query: str) -> str:
    """A query string with the values of secret-named parameters hidden."""

    def hide(match: re.Match[str]) -> str:
        lead, name, value = match.groups()
        return f"{lead}{name}={HIDDEN if is_secret_name(name) else value}"

    return redact(_PARAMETER.sub(hide, query))
