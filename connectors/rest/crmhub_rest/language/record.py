"""How a record looks on the wire, and how crmhub sees it: one flat table of fields, both ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec
from pydantic import Field

from crmhub.native import Native, Value
from crmhub_rest.language.part import Part
from crmhub_rest.language.path import ABSENT, JsonPath, put

__all__ = ["Custom", "Items", "RecordShape", "Table", "apart", "together"]

_JOINT = "/"


def together(parts: Sequence[Value]) -> str | None:
    """One text of several values; ``None`` if one is missing."""
    if any(isinstance(part, bool) or not isinstance(part, str | int) or part == "" for part in parts):
        return None
    return _JOINT.join(str(part) for part in parts)


def apart(text: str, names: Sequence[str]) -> dict[str, str] | None:
    """The values of which such a text is made, by name; ``None`` for another text."""
    parts = text.split(_JOINT, len(names) - 1)
    return dict(zip(names, parts, strict=True)) if len(parts) == len(names) and all(parts) else None


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
    """The member that is the key in what is written, where that differs."""
    write_value: str | None = None
    """The member that is the value in what is written, where that differs."""
    numbers: bool = False
    """In a list: whether keys are whole numbers where they are written."""
    as_text: bool = False
    """Whether every value is a text: a number in digits, several choices as JSON; the fields' types tell."""
    whole: bool = False
    """Whether what is written takes the place of all that is there, so that the others must be sent too."""

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

    def given(self, fields: Mapping[str, Value], held: Mapping[str, Value] | None = None) -> Native:
        """Custom fields as they are written; ``held`` is the raw record, where others go with them."""
        if self.whole and held is not None:
            fields = {
                name: value for name, value in {**self.taken(held), **fields}.items() if value is not None
            }
        values = {name.removeprefix(self.prefix): self._text(value) for name, value in fields.items()}
        at = self.write_at or self.at
        if self.key is None:
            return {at: dict(values)}
        key, value = self.write_key or self.key, self.write_value or self.value
        return {
            at: [
                {key: int(name) if self.numbers and name.isdigit() else name, value: one}
                for name, one in values.items()
            ]
        }

    def _text(self, value: Value) -> Value:
        if not self.as_text or value is None:
            return value
        return msgspec.json.encode(value).decode() if isinstance(value, list) else _as_text(value)


class Items(Part):
    """A list of tables that are told apart by one member: e-mails by their label. Here: a table by it."""

    by: str | None = None
    """The member that tells them apart; without it they are plain values, and told by their place, from 0."""
    value: str = "value"
    """The member that is the value; the others are kept as they are."""
    first: str | None = None
    """The member that is true for the one that counts most; a new one alone has it."""

    def taken(self, held: Value) -> Value:
        """The values by what tells them apart, the first of each."""
        if not isinstance(held, list):
            return held
        if self.by is None:
            return {str(place): item for place, item in enumerate(held)}
        found: Native = {}
        for item in held:
            if isinstance(item, dict) and isinstance(by := item.get(self.by), str | int):
                found.setdefault(str(by), item.get(self.value))
        return found

    def given(self, wanted: Mapping[str, Value], held: Value) -> Value:
        """The list with these values in it; the others, and what else an item has, stay as they are."""
        if self.by is None:
            return self._placed(wanted, held)
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

    @staticmethod
    def _placed(wanted: Mapping[str, Value], held: Value) -> Value:
        """The plain values in order, without those that are gone."""
        values = {str(place): item for place, item in enumerate(held)} if isinstance(held, list) else {}
        values |= wanted
        placed = sorted((int(place), value) for place, value in values.items() if value not in (None, ""))
        return [value for _, value in placed]


class Table(Part):
    """A word for what a record has somewhere: a look-up, and what it is otherwise."""

    at: JsonPath
    """Where in the record the value is."""
    has: dict[str, str]
    """The word for each value, as text."""
    otherwise: str | None = None
    """The word where no value fits."""

    def told(self, raw: Native) -> str | None:
        """The word for that record."""
        found = self.at.text_in(raw)
        return self.has.get(found or "", self.otherwise)


class RecordShape(Part):
    """From a raw record to a flat one, and back."""

    lift: str | None = None
    """A member that is a table and holds the fields: they stand beside the record's other members."""
    custom: Custom | None = None
    """Where custom fields are."""
    items: dict[str, Items] = {}
    """Members that are lists of tables, by name."""
    rename: dict[str, JsonPath] = {}
    """Fields that are somewhere inside, by the name they have here; they are only read."""
    told: dict[str, Table] = {}
    """Fields that follow from others; they are only read."""
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
        """Lists of which only a part is written, so that the rest must be known first."""
        needed = [name for name in self.items if isinstance(fields.get(name), dict)]
        custom = self.custom
        if custom is not None and custom.whole and any(name.startswith(custom.prefix) for name in fields):
            needed.append(custom.at)
        return tuple(needed)

    def encode(self, fields: Mapping[str, Value], held: Mapping[str, Value] | None = None) -> Native:
        """What is written for flat fields; ``held`` is the raw record as it stands, as far as it matters."""
        written: Native = {}
        custom: Native = {}
        for name, value in self._apart(fields).items():
            if (items := self.items.get(name)) is not None and isinstance(value, dict):
                written[name] = items.given(value, (held or {}).get(name))
                continue
            plain = self.clear if value is None else _as_text(value) if self.as_text else value
            if self.custom is not None and name.startswith(self.custom.prefix):
                custom[name] = plain
            else:
                put(written, JsonPath(name), plain)
        if self.custom is not None and custom:
            written |= self.custom.given(custom, held)
        return written


def _as_text(value: Value) -> Value:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ";".join(str(item) for item in value)
    return value if isinstance(value, str | dict) else str(value)
