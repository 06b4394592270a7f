"""Whether a request has been put into the audit: each is there once, whoever comes to deal with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["SEEN", "Seen"]

SEEN: Final = "crmhub.seen"
"""Where an HTTP request's ASGI scope has it."""


@dataclass
class Seen:
    """What has been done about one request."""

    audited: bool = False
