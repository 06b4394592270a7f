"""Finding what a field path means: own fields, fields of parents, fields of whatever a polymorphic reference
points to.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as data_field

from crmhub.testing.simulator.table import Row
from crmhub_salesforce.simulator.catalog.fields import Field, field
from crmhub_salesforce.simulator.catalog.sobject import SObject
from crmhub_salesforce.simulator.errors import ApiError
from crmhub_salesforce.simulator.org import Org
from crmhub_salesforce.simulator.soql.lexer import error_at
from crmhub_salesforce.simulator.soql.syntax import Path

MAX_LEVELS = 5
_LONGEST_PATH = 20
Getter = Callable[[Row], object]

# What can be asked of a polymorphic parent without TYPEOF: the fields of the object that the API calls Name.
NAME_ENTITY = SObject(
    "Name",
    "Name",
    "Names",
    "",
    fields=(
        field("Id", "ID", "id"),
        field("Name", "Name", "string", "N", 255),
        field("FirstName", "First Name", "string", "N", 40),
        field("LastName", "Last Name", "string", "N", 80),
        field("Type", "Type", "string", "N", 40),
        field("Title", "Title", "string", "N", 128),
        field("Email", "Email", "email", "N", 80),
        field("Phone", "Phone", "phone", "N", 40),
        field("Username", "Username", "string", "N", 80),
        field("Alias", "Alias", "string", "N", 8),
        field("IsActive", "Active", "boolean"),
    ),
)
HELP = "Please reference your WSDL or the describe call for the appropriate names."


@dataclass(frozen=True)
class Column:
    """A field as reached from the queried object: through which references, on which entity."""

    steps: tuple[Field, ...]
    field: Field
    entity: SObject

    @property
    def own(self) -> bool:
        """Whether it is a field of the queried object itself."""
        return not self.steps


@dataclass(frozen=True)
class Scope:
    """The object that a query is about, and how the statement may call it."""

    org: Org
    sobject: SObject
    text: str
    aliases: Mapping[str, Path] = data_field(default_factory=dict[str, Path])

    def _whole(self, path: Path) -> list[str]:
        """The parts of a path from the queried object on, aliases resolved."""
        parts = list(path.parts)
        while len(parts) > 1:
            first = parts[0].lower()
            meant = self.aliases.get(first)
            if meant is None:
                return parts[1:] if first == self.sobject.name.lower() else parts
            if meant is path or len(parts) > _LONGEST_PATH:
                return parts
            parts = [*meant.parts, *parts[1:]]
            if not meant.parts:
                return parts
        return parts

    def column(self, path: Path) -> Column:
        """The column behind a path; raises ApiError (INVALID_FIELD) where there is none."""
        parts = self._whole(path)
        if len(parts) - 1 > MAX_LEVELS:
            raise error_at(
                self.text,
                path.pos,
                f"SOQL statements cannot follow more than {MAX_LEVELS} relationships from the root object.",
            )
        entity, steps = self.sobject, list[Field]()
        for part in parts[:-1]:
            step = entity.parent(part)
            if step is None:
                raise self._no_relationship(path, part)
            steps.append(step)
            target = self.org.catalog.get(step.targets[0])
            entity = NAME_ENTITY if step.polymorphic or target is None else target
        found = entity.field(parts[-1])
        if found is None:
            raise self._no_column(path, parts[-1], entity)
        return Column(tuple(steps), found, entity)

    def _no_relationship(self, path: Path, part: str) -> ApiError:
        message = (
            f"Didn't understand relationship '{part}' in field path. If you are attempting to use a custom "
            f"relationship, be sure to append the '__r' after the custom relationship name. {HELP}"
        )
        return error_at(self.text, path.pos, message, "INVALID_FIELD")

    def _no_column(self, path: Path, part: str, entity: SObject) -> ApiError:
        message = (
            f"No such column '{part}' on entity '{entity.name}'. If you are attempting to use a custom "
            f"field, be sure to append the '__c' after the custom field name. {HELP}"
        )
        return error_at(self.text, path.pos, message, "INVALID_FIELD")

    def getter(self, column: Column) -> Getter:
        """How to read the column from a row of the queried object; None where a parent is missing."""
        if column.entity is NAME_ENTITY and column.field.name == "Type":
            value = self._type_name
        else:
            value = reader(column.field, column.entity)
        for step in reversed(column.steps):
            value = _through(self.org, step.name, value)
        return value

    def _type_name(self, row: Row) -> object:
        found = self.org.catalog.of_id(str(row["Id"]))
        return None if found is None else found.name


def reader(asked: Field, entity: SObject, version: str = "62.0") -> Getter:
    """How to read a field from a row of its own object; a binary one is a path to it."""
    if asked.type == "base64":
        stem, end = f"/services/data/v{version}/sobjects/{entity.name}", asked.name
        return lambda row: f"{stem}/{row['Id']}/{end}"
    if asked.type == "address":
        names = [item.name for item in entity.parts_of(asked.name)]
        return _address({_part(name, asked.name.removesuffix("Address")): name for name in names})
    name = asked.name
    if asked.type == "boolean":
        return lambda row: row.get(name, False)
    return lambda row: row.get(name)


def _part(name: str, prefix: str) -> str:
    short = name.removeprefix(prefix)
    return short[0].lower() + short[1:]


def _address(parts: dict[str, str]) -> Getter:
    ordered = sorted(parts.items())

    def value(row: Row) -> object:
        found = {part: row.get(name) for part, name in ordered}
        return found if any(item is not None for item in found.values()) else None

    return value


def _through(org: Org, reference: str, value: Getter) -> Getter:
    def through(row: Row) -> object:
        key = row.get(reference)
        parent = org.known(key) if isinstance(key, str) else None
        return None if parent is None else value(parent)

    return through
