"""Auth tokens: JWTs that the partner signs with the client secret (HS512). There is no token endpoint.

Source: Rollout docs, "Getting your API Key".
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import cast

from crmhub.testing.simulator.clock import SimClock
from crmhub_rollout.simulator.errors import unauthorized

LEEWAY = 60


class Tokens:
    """What one partner signs, read and checked. `expire` makes those of before useless."""

    def __init__(self, clock: SimClock, client_id: str, secret: str) -> None:
        self._clock = clock
        self._client_id = client_id
        self._secret = secret
        self._not_before = 0.0

    def mint(self, sub: str, life: int = 3_600) -> str:
        """A token of the user `sub` that lives `life` seconds."""
        now = self._clock.seconds()
        claims = {"iss": self._client_id, "sub": sub, "iat": now, "exp": now + life}
        head = f"{_packed({'alg': 'HS512', 'typ': 'JWT'})}.{_packed(claims)}"
        return f"{head}.{self._signature(head)}"

    def expire(self) -> None:
        """Refuse every token that was signed before now."""
        self._not_before = self._clock.now()

    def user(self, authorization: str) -> str:
        """Whose token this is (`sub`); raises RolloutError (401)."""
        scheme, _, token = authorization.strip().partition(" ")
        head, _, signature = token.strip().rpartition(".")
        header, _, claims = head.partition(".")
        if scheme.lower() != "bearer" or not claims:
            raise unauthorized()
        if _unpacked(header).get("alg") != "HS512":
            raise unauthorized("invalid algorithm")
        if not hmac.compare_digest(signature.encode(), self._signature(head).encode()):
            raise unauthorized("invalid signature")
        return self._checked(_unpacked(claims))

    def _checked(self, claims: dict[str, object]) -> str:
        now = self._clock.now()
        sub, issued, expires = claims.get("sub"), claims.get("iat"), claims.get("exp")
        if claims.get("iss") != self._client_id or not isinstance(sub, str) or not sub:
            raise unauthorized("jwt issuer or subject invalid")
        if not isinstance(issued, int | float) or not isinstance(expires, int | float):
            raise unauthorized("jwt needs iat and exp")
        if expires <= now or issued < self._not_before:
            raise unauthorized("jwt expired")
        if issued > now + LEEWAY:
            raise unauthorized("jwt not active")
        return sub

    def _signature(self, head: str) -> str:
        digest = hmac.digest(self._secret.encode(), head.encode(), hashlib.sha512)
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _packed(values: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def _unpacked(text: str) -> dict[str, object]:
    try:
        value = cast("object", json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))))
    except (binascii.Error, ValueError):
        value = None
    if not isinstance(value, dict):
        raise unauthorized("jwt malformed")
    return cast("dict[str, object]", value)
