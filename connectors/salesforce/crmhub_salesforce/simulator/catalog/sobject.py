"""An object type and the fields that (nearly) all object types share."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from crmhub_salesforce.simulator.catalog.fields import Field, field


@dataclass(frozen=True)
class SObject:
    """An object type: its fields in describe order, and what may be done with its records."""

    name: str
    label: str
    label_plural: str
    prefix: str
    fields: tuple[Field, ...]
    createable: bool = True
    updateable: bool = True
    deletable: bool = True
    undeletable: bool = True
    mergeable: bool = False
    searchable: bool = True
    replicateable: bool = True
    customizable: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {item.name.lower(): item for item in self.fields})
        vias = {item.relationship.lower(): item for item in self.fields if item.relationship}
        object.__setattr__(self, "_by_relationship", vias)

    _by_name: dict[str, Field] = None  # pyright: ignore[reportAssignmentType] # set above, once
    _by_relationship: dict[str, Field] = None  # pyright: ignore[reportAssignmentType]

    def field(self, name: str) -> Field | None:
        """The field of that name, in any case."""
        return self._by_name.get(name.lower())

    def parent(self, relationship: str) -> Field | None:
        """The reference field behind a relationship name, in any case."""
        return self._by_relationship.get(relationship.lower())

    def parts_of(self, compound: str) -> list[Field]:
        """The writable parts of a compound field."""
        return [item for item in self.fields if item.part_of == compound]


def head(label: str) -> tuple[Field, ...]:
    """`Id` and `IsDeleted`."""
    return (
        field("Id", f"{label} ID", "id", "DL"),
        field("IsDeleted", "Deleted", "boolean", "D"),
    )


def merged_into(name: str) -> Field:
    """`MasterRecordId`: into which record a merged one went."""
    return field("MasterRecordId", "Master Record ID", "reference", "N", to=[name], via="MasterRecord")


def owner(*targets: str, label: str = "Owner ID") -> Field:
    """`OwnerId`."""
    return field("OwnerId", label, "reference", "CUD", to=targets or ["User"], via="Owner")


def audit() -> tuple[Field, ...]:
    """Who created and changed a record, and when."""
    return (
        field("CreatedDate", "Created Date", "datetime", "D"),
        field("CreatedById", "Created By ID", "reference", "D", to=["User"], via="CreatedBy"),
        field("LastModifiedDate", "Last Modified Date", "datetime", "D"),
        field("LastModifiedById", "Last Modified By ID", "reference", "D", to=["User"], via="LastModifiedBy"),
        field("SystemModstamp", "System Modstamp", "datetime", "D"),
    )


ACCURACY: Sequence[str] = (
    "Address",
    "NearAddress",
    "Block",
    "Street",
    "ExtendedZip",
    "Zip",
    "Neighborhood",
    "City",
    "County",
    "State",
    "Unknown",
)


def address(prefix: str, label: str) -> Iterable[Field]:
    """A compound address and its parts; `prefix` is empty for Lead's."""
    compound = f"{prefix}Address"
    said = f"{label} " if label else ""

    def text(part: str, shown: str, length: int, kind: str = "string") -> Field:
        extra = "plaintextarea" if kind == "textarea" else None
        return field(f"{prefix}{part}", f"{said}{shown}", kind, "CUN", length, part_of=compound, extra=extra)

    def degrees(part: str) -> Field:
        return field(f"{prefix}{part}", f"{said}{part}", "double", "CUN", numeric=(18, 15), part_of=compound)

    yield text("Street", "Street", 255, "textarea")
    yield text("City", "City", 40)
    yield text("State", "State/Province", 80)
    yield text("PostalCode", "Zip/Postal Code", 20)
    yield text("Country", "Country", 80)
    yield degrees("Latitude")
    yield degrees("Longitude")
    yield field(
        f"{prefix}GeocodeAccuracy",
        f"{said}Geocode Accuracy",
        "picklist",
        "CUNR",
        40,
        choices=ACCURACY,
        part_of=compound,
    )
    yield field(compound, f"{said}Address".strip(), "address", "N")


def external_id() -> Field:
    """`External_Id__c`: a text of 255, unique and an external id, as integrations commonly add it."""
    return Field(
        name="External_Id__c",
        label="External Id",
        type="string",
        length=255,
        createable=True,
        updateable=True,
        nillable=True,
        id_lookup=True,
        unique=True,
        external_id=True,
    )
