"""The conformance checks of settings, credentials and secrets, by each of Salesforce's flows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import anyio
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from crmhub.testing.conformance.catalog import all_checks
from crmhub.testing.conformance.check import ConformanceCheck, prove
from crmhub.testing.conformance.target import NotHere, Spoilt
from crmhub_salesforce.conformance import SalesforceOrg, SalesforceTarget

LAST = 9
ROTATION = 7  # of refresh tokens, which these flows do not have
CHECKS = [check for check in all_checks() if check.number <= LAST and check.number != ROTATION]


class FlowOrg(SalesforceOrg):
    """An org in which an administrator makes the user inactive to end the access."""

    takes: Sequence[str] = ("client_id", "client_secret")
    wrong: Mapping[str, str] = {"client_secret": "WRONG-CLIENT-SECRET"}

    def __init__(self, switches: Mapping[str, str] | None = None) -> None:
        super().__init__(switches)
        known = self.played.credentials
        self.settings = {"instance_url": self.base_url, **{name: known[name] for name in self.takes}}

    def spoilt(self) -> Sequence[Spoilt]:
        return [
            Spoilt(f"a wrong {name}", {name: value}, name.partition("_")[2] or name)
            for name, value in self.wrong.items()
        ]

    def revoke(self) -> None:
        self.played.sessions.deactivate_user()


class PasswordOrg(FlowOrg):
    takes = ("client_id", "client_secret", "username", "password", "security_token")
    wrong: Mapping[str, str] = {"password": "WRONG-PASSWORD"}


class SoapOrg(FlowOrg):
    token_path = "/services/Soap/u/62.0"
    takes = ("username", "password", "security_token")
    wrong: Mapping[str, str] = {"password": "WRONG-PASSWORD"}

    def revoke(self) -> None:
        raise NotHere("SOAP does not tell a user who is gone from a wrong password")


@pytest.fixture(scope="module")
def key_org(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], SalesforceOrg]:
    """Makes orgs whose app has the certificate of one key."""
    key = rsa.generate_private_key(65537, 2048)
    public = tmp_path_factory.mktemp("app") / "app.pem"
    public.write_bytes(_public(key))
    private = _private(key)

    class KeyOrg(FlowOrg):
        takes = ("client_id", "username")
        wrong: Mapping[str, str] = {"private_key": _private(rsa.generate_private_key(65537, 2048))}

        def __init__(self) -> None:
            super().__init__({"jwt_certificate": str(Path(public))})
            self.settings = {**self.settings, "private_key": private}

    return KeyOrg


def _public(key: rsa.RSAPrivateKey) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form)


def _private(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
@pytest.mark.parametrize("flow", ["client_credentials", "jwt_bearer", "password", "soap"])
def test_each_flow_keeps_the_rules_of_signing_in(
    flow: str, check: ConformanceCheck, backend: str, key_org: Callable[[], SalesforceOrg]
) -> None:
    orgs: dict[str, Callable[[], SalesforceOrg]] = {
        "client_credentials": FlowOrg,
        "jwt_bearer": key_org,
        "password": PasswordOrg,
        "soap": SoapOrg,
    }
    try:
        anyio.run(prove, check, SalesforceTarget(orgs[flow]), backend=backend)
    except NotHere as absent:
        pytest.skip(str(absent))
