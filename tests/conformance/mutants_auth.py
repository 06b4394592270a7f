"""Mistakes with tokens, planted under the Salesforce connector: it gets another owner of its token."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import anyio
from pydantic import SecretStr

from crmhub.errors import AuthError, ReauthRequired
from crmhub.http import (
    Auth,
    BearerToken,
    Grant,
    HttpClient,
    HttpSettings,
    MemoryTokenStore,
    Response,
    Token,
    read_token,
)
from crmhub.http.auth import Wire
from crmhub.http.call import Call
from crmhub.http.retry import Attempt
from crmhub.testing.conformance.target import Org
from crmhub_salesforce.conformance import SalesforceOrg, SalesforceTarget
from tests.conformance.mutant import mutant


class Naive:
    """One token, refreshed by whoever is refused; nothing is shared, and nothing is remembered."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self.present: Grant | None = None
        self.lock = anyio.Lock()

    async def grant(self, wire: Wire, refused: Grant | None = None) -> Grant:
        if self.present is None or refused is not None:
            self.present = await self.refreshed(wire)
        return self.present

    async def refreshed(self, wire: Wire) -> Grant:
        kept = await self.org.tokens.load(self.org.name)
        known = kept.refresh if kept is not None and kept.refresh is not None else None
        form = {
            name: str(self.org.settings[name]) for name in ("client_id", "client_secret", "refresh_token")
        }
        if known is not None:
            form["refresh_token"] = known.get_secret_value()
        url = f"{self.org.settings['instance_url']}/services/oauth2/token"
        response = await wire.post(url, {"grant_type": "refresh_token", **form})
        token = read_token(response, now=wire.clock.now())
        await self.keep(replace(token, refresh=token.refresh or SecretStr(form["refresh_token"])))
        return Grant({"Authorization": f"Bearer {token.access.get_secret_value()}"})

    async def keep(self, token: Token) -> None:
        await self.org.tokens.save(self.org.name, token)


class Careful(Naive):
    """As it should be, but that it remembers no refusal."""

    async def grant(self, wire: Wire, refused: Grant | None = None) -> Grant:
        async with self.lock:
            if self.present is None or self.present is refused:
                self.present = await self.refreshed(wire)
            return self.present


class Tampered(SalesforceOrg):
    """An org whose connections own their tokens in another way."""

    def auth(self, usual: Auth) -> Auth:
        return usual

    def _client(self, wanted: HttpSettings) -> HttpClient:
        assert wanted.auth is not None
        return super()._client(replace(wanted, auth=self.auth(wanted.auth)))


@mutant(6, "every refused call refreshes", SalesforceTarget)
class EveryCallRefreshes(Tampered):
    def auth(self, usual: Auth) -> Auth:
        return Naive(self)


@mutant(6, "a token that has ended is not renewed", SalesforceTarget)
class NeverRenewed(Tampered):
    def auth(self, usual: Auth) -> Auth:
        return BearerToken(self.played.credentials["access_token"])


class Forgetful(Careful):
    async def keep(self, token: Token) -> None:
        """Only the access token is kept."""
        kept = await self.org.tokens.load(self.org.name)
        await super().keep(replace(token, refresh=kept.refresh if kept is not None else None))


@mutant(7, "the rotated refresh token is thrown away", SalesforceTarget)
class RotatedThrownAway(Tampered):
    def auth(self, usual: Auth) -> Auth:
        return Forgetful(self)


class Late(Careful):
    """Keeps a token when the call that it was fetched for has ended."""

    unsaved: Token | None = None

    async def keep(self, token: Token) -> None:
        self.unsaved = token

    async def settle(self) -> None:
        if self.unsaved is not None:
            await super().keep(self.unsaved)
            self.unsaved = None


class Settling(HttpClient):
    late: Late

    async def _limited(self, call: Call, attempt: Attempt) -> Response:
        response = await super()._limited(call, attempt)
        await self.late.settle()
        return response


@mutant(7, "the rotated refresh token is kept after its use", SalesforceTarget)
class RotatedKeptLate(SalesforceOrg):
    def _client(self, wanted: HttpSettings) -> HttpClient:
        late = Late(self)
        client = Settling(
            replace(wanted, auth=late),
            connection=self.name,
            clock=self.clock,
            events=self.events,
            random=Random(1),
            transport=self.transport,
        )
        client.late = late
        self._clients.append(client)
        return client


@mutant(7, "each connection has a token store of its own", SalesforceTarget)
class OwnStores(Tampered):
    def auth(self, usual: Auth) -> Auth:
        alone = Careful(self)
        alone.org = _Apart(self)
        return alone


class _Apart(SalesforceOrg):
    """The org as one of its connections sees it, with a token store that nobody else has."""

    def __init__(self, org: SalesforceOrg) -> None:
        super().__init__()
        self.settings = org.settings
        self.tokens = MemoryTokenStore()


@mutant(8, "a dead grant is asked for with every call", SalesforceTarget)
class DeadGrantAskedAgain(Tampered):
    def auth(self, usual: Auth) -> Auth:
        return Careful(self)


class Vague:
    def __init__(self, usual: Auth) -> None:
        self.usual = usual

    async def grant(self, wire: Wire, refused: Grant | None = None) -> Grant:
        try:
            return await self.usual.grant(wire, refused)
        except ReauthRequired as error:
            raise AuthError(error.what, hint=error.hint) from None


@mutant(8, "a dead grant is just an auth error", SalesforceTarget)
class DeadGrantVague(Tampered):
    def auth(self, usual: Auth) -> Auth:
        return Vague(usual)


class Helpless(Vague):
    async def grant(self, wire: Wire, refused: Grant | None = None) -> Grant:
        try:
            return await self.usual.grant(wire, refused)
        except ReauthRequired as error:
            raise ReauthRequired(error.what) from None


@mutant(8, "a dead grant comes without a hint", SalesforceTarget)
class DeadGrantHelpless(Tampered):
    def auth(self, usual: Auth) -> Auth:
        return Helpless(usual)
