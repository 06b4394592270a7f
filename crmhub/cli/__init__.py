"""The command line: it parses, calls the hub, and prints; it decides nothing.

Commands live one to a file and load what they need when they run, so that ``crmhub --help`` is quick.
"""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; errors of crmhub are one line on standard error, not a traceback."""
    from crmhub.cli.app import app
    from crmhub.errors import AuthError, CrmhubError

    try:
        app()
    except CrmhubError as error:
        from crmhub.redact import redact

        print(f"error: {redact(str(error))}", file=sys.stderr)
        sys.exit(4 if isinstance(error, AuthError) else 1)
