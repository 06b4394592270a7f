"""Junk sent to every place of the Salesforce double: it refuses, it does not stumble."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.salesforce_double.conftest import MakeClient

pytestmark = pytest.mark.anyio

PLACES = (
    "sobjects/Account sobjects/Case sobjects/CampaignMember sobjects/ContentVersion sobjects/Attachment "
    "sobjects/Task sobjects/Event sobjects/Opportunity sobjects/Account/001Hs0000000001IAA composite "
    "sobjects/Account/External_Id__c/x composite/batch composite/graph composite/tree/Account query search "
    "composite/sobjects composite/sobjects/Account composite/sobjects/Account/External_Id__c jobs/query "
    "jobs/ingest parameterizedSearch sobjects/User/005Hs0000000001IAA/password sobjects/Account/updated "
    "sobjects/Account/deleted sobjects/Account/001Hs0000000001IAA/Contacts limits/recordCount nothing/at/all"
)
KEYS = (
    "records attributes type Name Id ids fields referenceId graphs graphId compositeRequest method url body "
    "operation object query state allOrNone batchRequests contentType externalIdFieldName q sobjects Amount "
    "NewPassword ParentId VersionData PathOnClient Contacts AccountId Account External_Id__c CloseDate"
)
LEAVES = (None, True, 0, -1, 1.5, "", "x", "Account", "POST", "001Hs0000000001IAA", "\0", "é'\"\\", 10**30)
ASKED = (
    "SELECT Id FROM Account",
    "FIND {ab} RETURNING Account(Id WHERE",
    "2024-01-01T00:00:00Z",
    "",
    " ",
    "1",
)


def _value(source: random.Random, depth: int = 0) -> object:
    kind = source.random() if depth < 3 else 1.0
    if kind < 0.4:
        return {source.choice(KEYS.split()): _value(source, depth + 1) for _ in range(source.randint(0, 4))}
    if kind < 0.55:
        return [_value(source, depth + 1) for _ in range(source.randint(0, 3))]
    return source.choice(LEAVES)


@pytest.mark.parametrize("seed", range(4))
async def test_junk_is_refused_or_taken(make_client: MakeClient, seed: int) -> None:
    client = make_client(3, settings={"currencies": "USD,EUR", "record_types": "Lead.A,Account.B"})
    source = random.Random(seed)
    for _ in range(150):
        method, place = (
            source.choice(("GET", "POST", "POST", "PATCH", "DELETE")),
            source.choice(PLACES.split()),
        )
        names = source.sample(("q", "start", "end", "fields", "ids", "sObjects", "sobject", "explain"), 2)
        asked = {name: source.choice(ASKED) for name in names}
        reply = await client.call(method, f"/{place}", _value(source), params=asked)
        assert reply.status_code < 500, (method, place, asked)
