"""What refusals mean. Rules are tried in order, the first that fits counts; without one, the status tells."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from pydantic import Field, model_validator

from crmhub.native import Value
from crmhub_rest.language.part import Part
from crmhub_rest.language.path import JsonPath
from crmhub_rest.language.word import Word

__all__ = ["Kind", "Pattern", "Refusal", "Rule"]

# "gone": there is no such record. Where a rule says so, any other "not_found" is an error of the call.
Kind: TypeAlias = Literal[
    "auth_expired", "auth_invalid", "reauth", "forbidden", "rate_limited", "quota", "not_found", "gone",
    "conflict", "exists", "invalid", "bad_request", "unavailable", "unknown",
]  # fmt: skip


class Pattern(Word):
    """A regular expression."""

    __slots__ = ("compiled",)

    def __init__(self, text: str) -> None:
        super().__init__(text)
        try:
            self.compiled = re.compile(text)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None


class Refusal(Part):
    """Where an error's body has what it says. Several paths: the first that is there."""

    code: list[JsonPath] = []
    """Paths of the CRM's own code."""
    message: list[JsonPath] = []
    """Paths of the message for people."""
    field: list[JsonPath] = []
    """Paths of the name of the field that is wrong."""

    def said(self, body: Value, of: Literal["code", "message", "field"]) -> str | None:
        """A text of the body, or ``None``."""
        paths: list[JsonPath] = getattr(self, of)
        for path in paths:
            found = path.get(body)
            if isinstance(found, list):
                found = next((one for one in found if isinstance(one, str)), None)
            if isinstance(found, str | int) and not isinstance(found, bool) and found != "":
                return str(found)
        return None


class Rule(Part):
    """When all that it names fits, a refusal means ``is``."""

    status: int | Literal["4xx", "5xx"] | list[int] | None = None
    """The status of the reply, one of several, or a class of them; without it all from 400 on."""
    code: str | list[str] | None = None
    """What ``refusal.code`` finds, one of several."""
    message: Pattern | None = None
    """Found in the message."""
    at: JsonPath | None = None
    """A place in the body that has the value ``has``."""
    has: str | int | bool | None = True
    """The value that ``at`` must have."""
    is_: Kind = Field(alias="is")
    """What the refusal means."""
    hint: str = ""
    """What a person can do."""
    id: JsonPath | Pattern | None = None
    """Where the existing record's id is: a path, or a pattern for the message with one group."""
    field: JsonPath | Pattern | None = None
    """Where the field's name is: a path, or a pattern for the message with one group."""
    of: str | None = None
    """The object of which it speaks: where another is written, the field that refers to it is meant."""
    wait: float | None = Field(default=None, ge=0)
    """Seconds to wait, for ``rate_limited`` and ``quota``, where no header says it."""

    @model_validator(mode="after")
    def _names_something(self) -> Rule:
        if self.status is None and self.code is None and self.message is None and self.at is None:
            raise ValueError("say what it is for: status, code, message or at")
        return self

    @property
    def in_success(self) -> bool:
        """Whether it can be for a reply whose status is 2xx."""
        given = self.status if isinstance(self.status, list) else [self.status]
        return any(isinstance(status, int) and 200 <= status < 300 for status in given)

    def fits(self, status: int, code: str | None, message: str | None, body: Value) -> bool:
        """Whether the rule is for that refusal."""
        return (
            self._fits_status(status)
            and (self.code is None or code in ([self.code] if isinstance(self.code, str) else self.code))
            and (self.message is None or self.message.compiled.search(message or "") is not None)
            and (self.at is None or self.at.get(body) == self.has)
        )

    def _fits_status(self, status: int) -> bool:
        if self.status is None:
            return status >= 400
        if isinstance(self.status, str):
            return status // 100 == int(self.status[0])
        return status in (self.status if isinstance(self.status, list) else [self.status])
