"""httpx without its command line.

Where click and rich are installed, as crmhub's own command line wants them, importing httpx brings its
command line along, and with it rich and pygments: 26 ms and 5 MB in each process (httpx 0.28). A module
that is ``None`` in ``sys.modules`` counts as not installed, which httpx provides for.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import cast

__all__ = ["httpx"]

_COMMAND_LINE = "httpx._main"

_first = "httpx" not in sys.modules
if _first:
    sys.modules[_COMMAND_LINE] = cast("ModuleType", cast("object", None))
import httpx  # noqa: E402 - that is what the lines before are for

if _first:
    del sys.modules[_COMMAND_LINE]
