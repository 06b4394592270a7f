"""The schema file: custom fields that a double is to have, in YAML or JSON.

`{Object: [field, …]}`, optionally under a top-level `objects:` or `modules:`. A field is a mapping; its keys
may be in our words or in a vendor's (`name` or `api_name` or `fullName`, `type` or `data_type`, `choices` or
`pick_list_values` or `picklistValues`, …). Types are the vendor's own words; each double knows which ones it
takes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from crmhub.testing.simulator.files import Place, as_flag, as_list, as_mapping, as_text, is_mapping, read_file

_NAME = ("name", "api_name", "apiName", "fullName")
_TYPE = ("type", "data_type", "dataType")
_LABEL = ("label", "field_label", "display_label", "displayLabel")
_CHOICES = ("choices", "pick_list_values", "picklistValues", "picklist_values", "values", "options")
_LENGTH = ("length", "max_length", "maxLength")
_UNIQUE = ("unique",)
_REQUIRED = ("required", "mandatory", "system_mandatory")
_EXTERNAL = ("external_id", "externalId", "external")
_TARGET = ("reference_to", "referenceTo", "lookup")
_DECIMALS = ("decimals", "decimal_place", "scale")
_PRECISION = ("precision",)
_FIELDS = ("fields",)
_KNOWN = frozenset(
    (
        *_NAME,
        *_TYPE,
        *_LABEL,
        *_CHOICES,
        *_LENGTH,
        *_UNIQUE,
        *_REQUIRED,
        *_EXTERNAL,
        *_TARGET,
        *_DECIMALS,
        *_PRECISION,
        *_FIELDS,
    )
)


@dataclass(frozen=True)
class Choice:
    """One choice of a pick list: what is stored and what people see."""

    value: str
    label: str


@dataclass(frozen=True)
class FieldSpec:
    """A declared field. `type` is as written; `more` holds the keys that are the vendor's own; `fields` are
    those of the rows of a field that holds a table.
    """

    name: str
    type: str
    label: str
    place: Place
    choices: tuple[Choice, ...] = ()
    length: int | None = None
    unique: bool = False
    required: bool = False
    external_id: bool = False
    reference_to: tuple[str, ...] = ()
    decimals: int | None = None
    precision: int | None = None
    more: Mapping[str, object] | None = None
    fields: tuple["FieldSpec", ...] = ()


def load_schema(path: Path | None) -> dict[str, list[FieldSpec]]:
    """The declared fields of each object; empty without a file. Raises SimulatorError naming file, line and
    key.
    """
    if path is None:
        return {}
    place = Place(path)
    top = as_mapping(read_file(path), place)
    for wrapper in ("objects", "modules"):
        if wrapper in top and len(top) == 1:
            place = place.child(wrapper, top)
            top = as_mapping(top[wrapper], place)
            break
    return {name: _fields(content, place.child(name, top)) for name, content in top.items()}


def _fields(content: object, place: Place) -> list[FieldSpec]:
    if is_mapping(content):
        inner = as_mapping(content, place)
        if "fields" not in inner:
            raise place.error("expected a list of fields, or a mapping with `fields`")
        place = place.child("fields", inner)
        content = inner["fields"]
    items = as_list(content, place)
    specs = [_field(item, place.child(number, items)) for number, item in enumerate(items)]
    seen: set[str] = set()
    for spec in specs:
        if spec.name.lower() in seen:
            raise spec.place.error(f"the field {spec.name} is declared twice")
        seen.add(spec.name.lower())
    return specs


def _field(item: object, place: Place) -> FieldSpec:
    values = as_mapping(item, place)
    name_key = _present(values, _NAME)
    if name_key is None:
        raise place.error("a field needs a name: add `name: My_Field`")
    type_key = _present(values, _TYPE)
    if type_key is None:
        raise place.error("a field needs a type: add `type: text` (or another type of the vendor's)")
    name = as_text(values[name_key], place.child(name_key, values))
    label_key = _present(values, _LABEL)
    return FieldSpec(
        name=name,
        type=as_text(values[type_key], place.child(type_key, values)),
        label=as_text(values[label_key], place.child(label_key, values))
        if label_key
        else name.replace("_", " ").strip(),
        place=place,
        choices=_choices(values, place),
        length=_number(values, _LENGTH, place),
        unique=_unique(values, place),
        required=_flag(values, _REQUIRED, place),
        external_id=_flag(values, _EXTERNAL, place),
        reference_to=_targets(values, place),
        decimals=_number(values, _DECIMALS, place),
        precision=_number(values, _PRECISION, place),
        fields=tuple(_fields(values["fields"], place.child("fields", values))) if "fields" in values else (),
        more={key: value for key, value in values.items() if key not in _KNOWN},
    )


def _present(values: Mapping[str, object], keys: tuple[str, ...]) -> str | None:
    return next((key for key in keys if values.get(key) is not None), None)


def _flag(values: Mapping[str, object], keys: tuple[str, ...], place: Place) -> bool:
    key = _present(values, keys)
    return key is not None and as_flag(values[key], place.child(key, values))


def _unique(values: Mapping[str, object], place: Place) -> bool:
    # Zoho writes `"unique": {}` for "no" and `"unique": {"casesensitive": …}` for "yes".
    value = values.get("unique")
    return bool(value) if is_mapping(value) else _flag(values, _UNIQUE, place)


def _number(values: Mapping[str, object], keys: tuple[str, ...], place: Place) -> int | None:
    key = _present(values, keys)
    if key is None:
        return None
    text = as_text(values[key], place.child(key, values))
    if not text.isdigit():
        raise place.child(key, values).error(f"expected a whole number, found {text!r}")
    return int(text)


def _choices(values: Mapping[str, object], place: Place) -> tuple[Choice, ...]:
    key = _present(values, _CHOICES)
    if key is None:
        return ()
    place = place.child(key, values)
    items = as_list(values[key], place)
    return tuple(_choice(item, place.child(number, items)) for number, item in enumerate(items))


def _choice(item: object, place: Place) -> Choice:
    if not is_mapping(item):
        text = as_text(item, place)
        return Choice(text, text)
    values = as_mapping(item, place)
    key = _present(values, ("actual_value", "value", "fullName", "display_value", "label"))
    if key is None:
        raise place.error("a choice needs `value` (or Zoho's `actual_value`)")
    value = as_text(values[key], place.child(key, values))
    label_key = _present(values, ("display_value", "label"))
    return Choice(value, as_text(values[label_key], place.child(label_key, values)) if label_key else value)


def _targets(values: Mapping[str, object], place: Place) -> tuple[str, ...]:
    key = _present(values, _TARGET)
    if key is None:
        return ()
    place = place.child(key, values)
    value = values[key]
    if is_mapping(value):
        inner = as_mapping(value, place)
        module = inner.get("module", inner.get("api_name"))
        if is_mapping(module):
            module = as_mapping(module, place).get("api_name")
        if module is None:
            # Zoho writes `"lookup": {}` on a field that is no lookup.
            return ()
        return (as_text(module, place),)
    if isinstance(value, str):
        return (value,)
    items = as_list(value, place)
    return tuple(as_text(item, place.child(number, items)) for number, item in enumerate(items))
