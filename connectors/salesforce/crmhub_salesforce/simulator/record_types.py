"""Record types of objects, and the pick list values of each.

They are set as `Opportunity.New_Business,Opportunity.Renewal` (the first of an object is its default), or
by a file: `{Opportunity: {New_Business: {}, Renewal: {StageName: [Prospecting, Closed Won]}}}`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.files import read_file

_NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*")
MASTER_ID = "012000000000000AAA"


@dataclass(frozen=True)
class RecordType:
    """One record type: of which object, its developer name, and which values its pick lists are cut to."""

    sobject: str
    developer_name: str
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    @property
    def name(self) -> str:
        """What people see."""
        return self.developer_name.replace("_", " ")


def read_record_types(text: str) -> tuple[RecordType, ...]:
    """The record types that a setting names; raises SimulatorError."""
    if not text:
        return ()
    if Path(text).suffix in {".yaml", ".yml", ".json"}:
        return tuple(_from_file(read_file(Path(text)), text))
    parts = (part.partition(".") for part in text.split(","))
    return tuple(_named(sobject, name, {}) for sobject, _, name in parts)


def _from_file(content: object, path: str) -> list[RecordType]:
    found: list[RecordType] = []
    for sobject, types in _mapping(content, path).items():
        for name, cut in _mapping(types, path).items():
            lists = _mapping(cut or {}, path).items()
            values = {
                key: tuple(str(value) for value in cast("list[object]", items))
                for key, items in lists
                if isinstance(items, list)
            }
            found.append(_named(sobject, name, values))
    return found


def _mapping(value: object, path: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise SimulatorError(f"{path}: write {{Object: {{Developer_Name: {{PickList: [values]}}}}}}")
    return cast("Mapping[str, object]", value)


def _named(sobject: str, name: str, values: Mapping[str, tuple[str, ...]]) -> RecordType:
    if _NAME.fullmatch(name) is None or not sobject:
        raise SimulatorError(
            f"setting record_types: {sobject}.{name} is not of the form Object.Developer_Name"
        )
    return RecordType(sobject, name, values)
