"""An object's fields: as the CRM's own metadata tells them, and those that are always there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, cast, get_args

from crmhub.document import suggest
from crmhub.native import Native, Value
from crmhub.schema import Choice, FieldSpec, FieldType
from crmhub_rest.language.call import Call
from crmhub_rest.language.part import Part
from crmhub_rest.language.path import JsonPath
from crmhub_rest.language.word import Word

__all__ = ["Choices", "ChoicesCall", "Describe", "Field"]

_TYPES = frozenset(cast("tuple[FieldType, ...]", get_args(FieldType)))
_LENGTH = re.compile(r"max=[1-9]\d*")
_FLAGS = frozenset({"required", "read_only", "create_only", "unique", "custom", "computed", "checked"})


class Field(Word):
    """One field in a line: its type, then what else is to say of it.

    ``text required``, ``text max=30``, ``datetime read_only``, ``ref companies``, ``enum open won lost``. Of
    ``ref stages checked`` it is made sure that it leads somewhere, where the CRM takes another and is silent.
    """

    __slots__ = (
        "_flags",
        "_most",
        "_rest",
        "_type",
    )

    form = rf"^({'|'.join(sorted(_TYPES))})(\s|$)"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        words = text.split()
        kind = words[0] if words else ""
        if kind not in _TYPES:
            raise ValueError(f"{kind!r} is no type of field; {suggest(kind, _TYPES)}")
        self._type: FieldType = next(known for known in _TYPES if known == kind)
        self._flags = frozenset(word for word in words[1:] if word in _FLAGS)
        lengths = [word for word in words[1:] if _LENGTH.fullmatch(word)]
        self._most = int(lengths[0].partition("=")[2]) if lengths else None
        self._rest = tuple(word for word in words[1:] if word not in _FLAGS and word not in lengths)
        if self._rest and kind not in {"ref", "multi_ref", "enum", "multi_enum"}:
            mend = suggest(self._rest[0], _FLAGS)
            raise ValueError(f"{self._rest[0]!r} means nothing for a field of type {kind}; {mend}")

    @property
    def required(self) -> bool:
        """Whether no record can be created without it."""
        return "required" in self._flags

    @property
    def checked(self) -> str | None:
        """The object of which a record must be there before the field is written: the CRM would not say."""
        return self._rest[0] if "checked" in self._flags and self._type == "ref" and self._rest else None

    def spec(self, name: str) -> FieldSpec:
        """The field as a schema has it."""
        read_only = "read_only" in self._flags or "computed" in self._flags
        refers = self._rest if self._type in {"ref", "multi_ref"} else ()
        choices = self._rest if self._type in {"enum", "multi_enum"} else ()
        return FieldSpec(
            name,
            self._type,
            label=name,
            creatable=not read_only,
            updatable=not read_only and "create_only" not in self._flags,
            required="required" in self._flags,
            unique="unique" in self._flags,
            custom="custom" in self._flags,
            max_length=self._most,
            choices=tuple(Choice(value, value) for value in choices),
            restricted=bool(choices),
            refers_to=refers,
            computed="computed" in self._flags,
        )


class Choices(Part):
    """The entries of a picklist in a field's metadata."""

    at: JsonPath
    """Where their list is."""
    value: JsonPath = JsonPath("value")
    """In each of them: its value."""
    label: JsonPath = JsonPath("label")
    """In each of them: its name for people."""
    hidden: JsonPath | None = None
    """Where an entry says that it can no longer be chosen."""
    by_label: bool = False
    """Whether records are told by labels here where the CRM has ids: ids mean nothing elsewhere."""

    def of(self, entry: Value) -> tuple[Choice, ...]:
        """The choices of one field."""
        listed = self.at.get(entry)
        found = _choices(listed if isinstance(listed, list) else (), self)
        return tuple(replace(choice, value=choice.label) for choice in found) if self.by_label else found

    def codes(self, entry: Value) -> dict[str, Value]:
        """The CRM's own value of each label that stands for one alone."""
        listed = self.at.get(entry)
        told = (
            [(self.label.text_in(item), self.value.get(item)) for item in listed]
            if isinstance(listed, list)
            else []
        )
        labels = [label for label, _ in told]
        return {label: value for label, value in told if label is not None and labels.count(label) == 1}


