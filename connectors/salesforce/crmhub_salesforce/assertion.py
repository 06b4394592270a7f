"""The signed claim of the JWT bearer flow.

Source: Salesforce Help, "OAuth 2.0 JWT Bearer Flow for Server-to-Server Integration": RS256, ``iss`` the
app, ``sub`` the user, ``aud`` the login host, ``exp`` within minutes; RFC 7515 for its form.
"""

from __future__ import annotations

import base64
from datetime import datetime

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from pydantic import SecretStr

from crmhub.errors import ConfigError
from crmhub.redact import register

__all__ = ["Signer"]

_LIFE = 180  # seconds; Salesforce takes some minutes, and clocks differ


class Signer:
    """Signs claims with the key whose certificate the app was registered with."""

    def __init__(self, key: SecretStr, *, connection: str) -> None:
        """``key`` is a private RSA key in PEM, without a passphrase; raises ``ConfigError``."""
        try:
            found = serialization.load_pem_private_key(_pem(key.get_secret_value()), password=None)
        except TypeError:
            raise _unusable(
                connection, "it has a passphrase", "openssl rsa -in key.pem takes it off"
            ) from None
        except (ValueError, UnsupportedAlgorithm):
            raise _unusable(
                connection, "it is no key in PEM", "give it by private_key: file:key.pem"
            ) from None
        if not isinstance(found, rsa.RSAPrivateKey):
            raise _unusable(connection, "it is no RSA key", "Salesforce takes RS256 only")
        self._key = found

    def signed(self, *, issuer: str, subject: str, audience: str, now: datetime) -> str:
        """An assertion that is good for three minutes."""
        claims = {
            "iss": issuer,
            "sub": subject,
            "aud": audience,
            "exp": int(now.timestamp()) + _LIFE,
        }
        head = b".".join(
            _coded(msgspec.json.encode(part)) for part in ({"alg": "RS256", "typ": "JWT"}, claims)
        )
        signature = self._key.sign(head, padding.PKCS1v15(), hashes.SHA256())
        assertion = (head + b"." + _coded(signature)).decode()
        register(assertion)
        return assertion


def _pem(text: str) -> bytes:
    """The key's text; in environment variables its line ends are often written as ``\\n``."""
    return (text if "\n" in text.strip() else text.replace("\\n", "\n")).encode()


def _coded(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")


def _unusable(connection: str, why: str, hint: str) -> ConfigError:
    return ConfigError(f"connection {connection}: private_key cannot be used: {why}", hint=hint)
