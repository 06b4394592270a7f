"""Who presents a bearer token: by the store's hashed tokens, or by a JWT of an issuer that is trusted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from math import inf
from typing import TYPE_CHECKING, Final, Protocol, cast

import anyio
import jwt
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken

from crmhub.agent.identity import Agent
from crmhub.agent.policy.serving import Issuer
from crmhub.clock import Clock
from crmhub.errors import CrmhubError
from crmhub.events import Events
from crmhub.native import Native

if TYPE_CHECKING:
    from crmhub.store.agent_tokens import AgentTokens

__all__ = ["AnyBearer", "Bearer", "JwtBearer", "StoredBearer", "bearer_of_request"]

_LONGEST: Final = 16_384
_LEEWAY: Final = 30.0
"""Seconds by which clocks may differ."""
_KEYS_LAST: Final = 600.0
_KEYS_PAUSE: Final = 30.0
"""Seconds before keys are fetched again for a key that is not among them: it may be anybody's."""


class Bearer(Protocol):
    """Tells whose a token is."""

    async def verify_token(self, token: str) -> AccessToken | None:
        """The token's agent as ``client_id``; ``None`` for a token that is not good."""
        ...


def bearer_of_request() -> Agent | None:
    """The agent of the request that is being answered."""
    token = get_access_token()
    return None if token is None else Agent(token.client_id, token.subject)


class AnyBearer:
    """Several kinds of tokens: the first one that knows it."""

    def __init__(self, bearers: Sequence[Bearer]) -> None:
        self._bearers = bearers

    async def verify_token(self, token: str) -> AccessToken | None:
        """As in :class:`Bearer`."""
        if len(token) > _LONGEST:
            return None
        for each in self._bearers:
            found = await each.verify_token(token)
            if found is not None:
                return found
        return None


class StoredBearer:
    """Tokens that ``crmhub agents token create`` made. They are for this server and no other."""

    def __init__(self, tokens: AgentTokens, resource: str, scopes: Sequence[str] = ()) -> None:
        """``scopes`` are those that the server demands: what an agent may do is in its policy."""
        self._tokens = tokens
        self._resource = resource
        self._scopes = [*scopes]

    async def verify_token(self, token: str) -> AccessToken | None:
        """As in :class:`Bearer`."""
        known = await self._tokens.find(token)
        if known is None:
            return None
        return AccessToken(token="", client_id=known.agent, scopes=self._scopes, resource=self._resource)


class JwtBearer:
    """Access tokens of an OAuth 2.1 issuer (RFC 9068): signature, issuer, audience and times are checked."""

    def __init__(
        self,
        issuer: Issuer,
        resource: str,
        clock: Clock,
        events: Events,
        fetch: Callable[[], Awaitable[Native]],
    ) -> None:
        """``fetch`` gets the issuer's key set (RFC 7517)."""
        self._issuer = issuer
        self._resource = resource
        self._clock = clock
        self._fetch = fetch
        self._events = events
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._fetched_at = -inf
        self._fetching = anyio.Lock()

    async def verify_token(self, token: str) -> AccessToken | None:
        """As in :class:`Bearer`."""
        try:
            head = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            return None
        if head.get("alg") not in self._issuer.algorithms or "crit" in head:
            return None
        key = await self._key(head.get("kid"))
        claims = None if key is None else self._claims(token, key)
        return None if claims is None else self._access(claims)

    def _claims(self, token: str, key: jwt.PyJWK) -> Native | None:
        """What the token says, if it was signed by the issuer, for this server, and is good now."""
        try:
            claims = cast(
                "Native",
                jwt.decode(
                    token,
                    key,
                    algorithms=[*self._issuer.algorithms],
                    audience=self._issuer.audience or self._resource,
                    issuer=self._issuer.issuer,
                    options={
                        "require": ["exp", "iss", "aud"],
                        # by the hub's clock, below
                        "verify_exp": False,
                        "verify_nbf": False,
                        "verify_iat": False,
                    },
                ),
            )
        except (jwt.PyJWTError, TypeError, ValueError):
            return None
        now = self._clock.now().timestamp()
        ends, begins = claims.get("exp"), claims.get("nbf", 0)
        if not isinstance(ends, int | float) or not isinstance(begins, int | float):
            return None
        return claims if begins - _LEEWAY <= now < ends + _LEEWAY else None

    def _access(self, claims: Native) -> AccessToken | None:
        agent, subject = claims.get(self._issuer.agent_claim), claims.get("sub")
        if not isinstance(agent, str) or not agent:
            return None
        said = claims.get("scope", claims.get("scp"))  # RFC 9068; some issuers give a list
        listed = said.split() if isinstance(said, str) else said if isinstance(said, list) else []
        return AccessToken(
            token="",
            client_id=agent,
            # Tokens of people's sign-ins name them; a client's own token repeats the client.
            subject=subject if isinstance(subject, str) and subject != agent else None,
            scopes=[str(each) for each in listed],
            resource=self._resource,
            claims={"iss": self._issuer.issuer},
        )

    async def _key(self, kid: object) -> jwt.PyJWK | None:
        """The issuer's key of that id; the only one, where the token names none."""
        async with self._fetching:
            age = self._clock.monotonic() - self._fetched_at
            if age > (_KEYS_PAUSE if kid not in self._keys else _KEYS_LAST):
                await self._refresh()
        if kid is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(str(kid))

    async def _refresh(self) -> None:
        """Get the keys anew. While the issuer does not answer, known keys go on serving."""
        self._fetched_at = self._clock.monotonic()
        try:
            found = jwt.PyJWKSet.from_dict(cast("dict[str, object]", await self._fetch()))
        except (CrmhubError, jwt.PyJWTError) as error:
            self._events.emit("agent.keys_failed", error=type(error).__name__)
            return
        self._keys = {str(key.key_id): key for key in found.keys}
