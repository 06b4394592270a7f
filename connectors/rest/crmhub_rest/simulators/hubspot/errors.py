"""Refusals in HubSpot's words.

Source: HubSpot "Error handling"; bodies reported in the issue trackers of HubSpot's client libraries.
"""

from collections.abc import Mapping, Sequence

Context = Mapping[str, Sequence[str]]
_SCOPES_PAGE = "https://developers.hubspot.com/scopes"


class HubSpotError(Exception):
    """A call, or one input of a batch, is refused."""

    def __init__(
        self,
        status: int,
        category: str,
        message: str,
        *,
        context: Context | None = None,
        errors: Sequence[Mapping[str, object]] = (),
        sub_category: str | None = None,
        links: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.category = category
        self.message = message
        self.context = context
        self.errors = errors
        self.sub_category = sub_category
        self.links = links

    def body(self, correlation: str) -> dict[str, object]:
        """The reply to a call."""
        body: dict[str, object] = {
            "status": "error",
            "message": self.message,
            "correlationId": correlation,
        }
        if self.context:
            body["context"] = self.context
        if self.errors:
            body["errors"] = self.errors
        if self.links:
            body["links"] = self.links
        body["category"] = self.category
        if self.sub_category:
            body["subCategory"] = self.sub_category
        return body

    def item(self) -> dict[str, object]:
        """The same among the `errors` of a batch."""
        return {
            "status": "error",
            "category": self.category,
            **({"subCategory": self.sub_category} if self.sub_category else {}),
            "message": self.message,
            "context": self.context or {},
            "errors": list(self.errors),
            "links": self.links or {},
        }


def invalid(message: str, **context: Sequence[str]) -> HubSpotError:
    """The request is not valid."""
    return HubSpotError(400, "VALIDATION_ERROR", message, context=context or None)


def bad_json(message: str, column: int = 1) -> HubSpotError:
    """The body cannot be read."""
    return invalid(f"Invalid input JSON on line 1, column {column}: {message}")


def missing_fields(*names: str) -> HubSpotError:
    """Required members of the body are missing."""
    return bad_json(f"Some required fields were not set: [{', '.join(names)}]")


def not_found(message: str = "resource not found", **context: Sequence[str]) -> HubSpotError:
    """There is no such thing."""
    return HubSpotError(404, "OBJECT_NOT_FOUND", message, context=context or None)


def missing_scopes(*scopes: str) -> HubSpotError:
    """The token may not do this."""
    return HubSpotError(
        403,
        "MISSING_SCOPES",
        "This app hasn't been granted all required scopes to make this call. Read more about required scopes "
        f"here: {_SCOPES_PAGE}.",
        errors=[
            {
                "message": "One or more of the following scopes are required.",
                "context": {"requiredGranularScopes": list(scopes)},
            }
        ],
        links={"scopes": _SCOPES_PAGE},
    )


def wrong_token() -> HubSpotError:
    """The token is unknown, or there is none."""
    return HubSpotError(
        401,
        "INVALID_AUTHENTICATION",
        "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find "
        "more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview",
    )


def old_token(seconds: int, when: str) -> HubSpotError:
    """The token was good once."""
    return HubSpotError(
        401,
        "EXPIRED_AUTHENTICATION",
        f"The OAuth token used to make this call expired {seconds} second(s) ago.",
        context={"expire time": [when]},
    )
