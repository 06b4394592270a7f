"""The calls about jobs, and waiting for them.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Query" and "Ingest". A job is kept for seven days.
"""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from crmhub.clock import Clock
from crmhub.connector import Native
from crmhub.errors import BadResponse, ConnectorError, NotFound
from crmhub.http import Response, Sink, path
from crmhub_salesforce.api import Api
from crmhub_salesforce.ids import looks_like_id

__all__ = ["ENDED", "Jobs", "Kind", "ending"]

Kind: TypeAlias = Literal["query", "ingest"]

ENDED = frozenset({"JobComplete", "Failed", "Aborted"})
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0  # seconds


_CAUSE = re.compile(r"([A-Za-z]\w{1,60}) ?:")  # "InvalidBatch : Field name not found : Nmae"


def ending(kind: Kind, id: str, told: Native) -> str:
    """How a job ended, with the code of its failure: what Salesforce says behind that may quote values."""
    words = told.get("errorMessage")
    cause = _CAUSE.match(words) if isinstance(words, str) else None
    return f"the {kind} job {id} ended as {told['state']}" + (f" ({cause[1]})" if cause else "")


class Jobs:
    """Jobs of one kind; one that is not done after ``longest`` seconds is aborted."""

    def __init__(self, api: Api, clock: Clock, kind: Kind, longest: float) -> None:
        self._api = api
        self._clock = clock
        self._kind = kind
        self._longest = longest

    async def create(self, body: Native) -> str:
        """A new job's id. To make it twice does no harm: an ingest job is nothing before it has data."""
        response = await self._api.data("POST", f"/jobs/{self._kind}", json=body, idempotent=True)
        told = response.json()
        id_ = told.get("id") if isinstance(told, dict) else None
        if not isinstance(id_, str) or not looks_like_id(id_):
            raise response.unreadable("JSON that names no job")
        return id_

    async def told(self, id: str) -> Native:
        """What Salesforce says about a job."""
        response = await self._api.data("GET", path("/jobs/{kind}/{id}", kind=self._kind, id=id))
        told = response.json()
        if not isinstance(told, dict) or not isinstance(told.get("state"), str):
            raise response.unreadable("JSON that tells no state of a job")
        return told

    async def enter(self, id: str, state: Literal["UploadComplete", "Aborted"]) -> None:
        """Close or abort a job."""
        below = path("/jobs/{kind}/{id}", kind=self._kind, id=id)
        await self._api.data("PATCH", below, json={"state": state}, idempotent=True)

    async def ended(self, id: str, *, patient: bool = False) -> Native:
        """The job when it has come to its end, whichever; aborted where it takes too long.

        ``patient``: questions that fail for a reason that passes are asked again all that time.
        """
        wait, until = _FIRST_WAIT, self._clock.monotonic() + self._longest
        while True:
            try:
                told = await self.told(id)
            except ConnectorError as error:
                if not (patient and error.retryable and self._clock.monotonic() + wait <= until):
                    raise
            else:
                if told["state"] in ENDED:
                    return told
            if self._clock.monotonic() + wait > until:
                await self._stopped(id)
                return await self.told(id)
            await self._clock.sleep(wait)
            wait = min(wait * 1.5, _LONGEST_WAIT)

    async def into(self, id: str, what: str, sink: Sink, **params: str) -> Response:
        """A CSV of the job into a file."""
        below = path("/jobs/{kind}/{id}/{what}", kind=self._kind, id=id, what=what)
        return await self._api.carry("GET", below, params=params, into=sink)

    async def forgotten(self, id: str) -> bool:
        """Abort a job that is of no use any more; whether it is known to be aborted."""
        try:
            await self.enter(id, "Aborted")
        except ConnectorError:
            return False
        return True

    async def _stopped(self, id: str) -> None:
        try:
            await self.enter(id, "Aborted")
        except (NotFound, BadResponse):
            raise
        except ConnectorError as error:
            if error.code != "INVALIDJOBSTATE":  # else it has ended meanwhile
                raise
