"""simple-salesforce signs in to the Salesforce double by each of its ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed

from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.serve import Running, running
from crmhub_salesforce.simulator import SalesforceDouble, create


class ToDouble(HTTPAdapter):
    """Sends what is meant for Salesforce to the double: the client's login hosts are fixed."""

    def __init__(self, host: str) -> None:
        super().__init__()
        self._host = host

    def send(self, request: requests.PreparedRequest, *args: object, **more: object) -> requests.Response:
        parts = urlsplit(str(request.url))
        if parts.hostname and parts.hostname.endswith("salesforce.com"):
            request.url = parts._replace(netloc=self._host).geturl()
        return super().send(request, *args, **more)  # pyright: ignore[reportArgumentType]


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def double(key: rsa.RSAPrivateKey, tmp_path_factory: pytest.TempPathFactory) -> SalesforceDouble:
    pem = tmp_path_factory.mktemp("app") / "app.pem"
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    pem.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, form))
    return create(Options(rows={"Account": 2}, settings={"jwt_certificate": str(pem)}))


@pytest.fixture(scope="module")
def served(double: SalesforceDouble, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder: Path = tmp_path_factory.mktemp("tls")
    with running(double, tls_dir=folder) as state:
        yield state


@pytest.fixture
def session(served: Running) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(served.ca_file)
        session.mount("https://", ToDouble(urlsplit(served.url).netloc))
        yield session


Way = Callable[..., Salesforce]


@pytest.fixture(params=["token", "password", "jwt", "client credentials", "session"])
def way(
    request: pytest.FixtureRequest, double: SalesforceDouble, served: Running, key: rsa.RSAPrivateKey
) -> Way:
    """simple-salesforce, given what one of its ways needs."""
    known = double.credentials
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    user = partial(Salesforce, username=known["username"])
    app = partial(Salesforce, consumer_key=known["client_id"], consumer_secret=known["client_secret"])
    ways: dict[str, Way] = {
        "token": partial(user, password=known["password"], security_token=known["security_token"]),
        "password": partial(
            app, username=known["username"], password=known["password"] + known["security_token"]
        ),
        "jwt": partial(user, consumer_key=known["client_id"], privatekey=private),
        "client credentials": partial(app, domain="acme.my"),
        "session": partial(Salesforce, session_id=double.sessions.open(), instance_url=served.url),
    }
    return ways[cast("str", request.param)]


def test_it_signs_in_and_reads(way: Way, session: requests.Session) -> None:
    client = way(session=session, version="62.0")
    found = cast("dict[str, object]", client.query("SELECT Id FROM Account"))
    assert found["totalSize"] == 2


@pytest.mark.parametrize("wrong", ["password", "security_token"])
def test_it_hears_that_a_password_is_wrong(
    double: SalesforceDouble, session: requests.Session, wrong: str
) -> None:
    known = {**double.credentials, wrong: "wrong"}
    with pytest.raises(SalesforceAuthenticationFailed) as caught:
        Salesforce(
            username=known["username"],
            password=known["password"],
            security_token=known["security_token"],
            session=session,
            version="62.0",
        )
    assert caught.value.code == "INVALID_LOGIN"
