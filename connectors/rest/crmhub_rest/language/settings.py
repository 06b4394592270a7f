"""The settings that a connection to the CRM takes."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from crmhub_rest.language.part import Part

__all__ = ["Setting"]


class Setting(Part):
    """One setting."""

    type: Literal["text", "secret", "url", "int", "bool", "rate"] = "text"
    """What it is; a ``secret`` is never shown, a ``rate`` is one of calls, such as ``100/2s``."""
    about: str = ""
    """One line for people."""
    default: str | int | bool | None = None
    """What it is where a connection does not set it."""
    required: bool = False
    """Whether every connection must set it."""
    choices: list[str] = []
    """The only values that a text can have."""

    @model_validator(mode="after")
    def _sensible(self) -> Setting:
        if self.required and self.default is not None:
            raise ValueError("a setting with a default is not required")
        if self.type == "secret" and self.default is not None:
            raise ValueError("a secret has no default")
        if self.default is not None and not self._fits(self.default):
            raise ValueError("its default is not of its type, or none of its choices")
        return self

    def _fits(self, default: str | int | bool) -> bool:
        if self.type in {"int", "bool"}:
            return type(default) is {"int": int, "bool": bool}[self.type]
        if not isinstance(default, str) or (self.choices and default not in self.choices):
            return False
        return self.type != "url" or default.startswith(("https://", "http://"))
