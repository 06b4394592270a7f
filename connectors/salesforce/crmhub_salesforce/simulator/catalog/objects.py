"""All object types of one org, found by name or by the prefix of a record id."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.schema_file import FieldSpec
from crmhub_salesforce.simulator.catalog import fields
from crmhub_salesforce.simulator.catalog.accounts import ACCOUNT, CONTACT, LEAD
from crmhub_salesforce.simulator.catalog.activities import EVENT, NOTE, TASK
from crmhub_salesforce.simulator.catalog.custom import with_fields
from crmhub_salesforce.simulator.catalog.fields import Field
from crmhub_salesforce.simulator.catalog.files import FILES
from crmhub_salesforce.simulator.catalog.marketing import MARKETING
from crmhub_salesforce.simulator.catalog.opportunities import (
    CONTACT_ROLE,
    OPPORTUNITY,
    STAGE,
    STANDARD_STAGES,
    Stage,
)
from crmhub_salesforce.simulator.catalog.people import ORGANIZATION, USER
from crmhub_salesforce.simulator.catalog.setup import CURRENCY_TYPE, DATED_RATE, RECORD_TYPE
from crmhub_salesforce.simulator.catalog.sobject import SObject, audit, head, owner

_STANDARD = (
    ACCOUNT,
    CONTACT,
    EVENT,
    LEAD,
    NOTE,
    OPPORTUNITY,
    CONTACT_ROLE,
    STAGE,
    ORGANIZATION,
    RECORD_TYPE,
    TASK,
    USER,
    *FILES,
    *MARKETING,
)
_CURRENCIES = (CURRENCY_TYPE, DATED_RATE)
_CUSTOM = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*__c")


@dataclass(frozen=True)
class Child:
    """A relationship downwards: records of `sobject` point by `field` at their parent."""

    sobject: str
    field: Field


class Catalog:
    """The object types of an org, in the order of a global describe."""

    def __init__(self, objects: Sequence[SObject]) -> None:
        self._objects = {sobject.name.lower(): sobject for sobject in objects}
        self._prefixes = {sobject.prefix: sobject for sobject in objects}
        self._children: dict[str, list[Child]] = {sobject.name: [] for sobject in objects}
        for sobject in objects:
            for field in sobject.fields:
                for target in field.targets:
                    if target in self._children:
                        self._children[target].append(Child(sobject.name, field))

    def __iter__(self) -> Iterator[SObject]:
        """All object types."""
        return iter(self._objects.values())

    def get(self, name: str) -> SObject | None:
        """The object type of that name, in any case."""
        return self._objects.get(name.lower())

    def put(self, sobject: SObject) -> None:
        """Have an object type with other fields than before."""
        self._objects[sobject.name.lower()] = self._prefixes[sobject.prefix] = sobject

    def of_id(self, record_id: str) -> SObject | None:
        """The object type whose records have ids like this one."""
        return self._prefixes.get(record_id[:3])

    def children(self, name: str) -> list[Child]:
        """What points at records of this object type."""
        return self._children[name]

    def child(self, name: str, relationship: str) -> Child | None:
        """The relationship downwards of that name, in any case."""
        wanted = relationship.lower()
        return next(
            (
                child
                for child in self._children[name]
                if child.field.children is not None and child.field.children.lower() == wanted
            ),
            None,
        )


def build_catalog(
    declared: Mapping[str, Sequence[FieldSpec]],
    currencies: Sequence[str] = (),
    typed: Sequence[str] = (),
    hidden: frozenset[str] = frozenset(),
) -> Catalog:
    """The standard object types with the declared fields, and custom objects; raises SimulatorError for a
    declaration that cannot be.

    What is declared for `Activity` goes to Task and Event, as in a real org. With `currencies`, the org's
    own first, records with amounts have a `CurrencyIsoCode`. `typed` objects have record types; the user may
    not see `hidden` fields (`account.phone`).
    """
    customs = [name for name in declared if _CUSTOM.fullmatch(name)]
    standard = [*_STANDARD, *(_CURRENCIES if currencies else ())]
    standard += [_custom_object(name, place) for place, name in enumerate(customs)]
    names = [sobject.name for sobject in standard]
    wanted: dict[str, list[FieldSpec]] = {}
    for name, specs in declared.items():
        targets = ["Task", "Event"] if name.lower() == "activity" else [_known(name, names)]
        for target in targets:
            wanted.setdefault(target, []).extend(specs)
    of_types = {_known(name, names) for name in typed}
    objects: list[SObject] = []
    for sobject in standard:
        found = with_fields(sobject, wanted.get(sobject.name, ()), names)
        found = _with_type(found) if sobject.name in of_types else found
        objects.append(_in_currencies(found, currencies) if currencies else found)
    return Catalog([_without(sobject, hidden) for sobject in objects])


def _custom_object(name: str, place: int) -> SObject:
    """An object of the administrators' own: a name, an owner, and what is declared."""
    label = name.removesuffix("__c").replace("_", " ")
    return SObject(
        name,
        label,
        f"{label}s",
        f"a{place:02d}",
        fields=(
            *head("Record"),
            owner("Group", "User"),
            fields.field("Name", f"{label} Name", "string", "CUNDLM", 80),
            *audit(),
        ),
    )


def _with_type(sobject: SObject) -> SObject:
    reference = fields.field(
        "RecordTypeId", "Record Type ID", "reference", "CUND", to=["RecordType"], via="RecordType"
    )
    return replace(sobject, fields=(*sobject.fields, reference))


def _without(sobject: SObject, hidden: frozenset[str]) -> SObject:
    kept = tuple(each for each in sobject.fields if f"{sobject.name}.{each.name}".lower() not in hidden)
    gone = [each.name for each in sobject.fields if each not in kept and (each.required or each.type == "id")]
    if gone:
        raise SimulatorError(f"setting hidden_fields: {sobject.name}.{gone[0]} can be seen by everybody")
    return sobject if len(kept) == len(sobject.fields) else replace(sobject, fields=kept)


def _in_currencies(sobject: SObject, codes: Sequence[str]) -> SObject:
    if not any(each.type == "currency" for each in sobject.fields) and sobject.name != "User":
        return sobject
    flags = "UNDR" if sobject.name == "User" else "CUNDR"
    code = fields.field(
        "CurrencyIsoCode", "Currency ISO Code", "picklist", flags, 3, choices=codes, default=codes[0]
    )
    return replace(sobject, fields=(*sobject.fields, code))


def _known(name: str, names: Sequence[str]) -> str:
    for known in names:
        if known.lower() == name.lower():
            return known
    near = get_close_matches(name, names, 1)
    hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(names)}"
    raise SimulatorError(f"the schema file names the object {name!r}, which this org does not have{hint}")


def stages_of(catalog: Catalog) -> list[Stage]:
    """The sales stages: the standard ones, or those that a schema file gave `Opportunity.StageName`.

    A declared stage counts as won or lost by its words; any other is open.
    """
    opportunity = catalog.get("Opportunity")
    names = opportunity and opportunity.field("StageName")
    standard = {stage.label: stage for stage in STANDARD_STAGES}
    return [standard.get(choice.value) or _stage(choice.value) for choice in (names.choices if names else ())]


def _stage(label: str) -> Stage:
    words = label.lower()
    if "lost" in words:
        return Stage(label, 0, "Omitted", closed=True)
    if "won" in words:
        return Stage(label, 100, "Closed", closed=True, won=True)
    return Stage(label, 50, "Pipeline")