class ChoicesCall(Call):
    """A call that gives the choices of a field; without ``rows`` the reply is their list."""

    value: JsonPath = JsonPath("value")
    """In each of ``rows``: the value."""
    label: JsonPath = JsonPath("label")
    """In each of ``rows``: what people see."""
    hidden: JsonPath | None = None
    """Where an entry says that it can no longer be chosen."""

    def of(self, entries: Sequence[Value]) -> tuple[Choice, ...]:
        """The choices in the rows of the reply."""
        return _choices(entries, self)


class Describe(Part):
    """The CRM's own metadata of an object's fields."""

    call: Call
    """Gives all fields in one reply; ``rows`` says where they are."""
    name: JsonPath = JsonPath("name")
    """In each of ``rows``: the field's name."""
    type: JsonPath = JsonPath("type")
    """The CRM's word for its type."""
    types: dict[str, FieldType] = {}
    """The CRM's words for types; a word that is not here is read as text."""
    many: dict[JsonPath, str] = {}
    """What an entry of the type ``enum`` has, by path, where a record can hold several of the choices."""
    label: JsonPath = JsonPath("label")
    """Its name for people."""
    choices: Choices | None = None
    """A picklist's entries."""
    custom: JsonPath | Literal[True] | None = None
    """Where an entry says that the field is a custom one; ``custom_is`` is what it then says. ``true``: all
    are."""
    custom_is: str | int | bool = True
    """What ``custom`` says where the field is a custom one."""
    read_only: JsonPath | None = None
    """Where an entry says that it cannot be written."""
    unique: JsonPath | None = None
    """Where an entry says that no two records have the same value."""
    required: JsonPath | None = None
    """Where an entry says that a create needs it."""
    computed: JsonPath | None = None
    """Where an entry says that the CRM works it out."""
    archived: JsonPath | None = None
    """Where an entry says that the field is no longer there."""

    def spec(self, entry: Native, prefix: str) -> FieldSpec | None:
        """One field, or ``None`` for an entry that is none."""
        name = self.name.text_in(entry)
        if not name or _is(self.archived, entry):
            return None
        custom = self.custom is True or (self.custom is not None and self.custom.get(entry) == self.custom_is)
        kind = self.types.get(self.type.text_in(entry) or "", "text")
        if kind == "enum" and any(path.text_in(entry) == word for path, word in self.many.items()):
            kind = "multi_enum"
        read_only = _is(self.read_only, entry) or _is(self.computed, entry)
        choices = self.choices.of(entry) if self.choices and kind in {"enum", "multi_enum", "text"} else ()
        return FieldSpec(
            f"{prefix}{name}" if custom else name,
            kind,
            label=self.label.text_in(entry) or name,
            creatable=not read_only,
            updatable=not read_only,
            required=_is(self.required, entry),
            unique=_is(self.unique, entry),
            custom=custom,
            choices=choices,
            restricted=bool(choices),
            computed=_is(self.computed, entry),
        )


def _choices(entries: Sequence[Value], by: Choices | ChoicesCall) -> tuple[Choice, ...]:
    found: list[Choice] = []
    for item in entries:
        whole = str(item) if isinstance(item, str | int) else None
        value = by.value.text_in(item) or whole
        if value is not None:
            active = by.hidden is None or by.hidden.get(item) is not True
            found.append(Choice(value, by.label.text_in(item) or value, active))
    return tuple(found)


def _is(path: JsonPath | None, entry: Native) -> bool:
    return path is not None and path.get(entry) is True
