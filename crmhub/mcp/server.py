"""The MCP server of a connection, if it has one."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from crmhub.errors import Unsupported, Where
from crmhub.mcp.settings import ServerSettings

if TYPE_CHECKING:
    from crmhub.mcp.session import Session

__all__ = ["Server"]


class Server:
    """One server with one session. Nothing is imported, opened or sent before it is asked for.

    ``extra`` is what brings the library, such as ``crmhub-zoho[mcp]``.
    """

    def __init__(self, settings: ServerSettings | None, connection: str, extra: str) -> None:
        self._settings = settings
        self._connection = connection
        self._extra = extra
        self._session: Session | None = None

    def absent(self) -> str | None:
        """Why the server cannot be used here; ``None``: it can."""
        if self._settings is None:
            return "not configured: no MCP server in the connection's settings"
        if find_spec("mcp") is None:
            return f"not installed: pip install '{self._extra}'"
        return None

    def session(self) -> Session:
        """The session; raises :class:`~crmhub.errors.Unsupported` where the server is absent."""
        absent = self.absent()
        if self._settings is None or absent is not None:
            raise Unsupported(f"the MCP tier is {absent}", where=Where(connection=self._connection))
        if self._session is None:
            from crmhub.mcp.session import Session

            self._session = Session(self._settings, self._connection)
        return self._session

    async def aclose(self) -> None:
        """End the session."""
        if self._session is not None:
            await self._session.aclose()
