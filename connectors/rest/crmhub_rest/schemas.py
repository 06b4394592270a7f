"""The fields of the CRM's objects: from its own metadata, asked for once, and from the description."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

import anyio

from crmhub.connector import Context, FieldSpec, Native, ObjectSchema, Value
from crmhub.errors import BadRequest, ConnectorError, NotFound, Where
from crmhub.schema import FieldType
from crmhub_rest.api import Api
from crmhub_rest.either import OBJECT, described, expanded
from crmhub_rest.language.call import Call
from crmhub_rest.language.fields import Describe
from crmhub_rest.language.object import CrmObject, Link
from crmhub_rest.language.path import ABSENT
from crmhub_rest.language.times import TimeForm
from crmhub_rest.nowhere import nowhere
from crmhub_rest.values import said

__all__ = ["Described", "Schemas"]

_FRESH = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Described:
    """One object: what the description says of it, and its fields."""

    name: str
    says: CrmObject
    schema: ObjectSchema
    told: frozenset[str] | None = field(default=None, repr=False)
    """Fields that the CRM's metadata names; ``None``: the object has none."""
    codes: Mapping[str, Mapping[str, Value]] = field(
        default_factory=dict[str, Mapping[str, Value]], repr=False
    )
    """For fields whose choices are told by label: the CRM's own value of each."""
    labels: Mapping[str, Mapping[str | int, str]] = field(
        default_factory=dict[str, Mapping[str | int, str]], repr=False
    )
    """The same, the other way round."""
    references: tuple[str, ...] = ()
    """Fields that hold an id of another record."""
    forms: Mapping[str, TimeForm] = field(default_factory=dict[str, TimeForm], repr=False)
    """Fields that hold a day or an instant in a form of the CRM's own."""

    def knows(self, names: Iterable[str]) -> bool:
        """Whether it has all those fields; one that nobody describes may have any."""
        if self.told is None and not self.says.fields:
            return True
        return all(name.partition(".")[0] in self.schema.fields for name in names)

    @staticmethod
    def strange(row: Mapping[str, Value], known: Mapping[str, Container[str | int]]) -> list[str]:
        """Fields of the row with a choice that is not among the known ones."""
        return [name for name, choices in known.items() if not _among(row.get(name), choices)]

    def labelled(self, row: Native) -> None:
        """Put labels in the place of the CRM's own values."""
        for name, labels in self.labels.items():
            if (value := row.get(name)) is not None:
                row[name] = _swapped(value, lambda code, labels=labels: labels.get(code, code))

    def coded(self, name: str, value: Value) -> Value:
        """A field's value as the CRM has it: the code of a label."""
        codes = self.codes.get(name)
        return value if codes is None else _swapped(value, lambda label: codes.get(str(label), label))

    def has_choice(self, name: str, value: Value) -> bool:
        """Whether a value is one of the field's choices, by label or code; of other fields every value is."""
        codes = self.codes.get(name)
        known = [*codes, *codes.values()] if codes is not None else []
        return codes is None or _among(value, [one for one in known if isinstance(one, str | int)])

    def typed(self, row: Native) -> None:
        """Put what texts say in their place, by the fields' types; what says nothing of its type stays."""
        record = self.says.record
        prefix = record.custom.prefix if record.custom is not None and record.custom.as_text else None
        if record.as_text:
            prefix = ""
        for name, value in row.items() if prefix is not None else ():
            spec = self.schema.fields.get(name) if name.startswith(prefix or "") else None
            if isinstance(value, str) and spec is not None:
                row[name] = said(spec.type, value)

    def timed(self, row: Native) -> None:
        """Put ISO 8601 in the place of days and instants that the CRM writes in another form."""
        for name, form in self.forms.items():
            if (at := form.read(row.get(name))) is not None:
                whole = self.schema.fields[name].type == "datetime"
                row[name] = at.isoformat() if whole else at.date().isoformat()

    def at(self, name: str, value: Value) -> Value:
        """A field's value as the CRM has it: a day or an instant in its own form."""
        form = self.forms.get(name)
        at = form.read(value) if form is not None else None
        return value if form is None or at is None else form.write(at)

    def plain(self, fields: Iterable[str]) -> list[str]:
        """Those of the fields that are the record's own, by the names that the CRM has for them."""
        custom = self.says.record.custom
        prefix = custom.prefix if custom is not None else ""
        told = {name for either in self.says.either for name in (either, f"{either}{OBJECT}")}
        asked = dict.fromkeys(expanded(self.says, fields))
        own = [name for name in asked if name not in self.says.links and name not in told]
        if self.told is not None:
            own = [name for name in own if name in self.told]
        return [name.removeprefix(prefix) if prefix else name for name in own]

    def linked(self, fields: Iterable[str]) -> dict[str, Link]:
        """Those that are links."""
        asked = dict.fromkeys(expanded(self.says, fields))
        return {name: self.says.links[name] for name in asked if name in self.says.links}


