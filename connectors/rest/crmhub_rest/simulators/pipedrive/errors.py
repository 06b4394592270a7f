"""Refusals, in the envelopes of Pipedrive's two API versions and of the gateway before both.

Sources: Pipedrive's "Responses" (v1: `error`, `error_info`, `data` and `additional_data` null), "OAuth status
codes" (the gateway's messages and `errorCode`), answers of API v2 (`error` and a `code`).
"""

_INFO = "Please check developers.pipedrive.com for more information about Pipedrive API."


class ApiError(Exception):
    """Pipedrive refuses a call: the HTTP status, what it says, and in v2 under which code."""

    def __init__(self, status: int, message: str, code: str = "ERR_BAD_REQUEST", info: str = _INFO) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.info = info

    def body(self, version: str) -> dict[str, object]:
        """The envelope in API `version` (`v1` or `v2`)."""
        if version == "v2":
            return {"success": False, "error": self.message, "code": self.code}
        return {
            "success": False,
            "error": self.message,
            "error_info": self.info,
            "data": None,
            "additional_data": None,
        }


class GatewayError(ApiError):
    """The gateway refuses, in the same words for both versions: no access, wrong scope, too many calls."""

    def body(self, version: str) -> dict[str, object]:
        """The gateway's envelope."""
        del version
        info = "Please check developers.pipedrive.com"
        return {"success": False, "error": self.message, "errorCode": self.status, "error_info": info}


class WebhookError(ApiError):
    """The webhooks' own envelope: what is wrong with which parameter."""

    def __init__(self, status: int, **errors: str) -> None:
        super().__init__(status, "; ".join(errors.values()))
        self.errors = errors

    def body(self, version: str) -> dict[str, object]:
        """The webhooks' envelope."""
        del version
        errors = {name: [text] for name, text in self.errors.items()}
        return {"status": "error", "success": False, "errors": errors}


def invalid(path: str, problem: str) -> ApiError:
    """A parameter or a property is not as the schema wants it."""
    return ApiError(400, f"Validation failed: {path}: {problem}", "ERR_SCHEMA_VALIDATION_FAILED")


def not_found(what: str) -> ApiError:
    """There is no such record."""
    return ApiError(404, f"{what} not found", "ERR_NOT_FOUND")


def unauthorized() -> ApiError:
    """No credentials, or an API token that is not known."""
    return GatewayError(401, "unauthorized access")


def over_limit() -> ApiError:
    """Too many calls, or the day's tokens are spent: both look the same."""
    return GatewayError(429, "Request over limit")
