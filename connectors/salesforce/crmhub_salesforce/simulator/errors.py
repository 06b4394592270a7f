"""Errors as the REST API words them: an HTTP status, a code, a message, perhaps the fields concerned."""

from collections.abc import Sequence

from crmhub.testing.simulator.table import Row


class ApiError(Exception):
    """One refusal. In a REST body it is `[{message, errorCode, fields?}]`, in collections `{statusCode,
    message, fields}`.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int = 400,
        fields: Sequence[str] | None = None,
        extra: Row | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.fields = fields
        self.extra = extra or {}

    def rest(self) -> list[Row]:
        """The body of a REST reply."""
        item: Row = {"message": self.message, "errorCode": self.code}
        if self.fields is not None:
            item["fields"] = list(self.fields)
        return [{**item, **self.extra}]

    def in_result(self) -> Row:
        """The form in the `errors` of a save result."""
        return {
            "statusCode": self.code,
            "message": self.message,
            "fields": list(self.fields or ()),
            **self.extra,
        }


def not_found() -> ApiError:
    """There is no such resource."""
    return ApiError("NOT_FOUND", "The requested resource does not exist", status=404)


def no_record(key: str) -> ApiError:
    """There is no record with this id or external id value."""
    message = f"Provided external ID field does not exist or is not accessible: {key}"
    return ApiError("NOT_FOUND", message, status=404)


def deleted() -> ApiError:
    """The record is in the recycle bin."""
    return ApiError("ENTITY_IS_DELETED", "entity is deleted", status=404, fields=())


def wrong_id(label: str, value: str, field: str) -> ApiError:
    """A value that is no id of this object."""
    message = f"{label}: id value of incorrect type: {value}"
    return ApiError("MALFORMED_ID", message, fields=[field])
