"""What a record is made of on the wire: custom fields, lists of tables, words, and what is several others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from pydantic import Field

from crmhub.native import Native, Value
from crmhub_rest.language.part import Part
from crmhub_rest.language.path import ABSENT, JsonPath, Maybe

__all__ = ["Custom", "Items", "Table", "apart", "as_text", "together"]

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
        return msgspec.json.encode(value).decode() if isinstance(value, list) else as_text(value)


class Items(Part):
    """A list of tables that are told apart by one member: e-mails by their label. Here: a table by it."""

    by: str | None = None
    """The member that tells them apart; without it they are plain values, and told by their place: n1, n2."""
    value: str = "value"
    """The member that is the value; the others are kept as they are."""
    first: str | None = None
    """The member that is true for the one that counts most; a new one alone has it."""
    head: str | None = None
    """The field that has the value of that one, which is then not in the table."""

    def taken(self, held: Value) -> Value:
        """The values by what tells them apart, the first of each."""
        if not isinstance(held, list):
            return held
        if self.by is None:
            return {f"n{place}": item for place, item in enumerate(held, 1)}
        found: Native = {}
        for item in self._apart(held)[1]:
            if isinstance(by := item.get(self.by), str | int):
                found.setdefault(str(by), item.get(self.value))
        return found

    def top(self, held: Value) -> Value:
        """The value of the one that counts most."""
        top = self._apart(held)[0]
        return top.get(self.value) if top is not None else None

    def given(self, wanted: Mapping[str, Value], held: Value, head: Maybe = ABSENT) -> Value:
        """The list with these values in it; the others, and what else an item has, stay as they are."""
        if self.by is None:
            return self._placed(wanted, held)
        top, items = self._apart(held)
        for by, value in wanted.items():
            mine = next((item for item in items if str(item.get(self.by)) == by), None)
            if value is None:
                items = [item for item in items if item is not mine]
            elif mine is not None:
                mine[self.value] = value
            else:
                items.append({self.by: by, self.value: value})
        if head is not ABSENT:
            top = {**(top or {}), self.value: head} if head is not None else None
            items = [item for item in items if item.get(self.value) != head]
        items = [*([top] if top is not None else []), *items]
        if self.first is not None and items and not any(item.get(self.first) is True for item in items):
            items[0][self.first] = True
        return [*items]

    @staticmethod
    def _placed(wanted: Mapping[str, Value], held: Value) -> Value:
        """The plain values in order, without those that are gone."""
        items = enumerate(held, 1) if isinstance(held, list) else ()
        values = {f"n{place}": item for place, item in items} | {**wanted}
        placed = sorted((int(name[1:]), name) for name, value in values.items() if value not in (None, ""))
        return [values[name] for _, name in placed]

    def _apart(self, held: Value) -> tuple[Native | None, list[Native]]:
        """The one that has a field of its own, and the others."""
        items = [dict(item) for item in held if isinstance(item, dict)] if isinstance(held, list) else []
        if self.head is None or not items:
            return None, items
        top = next((item for item in items if self.first and item.get(self.first) is True), items[0])
        return top, [item for item in items if item is not top]


class Table(Part):
    """A word for what a record has somewhere: a look-up, and what it is otherwise."""

    at: JsonPath
    """Where in the record the value is."""
    has: dict[str, str]
    """The word for each value, as text; ``"true"`` and ``"false"`` for flags."""
    otherwise: str | None = None
    """The word where no value fits."""
    write: dict[str, str | int | bool] = {}
    """What is written there for each word; without it the field is only read."""

    def told(self, raw: Native) -> str | None:
        """The word for that record."""
        found = self.at.get(raw)
        text = str(found).lower() if isinstance(found, bool) else self.at.text_in(raw)
        return self.has.get(text or "", self.otherwise)

    def given(self, word: Value) -> Value:
        """What is written for a word; one that is not known stays as it is, for the CRM to refuse."""
        return self.write.get(word, word) if isinstance(word, str) else word


def as_text(value: Value) -> Value:
    """A value as a text, as some CRMs want all of them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ";".join(str(item) for item in value)
    return value if isinstance(value, str | dict) else str(value)
