"""How a record looks on the wire, and how crmhub sees it: one flat table of fields, both ways."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from crmhub.native import Native, Value
from crmhub_rest.language.part import Part
from crmhub_rest.language.path import ABSENT, JsonPath, put

__all__ = ["Custom", "Items", "RecordShape", "Table"]


class Custom(Part):
    """Where custom fields are: a table by key, or with ``key`` a list of tables that hold key and value."""

    at: str = Field(min_length=1)
    """The member of the record that holds them."""
    prefix: str = Field(default="cf_", min_length=1)
    """What stands before the key in the field's name here."""
    key: str | None = None
    """In a list: the member that is the key."""
    value: str = "value"
    """In a list: the member that is the value."""
    write_at: str | None = None
    """The member that holds them in what is written, where that differs."""
    write_key: str | None = None
    write_value: str | None = None

    def taken(self, raw: Mapping[str, Value]) -> Native:
        """The custom fields of a raw record, by their names here."""
        held = raw.get(self.at)
        if isinstance(held, dict):
            return {f"{self.prefix}{key}": value for key, value in held.items()}
        found: Native = {}
        for item in held if self.key and isinstance(held, list) else ():
            if isinstance(item, dict) and isinstance(key := item.get(self.key or ""), str | int):
                found[f"{self.prefix}{key}"] = item.get(self.value)
        return found

    def given(self, fields: Mapping[str, Value]) -> Native:
        """Custom fields as they are written."""
        values = {name.removeprefix(self.prefix): value for name, value in fields.items()}
        at = self.write_at or self.at
        if self.key is None:
            return {at: dict(values)}
        key, value = self.write_key or self.key, self.write_value or self.value
        return {at: [{key: name, value: one} for name, one in values.items()]}


class Items(Part):
    """A list of tables that are told apart by one member: e-mails by their label. Here: a table by it."""

    by: str
    """The member that tells them apart."""
    value: str = "value"
    """The member that is the value; the others are kept as they are."""
    first: str | None = None
    """The member that is true for the one that counts most; a new one alone has it."""

    def taken(self, held: Value) -> Value:
        """The values by what tells them apart, the first of each."""
        if not isinstance(held, list):
            return held
        found: Native = {}
        for item in held:
            if isinstance(item, dict) and isinstance(by := item.get(self.by), str | int):
                found.setdefault(str(by), item.get(self.value))
        return found

    def given(self, wanted: Mapping[str, Value], held: Value) -> Value:
        """The list with these values in it; the others, and what else an item has, stay as they are."""
        items = [dict(item) for item in held if isinstance(item, dict)] if isinstance(held, list) else []
        for by, value in wanted.items():
            mine = next((item for item in items if str(item.get(self.by)) == by), None)
            if value is None:
                items = [item for item in items if item is not mine]
            elif mine is not None:
                mine[self.value] = value
            else:
                items.append({self.by: by, self.value: value})
        if self.first is not None and items and not any(item.get(self.first) is True for item in items):
            items[0][self.first] = True
        return [*items]


class Table(Part):
    """A word for what a record has somewhere: a look-up, and what it is otherwise."""

    at: JsonPath
    has: dict[str, str]
    """The word for each value, as text."""
    otherwise: str | None = None

    def told(self, raw: Native) -> str | None:
        """The word for that record."""
        found = self.at.text_in(raw)
        return self.has.get(found or "", self.otherwise)


class RecordShape(Part):
    """From a raw record to a flat one, and back."""

    lift: str | None = None
    """A member that is a table and holds the fields: they stand beside the record's other members."""
    custom: Custom | None = None
    items: dict[str, Items] = {}
    """Members that are lists of tables, by name."""
    rename: dict[str, JsonPath] = {}
    """Fields that are somewhere inside, by the name they have here; they are only read."""
    told: dict[str, Table] = {}
    """Fields that follow from others; they are only read."""
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
                flat[name] = items.taken(flat[name])
        for name, path in self.rename.items():
            if (value := path.find(raw)) is not ABSENT:
                flat[name] = value
        for name, table in self.told.items():
            flat[name] = table.told(raw)
        return flat

    def needs_held(self, fields: Mapping[str, Value]) -> tuple[str, ...]:
        """Lists of which only a part is written, so that the rest must be known first."""
        return tuple(name for name in self.items if isinstance(fields.get(name), dict))

    def encode(self, fields: Mapping[str, Value], held: Mapping[str, Value] | None = None) -> Native:
        """What is written for flat fields; ``held`` is the raw record as it stands, as far as it matters."""
        written: Native = {}
        custom: Native = {}
        for name, value in fields.items():
            if (items := self.items.get(name)) is not None and isinstance(value, dict):
                written[name] = items.given(value, (held or {}).get(name))
                continue
            plain = self.clear if value is None else _as_text(value) if self.as_text else value
            if self.custom is not None and name.startswith(self.custom.prefix):
                custom[name] = plain
            else:
                put(written, JsonPath(name), plain)
        if self.custom is not None and custom:
            written |= self.custom.given(custom)
        return written


def _as_text(value: Value) -> Value:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ";".join(str(item) for item in value)
    return value if isinstance(value, str | dict) else str(value)