class Schemas:
    """The described objects of one connection."""

    def __init__(self, api: Api, context: Context) -> None:
        self._api = api
        self._context = context
        self._known: dict[str, Described] = {}
        self._asked_at: dict[str, float] = {}
        self._locks: dict[str, anyio.Lock] = {}

    async def of(self, object: str, *, fresh: bool = False, most: float = _FRESH) -> Described:
        """An object; ``fresh`` asks the CRM again unless it was asked in the last ``most`` seconds.

        Raises ``NotFound`` for an object that the description does not have.
        """
        says = self._api.crm.objects.get(object)
        if says is None:
            known = ", ".join(self._api.crm.objects)
            raise NotFound(
                f"{self._api.crm.title} has no object {object!r} here",
                hint=f"known: {known}",
                where=Where(connection=self._context.connection, object=object),
            )
        async with self._locks.setdefault(object, anyio.Lock()):
            found, now = self._known.get(object), self._context.clock.monotonic()
            if found is None or (fresh and now - self._asked_at[object] >= most):
                found = self._known[object] = await self._described(object, says)
                self._asked_at[object] = now
            return found

    async def checked(self, object: str, fields: Iterable[str]) -> Described:
        """An object that has all those fields. Raises ``BadRequest`` naming the first that is not there."""
        found, heads = await self.of(object), [name.partition(".")[0] for name in fields]
        if not found.knows(heads):
            found = await self.of(object, fresh=True)  # it may be a new one
        for head in heads:
            if not found.knows([head]):
                raise self._lacks(found, head)
        return found

    async def writable(self, object: str, items: Sequence[Native]) -> Described:
        """An object for a write of these fields: asked for anew where some, or choices of theirs, are new."""
        found = await self.of(object)
        if all(found.knows(item) and not found.strange(item, found.codes) for item in items):
            return found
        return await self.of(object, fresh=True)

    async def settle(
        self, of: Described, asked: Iterable[str], rows: Sequence[Native], sure: set[str]
    ) -> None:
        """See that what rows lack is empty there, and no field that is gone; name choices that are new.

        The CRM is asked again, once for what is not ``sure`` yet. Raises ``BadRequest`` naming a field that
        is gone: its values are not empty, they are not known.
        """
        told = of.told or frozenset()
        absent = {name for name in asked if name in told and rows and all(name not in row for row in rows)}
        strange = {name for row in rows for name in of.strange(row, of.codes)}
        if not absent | strange:
            return
        now = await self.of(of.name, fresh=not absent | strange <= sure, most=0.0)
        sure |= absent | strange
        for name in sorted(absent):
            if now.told is not None and name not in now.told:
                raise self._lacks(now, name)
        for row in rows if strange else ():
            now.labelled(row)

    def _lacks(self, found: Described, head: str) -> BadRequest:
        near = get_close_matches(head, found.schema.fields, 3)
        return BadRequest(
            f"{found.name} has no field {head!r}, or the user may not see it",
            hint=f"did you mean {', '.join(near)}?" if near else "check its name in the CRM",
            where=Where(connection=self._context.connection, object=found.name, field=head),
        )

    async def _described(self, object: str, says: CrmObject) -> Described:
        told, codes = await self._told(object, says)
        fields: dict[str, FieldSpec] = dict(told or {})
        fields |= {name: field.spec(name) for name, field in says.fields.items()}
        if fields:  # else the object takes whatever comes
            fields = {**says.implied, **fields}
        for name, call in says.choices.items():
            if (spec := fields.get(name)) is not None:
                choices = call.of(await self._rows("choices", object, call))
                fields[name] = replace(spec, type="enum", choices=choices, restricted=bool(choices))
        fields |= {name: _link(name, link) for name, link in says.links.items() if name not in says.fields}
        fields |= described(says, fields)
        fields = dict(self._api.seams.describe(object, fields))
        schema = ObjectSchema(object, fields, label=object)
        return Described(
            object,
            says,
            schema,
            frozenset(told) if told is not None else None,
            codes,
            labels={name: _labels(known) for name, known in codes.items()},
            references=tuple(name for name, spec in fields.items() if spec.type == "ref"),
            forms=_forms(says, fields),
        )

    async def _told(
        self, object: str, says: CrmObject
    ) -> tuple[Mapping[str, FieldSpec] | None, Mapping[str, Mapping[str, Value]]]:
        """The fields that the CRM's metadata tells, and the codes of those told by label."""
        if says.describe is None:
            return None, {}
        prefix = says.record.custom.prefix if says.record.custom is not None else ""
        rows = await self._rows("describe", object, says.describe.call)
        _demand_described(says.describe, rows, object)
        choices = says.describe.choices
        specs: dict[str, FieldSpec] = {}
        codes: dict[str, Mapping[str, Value]] = {}
        for row in rows:
            spec = says.describe.spec(row, prefix) if isinstance(row, dict) else None
            if spec is None:
                continue
            specs[spec.name] = spec
            if choices is not None and choices.by_label and spec.choices and spec.name not in says.fields:
                codes[spec.name] = choices.codes(row)
        return specs, codes

    async def _rows(self, role: str, object: str, call: Call) -> list[Value]:
        scope = self._api.scope(object)
        try:
            response = await self._api.send(role, call, scope)
        except ConnectorError as error:
            error.at(connection=self._context.connection, object=object)
            raise
        return self._api.rows(role, call, scope, response)


