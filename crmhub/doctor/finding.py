"""One line of an examination, and where lines go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from crmhub.errors import CrmhubError
from crmhub.redact import redact

__all__ = ["Finding", "Severity", "Tell", "Told"]

Severity: TypeAlias = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: how bad it is, what it is about, what was found, and how to mend it."""

    severity: Severity
    subject: str
    """``configuration``, ``plugins``, ``store``, ``connection NAME`` or ``job NAME``."""
    what: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.severity:4}  {self.subject}: {self.what}{' · ' + self.mend if self.mend else ''}"


Tell: TypeAlias = Callable[[Finding], None]
"""Called with each finding, as soon as it is known."""


@dataclass
class Told:
    """Where findings go. It remembers which subjects are not all right."""

    tell: Tell
    bad: set[str] = field(default_factory=set[str])

    def ok(self, subject: str, what: str) -> None:
        """Nothing wrong."""
        self.say("ok", subject, what)

    def good(self, subject: str, what: str) -> None:
        """``ok``, unless something worse was told of the subject."""
        if subject not in self.bad:
            self.ok(subject, what)

    def warn(self, subject: str, what: str, mend: str = "") -> None:
        """It works, and may not for long or for all."""
        self.say("warn", subject, what, mend)

    def fail(self, subject: str, what: str, mend: str = "") -> None:
        """It does not work."""
        self.say("fail", subject, what, mend)

    def failed(self, subject: str, error: CrmhubError, doing: str = "") -> None:
        """The error; a line for each when it holds several."""
        lead = f"{doing}: " if doing else ""
        *lines, last = error.what.splitlines() or [""]
        for line in lines:
            self.fail(subject, f"{lead}{line}")
        said = error.said()
        self.fail(subject, f"{lead}{last}{' (' + said + ')' if said else ''}", error.hint or "")

    def say(self, severity: Severity, subject: str, what: str, mend: str = "") -> None:
        """Tell it, with every registered secret hidden."""
        if severity != "ok":
            self.bad.add(subject)
        self.tell(Finding(severity, subject, redact(what), redact(mend)))
