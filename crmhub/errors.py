"""Everything crmhub raises, in one tree.

    CrmhubError
    ├── ConfigError               a file, a setting or a secret reference is wrong
    │   ├── MappingError          a mapping file is wrong (file:line:col, key, suggestion)
    │   │   └── MissingMapping    no mapping is there for a CRM
    │   └── UnknownConnector      no installed connector has that name
    ├── PluginError               a plugin could not be loaded, or registers what nobody asks for
    ├── StoreError                the state store cannot be opened, read or trusted
    ├── SyncError                 a sync cannot go on
    ├── UsageError                a call is wrong: an argument's type, an unknown field, a closed hub
    ├── PartialFailure            some of several connections failed; ``errors`` by connection
    └── ConnectorError            a CRM, or the way to it, said no
        ├── AuthError             credentials are missing, wrong or lack a permission
        │   ├── ReauthRequired    only a person can mend it: the refresh token is dead
        │   └── PermissionDenied  the credentials are good, the permission is absent
        ├── RateLimited           too fast; ``retry_after`` seconds when the CRM says so
        ├── QuotaExceeded         the day's or the edition's allowance is used up
        ├── NotFound              no such record, object or URL
        ├── Conflict              the record changed since it was read
        ├── AlreadyExists         a unique value is taken; ``existing_id`` when the CRM names it
        ├── InvalidRecord         the CRM refuses the record's values
        ├── BadRequest            the CRM refuses the call itself
        ├── BadResponse           the reply cannot be understood (HTML, half a JSON, wrong shape)
        ├── Unavailable           the CRM or the network failed and nothing was applied
        ├── UnknownOutcome        a write was sent and nobody knows whether it was applied
        ├── ApprovalRequired      a person has to agree first; nothing was applied yet
        ├── CircuitOpen           too many failures just now; nothing was sent
        └── Unsupported           this connector cannot do it; ``hint`` names the alternative

An error says what happened, where (connection, object, record, field), what the vendor said
(status, code, request id), and what to do next. It never holds credentials or record values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

__all__ = [
    "AlreadyExists",
    "ApprovalRequired",
    "AuthError",
    "BadRequest",
    "BadResponse",
    "CircuitOpen",
    "ConfigError",
    "Conflict",
    "ConnectorError",
    "CrmhubError",
    "InvalidRecord",
    "MappingError",
    "MissingMapping",
    "NotFound",
    "PartialFailure",
    "PermissionDenied",
    "PluginError",
    "QuotaExceeded",
    "RateLimited",
    "ReauthRequired",
    "StoreError",
    "SyncError",
    "Unavailable",
    "UnknownConnector",
    "UnknownOutcome",
    "Unsupported",
    "UsageError",
    "Where",
]


@dataclass(frozen=True, slots=True)
class Where:
    """The place an error speaks of. Every part is optional; ids are the CRM's own."""

    connection: str | None = None
    object: str | None = None
    record: str | None = None
    field: str | None = None

    def __str__(self) -> str:
        parts = ((part.name, getattr(self, part.name)) for part in fields(self))
        return ", ".join(f"{name} {value}" for name, value in parts if value is not None)


