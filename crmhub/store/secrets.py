"""Secrets at rest: AES-256-GCM envelopes, bound to the row and the field they stand in.

``v1.<kid>.<base64 of nonce and ciphertext>``. The associated data names table, row and field, so that
a value moved to another row does not open. Values are sealed with a data key of the installation;
the data key is stored wrapped by the installation's key, so that a new key re-wraps one row.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from crmhub.errors import StoreError, Where

__all__ = ["KEY_BYTES", "Place", "Secrets", "open_sealed", "seal"]

KEY_BYTES = 32
_NONCE_BYTES = 12  # 96 random bits: safe for some 2**32 values a key (NIST SP 800-38D, 8.3)
_VERSION = "v1"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed value stands: table, row (for a token, the connection) and field."""

    table: str
    row: str
    field: str

    def bound_to(self, kid: str) -> bytes:
        """The associated data: no two places give the same."""
        parts = ("crmhub", self.table, self.row, self.field, kid)
        return "|".join(part.replace("%", "%25").replace("|", "%7C") for part in parts).encode()


class Secrets:
    """Seals with the active data key, opens with any that is known."""

    def __init__(self, keys: Mapping[str, bytes], active: str) -> None:
        self.keys = keys
        """The data keys, by id."""
        self.active = active
        """The id of the one that seals."""

    def __repr__(self) -> str:
        return f"Secrets(active={self.active!r})"

    def knows(self, kid: str) -> bool:
        """Whether the data key of that id is here."""
        return kid in self.keys

    def seal(self, plain: bytes, place: Place) -> str:
        """The value as an envelope that opens in this place alone."""
        return seal(plain, place, self.active, self.keys[self.active])

    def open(self, sealed: str, place: Place) -> bytes:
        """The value. Raises :class:`StoreError` naming the row, never the content."""
        kid = kid_of(sealed)
        key = self.keys.get(kid or "")
        plain = open_sealed(sealed, place, key) if key else None
        if plain is None:
            raise StoreError(
                f"the stored {place.table} does not open: it was changed, moved from another row, "
                "or sealed with another key",
                hint=f"sign in again for {place.row}, or restore the store and its key from one backup",
                where=Where(connection=place.row, field=place.field),
            )
        return plain


def kid_of(sealed: object) -> str | None:
    """The id of the key an envelope was sealed with; ``None`` if it is no envelope.

    SQLite keeps bytes and numbers in a column of texts too, where somebody writes them there.
    """
    parts = sealed.split(".") if isinstance(sealed, str) else []
    return parts[1] if len(parts) == 3 and parts[0] == _VERSION else None


def seal(plain: bytes, place: Place, kid: str, key: bytes) -> str:
    """The value sealed with that key."""
    nonce = os.urandom(_NONCE_BYTES)
    body = nonce + AESGCM(key).encrypt(nonce, plain, place.bound_to(kid))
    return f"{_VERSION}.{kid}.{base64.b64encode(body).decode()}"


def open_sealed(sealed: str, place: Place, key: bytes) -> bytes | None:
    """The value, or ``None`` if the key, the place or a single bit is not what it was sealed with."""
    kid = kid_of(sealed)
    if kid is None:
        return None
    try:
        body = base64.b64decode(sealed.rpartition(".")[2], validate=True)
        return AESGCM(key).decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], place.bound_to(kid))
    except (binascii.Error, InvalidTag, ValueError):
        return None