def _demand_described(describe: Describe, entries: Sequence[Value], object: str) -> None:
    """Raise ``BadResponse`` where the CRM's metadata has no names of fields, or no types."""
    for key, path in (("name", describe.name), ("type", describe.type)):
        if entries and all(path.find(entry) is ABSENT for entry in entries):
            raise nowhere(path, entries[0], object, f"a field's {key} (describe.{key})")


def _forms(says: CrmObject, fields: Mapping[str, FieldSpec]) -> dict[str, TimeForm]:
    """Fields that hold a day or an instant in a form other than ISO 8601."""
    kinds: dict[FieldType, TimeForm] = {"datetime": says.times, "date": says.dates}
    own = {kind: form for kind, form in kinds.items() if form.text != "iso"}
    return {name: own[spec.type] for name, spec in fields.items() if spec.type in own}


def _labels(codes: Mapping[str, Value]) -> dict[str | int, str]:
    """The label of each of the CRM's own values."""
    return {code: label for label, code in codes.items() if isinstance(code, str | int)}


def _swapped(value: Value, swap: Callable[[str | int], Value]) -> Value:
    """A value, or each of a list, by what stands for it; what is not known stays as it is."""
    if isinstance(value, list):
        return [_swapped(one, swap) for one in value]
    return swap(value) if isinstance(value, str | int) else value


def _among(value: Value, choices: Container[str | int]) -> bool:
    """Whether a value, or each of a list, is one of these, or nothing at all."""
    values = value if isinstance(value, list) else [value]
    return all(one in choices for one in values if isinstance(one, str | int))


def _link(name: str, link: Link) -> FieldSpec:
    kind = "multi_ref" if link.many else "ref"
    writable = link.write is not None
    creatable = writable or link.on_create is not None
    return FieldSpec(name, kind, label=name, creatable=creatable, updatable=writable, refers_to=(link.to,))
