"""Work that the CRM does by itself before it gives records: started, asked after, and picked up again."""

from __future__ import annotations

from datetime import datetime

from crmhub.errors import Unavailable, Where
from crmhub_rest.api import Api
from crmhub_rest.language.call import Job
from crmhub_rest.language.template import Scope
from crmhub_rest.nowhere import nowhere
from crmhub_rest.refusals import clean

__all__ = ["JobFailed", "Jobs"]


class JobFailed(Unavailable):
    """The CRM did not do what it was asked for: another job may be."""


class Jobs:
    """The jobs of one connection."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._clock = api.clock

    async def start(self, job: Job, scope: Scope) -> tuple[str, datetime | None]:
        """Start a job: its id, and the CRM's time. Who starts two has one that nobody asks for."""
        response = await self._api.send("start", job.start, scope, idempotent=True)
        body = response.json() if response.content else None
        id_ = job.id.text_in(body)
        if id_ is None:
            raise nowhere(job.id, body, str(scope["object"]), "the job's id (job.id)")
        self._api.tell("job.started", str(scope["object"]), job=id_)
        return id_, response.sent_at

    async def finish(self, job: Job, scope: Scope) -> None:
        """Wait until the job of ``${job}`` is done.

        Raises :class:`JobFailed` for one that will never be, ``NotFound`` for one that the CRM does not know,
        ``Unavailable`` where it takes too long.
        """
        object_, began = str(scope["object"]), self._clock.monotonic()
        while True:
            response = await self._api.send("poll", job.poll, scope, idempotent=True)
            body = response.json()
            state = job.state.text_in(body)
            if state is None:
                raise nowhere(job.state, body, object_, "how far the job is (job.state)")
            if state in job.done:
                return
            if state in job.failed:
                why = job.message.text_in(body) if job.message is not None else None
                raise _failed(object_, state, why)
            if self._clock.monotonic() + job.every > began + job.within:
                raise Unavailable(
                    f"the job was still {state!r} after {job.within:g} seconds",
                    hint="read again later: it goes on with the same job where there is a checkpoint",
                    where=Where(object=object_),
                )
            await self._clock.sleep(job.every)


def _failed(object: str, state: str, why: str | None) -> JobFailed:
    said = clean(why or "") or repr(state)
    return JobFailed(
        f"the CRM's job has failed: {said}",
        hint="read again, which starts another one; else look at what the job is asked for (job.start)",
        where=Where(object=object),
    )
