"""Zoho's SDK as a tier: lists, records by id, searches and writes, with the answers that REST gives.

The SDK is synchronous; its calls run in a few threads of their own, and what they send goes out through
the connection's HTTP client (:mod:`crmhub_zoho.tiers.sdk.job`). So the SDK tier has the connection's token,
limits, deadlines and retries, and can be cancelled.
Source: the package zohocrmsdk8-0, 7.0.0.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread

from crmhub.clock import Clock
from crmhub.connector import Native
from crmhub.errors import BadResponse, ConnectorError, Unsupported
from crmhub.http import FormFile, HttpClient, Response
from crmhub_zoho.prices import write_call
from crmhub_zoho.tiers.answers import Answer, WriteAnswer, answer_of, write_answer_of
from crmhub_zoho.tiers.rest import HEAVY_FROM, PAGE
from crmhub_zoho.tiers.sdk.job import Job, Kind, Request
from crmhub_zoho.tiers.sdk.told import as_told

if TYPE_CHECKING:
    from crmhub_zoho.tiers.sdk.values import Details

__all__ = ["Sdk"]

_VERSION = "v8"  # the SDK speaks no other
_THREADS = 4  # the SDK's work is held by the interpreter's lock: more give nothing (measured)
_FRESH = 3_600.0  # seconds after which fields are read anew; the SDK itself would keep them for good
_WRITTEN = frozenset(range(200, 300)) | {400, 412}
_FIELDS = "/settings/fields"

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Learnt:
    """A module's fields as the SDK knows them, where its file of them lies, and when they were read."""

    details: Details
    folder: Path
    at: float


