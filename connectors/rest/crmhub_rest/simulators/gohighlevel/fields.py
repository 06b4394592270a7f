"""Custom fields of contacts and opportunities, and their values in the three spellings.

Source: the OpenAPI files: definitions under `/locations/{id}/customFields` and `/custom-fields`; contacts
are read with `{id, value}`, opportunities with `{id, fieldValue}`, both are written with
`{id | key, field_value}` (v3 also takes `fieldValue`).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Final, cast

from crmhub.testing.simulator.schema_file import FieldSpec
from crmhub_rest.simulators.gohighlevel.errors import invalid

MODELS: Final = ("contact", "opportunity")
TYPES: Final = (
    *("TEXT", "LARGE_TEXT", "NUMERICAL", "PHONE", "MONETORY", "CHECKBOX", "SINGLE_OPTIONS"),
    *("MULTIPLE_OPTIONS", "DATE", "TEXTBOX_LIST", "FILE_UPLOAD", "RADIO", "EMAIL"),
)
_NUMBERS: Final = frozenset({"NUMERICAL", "MONETORY"})
_LISTS: Final = frozenset({"CHECKBOX", "MULTIPLE_OPTIONS"})
_OBJECTS: Final = frozenset({"TEXTBOX_LIST", "FILE_UPLOAD"})
_CHOICES: Final = frozenset({"SINGLE_OPTIONS", "RADIO", *_LISTS})
_WORDS: Final[Mapping[str, str]] = {
    "text": "TEXT",
    "string": "TEXT",
    "textarea": "LARGE_TEXT",
    "number": "NUMERICAL",
    "integer": "NUMERICAL",
    "decimal": "NUMERICAL",
    "currency": "MONETORY",
    "money": "MONETORY",
    "monetary": "MONETORY",
    "picklist": "SINGLE_OPTIONS",
    "multiselectpicklist": "MULTIPLE_OPTIONS",
    "multipicklist": "MULTIPLE_OPTIONS",
    "boolean": "CHECKBOX",
}


@dataclass
class CustomField:
    """A definition. `key` is without the model: `pincode` of `contact.pincode`."""

    id: str
    name: str
    key: str
    type: str
    model: str
    position: int = 0
    options: list[str] = field(default_factory=list[str])
    placeholder: str = ""
    added: int = 0
    updated: int = 0

    @property
    def field_key(self) -> str:
        """As in templates: `contact.pincode`."""
        return f"{self.model}.{self.key}"

    def accepts(self, value: object) -> bool:
        """Whether a value may be written."""
        if self.type in _LISTS:
            texts = [value] if isinstance(value, str) else value
            if not isinstance(texts, list):
                return False
            return all(self._is_option(one) for one in cast("list[object]", texts))
        if self.type in _NUMBERS:
            return _number(value) is not None
        if self.type in _OBJECTS:
            return isinstance(value, dict)
        return isinstance(value, str) and (self.type not in _CHOICES or self._is_option(value))

    def kept(self, value: object) -> object:
        """A value as it is read back."""
        if self.type in _LISTS and isinstance(value, str):
            return [value]
        return _number(value) if self.type in _NUMBERS else value

    def _is_option(self, value: object) -> bool:
        return isinstance(value, str) and (not self.options or value in self.options)


def _number(value: object) -> int | Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal, str)):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    if not number.is_finite():
        return None
    return int(number) if number == number.to_integral_value() else number


def type_of(spec: FieldSpec) -> str:
    """The type of a field declared in a schema file, in GoHighLevel's words."""
    name = _WORDS.get(spec.type.lower(), spec.type.upper())
    if name not in TYPES:
        raise spec.place.error(f"{spec.type!r} is none of {', '.join(TYPES)}")
    return name


def key_of(name: str) -> str:
    """The key that GoHighLevel makes of a name: `Deal Size (€)` is `deal_size_`."""
    return re.sub(r"[^a-z0-9_]", "", re.sub(r"\s+", "_", name.strip().lower())) or "field"


def find_field(fields: Iterable[CustomField], model: str, item: Mapping[str, object]) -> CustomField | None:
    """The field that an item of `customFields` means, by id or by key (with or without the model)."""
    item_id, key = item.get("id"), item.get("key")
    for one in fields:
        if one.model == model and (one.id == item_id or (not item_id and key in {one.key, one.field_key})):
            return one
    return None


def merge_values(
    kept: Mapping[str, object],
    items: Iterable[Mapping[str, object]],
    fields: Iterable[CustomField],
    model: str,
    *,
    v3: bool,
) -> dict[str, object]:
    """The values after a write: only those named change, an empty one goes; of unknown fields nobody hears.

    Raises GhlError (422) for values that do not fit.
    """
    known, values, problems = list(fields), dict(kept), list[str]()
    spellings = ("fieldValue", "field_value") if v3 else ("field_value",)
    for place, item in enumerate(items):
        problems.extend(
            f"customFields.{place}.property {name} should not exist"
            for name in item
            if name not in {"id", "key", *spellings}
        )
        found = find_field(known, model, item)
        if found is None or not any(name in item for name in spellings):
            continue
        value = next((item[name] for name in spellings if name in item), None)
        if value in (None, "", [], {}):
            values.pop(found.id, None)
        elif found.accepts(value):
            values[found.id] = found.kept(value)
        else:
            problems.append(f"customFields.{place}.field_value is not a valid value for {found.type}")
    if problems:
        raise invalid(*problems)
    return values


def with_value(values: Mapping[str, object], name: str) -> list[dict[str, object]]:
    """The values as they are read: `name` is `value` for contacts, `fieldValue` for opportunities."""
    return [{"id": field_id, name: value} for field_id, value in values.items()]
