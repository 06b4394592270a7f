"""Zoho's error envelope: `{"code", "details", "message", "status": "error"}`.

Source: Zoho CRM API v8, "Status Codes and Errors", and the pages of the single calls.
"""

from collections.abc import Mapping

Details = dict[str, object]


class ZohoError(Exception):
    """A refusal: the HTTP status and the envelope's code, message and details."""

    def __init__(
        self, status: int, code: str, message: str, details: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.details: Details = dict(details or {})

    def envelope(self) -> dict[str, object]:
        """The error as Zoho writes it."""
        return {"code": self.code, "details": self.details, "message": self.message, "status": "error"}


def required_param(name: str) -> ZohoError:
    """A query parameter is missing."""
    return ZohoError(
        400, "REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", {"param_name": name}
    )


def invalid_param(name: str, **more: object) -> ZohoError:
    """A query parameter has a value that it cannot have."""
    return ZohoError(400, "INVALID_DATA", "invalid data", {"param_name": name, **more})


def over_limit(limit: int, **more: object) -> ZohoError:
    """Something is asked for more often than it may be."""
    return ZohoError(400, "LIMIT_EXCEEDED", "The limit is exceeded", {"limit": limit, **more})


def invalid_module(index: int = 0) -> ZohoError:
    """The module named in the path (at segment `index`) is not there."""
    return ZohoError(
        400, "INVALID_MODULE", "the module name given seems to be invalid", {"resource_path_index": index}
    )


def invalid_related_id(index: int = 1) -> ZohoError:
    """The record named in the path (at segment `index`) is not there."""
    return ZohoError(
        400, "INVALID_DATA", "the related id given seems to be invalid", {"resource_path_index": index}
    )


def invalid_id(record_id: str) -> ZohoError:
    """A record named in the body is not there."""
    return ZohoError(400, "INVALID_DATA", "the id given seems to be invalid", {"id": record_id})


def not_supported(**details: object) -> ZohoError:
    """The module cannot do this."""
    return ZohoError(400, "NOT_SUPPORTED", "The module does not support this operation", details)


def invalid_request() -> ZohoError:
    """The body cannot be read."""
    return ZohoError(
        400,
        "INVALID_REQUEST",
        "unable to process your request. please verify whether you have entered proper method name,"
        " parameter and parameter values.",
    )


def too_many_requests() -> ZohoError:
    """Out of credits or of concurrent calls; Zoho says the same for both."""
    return ZohoError(
        429,
        "TOO_MANY_REQUESTS",
        "You have made too many requests continuously. Please try again after some time.",
    )
