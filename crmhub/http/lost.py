"""A call whose reply did not come."""

from __future__ import annotations

__all__ = ["Lost"]


class Lost(Exception):
    """No reply came. ``sent`` is false when it is known that the CRM never got the request."""

    def __init__(self, why: str, *, sent: bool, hopeless: bool = False, hint: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.sent = sent
        self.hopeless = hopeless
        self.hint = hint
