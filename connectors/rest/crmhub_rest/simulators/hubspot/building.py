"""Making the portal from the options: standard and declared properties, owners, seeded records."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from crmhub.testing.simulator.clock import SimClock
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.schema_file import FieldSpec, load_schema
from crmhub.testing.simulator.table import NO_ROWS, Table
from crmhub.testing.simulator.users_file import DEFAULT_USERS, load_users
from crmhub_rest.simulators.hubspot.catalog.associations import standard_kinds
from crmhub_rest.simulators.hubspot.catalog.objects import TYPES, ObjectType
from crmhub_rest.simulators.hubspot.catalog.properties import Property, PropertyOption
from crmhub_rest.simulators.hubspot.links import Links
from crmhub_rest.simulators.hubspot.owners import make_owners
from crmhub_rest.simulators.hubspot.pipelines import standard_pipelines
from crmhub_rest.simulators.hubspot.portal import Portal, Store
from crmhub_rest.simulators.hubspot.seed_values import MAKERS
from crmhub_rest.simulators.hubspot.seeding import START, Seeds, counts_of, ids_of
from crmhub_rest.simulators.hubspot.subscriptions import Subscriptions

_TYPES: Mapping[str, tuple[str, str]] = {
    "string": ("string", "text"),
    "text": ("string", "text"),
    "textarea": ("string", "textarea"),
    "phonenumber": ("string", "phonenumber"),
    "number": ("number", "number"),
    "integer": ("number", "number"),
    "currency": ("number", "number"),
    "date": ("date", "date"),
    "datetime": ("datetime", "date"),
    "enumeration": ("enumeration", "select"),
    "picklist": ("enumeration", "select"),
    "checkbox": ("enumeration", "checkbox"),
    "multiselect": ("enumeration", "checkbox"),
    "bool": ("bool", "booleancheckbox"),
    "boolean": ("bool", "booleancheckbox"),
}


def build_portal(options: Options, clock: SimClock, subscriptions: Subscriptions, bulk: int) -> Portal:
    """The portal; raises SimulatorError where options or files are wrong."""
    declared = load_schema(options.schema)
    owners = make_owners(load_users(options.users) or DEFAULT_USERS, START)
    counts = counts_of(options)
    ids = {one.name: ids_of(number) for number, one in enumerate(TYPES)}
    active = [owner.id for owner in owners if not owner.archived]
    seeds = Seeds(options.seed, counts, ids, active, bulk)
    stores: dict[str, Store] = {}
    for one in TYPES:
        seeded = seeds.of(one) if counts.get(one.name) and one.name in MAKERS else NO_ROWS
        properties = {each.name: replace(each, created_at=START) for each in one.properties}
        for spec in declared.pop(one.name, declared.pop(one.singular, [])):
            made = _property(spec, one)
            known = properties.get(made.name)
            properties[made.name] = made if known is None else _merged(known, made)
        group: dict[str, object] = {
            "name": one.group,
            "label": one.singular.capitalize(),
            "displayOrder": 0,
            "archived": False,
        }
        stores[one.name] = Store(
            one, properties, {one.group: group}, ids[one.name], Table(ids[one.name], seeded)
        )
    _refuse_unknown(declared)
    links = Links(standard_kinds(), seeds)
    return Portal(clock, stores, owners, standard_pipelines(START), links, subscriptions, options.seed)


def _refuse_unknown(declared: Mapping[str, Sequence[FieldSpec]]) -> None:
    for name, specs in declared.items():
        known = ", ".join(one.name for one in TYPES)
        if specs:
            raise specs[0].place.error(f"there is no object {name!r}; there are {known}")


def _property(spec: FieldSpec, one: ObjectType) -> Property:
    kind = _TYPES.get(spec.type.lower().replace("_", ""))
    if kind is None:
        raise spec.place.error(f"{spec.name}: unknown type {spec.type!r}; use one of {', '.join(_TYPES)}")
    options = tuple(PropertyOption(choice.value, choice.label) for choice in spec.choices)
    if kind[0] == "enumeration" and not options:
        raise spec.place.error(f"{spec.name}: an enumeration needs `choices: [...]`")
    if kind[0] == "bool":
        options = (PropertyOption("true", "True"), PropertyOption("false", "False"))
    return Property(
        spec.name.lower(),
        spec.label,
        kind[0],
        kind[1],
        one.group,
        options,
        unique=spec.unique or spec.external_id,
        required=spec.required,
        custom=True,
        created_at=START,
        form_field=True,
    )


def _merged(known: Property, made: Property) -> Property:
    """A standard property with what the schema file says differently about it."""
    return replace(known, options=made.options or known.options, required=made.required, label=made.label)
