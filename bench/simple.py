"""simple-salesforce on a simulator: it always speaks https, and is led to plain http on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import cast
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce, SFType
from simple_salesforce.bulk2 import SFBulk2Handler, SFBulk2Type

# simple-salesforce says little about the types of its replies.
# pyright: reportUnknownMemberType=false

__all__ = ["by_bulk", "by_queries", "client_of", "insert_by_bulk", "insert_one_by_one"]


class _Plain(HTTPAdapter):
    def send(self, request: requests.PreparedRequest, *args: object, **more: object) -> requests.Response:
        request.url = urlsplit(str(request.url))._replace(scheme="http").geturl()
        return super().send(request, *args, **more)  # pyright: ignore[reportArgumentType]


def client_of(url: str, token: str) -> Salesforce:
    """A client that is signed in."""
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", _Plain())
    return Salesforce(instance=urlsplit(url).netloc, session_id=token, session=session, version="62.0")


def by_queries(client: Salesforce, soql: str) -> Iterator[Mapping[str, object]]:
    """The rows of all pages."""
    return client.query_all_iter(soql)


def by_bulk(client: Salesforce, soql: str) -> Iterator[str]:
    """The CSV of each page of 50,000 rows."""
    return cast("Iterator[str]", _accounts(client).query(soql, wait=0))


def insert_by_bulk(client: Salesforce, records: Sequence[dict[str, str]]) -> int:
    """Accounts made by an ingest job, as its result files tell."""
    (made,) = _accounts(client).insert(records=[*records], wait=0)
    results = _accounts(client).get_all_ingest_records(str(made["job_id"]))
    return len(results["successfulRecords"])


def insert_one_by_one(client: Salesforce, records: Sequence[dict[str, str]]) -> int:
    """Accounts made by a call each."""
    accounts = cast("SFType", client.Account)
    return sum(bool(accounts.create(record)["success"]) for record in records)


def _accounts(client: Salesforce) -> SFBulk2Type:
    return cast("SFBulk2Handler", client.bulk2).Account
