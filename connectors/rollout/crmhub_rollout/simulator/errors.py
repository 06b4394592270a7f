"""Rollout's refusals: standard HTTP statuses with a message. Where the message stands is not documented.

Source: Rollout guides, "Making API Requests".
"""


class RolloutError(Exception):
    """A refusal: HTTP status and message; `wait` is sent as `Retry-After`, in seconds."""

    def __init__(self, status: int, message: str, wait: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.wait = wait


def bad(detail: str) -> RolloutError:
    """The call is wrong."""
    return RolloutError(400, detail)


def unauthorized(detail: str = "Unauthorized") -> RolloutError:
    """The token is missing or not good."""
    return RolloutError(401, detail)


def not_found() -> RolloutError:
    """There is no such record or address."""
    return RolloutError(404, "Not found")


def too_many() -> RolloutError:
    """The tenant has called too often."""
    return RolloutError(429, "Too many requests", 1)
