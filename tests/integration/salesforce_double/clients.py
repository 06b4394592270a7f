"""simple-salesforce, unpatched, sent to the double by its session's adapter alone."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce

from crmhub.testing.simulator.serve import Running
from crmhub_salesforce.simulator import SalesforceDouble


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


@contextmanager
def signed_in(double: SalesforceDouble, served: Running, version: str = "62.0") -> Generator[Salesforce]:
    """A client with a session of its own."""
    host = urlsplit(served.url).netloc
    with requests.Session() as session:
        session.trust_env = False  # CA bundles named by the environment would win over ours
        session.verify = str(served.ca_file)
        session.mount("https://", ToDouble(host))
        yield Salesforce(instance=host, session_id=double.sessions.open(), session=session, version=version)
