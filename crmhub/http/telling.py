"""The events of an HTTP client: names, numbers and paths, never bodies or queries."""

from __future__ import annotations

from dataclasses import dataclass

from crmhub.clock import Clock
from crmhub.errors import ConnectorError
from crmhub.events import Events
from crmhub.http.call import Call
from crmhub.http.response import Response

__all__ = ["Teller"]


@dataclass(frozen=True, slots=True)
class Teller:
    """Emits the events of one connection."""

    connection: str
    clock: Clock
    events: Events

    def call(
        self,
        call: Call,
        began: float,
        response: Response | None,
        error: ConnectorError | None,
        attempt: int,
    ) -> None:
        """``http.call``: one exchange has ended, well or not; ``ms`` since ``began``.

        ``skew`` is by how many seconds the CRM's clock is ahead of ours, when it says its time.
        """
        self.events.emit(
            "http.call",
            connection=self.connection,
            method=call.method,
            path=call.path,
            status=response.status if response else None,
            code=error.code if error else None,
            request_id=response.request_id if response else None,
            ms=round((self.clock.monotonic() - began) * 1000, 1),
            attempt=attempt,
            bytes=(response.taken or len(response.content)) if response else 0,
            skew=self._skew(response) if response else None,
            error=type(error).__name__ if error else None,
        )

    def retry(self, call: Call, error: ConnectorError, attempt: int, seconds: float) -> None:
        """``http.retry``: attempt number ``attempt`` failed; the next begins after ``seconds``."""
        self.events.emit(
            "http.retry",
            connection=self.connection,
            method=call.method,
            path=call.path,
            attempt=attempt,
            seconds=round(seconds, 3),
            error=type(error).__name__,
        )

    def waited(self, endpoint: str, limit: str, seconds: float) -> None:
        """``http.waited``: calls of that endpoint class are held back by that limit, or by a pause."""
        self.events.emit(
            "http.waited",
            connection=self.connection,
            endpoint=endpoint,
            limit=limit,
            seconds=round(seconds, 3),
        )

    def circuit(self, state: str, seconds: float) -> None:
        """``circuit.opened`` (for ``seconds``) and ``circuit.closed``."""
        self.events.emit(f"circuit.{state}", connection=self.connection, seconds=seconds)

    def _skew(self, response: Response) -> int | None:
        """From the time of the reply, which is in whole seconds."""
        said = response.sent_at
        return None if said is None else round((said - self.clock.now()).total_seconds())
