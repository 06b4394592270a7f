"""Mistakes with faults: wrong names, useless or dangerous repeats, lost pages."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from crmhub.connector import Missing, Native, Outcome, Page, ReadRequest, WriteRequest
from crmhub.errors import (
    AuthError,
    BadRequest,
    BadResponse,
    ConnectorError,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
    RateLimited,
    Unavailable,
)
from crmhub.http import HttpClient, HttpSettings, Response
from crmhub.http.call import Call
from crmhub.http.retry import Attempt
from crmhub.testing.memory import MemoryConnector
from crmhub.testing.memory.conformance import MemoryTarget
from crmhub_salesforce.conformance import SalesforceOrg, SalesforceTarget
from tests.conformance.mutant import mutant


class Renaming(MemoryConnector):
    """Raises other errors by ``get`` than it should."""

    def renamed(self, error: ConnectorError) -> ConnectorError:
        return error

    async def get(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> Sequence[Native | Missing]:
        try:
            return await super().get(object, ids, fields)
        except ConnectorError as error:
            raise self.renamed(error) from None


@mutant(47, "a refusal is an outage", MemoryTarget)
class RefusalIsOutage(Renaming):
    def renamed(self, error: ConnectorError) -> ConnectorError:
        return Unavailable(error.what) if isinstance(error, PermissionDenied) else error


@mutant(47, "an outage is a refusal", MemoryTarget)
class OutageIsRefusal(Renaming):
    def renamed(self, error: ConnectorError) -> ConnectorError:
        return BadRequest(error.what) if isinstance(error, Unavailable) and error.status == 503 else error


@mutant(47, "a lost connection is an unreadable answer", MemoryTarget)
class CutIsUnreadable(Renaming):
    def renamed(self, error: ConnectorError) -> ConnectorError:
        return BadResponse(error.what) if isinstance(error, Unavailable) and not error.status else error


@mutant(47, "half an answer is an outage", MemoryTarget)
class HalfIsOutage(Renaming):
    def renamed(self, error: ConnectorError) -> ConnectorError:
        return Unavailable(error.what) if isinstance(error, BadResponse) else error


@mutant(47, "too many calls is a refusal", MemoryTarget)
class TooManyIsRefusal(Renaming):
    def renamed(self, error: ConnectorError) -> ConnectorError:
        return PermissionDenied(error.what) if isinstance(error, RateLimited) else error


@mutant(47, "the asked pause is not told", MemoryTarget)
class PauseNotTold(Renaming):
    def renamed(self, error: ConnectorError) -> ConnectorError:
        return RateLimited(error.what) if isinstance(error, RateLimited) else error


@mutant(47, "an outage is a missing record", MemoryTarget)
class OutageIsMissing(MemoryConnector):
    async def get(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> Sequence[Native | Missing]:
        try:
            return await super().get(object, ids, fields)
        except (Unavailable, NotFound):
            return [Missing(id_) for id_ in ids]


@mutant(47, "a refusal is asked again", MemoryTarget)
class RefusalAskedAgain(MemoryConnector):
    async def get(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> Sequence[Native | Missing]:
        try:
            return await super().get(object, ids, fields)
        except (PermissionDenied, NotFound):
            return await super().get(object, ids, fields)


@mutant(47, "a refused token is tried for ever", MemoryTarget)
class RefusedTokenForEver(MemoryConnector):
    async def get(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> Sequence[Native | Missing]:
        for _ in range(20):
            try:
                return await super().get(object, ids, fields)
            except AuthError as error:
                if type(error) is not AuthError:
                    raise
        return await super().get(object, ids, fields)


@mutant(47, "a connection never recovers", MemoryTarget, RateLimited)
class NeverRecovers(MemoryConnector):
    paused = False

    async def get(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> Sequence[Native | Missing]:
        if self.paused:
            raise RateLimited("still paused", retry_after=30.0)
        try:
            return await super().get(object, ids, fields)
        except RateLimited:
            self.paused = True
            raise


@mutant(47, "a page that fails is passed over", MemoryTarget)
class FailedPagePassedOver(MemoryConnector):
    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        until = self.crm.changes
        try:
            async with aclosing(super().read(request)) as pages:
                async for page in pages:
                    yield page
        except (Unavailable, RateLimited, BadResponse, QuotaExceeded):
            yield Page((), (), {"change": until})


@mutant(47, "a create is told as done before it is sent", MemoryTarget)
class ToldBeforeSent(MemoryConnector):
    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        try:
            return await super().write(request)
        except (Unavailable, RateLimited):
            return [Outcome("created", "deals-0") for _ in request.items]


@mutant(47, "a refused create is told as unwritten and comes later", MemoryTarget)
class WrittenAfterAll(MemoryConnector):
    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        try:
            return await super().write(request)
        except (Unavailable, RateLimited):
            await super().write(request)
            raise


class Blind(HttpClient):
    """Repeats whatever got no reply, creates too."""

    async def _limited(self, call: Call, attempt: Attempt) -> Response:
        attempt.repeatable = True
        return await super()._limited(replace(call, repeatable=True), attempt)


@mutant(41, "a create without a reply is repeated by the client", SalesforceTarget)
class RepeatedByTheClient(SalesforceOrg):
    client_type = Blind


@mutant(47, "the client gives up at once and calls it unreadable", SalesforceTarget)
class CalledUnreadable(SalesforceOrg):
    def _client(self, wanted: HttpSettings) -> HttpClient:
        def classify(response: Response) -> ConnectorError | None:
            return BadResponse("an error page") if response.status >= 500 else None

        return super()._client(replace(wanted, classify=classify))


@mutant(47, "every refusal is retried as an outage by the client", SalesforceTarget)
class RefusalsRetried(SalesforceOrg):
    def _client(self, wanted: HttpSettings) -> HttpClient:
        def classify(response: Response) -> ConnectorError | None:
            return Unavailable("no success") if response.status in {403, 404} else None

        return super()._client(replace(wanted, classify=classify))
