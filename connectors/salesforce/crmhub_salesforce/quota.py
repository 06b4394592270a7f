"""How much of the org's daily allowance of API calls is used up.

Source: REST API Developer Guide, "Limit Info Header" (``Sforce-Limit-Info: api-usage=18/5000``).
"""

from __future__ import annotations

import re

from crmhub.connector import Context

__all__ = ["Quota"]

_USAGE = re.compile(r"(?<![-\w])api-usage=(\d{1,12})/(\d{1,12})")


class Quota:
    """Tells the event ``quota`` with ``used`` and ``limit`` whenever another per cent is used up."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._percent = -1

    def note(self, header: str) -> None:
        """Take note of a reply's header; an empty or strange one says nothing."""
        found = _USAGE.search(header)
        if found is None:
            return
        used, limit = int(found[1]), int(found[2])
        percent = used * 100 // limit if limit else 100
        if percent == self._percent:
            return
        self._percent = percent
        self._context.events.emit("quota", connection=self._context.connection, used=used, limit=limit)
