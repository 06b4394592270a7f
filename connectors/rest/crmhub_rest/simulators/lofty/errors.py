"""Lofty's refusals: `{code, message}`, where the code is a number for some and a word for others.

Source: Lofty Open API, descriptions of the operations' replies, and developer.lofty.com, "Authentication".
"""

from typing import Final

INVALID_PARAMETER: Final = 20012


class LoftyError(Exception):
    """A refusal: HTTP status, code (number or word) and message."""

    def __init__(self, status: int, code: int | str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def body(self, *, words: bool = False) -> dict[str, object]:
        """The reply's body; `words`: with the name of the refusal instead of its number."""
        name = self.message.partition(":")[0]
        code = name if words and name.isupper() and " " not in name else self.code
        return {"code": code, "message": self.message}


def invalid(detail: str) -> LoftyError:
    """A parameter is missing or wrong."""
    return LoftyError(400, INVALID_PARAMETER, f"INVALID_PARAMETER: {detail}")


def missing_parameter(detail: str) -> LoftyError:
    """A change that changes nothing."""
    return LoftyError(400, "MISSING_PARAMETER", detail)


def limit_not_valid(code: int | str = "LIMIT_NOT_VALID") -> LoftyError:
    """A page size out of range."""
    return LoftyError(400, code, "LIMIT_NOT_VALID: the page size must be between 1 and 100")


def no_lead() -> LoftyError:
    """There is no such lead, or it is in the trash, or the caller may not see it."""
    return LoftyError(404, 20006, "LEAD_NOT_EXIST")


def no_access() -> LoftyError:
    """The caller may not work with the lead; 400, not 403."""
    return LoftyError(400, 20017, "PERMISSION_DENIED")


def no_transaction() -> LoftyError:
    """There is no such transaction of that lead."""
    return LoftyError(404, 200060, "TRANSACTION_NOT_EXIST")


def no_task() -> LoftyError:
    """There is no such task or appointment."""
    return LoftyError(404, "TASK_NOT_EXIST", "the task does not exist")


def no_resource() -> LoftyError:
    """There is no such note, log entry or address."""
    return LoftyError(404, 20007, "RESOURCE_NOT_EXIST")


def no_user() -> LoftyError:
    """There is no such member of the team."""
    return LoftyError(404, 20003, "USER_NOT_EXIST")


def bad_credentials() -> LoftyError:
    """No credentials, or none that are good."""
    return LoftyError(401, "BAD_CREDENTIALS", "Bad credentials")


def no_user_in_token() -> LoftyError:
    """An API key under the wrong scheme."""
    return LoftyError(400, 200058, "User in token does not exist.")


def out_of_scope() -> LoftyError:
    """A good token without the permission."""
    return LoftyError(403, 200100, "No permission to access this resource")


def no_such_url() -> LoftyError:
    """A path that there is not."""
    return LoftyError(404, "NOT_FOUND", "Not Found")


def no_such_method() -> LoftyError:
    """A path that there is, for another method."""
    return LoftyError(405, "METHOD_NOT_ALLOWED", "Request method not supported")
