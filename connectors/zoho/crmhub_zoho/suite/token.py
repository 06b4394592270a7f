"""The connection's token, lent to the HTTP client of another product."""

from __future__ import annotations

from dataclasses import replace

from crmhub.http import Auth, Grant, Wire

__all__ = ["LentToken"]


class LentToken:
    """An :class:`~crmhub.http.Auth` that asks the owner of the token, over the owner's own client.

    So there is one token, renewed by one task at a time, and its endpoint's limit is kept in one place.
    With ``elsewhere`` the calls stay on the client's own host, whatever host the token names for the CRM.
    """

    def __init__(self, owner: Auth, wire: Wire, *, elsewhere: bool) -> None:
        self._owner = owner
        self._wire = wire
        self._elsewhere = elsewhere
        self._own: Grant | None = None
        self._lent: Grant | None = None

    async def grant(self, wire: Wire, refused: Grant | None = None) -> Grant:  # noqa: ARG002 - the protocol's
        """See :meth:`crmhub.http.Auth.grant`."""
        # A grant lent before the last one has been renewed since: there is nothing to renew for it.
        own = self._own if refused is not None and refused is self._lent else None
        granted = await self._owner.grant(self._wire, own)
        if granted is self._own and self._lent is not None:
            return self._lent
        self._own = granted
        self._lent = replace(granted, base_url=None) if self._elsewhere else granted
        return self._lent
