"""Making the organisation from the options: standard modules, declared fields and modules, users, seeded
rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from crmhub.testing.simulator.clock import SimClock, fixed_offset
from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.schema_file import FieldSpec, load_schema
from crmhub.testing.simulator.table import NO_ROWS, Table
from crmhub.testing.simulator.users_file import load_users
from crmhub_zoho.simulator.fields import ANY_MODULE, ID_STEP, Field
from crmhub_zoho.simulator.ids import ATTACHMENTS_BLOCK, FIRST_MODULE_BLOCK, IdBlock
from crmhub_zoho.simulator.modules import ATTACHMENTS, STANDARD, ModuleSpec
from crmhub_zoho.simulator.org import Module, Org, metadata_id
from crmhub_zoho.simulator.people import make_users
from crmhub_zoho.simulator.picklists import with_none
from crmhub_zoho.simulator.seeding import counts_of, seeded_rows
from crmhub_zoho.simulator.suite_rows import suite_counts

DEFAULT_OFFSET = "+05:30"
_TYPES: Mapping[str, str] = {
    **{
        kind: kind
        for kind in (
            *("text", "textarea", "email", "phone", "website", "picklist", "multiselectpicklist", "date"),
            *("datetime", "integer", "bigint", "currency", "double", "percent", "boolean", "lookup"),
            *("ownerlookup", "userlookup"),
        )
    },
    "string": "text",
    "singleline": "text",
    "longtext": "textarea",
    "multiline": "textarea",
    "url": "website",
    "select": "picklist",
    "enum": "picklist",
    "multipicklist": "multiselectpicklist",
    "multiselect": "multiselectpicklist",
    "int": "integer",
    "long": "bigint",
    "decimal": "double",
    "float": "double",
    "number": "double",
    "money": "currency",
    "percentage": "percent",
    "bool": "boolean",
    "checkbox": "boolean",
    "timestamp": "datetime",
    "reference": "lookup",
    "user": "userlookup",
    "subform": "subform",
    "multiselectlookup": "multiselectlookup",
}


def build_org(options: Options, clock: SimClock, offset: str) -> Org:
    """The organisation; raises SimulatorError where options or files are wrong."""
    zone = fixed_offset(offset)
    users = make_users(load_users(options.users))
    specs = _specs(load_schema(options.schema))
    blocks = {name: IdBlock(FIRST_MODULE_BLOCK + number) for number, name in enumerate(specs)}
    _check_rows(options)
    owners = [user.id for user in users if user.active]
    seeded = seeded_rows(options, zone, blocks, owners)
    modules = {
        name: Module(
            spec,
            blocks[name].number,
            _fields(spec, blocks[name].number),
            Table(blocks[name], seeded.get(name, NO_ROWS)),
            blocks[name],
            custom=name not in STANDARD,
        )
        for name, spec in specs.items()
    }
    ids = IdBlock(ATTACHMENTS_BLOCK)
    fields = _fields(ATTACHMENTS, ids.number)
    return Org(clock, zone, users, modules, Module(ATTACHMENTS, ids.number, fields, Table(ids), ids))


def _check_rows(options: Options) -> None:
    known = counts_of(options) | suite_counts(options)
    if isinstance(options.rows, int):
        if options.rows < 0:
            raise SimulatorError(f"rows: {options.rows} is less than none")
        return
    for name, count in options.rows.items():
        if name not in known:
            raise SimulatorError(f"rows: {name!r} cannot be seeded; use one of {', '.join(known)}")
        if count < 0:
            raise SimulatorError(f"rows: {name}={count} is less than none")


def _fields(spec: ModuleSpec, number: int) -> dict[str, Field]:
    return {
        one.api_name: one.with_id(metadata_id(number, (place + 1) * ID_STEP))
        for place, one in enumerate(spec.fields)
    }


def _specs(declared: Mapping[str, Sequence[FieldSpec]]) -> dict[str, ModuleSpec]:
    specs = dict(STANDARD)
    for name in declared:
        if name not in specs:
            specs[name] = _custom_module(name)
    for name, fields in declared.items():
        known = {one.api_name: one for one in specs[name].fields}
        for field in fields:
            made = _field(field, specs)
            known[made.api_name] = (
                _merged(known[made.api_name], made, field) if made.api_name in known else made
            )
        specs[name] = replace(specs[name], fields=tuple(known.values()))
    return specs


def _custom_module(name: str) -> ModuleSpec:
    label = name.replace("_", " ")
    owner = STANDARD["Accounts"].fields[:5]
    title = Field("Name", "text", f"{label} Name", 120, mandatory=True)
    return ModuleSpec(name, label, label, "Name", (*owner, title), check_field="Name")


def _merged(standard: Field, made: Field, declared: FieldSpec) -> Field:
    """A standard field with what the schema file says differently about it; its type stays."""
    if made.data_type != standard.data_type:
        raise declared.place.error(
            f"{made.api_name} is a standard field of type {standard.data_type}; it cannot be {made.data_type}"
        )
    return replace(
        standard,
        choices=made.choices or standard.choices,
        length=made.length or standard.length,
        unique=made.unique or standard.unique,
        mandatory=made.mandatory or standard.mandatory,
    )


def _field(declared: FieldSpec, specs: Mapping[str, ModuleSpec]) -> Field:
    word = declared.type.lower().replace("_", "").replace(" ", "").replace("-", "")
    kind = "lookup" if declared.reference_to and word in {"lookup", "reference"} else _TYPES.get(word)
    if kind is None:
        known = ", ".join(sorted(set(_TYPES.values())))
        raise declared.place.error(f"{declared.name}: unknown type {declared.type!r}; use one of {known}")
    if kind in {"picklist", "multiselectpicklist"} and not declared.choices:
        raise declared.place.error(f"{declared.name}: a pick list needs `choices: [...]`")
    target = ""
    if kind in {"lookup", "multiselectlookup"}:
        target = _target(declared, specs)
    choices = declared.choices
    if kind == "picklist" and choices[0].value != "-None-" and not declared.required:
        choices = (*with_none()[:1], *choices)
    return Field(
        declared.name,
        kind,
        declared.label,
        declared.length or 0,
        mandatory=declared.required,
        unique=declared.unique or declared.external_id,
        custom=True,
        choices=choices,
        target=target,
        rows=_rows(declared, kind, target, specs),
        decimals=2 if declared.decimals is None else declared.decimals,
    )


def _rows(declared: FieldSpec, kind: str, target: str, specs: Mapping[str, ModuleSpec]) -> tuple[Field, ...]:
    if kind == "multiselectlookup":
        return (Field(declared.name, "lookup", target=target, mandatory=True),)
    if (kind == "subform") is not bool(declared.fields):
        raise declared.place.error(f"{declared.name}: a subform, and nothing else, needs `fields: [...]`")
    rows = tuple(_field(child, specs) for child in declared.fields)
    nested = next((child.api_name for child in rows if child.rows), None)
    if nested is not None:
        raise declared.place.error(f"{declared.name}: {nested} cannot be in a subform")
    return rows


def _target(declared: FieldSpec, specs: Mapping[str, ModuleSpec]) -> str:
    name = declared.reference_to[0] if declared.reference_to else ""
    if name not in specs or name == ANY_MODULE:
        raise declared.place.error(
            f"{declared.name}: a lookup needs `reference_to:` with a module, one of {', '.join(specs)}"
        )
    return name