class Sdk:
    """The SDK for one organisation. Nothing is imported, made or sent before the first call."""

    def __init__(self, http: HttpClient, version: str, clock: Clock) -> None:
        self._http = http
        self._version = version
        self._clock = clock
        self._threads: anyio.CapacityLimiter | None = None
        self._folder: Path | None = None
        self._forget: weakref.finalize[[str, bool], Sdk] | None = None
        self._bare: Path | None = None
        self._learnt: dict[str, _Learnt] = {}
        self._turns: dict[str, anyio.Lock] = {}
        self._replies: dict[str, tuple[float, Response]] = {}

    def absent(self) -> str | None:
        """Why the tier cannot be used here; ``None``: it can."""
        if self._version != _VERSION:
            return f"the SDK speaks {_VERSION}, the connection {self._version}"
        if find_spec("zohocrmsdk") is None:
            return "not installed: pip install 'crmhub-zoho[sdk]'"
        return None

    async def aclose(self) -> None:
        """Remove the SDK's files."""
        self._learnt.clear()
        self._bare = None
        if self._forget is not None:
            forget, self._forget, self._folder = self._forget, None, None
            await anyio.to_thread.run_sync(forget)

    # ── records ──────────────────────────────────────────────────────────────────────────────────

    async def records(
        self,
        module: str,
        fields: Sequence[str],
        *,
        ids: Sequence[str] = (),
        since: datetime | None = None,
        token: str | None = None,
        by_change: bool = False,
        per_page: int = PAGE,
    ) -> Answer:
        """See :meth:`crmhub_zoho.tiers.rest.Rest.records`."""
        params: dict[str, str | int | Sequence[str]] = {"fields": list(fields), "per_page": per_page}
        if ids:
            params["ids"] = list(ids)
        if by_change:
            params |= {"sort_by": "Modified_Time", "sort_order": "asc"}
        if token:
            params["page_token"] = token
        body, response = await self._call(module, Kind(), lambda _: _library().listed(module, params, since))
        return answer_of(body, response)

    async def record(self, module: str, id: str, fields: Sequence[str]) -> Native | None:
        """See :meth:`crmhub_zoho.tiers.rest.Rest.record`."""
        try:
            body, response = await self._call(module, Kind(), lambda _: _library().get(module, id, fields))
        except ConnectorError as error:
            if error.code == "INVALID_DATA":  # an id that never was
                return None
            raise
        rows = answer_of(body, response).rows
        return rows[0] if rows else None

    async def search(self, module: str, word: str, fields: Sequence[str], page: int, per_page: int) -> Answer:
        """See :meth:`crmhub_zoho.tiers.rest.Rest.search`."""
        params: dict[str, str | int | Sequence[str]] = {"word": word, "page": page, "per_page": per_page}
        if fields:
            params["fields"] = list(fields)
        kind = Kind(endpoint="search")
        body, response = await self._call(module, kind, lambda _: _library().searched(module, params))
        return answer_of(body, response)

    async def coql(self, query: str, limit: int) -> Answer:  # noqa: ARG002 - the shape of Rest
        """Queries go by REST, which reads them several times faster."""
        raise Unsupported("the SDK tier makes no queries")

    # ── writes ───────────────────────────────────────────────────────────────────────────────────

    async def insert(self, module: str, body: Native, count: int) -> WriteAnswer:
        """See :meth:`crmhub_zoho.tiers.rest.Rest.insert`."""
        return await self._write(
            module, count, lambda known: _library().create(module, body, known), repeatable=False
        )

    async def update(self, module: str, body: Native, count: int) -> WriteAnswer:
        """See :meth:`crmhub_zoho.tiers.rest.Rest.update`."""
        return await self._write(module, count, lambda known: _library().update(module, body, known))

    async def upsert(self, module: str, body: Native, count: int) -> WriteAnswer:
        """See :meth:`crmhub_zoho.tiers.rest.Rest.upsert`."""
        return await self._write(module, count, lambda known: _library().upsert(module, body, known))

    async def update_if(self, module: str, id: str, body: Native, unmodified_since: str) -> WriteAnswer:  # noqa: ARG002 - the shape of Rest
        """The SDK has no conditional updates."""
        raise Unsupported("the SDK cannot update on condition", hint="another tier can")

    async def delete(self, module: str, ids: Sequence[str], *, triggers: bool) -> WriteAnswer:
        """See :meth:`crmhub_zoho.tiers.rest.Rest.delete`."""
        return await self._write(module, 1, lambda _: _library().delete(module, ids, triggers=triggers))

    async def check(self, module: str, rows: Sequence[Native]) -> None:
        """Raise :class:`Unsupported` unless the SDK can hold all values of the rows; sends no record."""
        learnt = await self._ready(module)
        await self._in_thread(
            Job(self._sender(Kind())),
            learnt.folder,
            lambda: _library().try_out(module, rows, learnt.details),
        )

    # ── the calls themselves ─────────────────────────────────────────────────────────────────────

    async def _write(
        self, module: str, count: int, work: Callable[[Details], Native | None], *, repeatable: bool = True
    ) -> WriteAnswer:
        kind = Kind(
            _WRITTEN, "bulk" if count >= HEAVY_FROM else "default", write_call(count).credits, repeatable
        )
        body, response = await self._call(module, kind, work)
        return write_answer_of(body, response)

    async def _call(
        self, module: str, kind: Kind, work: Callable[[Details], Native | None]
    ) -> tuple[Native | None, Response]:
        """What the SDK made of the reply, and the reply itself."""
        learnt = await self._ready(module)
        body, response = await self._answered(kind, learnt.folder, lambda: work(learnt.details))
        told = response.peek()
        if body is None or not isinstance(told, dict):
            return body, response
        return {name: as_told(one, told.get(name)) for name, one in body.items()}, response

    async def call(self, kind: Kind, work: Callable[[], _T]) -> tuple[_T | None, Response]:
        """A call that needs no module's fields: what ``work`` gave, and the reply itself."""
        if self._bare is None:
            self._bare = await anyio.to_thread.run_sync(self._new_folder)
        return await self._answered(kind, self._bare, work)

    async def _answered(self, kind: Kind, folder: Path, work: Callable[[], _T]) -> tuple[_T | None, Response]:
        job = Job(self._sender(kind))
        body: _T | None = None
        try:
            body = await self._in_thread(job, folder, work)
        except BadResponse:
            if job.response is None or job.response.status < 400:
                raise
        if job.response is None:
            raise BadResponse("the SDK gave an answer without a call")
        if body is None and job.response.content and job.response.status < 400:
            raise job.response.unreadable("what the SDK cannot read")
        return body, job.response

    async def _ready(self, module: str) -> _Learnt:
        """The module's fields as the SDK knows them, at most an hour old.

        Each module and each hour has a folder of its own: what is read there is not written any more.
        """
        async with self._turns.setdefault(module, anyio.Lock()):
            learnt = self._learnt.get(module)
            if learnt is None or self._clock.monotonic() - learnt.at > _FRESH:
                folder = await anyio.to_thread.run_sync(self._new_folder)
                job = Job(self._sender(Kind()))
                details = await self._in_thread(job, folder, lambda: _library().learn(module))
                self._learnt[module] = learnt = _Learnt(details, folder, self._clock.monotonic())
            return learnt

    def _new_folder(self) -> Path:
        """An empty folder; all of them go with the tier, at the latest when the process ends."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="crmhub-zoho-"))
            self._forget = weakref.finalize(self, shutil.rmtree, str(self._folder), True)
        return Path(tempfile.mkdtemp(dir=self._folder))

    async def _in_thread(self, job: Job, folder: Path, work: Callable[[], _T]) -> _T:
        """Do it in a thread of the tier, as that job; raises what happened to the job."""
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(_THREADS)

        def worked() -> _T:
            with _library().entered(job, folder):
                return work()

        try:
            result = await anyio.to_thread.run_sync(worked, limiter=self._threads)
        except Exception as error:  # noqa: BLE001 - the SDK raises anything
            await anyio.lowlevel.checkpoint_if_cancelled()
            raise _meaning(job, error) from None
        if job.error is not None:  # the SDK has swallowed it
            raise _meaning(job, job.error) from None
        return result

    def _sender(self, kind: Kind) -> Callable[[Request], Response]:
        return lambda request: anyio.from_thread.run(partial(self._send, kind), request)

    async def _send(self, kind: Kind, request: Request) -> Response:
        """Send what the SDK made, in the event loop. Fields' metadata is asked for once an hour."""
        if not request.path.endswith(_FIELDS):
            return await self._request(kind, request)
        module = request.params.get("module", "")
        at, response = self._replies.get(module, (0.0, None))
        if response is None or self._clock.monotonic() - at > _FRESH:
            response = await self._request(Kind(), request)
            self._replies[module] = (self._clock.monotonic(), response)
        return response

    async def _request(self, kind: Kind, request: Request) -> Response:
        kind_of = request.body.content_type if isinstance(request.body, FormFile) else "application/json"
        typed = {"content-type": kind_of} if request.body is not None else {}
        return await self._http.request(
            request.method,
            request.path,
            params=dict(request.params),
            content=request.body,
            headers={**typed, **request.headers},
            idempotent=kind.repeatable,
            endpoint=kind.endpoint,
            cost=kind.cost,
            ok=kind.ok,
            expect=kind.expect,
            into=kind.into,
            base=kind.base,
        )


def _meaning(job: Job, error: BaseException) -> BaseException:
    """What a failed job means: what our own client said, else that the SDK cannot read or say something."""
    if job.error is not None or isinstance(error, ConnectorError):
        return job.error or error
    if job.response is not None:
        return job.response.unreadable("what the SDK cannot read")
    return Unsupported(f"the SDK cannot make this call ({type(error).__name__})")


def _library():
    from crmhub_zoho.tiers.sdk import library

    return library
