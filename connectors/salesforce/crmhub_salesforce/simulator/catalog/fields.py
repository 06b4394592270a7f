"""Fields of Salesforce objects, written compactly.

Which operations a field allows in queries follows from its type, as in describes of a real org: long text can
be neither filtered nor sorted, booleans cannot be aggregated, numbers cannot be grouped, and so on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

TEXT_TYPES = frozenset(
    {
        "string",
        "textarea",
        "picklist",
        "multipicklist",
        "combobox",
        "phone",
        "email",
        "url",
        "id",
        "reference",
    }
)
NUMBER_TYPES = frozenset({"int", "double", "currency", "percent"})
LONG_TEXT = 255
"""Text areas longer than this many characters are stored apart and cannot be filtered, sorted or grouped."""

_UNGROUPED = frozenset(
    {"double", "currency", "percent", "datetime", "combobox", "multipicklist", "address", "time", "base64"}
)


@dataclass(frozen=True)
class Choice:
    """One value of a pick list."""

    value: str
    label: str
    default: bool = False


@dataclass(frozen=True)
class Field:
    """One field, with the properties that a describe shows (sObject Describe, REST API Developer Guide)."""

    name: str
    label: str
    type: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    digits: int = 0
    createable: bool = False
    updateable: bool = False
    nillable: bool = False
    defaulted: bool = False
    id_lookup: bool = False
    unique: bool = False
    external_id: bool = False
    restricted: bool = False
    name_field: bool = False
    choices: tuple[Choice, ...] = ()
    targets: tuple[str, ...] = ()
    relationship: str | None = None
    children: str | None = None
    part_of: str | None = None
    cascade: bool = False
    extra: str | None = None

    @property
    def custom(self) -> bool:
        """Whether it was added by the org's administrators."""
        return self.name.endswith("__c")

    @property
    def required(self) -> bool:
        """Whether a create must give a value."""
        return self.createable and not self.nillable and not self.defaulted and self.type != "boolean"

    @property
    def polymorphic(self) -> bool:
        """Whether the reference may point to several objects."""
        return len(self.targets) > 1

    @property
    def long_text(self) -> bool:
        """Whether it is a long text area."""
        return self.type == "textarea" and self.length > LONG_TEXT

    @property
    def filterable(self) -> bool:
        """Whether WHERE may use it."""
        return not self.long_text and self.type != "base64"

    @property
    def sortable(self) -> bool:
        """Whether ORDER BY may use it."""
        return not self.long_text and self.type not in {"multipicklist", "address", "base64"}

    @property
    def groupable(self) -> bool:
        """Whether GROUP BY may use it."""
        return not self.long_text and self.type not in _UNGROUPED

    @property
    def aggregatable(self) -> bool:
        """Whether COUNT, MIN and the like may use it."""
        return self.sortable and self.type != "boolean"

    @property
    def indexed(self) -> bool:
        """Whether records can be found by it directly."""
        return self.id_lookup or self.unique or self.external_id or self.type == "reference"

    def with_choices(self, values: Sequence[Choice]) -> "Field":
        """The same field with other pick list values."""
        return replace(self, choices=tuple(values))


def field(
    name: str,
    label: str,
    kind: str,
    flags: str = "",
    length: int = 0,
    *,
    numeric: tuple[int, int] = (0, 0),
    digits: int = 0,
    choices: Sequence[str] = (),
    default: str | None = None,
    to: Sequence[str] = (),
    via: str | None = None,
    children: str | None = None,
    part_of: str | None = None,
    extra: str | None = None,
) -> Field:
    """A standard field.

    `flags`: C createable, U updateable, N nillable, D defaulted on create, L usable as id lookup, R
    restricted pick list, M name field, X deleted with its parent. `numeric` is (precision, scale). For
    references `to` names the target objects, `via` the relationship upwards, `children` the relationship
    downwards.
    """
    return Field(
        name=name,
        label=label,
        type=kind,
        length=18 if kind in {"id", "reference"} else length,
        precision=numeric[0],
        scale=numeric[1],
        digits=digits,
        createable="C" in flags,
        updateable="U" in flags,
        nillable="N" in flags,
        defaulted="D" in flags,
        id_lookup="L" in flags,
        restricted="R" in flags,
        name_field="M" in flags,
        cascade="X" in flags,
        choices=tuple(Choice(value, value, value == default) for value in choices),
        targets=tuple(to),
        relationship=via,
        children=children,
        part_of=part_of,
        extra=extra,
    )
