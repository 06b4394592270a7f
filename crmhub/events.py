"""What happens inside crmhub, told as one type of event that observers subscribe to.

Logs, metrics and progress bars are observers; the engine never calls them by name. An event holds
names, counts, statuses and timings: no secrets, no record values, no personal data.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, TypeAlias, cast

from crmhub.clock import Clock
from crmhub.redact import redact

if TYPE_CHECKING:
    from structlog.stdlib import BoundLogger
    from structlog.typing import EventDict

__all__ = ["Detail", "Event", "Events", "Observer", "log_observer"]

Detail: TypeAlias = str | int | float | bool | None


def _hidden(_: object, __: str, event: EventDict) -> EventDict:
    """Hide registered secrets, should one ever reach an event."""
    return {key: redact(value) if isinstance(value, str) else value for key, value in event.items()}


# A library is silent until it is asked.
_standard = logging.getLogger("crmhub")
_standard.addHandler(logging.NullHandler())


@cache
def _log() -> BoundLogger:
    """Our logger, which ends in the standard library's logging, logger "crmhub"."""
    import structlog  # here alone: it brings rich, which nobody needs who logs nothing

    return cast(
        "BoundLogger",
        structlog.wrap_logger(
            _standard,
            wrapper_class=structlog.stdlib.BoundLogger,
            processors=[
                structlog.stdlib.filter_by_level,
                _hidden,
                structlog.processors.KeyValueRenderer(key_order=["event"]),
            ],
        ),
    )


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    ``name`` is dotted and past tense or a noun (``http.call``, ``auth.refreshed``, ``sync.page``);
    ``detail`` holds its plain values.
    """

    name: str
    at: datetime
    connection: str | None = None
    object: str | None = None
    run: str | None = None
    detail: Mapping[str, Detail] = field(default_factory=dict[str, Detail])


Observer: TypeAlias = Callable[[Event], None]


class Events:
    """The place observers subscribe to. Emitting to nobody costs one truth test."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._observers: list[Observer] = []

    def subscribe(self, observer: Observer) -> Callable[[], None]:
        """Call ``observer`` with every event from now on; returns the way to unsubscribe."""
        self._observers.append(observer)
        return lambda: self._observers.remove(observer)

    def emit(
        self,
        name: str,
        *,
        connection: str | None = None,
        object: str | None = None,
        run: str | None = None,
        **detail: Detail,
    ) -> None:
        """Tell every observer. An observer that raises is reported and the others still hear."""
        if not self._observers:
            return
        event = Event(name, self._clock.now(), connection, object, run, detail)
        for observer in tuple(self._observers):
            try:
                observer(event)
            except Exception as error:  # noqa: BLE001 - a broken observer must not stop a sync
                _log().error("observer.failed", observed=name, error=type(error).__name__)


def log_observer(event: Event) -> None:
    """The observer that logs every event (structlog, logger ``crmhub``), failures as warnings."""
    failed = bool(event.detail.get("error"))
    if not _standard.isEnabledFor(logging.WARNING if failed else logging.INFO):
        return
    context = {"connection": event.connection, "object": event.object, "run": event.run}
    known = {key: value for key, value in context.items() if value is not None}
    write = _log().warning if failed else _log().info
    write(event.name, **known, **event.detail)
