"""Checks 10 to 14: what the connector says of its objects."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from crmhub.connector import FieldSpec, FieldType, Native, ObjectSchema, Value
from crmhub.errors import ConnectorError, NotFound
from crmhub.testing.conformance.check import able_of, check, has
from crmhub.testing.conformance.expect import expect
from crmhub.testing.conformance.mirror import Mirror, beyond_lag
from crmhub.testing.conformance.target import Org, Sample
from crmhub.testing.conformance.values import filled

__all__: list[str] = []

_KINDS: dict[str, frozenset[FieldType]] = {
    "text": frozenset({"text"}),
    "long_text": frozenset({"text", "html"}),
    "number": frozenset({"int", "decimal"}),
    "money": frozenset({"money", "decimal"}),
    "date": frozenset({"date"}),
    "instant": frozenset({"datetime"}),
    "enum": frozenset({"enum", "multi_enum"}),
    "ref": frozenset({"ref"}),
}
_TEXTS: frozenset[FieldType] = frozenset({"text", "html", "enum", "email", "phone", "url"})
_EXACT: frozenset[FieldType] = frozenset({"int", "decimal", "money", "percent"})


@check(10, "describe lists every field")
async def describe_lists_every_field(org: Org, sample: Sample) -> None:
    """Every field of the sample, the key and the cursor are described rightly; unknown objects raise."""
    connector = org.connect()
    schema = await connector.describe(sample.object)
    able = await able_of(org, sample)
    cursor = able.incremental.cursor if able.incremental else None
    wanted = [*sample.fields, *(name for name in (able.key, able.modified, able.created, cursor) if name)]
    missing = sorted(set(wanted) - set(schema.fields))
    expect(not missing, f"describe({sample.object}) lacks {', '.join(missing)}")
    for name, spec in schema.fields.items():
        expect(spec.name == name, f"describe() lists {spec.name} under the name {name}")
    for use, kinds in _KINDS.items():
        name: str | None = getattr(sample, use)
        if name is not None:
            kind = schema.fields[name].type
            expect(kind in kinds, f"{name} is described as {kind}; expected {' or '.join(sorted(kinds))}")
    if sample.ref and sample.ref_object:
        to = schema.fields[sample.ref].refers_to
        expect(sample.ref_object in to, f"{sample.ref} refers to {to}; expected {sample.ref_object}")
    if sample.read_only:
        spec = schema.fields[sample.read_only]
        expect(
            not spec.creatable and not spec.updatable, f"{sample.read_only} is described as a field to write"
        )
    try:
        found = await connector.describe("NoSuchObject")
    except NotFound:
        return
    raise AssertionError(f"describe() of an object that does not exist gives {len(found.fields)} fields")


@check(11, "custom fields discovered", has("custom"))
async def custom_fields_discovered(org: Org, sample: Sample) -> None:
    """A field that the org has added is described, and marked as custom; the standard ones are not."""
    schema = await org.connect().describe(sample.object)
    spec = schema.fields.get(sample.custom or "")
    if spec is None:
        raise AssertionError(f"the custom field {sample.custom} is not described")
    expect(spec.custom, f"{sample.custom} is not marked as custom")
    expect(not schema.fields[sample.text].custom, f"{sample.text} is marked as custom and is not")


@check(12, "choices fetched", has("enum"))
async def choices_fetched(org: Org, sample: Sample) -> None:
    """A picklist has its choices: distinct values with labels, each accepted by the CRM and read back."""
    name = sample.enum or ""
    choices = (await org.connect().describe(sample.object)).fields[name].choices
    values = [choice.value for choice in choices if choice.active]
    expect(values, f"{name} is described without choices")
    expect(len(set(values)) == len(values), f"choices of {name} come twice")
    expect(all(choice.label for choice in choices), f"choices of {name} lack labels")
    rows = [sample.row(number, {name: value}) for number, value in enumerate(values[:20])]
    ids = await org.insert(sample.object, rows)
    mirror = await Mirror.of(org, sample, (name,))
    await mirror.follow(org.connect())
    for id_, value in zip(ids, values, strict=False):
        came = mirror.row(id_).get(name)
        expect(came == value, f"{name} was set to the choice {value!r} and reads {came!r}")


@check(13, "records fit their description")
async def records_fit_their_description(org: Org, sample: Sample) -> None:
    """Every field that a record has is described, and holds what its type says; no number is a float."""
    schema = await org.connect().describe(sample.object)
    await org.insert(sample.object, [filled(sample, schema, number) for number in range(3)])
    readable = tuple(name for name in sample.fields if schema.fields[name].readable)
    mirror = await Mirror.of(org, sample, readable)
    await mirror.follow(org.connect())
    expect(len(mirror.rows) == 3, f"3 records were made, {len(mirror.rows)} came")
    for row in mirror.rows.values():
        _fits(schema, row)
    for name in readable:
        empty = all(row.get(name) is None for row in mirror.rows.values())
        expect(
            not (empty and name in filled(sample, schema, 0)), f"{name} has values in the CRM and none came"
        )


@check(14, "schema drift survived", has("new_field"))
async def schema_drift_survived(org: Org, sample: Sample) -> None:
    """Fields added, retyped or dropped show in the next ``describe``; reading goes on or names the field."""
    connector = org.connect()
    await org.insert(sample.object, sample.rows(2))
    schema = await connector.describe(sample.object)
    name = sample.new_field or ""
    await org.add_field(sample.object, FieldSpec(name, "text", "Drifted", custom=True))
    await _later(org, sample)
    added = set((await connector.describe(sample.object)).fields) - set(schema.fields)
    expect(added == {name}, f"the field {name} was added; describe() shows {sorted(added) or 'nothing new'}")
    mirror = await Mirror.of(org, sample, (sample.text, name))
    await mirror.follow(connector)
    expect(len(mirror.rows) == 2, f"2 records; with a new field {len(mirror.rows)} came")
    await org.add_field(sample.object, FieldSpec(name, "int", "Drifted", custom=True))
    await _later(org, sample)
    kind = (await connector.describe(sample.object)).fields[name].type
    expect(kind in {"int", "decimal"}, f"{name} is a number now; describe() says {kind}")
    await org.drop_field(sample.object, name)
    await _later(org, sample)
    expect(
        name not in (await connector.describe(sample.object)).fields, f"{name} was dropped and is described"
    )
    again = await Mirror.of(org, sample, (sample.text, name))
    try:
        await again.follow(connector)
    except ConnectorError as error:
        expect(name in str(error), f"reading a dropped field fails without naming it: {error}")
    else:
        expect(len(again.rows) == 2, f"2 records; with a dropped field {len(again.rows)} came")


async def _later(org: Org, sample: Sample) -> None:
    """Give what a connector remembers of a schema time to grow old."""
    await beyond_lag(org, sample)


def _fits(schema: ObjectSchema, row: Native) -> None:
    for name, value in row.items():
        spec = schema.fields.get(name)
        if spec is None:
            raise AssertionError(f"a record has the field {name}, which describe() does not list")
        problem = _problem(spec, value)
        expect(not problem, f"{name} is described as {spec.type} and holds {problem}")


def _problem(spec: FieldSpec, value: Value) -> str:
    """What is wrong with the value's type; empty when nothing is."""
    if value is None:
        return ""
    kind = type(value).__name__
    if spec.type in _EXACT:
        exact = isinstance(value, int | Decimal) and not isinstance(value, bool)
        return "" if exact else f"a {kind}"
    if spec.type in _TEXTS:
        return "" if isinstance(value, str) else f"a {kind}"
    if spec.type == "bool":
        return "" if isinstance(value, bool) else f"a {kind}"
    if spec.type in {"date", "datetime"}:
        return _bad_time(value, spec.type)
    if spec.type == "ref":
        return "" if isinstance(value, str | int | dict) else f"a {kind}"
    return ""


def _bad_time(value: Value, kind: FieldType) -> str:
    if not isinstance(value, str):
        return f"a {type(value).__name__}"
    try:
        if kind == "date":
            date.fromisoformat(value)
            return ""
        return "" if datetime.fromisoformat(value).tzinfo else "a time without a zone"
    except ValueError:
        return "text that is no ISO 8601"
