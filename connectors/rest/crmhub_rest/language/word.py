"""Texts with a meaning of their own: read once, then known by what they say."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

__all__ = ["Word"]


class Word:
    """A text of the description that a subclass reads; ``ValueError`` where it cannot."""

    __slots__ = ("text",)
    form: ClassVar[str] = ""
    """What such a text looks like, as a regular expression for editors: it lets all pass that can be read."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            cls._of,
            core_schema.str_schema(min_length=1),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda word: word.text),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        known = handler(schema)
        return {**known, "pattern": cls.form} if cls.form else known

    @classmethod
    def _of(cls, text: str) -> Self:
        return cls(text)
