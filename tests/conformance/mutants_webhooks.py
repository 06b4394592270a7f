"""Mistakes in being told of changes, planted in Zoho's connector: the one in memory has no webhooks."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

from crmhub.errors import AuthError
from crmhub.powers import Changes, Subscription
from crmhub_zoho import Connector
from crmhub_zoho.conformance import ZohoOrg, ZohoTarget
from tests.conformance.mutant import mutant


def hooked(mistaken: type[Connector]) -> ZohoTarget:
    """A target whose connections are of the class."""

    class Planted(ZohoTarget):
        @asynccontextmanager
        async def open(self) -> AsyncGenerator[ZohoOrg]:
            async with super().open() as org:
                org.connector = mistaken
                yield org

    return Planted()


@mutant(48, "any message is believed", hooked)
class AnyMessageIsBelieved(Connector):
    def parse_webhook(self, raw_body: bytes, headers: Mapping[str, str]) -> Sequence[Changes]:
        try:
            return super().parse_webhook(raw_body, headers)
        except AuthError:
            return [Changes("Deals", tuple(json.loads(raw_body)["ids"]))]


@mutant(48, "a message without a token is believed", hooked)
class NoTokenIsBelieved(Connector):
    def parse_webhook(self, raw_body: bytes, headers: Mapping[str, str]) -> Sequence[Changes]:
        try:
            return super().parse_webhook(raw_body, headers)
        except AuthError:
            if json.loads(raw_body).get("token"):
                raise
            return []


@mutant(48, "what is no JSON ends in an error of Python", hooked)
class NoJsonIsNoOrdinaryError(Connector):
    def parse_webhook(self, raw_body: bytes, headers: Mapping[str, str]) -> Sequence[Changes]:
        json.loads(raw_body)
        return super().parse_webhook(raw_body, headers)


@mutant(48, "deletions are changes", hooked)
class DeletionsAreChanges(Connector):
    def parse_webhook(self, raw_body: bytes, headers: Mapping[str, str]) -> Sequence[Changes]:
        told = super().parse_webhook(raw_body, headers)
        return [Changes(one.object, one.changed + one.deleted) for one in told]


@mutant(48, "a message that comes again tells nothing", hooked)
class AgainTellsNothing(Connector):
    def parse_webhook(self, raw_body: bytes, headers: Mapping[str, str]) -> Sequence[Changes]:
        told = super().parse_webhook(raw_body, headers)
        seen = vars(self).setdefault("seen", set[bytes]())
        if raw_body in seen:
            return [replace(one, changed=(), deleted=()) for one in told]
        seen.add(raw_body)
        return told


@mutant(48, "nothing is renewed", hooked)
class NothingIsRenewed(Connector):
    async def renew_due(self, now: datetime) -> Sequence[Subscription]:
        return await super().renew_due(now.replace(year=2000))


@mutant(48, "unsubscribe forgets to", hooked)
class UnsubscribeForgets(Connector):
    async def unsubscribe(self, objects: Sequence[str] = ()) -> None:
        await super().unsubscribe(["Leads"] if objects else [])
