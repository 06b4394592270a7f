"""Checking the assertion of the JWT bearer flow: RS256, issued for a Salesforce login host, expiring within
minutes.
"""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.jsons import load_json

_AUDIENCES = ("https://login.salesforce.com", "https://test.salesforce.com")
_LONGEST = 300


class BadAssertion(Exception):
    """The assertion is refused; the message is the error description."""


class Verifier:
    """Knows the certificate (or public key) that the connected app was registered with."""

    def __init__(self, pem: Path) -> None:
        try:
            content = pem.read_bytes()
            if b"BEGIN CERTIFICATE" in content:
                key = x509.load_pem_x509_certificate(content).public_key()
            else:
                key = serialization.load_pem_public_key(content)
        except (OSError, ValueError) as problem:
            raise SimulatorError(f"setting jwt_certificate: {pem}: {problem}") from problem
        if not isinstance(key, rsa.RSAPublicKey):
            raise SimulatorError(f"setting jwt_certificate: {pem} holds no RSA key")
        self._key = key

    def claims(self, assertion: str, now: float) -> Mapping[str, object]:
        """The claims of a valid assertion; raises BadAssertion."""
        parts = assertion.split(".")
        if len(parts) != 3:
            raise BadAssertion("invalid assertion")
        try:
            header, claims = (load_json(_decoded(part)) for part in parts[:2])
            self._key.verify(
                _decoded(parts[2]), ".".join(parts[:2]).encode(), padding.PKCS1v15(), hashes.SHA256()
            )
        except (ValueError, msgspec.DecodeError, InvalidSignature):
            raise BadAssertion("invalid assertion") from None
        if not isinstance(header, Mapping) or not isinstance(claims, Mapping):
            raise BadAssertion("invalid assertion")
        if cast("Mapping[str, object]", header).get("alg") != "RS256":
            raise BadAssertion("algorithm not supported")
        found = cast("Mapping[str, object]", claims)
        if str(found.get("aud")).rstrip("/") not in _AUDIENCES:
            raise BadAssertion("Audience validation failed")
        expires = str(found.get("exp"))
        if not expires.isdigit() or not now < int(expires) <= now + _LONGEST:
            raise BadAssertion("assertion has expired" if expires.isdigit() else "invalid assertion")
        return found


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
