"""Property definitions.

Source: HubSpot "CRM API | Properties": types `string`, `number`, `date`, `datetime`, `enumeration`, `bool`;
a `checkbox` holds several of its options as `a;b`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class PropertyOption:
    """One choice of an enumeration."""

    value: str
    label: str
    hidden: bool = False
    description: str = ""

    def shown(self, order: int) -> dict[str, object]:
        """As the API shows it."""
        return {
            "label": self.label,
            "value": self.value,
            "description": self.description,
            "displayOrder": order,
            "hidden": self.hidden,
        }


@dataclass(frozen=True)
class Property:
    """One property of an object; times in epoch milliseconds.

    `external` enumerations take their choices from elsewhere: owners, pipelines, stages.
    """

    name: str
    label: str
    type: str = "string"
    field_type: str = "text"
    group: str = ""
    options: tuple[PropertyOption, ...] = ()
    unique: bool = False
    calculated: bool = False
    read_only: bool = False
    external: bool = False
    required: bool = False
    custom: bool = False
    description: str = ""
    hidden: bool = False
    form_field: bool = False
    display_order: int = -1
    created_at: int | None = None
    updated_at: int | None = None
    archived_at: int | None = None

    @property
    def archived(self) -> bool:
        """Whether it was deleted."""
        return self.archived_at is not None

    @property
    def many(self) -> bool:
        """Whether it holds several options."""
        return self.type == "enumeration" and self.field_type == "checkbox"

    def in_group(self, group: str) -> "Property":
        """The same property in `group`."""
        return self if self.group else replace(self, group=group)


def text(name: str, label: str, *, area: bool = False) -> Property:
    """A text."""
    return Property(name, label, "string", "textarea" if area else "text")


def phone(name: str, label: str) -> Property:
    """A telephone number, which is a text."""
    return Property(name, label, "string", "phonenumber")


def number(name: str, label: str, *, calculated: bool = False) -> Property:
    """A number."""
    kind = "calculation_equation" if calculated else "number"
    return Property(name, label, "number", kind, calculated=calculated, read_only=calculated)


def moment(name: str, label: str, *, read_only: bool = False) -> Property:
    """A date with a time."""
    return Property(name, label, "datetime", "date", read_only=read_only)


def day(name: str, label: str) -> Property:
    """A date."""
    return Property(name, label, "date", "date")


def choice(name: str, label: str, words: Sequence[tuple[str, str]], *, many: bool = False) -> Property:
    """An enumeration of (value, label)."""
    options = tuple(PropertyOption(value, shown) for value, shown in words)
    return Property(name, label, "enumeration", "checkbox" if many else "select", options=options)


def same(*values: str) -> list[tuple[str, str]]:
    """Options whose labels are made from their values: `NOT_STARTED` is "Not started"."""
    return [(value, value.replace("_", " ").capitalize()) for value in values]


def external(name: str, label: str) -> Property:
    """An enumeration whose choices are kept elsewhere."""
    return Property(name, label, "enumeration", "select", external=True)


def flag(name: str, label: str, *, calculated: bool = False) -> Property:
    """A boolean, held as `true` or `false`."""
    kind = "calculation_equation" if calculated else "booleancheckbox"
    options = (PropertyOption("true", "True"), PropertyOption("false", "False"))
    return Property(name, label, "bool", kind, options=options, calculated=calculated, read_only=calculated)


def fixed(one: Property) -> Property:
    """The same property, kept by HubSpot alone."""
    return replace(one, read_only=True)