class CrmhubError(Exception):
    """The root. ``what`` happened, ``where``, and a ``hint`` that says what to do."""

    def __init__(self, what: str, *, hint: str | None = None, where: Where | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.where = where or Where()

    def at(
        self,
        *,
        connection: str | None = None,
        object: str | None = None,
        record: str | None = None,
        field: str | None = None,
    ) -> CrmhubError:
        """Fill in the parts of the place that are not known yet; returns the same error."""
        known = {"connection": connection, "object": object, "record": record, "field": field}
        missing = {
            name: value
            for name, value in known.items()
            if value is not None and getattr(self.where, name) is None
        }
        self.where = replace(self.where, **missing)
        return self

    def __str__(self) -> str:
        return " · ".join(part for part in (self.what, str(self.where), self.said(), self.hint) if part)

    def said(self) -> str:
        """What the vendor said, if a vendor spoke."""
        return ""


class ConfigError(CrmhubError):
    """A file, a setting or a secret reference is wrong."""


class MappingError(ConfigError):
    """A mapping file is wrong; ``what`` begins with ``file:line:col``."""


class MissingMapping(MappingError):
    """No mapping is there for a CRM; the hint says where to write one."""


class UnknownConnector(ConfigError):
    """No installed connector has that name; the hint says what is installed and what could be."""


class PluginError(CrmhubError):
    """A plugin could not be loaded, or registers a hook that does not exist."""


class StoreError(CrmhubError):
    """The state store cannot be opened, read or trusted."""


class SyncError(CrmhubError):
    """A sync cannot go on; what was acknowledged so far is safe in the store."""


class UsageError(CrmhubError):
    """The call itself is wrong: an argument of another type, a field nobody knows, a hub that is closed."""


class PartialFailure(CrmhubError):
    """Some of several connections failed; ``errors`` tells each by its name. The others are done."""

    def __init__(self, errors: Mapping[str, CrmhubError]) -> None:
        told = "; ".join(f"{name}: {error.what}" for name, error in errors.items())
        super().__init__(f"{len(errors)} of the connections failed: {told}", hint="the others are done")
        self.errors = dict(errors)


class ConnectorError(CrmhubError):
    """A CRM, or the way to it, said no.

    ``status`` is the HTTP status, ``code`` the vendor's own code, ``request_id`` the vendor's id of
    the call, ``applied`` whether the call took effect (``None``: nobody knows).
    """

    applied: bool | None = False
    retryable: bool = False

    def __init__(
        self,
        what: str,
        *,
        hint: str | None = None,
        where: Where | None = None,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(what, hint=hint, where=where)
        self.status = status
        self.code = code
        self.request_id = request_id

    def said(self) -> str:
        """Status, vendor code and request id, as far as they are known."""
        parts = (
            f"HTTP {self.status}" if self.status else "",
            self.code or "",
            f"request {self.request_id}" if self.request_id else "",
        )
        return " ".join(part for part in parts if part)


class AuthError(ConnectorError):
    """Credentials are missing, wrong or expired."""


class ReauthRequired(AuthError):
    """Only a person can mend it: sign in again or issue a new refresh token."""


class PermissionDenied(AuthError):
    """The credentials are good; the permission or scope is absent."""


class RateLimited(ConnectorError):
    """Too many calls just now. ``retry_after`` is in seconds when the CRM names it."""

    retryable = True

    def __init__(
        self,
        what: str,
        *,
        retry_after: float | None = None,
        hint: str | None = None,
        where: Where | None = None,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(what, hint=hint, where=where, status=status, code=code, request_id=request_id)
        self.retry_after = retry_after


class QuotaExceeded(ConnectorError):
    """The day's or the edition's allowance is used up: waiting a little does not help.

    ``retry_after`` is in how many seconds there is enough of it again, where that is known.
    """

    retry_after: float | None = None


class NotFound(ConnectorError):
    """No such record, object or URL."""


class Conflict(ConnectorError):
    """The record changed since it was read; read it again before you write."""


class AlreadyExists(ConnectorError):
    """A unique value is taken. ``existing_id`` is the record that has it, when the CRM says so."""

    def __init__(
        self,
        what: str,
        *,
        existing_id: str | None = None,
        hint: str | None = None,
        where: Where | None = None,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(what, hint=hint, where=where, status=status, code=code, request_id=request_id)
        self.existing_id = existing_id


class InvalidRecord(ConnectorError):
    """The CRM refuses the record's values; ``where.field`` names the first bad field."""


class BadRequest(ConnectorError):
    """The CRM refuses the call itself: a wrong query, parameter or URL."""


class BadResponse(ConnectorError):
    """The reply cannot be understood: HTML, an empty body, half a JSON, a shape nobody declared."""


class Unavailable(ConnectorError):
    """The CRM or the network failed, and it is known that nothing was applied."""

    retryable = True


class UnknownOutcome(ConnectorError):
    """A write was sent and nobody knows whether it was applied. Read back; never just send again."""

    applied = None


class ApprovalRequired(ConnectorError):
    """A person has to agree first. Nothing was applied yet, and it may still be, once somebody agrees.

    So it is neither done nor failed: never make the same call by another way.
    """

    applied = None


class CircuitOpen(ConnectorError):
    """The circuit breaker is open after repeated failures; nothing was sent."""


class Unsupported(ConnectorError):
    """This connector cannot do it; the hint names the alternative."""
