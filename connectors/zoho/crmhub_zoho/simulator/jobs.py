"""Work that is done later: jobs become due as the clock moves on, and are then done in their order.

Source: Zoho CRM API v8, "Bulk Read" (ten downloads a minute).
"""

from abc import ABC, abstractmethod
from typing import TypeVar

from crmhub.testing.simulator.clock import SimClock
from crmhub_zoho.simulator.errors import too_many_requests
from crmhub_zoho.simulator.ids import JOBS_BLOCK, IdBlock
from crmhub_zoho.simulator.people import User

DEFAULT_DELAY = 1.0
DOWNLOADS_A_MINUTE = 10


class Job(ABC):
    """One job: who asked for it, when (epoch seconds), and when it will be done.

    `failed` makes it end in failure, as a fault rule may ask.
    """

    def __init__(self, by: User) -> None:
        self.by = by
        self.id = ""
        self.created_at = 0.0
        self.due_at = 0.0
        self.done = False
        self.failed = False

    @abstractmethod
    def work(self) -> None:
        """Do it; called once, when it is due."""


J = TypeVar("J", bound=Job)


class Jobs:
    """All jobs of the organisation. `delay` is how many seconds a job takes."""

    def __init__(self, clock: SimClock) -> None:
        self.delay = DEFAULT_DELAY
        self._clock = clock
        self._ids = IdBlock(JOBS_BLOCK)
        self._jobs: dict[str, Job] = {}
        self._waiting: list[Job] = []
        self._downloads: list[float] = []

    def add(self, job: J) -> J:
        """Take in a job, which gets its id and its times."""
        job.id = self._ids.id_of(len(self._jobs))
        job.created_at = self._clock.now()
        job.due_at = job.created_at + self.delay
        self._jobs[job.id] = job
        self._waiting.append(job)
        return job

    def find(self, kind: type[J], job_id: str) -> J | None:
        """The job of that kind and id, or None."""
        job = self._jobs.get(job_id)
        return job if isinstance(job, kind) else None

    def settle(self) -> None:
        """Do all jobs that are due by now."""
        if not self._waiting:
            return
        now = self._clock.now()
        due = [job for job in self._waiting if job.due_at <= now]
        self._waiting = [job for job in self._waiting if job.due_at > now]
        for job in due:
            job.done = True
            job.work()

    def download(self) -> None:
        """Count a download of a result; raises ZohoError (429) beyond ten a minute."""
        now = self._clock.now()
        self._downloads = [at for at in self._downloads if at > now - 60]
        if len(self._downloads) >= DOWNLOADS_A_MINUTE:
            raise too_many_requests()
        self._downloads.append(now)

    def share(self, job: Job) -> float:
        """How much of a job's time has passed, 0 to 1."""
        if job.done or job.due_at <= job.created_at:
            return 1.0
        return min((self._clock.now() - job.created_at) / (job.due_at - job.created_at), 1.0)
