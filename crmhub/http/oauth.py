"""The owner of a connection's OAuth token: who fetches it, when, and what happens when that fails.

Every call asks :meth:`OAuth.grant`; of all tasks, in all processes that share the token store, one at a
time talks to the token endpoint, and the others find its result. Written here because the libraries
looked at know of one process only, and neither save a rotated refresh token before the access token is
used nor stay quiet once it is dead.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import inf
from typing import Protocol, TypeAlias

import anyio
from pydantic import SecretStr

from crmhub.errors import AuthError, ConnectorError, RateLimited, ReauthRequired, Unavailable
from crmhub.http.auth import Grant, Wire
from crmhub.http.response import Response
from crmhub.http.token_origin import Origin
from crmhub.http.tokens import Claim, MemoryTokenStore, Token, TokenStore
from crmhub.redact import register

__all__ = ["Fetch", "HttpSend", "OAuth", "bearer"]


class HttpSend(Protocol):
    """POSTs a form to the token endpoint; see :class:`~crmhub.http.auth.FormPost` for what it raises."""

    async def __call__(self, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Response:
        """Send ``form``, with ``headers`` beside the usual ones."""
        ...


Fetch: TypeAlias = Callable[[HttpSend, "Token | None"], Awaitable[Token]]
"""Asks for a token. It is given the way to send and the last token (whose refresh token, if it has
one, replaces the configured one). Raises ``ReauthRequired`` when only a person can mend it."""

_SAVING = 30.0  # seconds beside the exchange itself; a store that is busy for longer gives up
_LOOK_AGAIN = 0.05
_RENEWAL_PAUSE = 5.0
_THROTTLED_PAUSE = 60.0  # when the vendor does not say; some grant ten tokens in ten minutes


def bearer(token: Token) -> Mapping[str, str]:
    """The header of RFC 6750."""
    return {"Authorization": f"Bearer {token.access.get_secret_value()}"}


class OAuth:
    """An :class:`~crmhub.http.auth.Auth` that owns one token.

    ``fetch`` asks for a token by :data:`HttpSend`, which is tied to ``token_url``. ``tokens`` keeps it
    between runs. ``secrets`` are the configured credentials: a kept token that was made from others is
    not used. ``early`` is how many seconds before its end a token is renewed (at most a tenth of its
    life, so that a short-lived one is not renewed with every call).
    """

    def __init__(
        self,
        fetch: Fetch,
        *,
        token_url: str,
        connection: str,
        tokens: TokenStore | None = None,
        header: Callable[[Token], Mapping[str, str]] = bearer,
        secrets: Sequence[SecretStr | str | None] = (),
        early: float = 60.0,
    ) -> None:
        self._fetch = fetch
        self._token_url = token_url
        self._connection = connection
        self._tokens = tokens or MemoryTokenStore()
        self._header = header
        self._origin = Origin(secrets)
        self._early = early
        self._lock = anyio.Lock()
        self._token: Token | None = None
        self._grant: Grant | None = None
        self._renew_at: datetime | None = None
        self._stored: Token | None = None
        self._unsaved: Token | None = None
        self._saved_by: Claim | None = None
        self._refusal: AuthError | None = None
        self._refused_with: Token | None = None
        self._refused_until = 0.0
        self._paused_until = 0.0

    async def grant(self, wire: Wire, refused: Grant | None = None) -> Grant:
        """See :meth:`crmhub.http.auth.Auth.grant`."""
        if self._grant is not None and self._grant is not refused and not self._is_due(wire):
            return self._grant
        async with self._lock:
            # Whoever waited here finds what the one before it fetched.
            if self._grant is None or self._grant is refused or self._is_due(wire):
                return await self._renew(wire, refused)
            return self._grant

    def reset(self) -> None:
        """Forget that the credentials were refused: the next call asks the token endpoint again."""
        self._refusal = None
        self._paused_until = 0.0

    @property
    def token(self) -> Token | None:
        """The token used last, if there has been one."""
        return self._token

    async def sign_in(self, wire: Wire, exchange: Callable[[HttpSend], Awaitable[Token]]) -> None:
        """Keep the token that ``exchange`` gets for what a person brought, in place of the one before.

        Whoever shares the token store uses it from now on. Raises what ``exchange`` raises, and
        ``StoreError`` when the token cannot be kept; what was kept before is then still there.
        """
        # What a person brings works once: a token that came for it is kept whatever happens meanwhile.
        async with self._lock:
            with anyio.CancelScope(shield=True):
                token = _completed(await exchange(self._sender(wire)), None)
                if token.base_url:
                    wire.check_base(token.base_url)
                token = self._origin.mark(token)
                await self._tokens.save(self._connection, token)
                self._unsaved = None
                self.reset()
                self._use(token, wire)
        wire.events.emit("auth.signed_in", connection=self._connection)

    async def _renew(self, wire: Wire, refused: Grant | None) -> Grant:
        while True:
            grant = await self._renewed_elsewhere(wire)
            if grant is not None:
                return grant
            claim = await self._claim(wire)
            if claim is not None:
                try:
                    # It may have been renewed between the look and the claim.
                    grant = await self._renewed_elsewhere(wire) or await self._ask(wire, claim, refused)
                finally:
                    if self._saved_by != claim:  # saving has ended it
                        with anyio.CancelScope(shield=True):
                            await self._tokens.release(self._connection, claim)
                if grant is not None:
                    return grant
            elif present := self._still_good(refused, wire):
                return present
            else:
                await wire.clock.sleep(_LOOK_AGAIN)

    async def _renewed_elsewhere(self, wire: Wire) -> Grant | None:
        """A kept token that is newer than ours. Raises the refusal, if nothing has changed since."""
        self._stored = await self._load()
        if self._stored is not None and self._stored != self._token and self._is_fresh(self._stored, wire):
            self._unsaved = None
            return self._use(self._stored, wire, found=True)
        if self._refusal is not None and self._stored == self._refused_with:
            if wire.clock.monotonic() < self._refused_until:
                raise _again(self._refusal)
            self._refusal = None
        return None

    async def _claim(self, wire: Wire) -> Claim | None:
        """The right to renew the token, for as long as one exchange with the token endpoint may take."""
        with anyio.CancelScope(shield=True):  # one that was taken is given back
            return await self._tokens.claim(self._connection, wire.timeout + _SAVING)
        raise AssertionError("a shielded scope that nobody cancels always returns")

    def _still_good(self, refused: Grant | None, wire: Wire) -> Grant | None:
        """The present grant, if renewing it was only early: there is time to ask again a little later."""
        if self._grant is None or self._grant is refused or self._has_ended(wire):
            return None
        self._renew_at = wire.clock.now() + timedelta(seconds=_RENEWAL_PAUSE)
        return self._grant

    async def _load(self) -> Token | None:
        """The kept token, unless it was made from other credentials than the configured ones."""
        stored = await self._tokens.load(self._connection)
        return stored if stored is not None and self._origin.made(stored) else None

    async def _ask(self, wire: Wire, claim: Claim, refused: Grant | None) -> Grant | None:
        """Fetch a token and use it; ``None`` when somebody else has saved one meanwhile."""
        try:
            token = await self._fetch_and_keep(wire, claim)
        except (RateLimited, Unavailable):
            if present := self._still_good(refused, wire):
                return present
            raise
        return token and self._use(token, wire)

    async def _fetch_and_keep(self, wire: Wire, claim: Claim) -> Token | None:
        """Fetch a token and keep it, in that order and without being cancelled in between.

        A rotated refresh token exists nowhere else than in the reply: were it lost, a person would
        have to sign in again. The client's timeout bounds the wait.
        """
        pause = self._paused_until - wire.clock.monotonic()
        if pause > 0:
            raise RateLimited("the token endpoint was called too often", retry_after=pause)
        with anyio.CancelScope(shield=True):
            if self._unsaved is None:
                self._unsaved = await self._fetched(wire, self._stored)
            token = self._unsaved
            kept = await self._tokens.save(self._connection, token, claim)
            self._unsaved = self._refusal = None
            self._saved_by = claim
            if not kept:
                return None
            wire.events.emit("auth.refreshed", connection=self._connection, seconds=_life(token, wire))
            return token
        raise AssertionError("a shielded scope that nobody cancels always returns")

    async def _fetched(self, wire: Wire, stored: Token | None) -> Token:
        previous = stored or self._token
        try:
            token = await self._fetch(self._sender(wire), previous)
        except ConnectorError as error:
            self._note(error, wire, stored)
            raise
        return self._origin.mark(_completed(token, previous))

    def _sender(self, wire: Wire) -> HttpSend:
        async def send(form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Response:
            return await wire.post(self._token_url, form, headers)

        return send

    def _note(self, error: ConnectorError, wire: Wire, stored: Token | None) -> None:
        """Remember what keeps the next calls from asking the token endpoint again."""
        if isinstance(error, AuthError):
            self._refusal, self._refused_with, self._grant = error, stored, None
            # Without OAuth's code it may be a proxy that refuses, or a server that is being mended.
            lasting = error.code is not None or isinstance(error, ReauthRequired)
            self._refused_until = inf if lasting else wire.clock.monotonic() + _THROTTLED_PAUSE
        elif isinstance(error, RateLimited):
            if error.retry_after is None:
                error.retry_after = _THROTTLED_PAUSE
            self._paused_until = wire.clock.monotonic() + error.retry_after
        wire.events.emit(
            "auth.failed",
            connection=self._connection,
            error=type(error).__name__,
            code=error.code,
            status=error.status,
        )

    def _use(self, token: Token, wire: Wire, *, found: bool = False) -> Grant:
        for secret in (token.access, token.refresh):
            if secret is not None:
                register(secret.get_secret_value())
        if token.base_url:
            wire.check_base(token.base_url)
        self._token = token
        self._grant = Grant(self._header(token), token.base_url, found)
        self._renew_at = None
        if token.expires_at is not None:
            life = token.expires_at - wire.clock.now()
            self._renew_at = token.expires_at - min(timedelta(seconds=self._early), life / 10)
        return self._grant

    def _is_due(self, wire: Wire) -> bool:
        return self._renew_at is not None and wire.clock.now() >= self._renew_at

    def _is_fresh(self, token: Token, wire: Wire) -> bool:
        return token.expires_at is None or (_life(token, wire) or 0.0) > self._early

    def _has_ended(self, wire: Wire) -> bool:
        ends = self._token.expires_at if self._token else None
        return ends is not None and wire.clock.now() >= ends


def _completed(token: Token, previous: Token | None) -> Token:
    """The token with what its reply left out: an unchanged refresh token is not sent again (RFC 6749, 6)."""
    for secret in (token.access, token.refresh):
        if secret is not None:
            register(secret.get_secret_value())
    if previous is None:
        return token
    return replace(
        token,
        refresh=token.refresh or previous.refresh,
        base_url=token.base_url or previous.base_url,
        extra={**previous.extra, **token.extra},
    )


def _life(token: Token, wire: Wire) -> float | None:
    return None if token.expires_at is None else (token.expires_at - wire.clock.now()).total_seconds()


def _again(error: AuthError) -> AuthError:
    """A fresh copy, since an exception raised twice drags the traces of both."""
    return type(error)(
        error.what,
        hint=error.hint,
        where=error.where,
        status=error.status,
        code=error.code,
        request_id=error.request_id,
    )
