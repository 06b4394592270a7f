"""What GoHighLevel answers when it refuses.

Source: the OpenAPI files' BadRequestDTO, UnauthorizedDTO and UnprocessableDTO: `message` is a text, or a list
of texts where values were found wrong.
"""

from collections.abc import Mapping

Message = str | list[str]
_NAMES: Mapping[int, str] = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    422: "Unprocessable Entity",
}


class GhlError(Exception):
    """A refusal: HTTP status, `message`, and more keys of the body."""

    def __init__(self, status: int, message: Message, **more: object) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message
        self._more = more

    def body(self, trace_id: str) -> dict[str, object]:
        """The JSON body."""
        body: dict[str, object] = {"statusCode": self.status, "message": self.message}
        if self.status in _NAMES:
            body["error"] = _NAMES[self.status]
        return {**body, **self._more, "traceId": trace_id}


def invalid(*messages: str) -> GhlError:
    """422: these values are wrong."""
    return GhlError(422, list(messages))


def unknown(what: str, record_id: str) -> GhlError:
    """400: there is no such record (the files know no 404 for records)."""
    return GhlError(400, f"{what} with id {record_id} not found")


def foreign_location() -> GhlError:
    """403: the token is another location's."""
    return GhlError(403, "The token does not have access to this location.")


def invalid_token(*, private: bool = False) -> GhlError:
    """401: no such token, or no longer."""
    if private:
        return GhlError(401, "Invalid Private Integration token")
    return GhlError(401, "Invalid token: access token is invalid")


def out_of_scope() -> GhlError:
    """401: the token is good, but not for this."""
    return GhlError(401, "The token is not authorized for this scope.")


def wrong_class() -> GhlError:
    """401: an agency's OAuth token where a location's is needed, or the other way round."""
    return GhlError(
        401,
        "This authClass type is not allowed to access this scope. "
        "Please reach out to the Platform team to get it added.",
    )


def wrong_user_type() -> GhlError:
    """401: a private integration token of the wrong kind."""
    return GhlError(401, "Token's user type mismatch!")


def too_many_requests() -> GhlError:
    """429: the limit of ten seconds or of the day is reached (the headers say which)."""
    return GhlError(429, "Too Many Requests")
