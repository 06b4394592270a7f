"""The second step of signing in: an account's token is changed for that of a part of it, as often as needed.

The first token and what renews it are kept by :class:`crmhub.http.OAuth`; the second one costs no more than
a call, and nothing is lost with it, so it lives here.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import anyio

from crmhub.errors import AuthError, Where
from crmhub.http import OAuth, Token, read_token
from crmhub.http.auth import Grant, Wire
from crmhub.redact import register
from crmhub_rest.language.auth import Exchange
from crmhub_rest.language.template import Scope, Template

__all__ = ["Exchanged", "whole_url"]

_EARLY = timedelta(seconds=60)


def whole_url(url: Template, settings: Scope) -> str:
    """The URL of a token endpoint, of which a description may say only the path."""
    text = url.text(settings) or ""
    return f"{str(settings['base_url']).rstrip('/')}{text}" if text.startswith("/") else text


class Exchanged:
    """An :class:`~crmhub.http.auth.Auth` whose credentials ``owner`` has to be asked for first."""

    def __init__(self, owner: OAuth, scheme: str, says: Exchange, settings: Scope) -> None:
        self.owner = owner
        self._scheme = scheme
        self._says = says
        self._settings = settings
        self._lock = anyio.Lock()
        self._grant: Grant | None = None
        self._ends: datetime | None = None

    async def grant(self, wire: Wire, refused: Grant | None = None) -> Grant:
        """See :meth:`crmhub.http.auth.Auth.grant`."""
        async with self._lock:
            if self._grant is None or self._grant is refused or self._is_due(wire):
                self._grant = await self._exchanged(wire)
            return self._grant

    def _is_due(self, wire: Wire) -> bool:
        return self._ends is not None and wire.clock.now() >= self._ends - _EARLY

    async def _exchanged(self, wire: Wire) -> Grant:
        first = await self.owner.grant(wire)
        try:
            token = await self._token(wire, first)
        except AuthError as error:
            if error.status != 401:
                raise
            renewed = await self.owner.grant(wire, first)  # it may have ended without our knowing
            if renewed is first:
                raise
            token = await self._token(wire, renewed)
        register(token.access.get_secret_value())
        self._ends = token.expires_at
        return Grant({"Authorization": f"{self._scheme} {token.access.get_secret_value()}"}, first.base_url)

    async def _token(self, wire: Wire, first: Grant) -> Token:
        says, settings = self._says, self._settings
        headers = {name: text for name, part in says.headers.items() if (text := part.text(settings))}
        form = {name: part.text(settings) or "" for name, part in says.form.items()}
        response = await wire.post(whole_url(says.url, settings), form, {**headers, **first.headers})
        try:
            return read_token(response, now=wire.clock.now())
        except AuthError as error:
            raise AuthError(
                "the token was not changed for the account's part",
                hint="look at the settings that name the part; the app must be installed there",
                where=Where(connection=wire.connection),
                status=error.status,
                code=error.code,
                request_id=error.request_id,
            ) from None
