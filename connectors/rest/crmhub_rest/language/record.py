"""How a record looks on the wire, and how crmhub sees it: one flat table of fields, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from crmhub.native import Native, Value
from crmhub_rest.language.members import Custom, Items, Table, apart, as_text, together
from crmhub_rest.language.part import Part
from crmhub_rest.language.path import ABSENT, JsonPath, put, put_field

__all__ = ["RecordShape"]


class RecordShape(Part):
    """From a raw record to a flat one, and back."""

    lift: str | None = None
    """A member that is a table and holds the fields: they stand beside the record's other members."""
    custom: Custom | None = None
    """Where custom fields are."""
    items: dict[str, Items] = {}
    """Members that are lists of tables, by name."""
    whole: dict[str, dict[str, str | int | bool]] = {}
    """Members that are tables, and are taken only whole: what of one is not written stays as it stands in the
    CRM, or is what it says here."""
    rename: dict[str, JsonPath] = {}
    """Fields that are somewhere inside, by the name they have here; they are only read."""
    told: dict[str, Table] = {}
    """Fields that follow from others."""
    joined: dict[str, Annotated[list[str], Field(min_length=2)]] = {}
    """Fields that are several others with a slash between: an id that is found only below another, a stage
    that is known only with its pipeline. Where one is the object's ``key``, calls have ``${id.<part>}``."""
    clear: str | int | bool | None = None
    """What empties a field when it is written."""
    as_text: bool = False
    """Whether every value is a text on the wire: numbers and booleans are read by the fields' types, several
    choices stand with semicolons between them, and an empty text is nothing."""

    def decode(self, raw: Native) -> Native:
        """The flat record."""
        flat = dict(raw)
        if self.lift is not None and isinstance(inner := flat.pop(self.lift, None), dict):
            flat |= {name: value for name, value in inner.items() if name not in flat or name == self.lift}
        if self.custom is not None:
            custom = self.custom.taken(flat)
            flat.pop(self.custom.at, None)
            flat |= custom
        for name, items in self.items.items():
            if name in flat:
                if items.head is not None:
                    flat[items.head] = items.top(flat[name])
                flat[name] = items.taken(flat[name])
        for name, path in self.rename.items():
            if (value := path.find(raw)) is not ABSENT:
                flat[name] = value
        for name, table in self.told.items():
            flat[name] = table.told(raw)
        for name, parts in self.joined.items():
            flat[name] = together([flat.get(part) for part in parts])
        return flat

    def _apart(self, fields: Mapping[str, Value]) -> Mapping[str, Value]:
        """The fields, those that are several others as these."""
        found: Native = {}
        for name, value in fields.items():
            parts = self.joined.get(name)
            if parts is None:
                found[name] = value
            else:
                found |= apart(value, parts) or {} if isinstance(value, str) else dict.fromkeys(parts)
        return found

    def needs_held(self, fields: Mapping[str, Value]) -> tuple[str, ...]:
        """Lists and tables of which only a part is written, so that the rest must be known first."""
        needed = [name for name, items in self.items.items() if _partly(name, items, fields)]
        needed += [name for name in self.whole if isinstance(fields.get(name), dict)]
        custom = self.custom
        if custom is not None and custom.whole and any(name.startswith(custom.prefix) for name in fields):
            needed.append(custom.at)
        return tuple(needed)

    def encode(self, fields: Mapping[str, Value], held: Mapping[str, Value] | None = None) -> Native:
        """What is written for flat fields; ``held`` is the raw record as it stands, as far as it matters."""
        written: Native = {}
        custom: Native = {}
        left = dict(self._apart(fields))
        for name, items in self.items.items():
            if _partly(name, items, left):
                part = left.pop(name, None)
                head = left.pop(items.head, None) if items.head is not None and items.head in left else ABSENT
                written[name] = items.given(
                    part if isinstance(part, dict) else {}, (held or {}).get(name), head
                )
        for name, value in left.items():
            if name in self.told:
                put(written, self.told[name].at, self.told[name].given(value))
                continue
            if name in self.whole and isinstance(value, dict):
                written[name] = self._whole(name, value, (held or {}).get(name))
                continue
            plain = self.clear if value is None else as_text(value) if self.as_text else value
            if self.custom is not None and name.startswith(self.custom.prefix):
                custom[name] = plain
            else:
                put_field(written, name, plain)
        if self.custom is not None and custom:
            written |= self.custom.given(custom, held)
        return written

    def _whole(self, name: str, value: Mapping[str, Value], held: Value) -> Value:
        made = {**self.whole[name], **(held if isinstance(held, dict) else {}), **value}
        return made if any(made.get(part) is not None for part in value) else self.clear


def _partly(name: str, items: Items, fields: Mapping[str, Value]) -> bool:
    """Whether a part of that list is written."""
    return isinstance(fields.get(name), dict) or (items.head is not None and items.head in fields)
