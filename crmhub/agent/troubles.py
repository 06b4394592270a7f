"""The core's errors as an agent is told of them: a code, our own sentence, what to do; no word of a CRM's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

from crmhub.agent.answers import Problem, Refused, whole_seconds
from crmhub.errors import (
    AlreadyExists,
    ApprovalRequired,
    AuthError,
    BadRequest,
    BadResponse,
    CircuitOpen,
    ConfigError,
    Conflict,
    ConnectorError,
    CrmhubError,
    InvalidRecord,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
    RateLimited,
    StoreError,
    Unavailable,
    UnknownOutcome,
    Unsupported,
    UsageError,
)

__all__ = ["INTERNAL", "problem_of"]

_PERSON: Final = "a person who runs this server has to mend it"
_LATER: Final = "ask again later"
_TOLD: Final[tuple[tuple[type[CrmhubError], str, str, str], ...]] = (
    (PermissionDenied, "crm_permission", "{crm} does not permit this to the server's account", _PERSON),
    (AuthError, "crm_sign_in", "{crm} does not accept the server's credentials", _PERSON),
    (RateLimited, "crm_rate_limited", "{crm} takes no more calls just now", _LATER),
    (QuotaExceeded, "crm_quota", "the allowance of {crm} is used up for now", _LATER),
    (NotFound, "not_found", "{crm} has no such record", "use the ids as other tools answer them"),
    (Conflict, "conflict", "the record in {crm} has changed meanwhile", "read it again, then decide again"),
    (AlreadyExists, "already_exists", "{crm} has a record with that unique value", "change the one there is"),
    (InvalidRecord, "invalid_record", "{crm} does not take these values", "check the values that were given"),
    (BadRequest, "crm_refused", "{crm} refuses this question", "ask in another way"),
    (BadResponse, "crm_unreadable", "the answer of {crm} cannot be understood", _PERSON),
    (CircuitOpen, "crm_unavailable", "{crm} failed repeatedly and is left alone for a while", _LATER),
    (Unavailable, "crm_unavailable", "{crm} cannot be reached just now; nothing was changed", _LATER),
    (
        UnknownOutcome,
        "unknown_outcome",
        "it is not known whether {crm} has taken the change",
        "read the record before anything else; do not repeat the change",
    ),
    (ApprovalRequired, "crm_approval", "{crm} waits for a person to agree", "do not repeat the change"),
    (Unsupported, "unsupported", "{crm} cannot do this", "leave this out, or ask another CRM"),
    (ConnectorError, "crm_failed", "{crm} could not do this", _LATER),
    (ConfigError, "not_configured", "{crm} is not set up for this", _PERSON),
    (UsageError, "invalid_request", "{crm} cannot be asked in that way", "check the arguments"),
    (StoreError, "server_state", "the server's own state cannot be read or written", _PERSON),
)
_RETRYABLE: Final = (RateLimited, Unavailable, CircuitOpen)
INTERNAL: Final = Problem(
    code="internal", message="the tool failed inside the server", hint=_PERSON, retryable=False
)
"""For what nobody expected: told without a word of the exception."""


def problem_of(error: BaseException, connection: str | None = None) -> Problem:
    """What the agent is told of an error; ``connection`` where the error does not name one."""
    if isinstance(error, BaseExceptionGroup):  # of a tool that asks several at once
        told = [problem_of(each, connection) for each in cast("Sequence[BaseException]", error.exceptions)]
        return next((problem for problem in told if problem is not INTERNAL), INTERNAL)
    if isinstance(error, Refused):
        return error.problem
    if not isinstance(error, CrmhubError):
        return INTERNAL
    name = error.where.connection or connection
    crm = f"the CRM of connection {name}" if name else "the CRM"
    for kind, code, sentence, hint in _TOLD:
        if isinstance(error, kind):
            after = cast("float | None", getattr(error, "retry_after", None))
            return Problem(
                code=code,
                message=sentence.format(crm=crm),
                retryable=isinstance(error, _RETRYABLE),
                retry_after_s=whole_seconds(after),
                hint=hint,
            )
    return Problem(code="failed", message=f"{crm} could not do this", hint=_PERSON)
