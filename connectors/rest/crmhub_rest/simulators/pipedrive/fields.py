"""Field definitions: standard ones by their names, custom ones by a hash of 40 characters.

Source: Pipedrive's API files (v2 `/dealFields` and the like, v1 `/dealFields` with other names for the same).
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.schema_file import FieldSpec
from crmhub_rest.simulators.pipedrive.standard import STANDARD

CUSTOM_TYPES: Final = (
    *("varchar", "text", "double", "phone", "date", "daterange", "time", "timerange", "set", "enum"),
    *("varchar_auto", "address", "monetary", "org", "people", "user"),
)
ADDRESS_PARTS: Final = (
    *("country", "admin_area_level_1", "admin_area_level_2", "locality", "sublocality", "route"),
    *("street_number", "subpremise", "postal_code"),
)
_SUBFIELDS: Final[dict[str, tuple[tuple[str, str, str], ...]]] = {
    "monetary": (("value", "Amount", "double"), ("currency", "Currency", "varchar")),
    "daterange": (("value", "Start date", "date"), ("until", "End date", "date")),
    "time": (("value", "Time", "time"), ("timezone_id", "Timezone ID", "int")),
    "timerange": (
        ("value", "Start time", "time"),
        ("until", "End time", "time"),
        ("timezone_id", "Timezone ID", "int"),
    ),
    "address": (("value", "Address", "varchar"), *((part, part, "varchar") for part in ADDRESS_PARTS)),
}
_PLURALS: Final = {
    "deals": "deal",
    "persons": "person",
    "organizations": "organization",
    "activities": "activity",
}


@dataclass
class Option:
    """A choice of a field; `id` is a number in custom fields, a text in some standard ones."""

    id: int | str
    label: str
    color: str | None = None

    def shown(self) -> dict[str, object]:
        """The choice as both versions show it."""
        told: dict[str, object] = {"id": self.id, "label": self.label}
        return told if self.color is None else {**told, "color": self.color}


@dataclass
class Field:
    """A field of deals, persons, organizations or activities. `optional` ones come only when asked for."""

    number: int
    code: str
    name: str
    type: str
    options: list[Option] = field(default_factory=list[Option])
    custom: bool = False
    optional: bool = False
    required: bool = False
    description: str | None = None
    added: str = "2023-01-02T08:00:00Z"

    @property
    def has_options(self) -> bool:
        """Whether values are choices."""
        return bool(self.options) or self.type in {"enum", "set"}

    def option(self, ident: object) -> Option | None:
        """The choice with this id."""
        return next((one for one in self.options if one.id == ident and not isinstance(ident, bool)), None)

    def shown(self, include: tuple[str, ...] = ()) -> dict[str, object]:
        """The field as v2 shows it, with the extra parts that were asked for."""
        subfields = [
            {"field_code": code, "field_name": name, "field_type": kind}
            for code, name, kind in _SUBFIELDS.get(self.type, ())
        ]
        told: dict[str, object] = {
            "field_name": self.name,
            "field_code": self.code,
            "description": self.description or "",
            "field_type": self.type,
            "options": [one.shown() for one in self.options] if self.has_options else None,
            "subfields": subfields or None,
            "is_custom_field": self.custom,
            "is_optional_response_field": self.optional,
        }
        if "ui_visibility" in include:
            told["ui_visibility"] = {"add_visible_flag": True, "details_visible_flag": True}
        if "important_fields" in include:
            told["important_fields"] = {"enabled": False, "stage_ids": []}
        if "required_fields" in include:
            told["required_fields"] = {"enabled": self.required, "stage_ids": []}
        return told

    def shown_v1(self) -> dict[str, object]:
        """The field as v1 shows it."""
        moment = self.added.replace("T", " ").rstrip("Z")
        return {
            "id": self.number,
            "key": self.code,
            "name": self.name,
            "order_nr": self.number,
            "field_type": self.type,
            "add_time": moment,
            "update_time": moment,
            "last_updated_by_user_id": None,
            "created_by_user_id": None,
            "active_flag": True,
            "edit_flag": self.custom,
            "index_visible_flag": True,
            "details_visible_flag": True,
            "add_visible_flag": False,
            "important_flag": False,
            "bulk_edit_allowed": True,
            "searchable_flag": self.custom,
            "filtering_allowed": True,
            "sortable_flag": True,
            "options": [one.shown() for one in self.options] if self.has_options else None,
            "mandatory_flag": self.required,
        }


class FieldBook:
    """The fields of one kind of record, in their order."""

    def __init__(self, kind: str, seed: int, numbers: Iterator[int]) -> None:
        self.kind = kind
        self._seed = seed
        self._numbers = numbers
        self._fields: dict[str, Field] = {}
        self._made = 0
        for code, name, type_, required, optional, options in STANDARD[kind]:
            choices = [Option(ident, label) for ident, label in options]
            self._keep(
                Field(
                    number=len(self._fields) + 1,
                    code=code,
                    name=name,
                    type=type_,
                    options=choices,
                    optional=optional,
                    required=required,
                )
            )

    def __iter__(self) -> Iterator[Field]:
        return iter(self._fields.values())

    @property
    def custom(self) -> list[Field]:
        """The custom fields."""
        return [one for one in self if one.custom]

    def get(self, code: str) -> Field | None:
        """The field with this code."""
        return self._fields.get(code)

    def by_number(self, number: int) -> Field | None:
        """The field with this number, by which v1 calls it."""
        return next((one for one in self if one.number == number), None)

    def custom_field(self, code: str) -> Field | None:
        """The custom field with this hash."""
        found = self._fields.get(code)
        return found if found is not None and found.custom else None

    def add(
        self, name: str, type_: str, labels: Iterable[str] = (), *, added: str = "", code: str = ""
    ) -> Field:
        """A new custom field; its hash depends on the seed, the kind and how many there were before."""
        self._made += 1
        code = code or hashlib.sha1(f"{self._seed}-{self.kind}-{self._made}".encode()).hexdigest()  # noqa: S324
        made = Field(next(self._numbers), code, name, type_, self.make_options(labels), custom=True)
        if added:
            made.added = added
        return self._keep(made)

    def make_options(self, labels: Iterable[str]) -> list[Option]:
        """New choices; their ids are unique in the company."""
        return [Option(next(self._numbers), label) for label in labels]

    def remove(self, code: str) -> None:
        """Forget a custom field."""
        del self._fields[code]

    def _keep(self, made: Field) -> Field:
        self._fields[made.code] = made
        return made


def declare(books: dict[str, FieldBook], schema: dict[str, list[FieldSpec]]) -> None:
    """Add the fields that a schema file declares; raises SimulatorError for a kind or a type there is not."""
    for name, specs in schema.items():
        kind = _PLURALS.get(name.lower(), name.lower())
        if kind not in books or kind == "activity":
            raise SimulatorError(
                f"{name} has no custom fields in Pipedrive: use Deals, Persons or Organizations"
            )
        for spec in specs:
            if spec.type not in CUSTOM_TYPES:
                raise spec.place.error(f"type {spec.type!r}: Pipedrive has {', '.join(CUSTOM_TYPES)}")
            made = books[kind].add(spec.label, spec.type, [choice.label for choice in spec.choices])
            made.required = spec.required
