"""All object types of one org, found by name or by the prefix of a record id."""

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
from crmhub_salesforce.simulator.catalog.opportunities import (
    CONTACT_ROLE,
    OPPORTUNITY,
    STAGE,
    STANDARD_STAGES,
    Stage,
)
from crmhub_salesforce.simulator.catalog.people import ORGANIZATION, USER
from crmhub_salesforce.simulator.catalog.sobject import SObject

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
    TASK,
    USER,
)


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


def build_catalog(declared: Mapping[str, Sequence[FieldSpec]], currencies: Sequence[str] = ()) -> Catalog:
    """The standard object types with the declared fields; raises SimulatorError for a declaration that cannot
    be.

    What is declared for `Activity` goes to Task and Event, as in a real org. With `currencies`, the org's
    own first, records with amounts have a `CurrencyIsoCode`.
    """
    names = [sobject.name for sobject in _STANDARD]
    wanted: dict[str, list[FieldSpec]] = {}
    for name, specs in declared.items():
        targets = ["Task", "Event"] if name.lower() == "activity" else [_known(name, names)]
        for target in targets:
            wanted.setdefault(target, []).extend(specs)
    objects = [with_fields(sobject, wanted.get(sobject.name, ()), names) for sobject in _STANDARD]
    return Catalog([_in_currencies(sobject, currencies) for sobject in objects] if currencies else objects)


def _in_currencies(sobject: SObject, codes: Sequence[str]) -> SObject:
    if not any(each.type == "currency" for each in sobject.fields):
        return sobject
    code = fields.field(
        "CurrencyIsoCode", "Currency ISO Code", "picklist", "CUNDR", 3, choices=codes, default=codes[0]
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
