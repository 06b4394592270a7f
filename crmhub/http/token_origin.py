"""Which credentials a kept token was made from: a salted hash beside it."""

from __future__ import annotations

import hashlib
import hmac
import secrets as entropy
from collections.abc import Sequence
from dataclasses import replace

from pydantic import SecretStr

from crmhub.http.tokens import Token

__all__ = ["Origin"]

_MADE_FROM = "made_from"


class Origin:
    """The configured credentials of a connection."""

    def __init__(self, secrets: Sequence[SecretStr | str | None]) -> None:
        plain = (value.get_secret_value() if isinstance(value, SecretStr) else value for value in secrets)
        self._credentials = "\0".join(value or "" for value in plain).encode()
        self._mark = ""

    def mark(self, token: Token) -> Token:
        """The token with the mark of the configured credentials."""
        if not self._mark:
            salt = entropy.token_hex(16)
            self._mark = f"{salt}:{self._hash(salt)}"
        return replace(token, extra={**token.extra, _MADE_FROM: self._mark})

    def made(self, token: Token) -> bool:
        """Whether the token was made from them, or bears no mark (somebody else put it there)."""
        mark = token.extra.get(_MADE_FROM)
        if mark is None or mark == self._mark:
            return True
        salt, _, digest = mark.partition(":")
        same = hmac.compare_digest(digest, self._hash(salt))
        if same:
            self._mark = mark
        return same

    def _hash(self, salt: str) -> str:
        return hashlib.scrypt(self._credentials, salt=salt.encode(), n=4096, r=8, p=1, dklen=32).hex()
