"""Small tables of a CRM's users, stages and pipelines, read once and looked up by id or by meaning."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

from crmhub.connector import Connector, Native, ReadRequest
from crmhub.mapping.compiled import CompiledMap, Values

__all__ = ["Directory", "read_directory"]


def _fold(value: object) -> str:
    return " ".join(str(value).split()).casefold()


@dataclass(frozen=True)
class Directory:
    """All records of one small model of one connection, as canonical values by id."""

    model: str
    entries: Mapping[str, Values]
    _index: dict[str, dict[str, list[str]]] = field(
        default_factory=dict[str, dict[str, list[str]]], repr=False
    )

    def find(self, by: str, value: object, within: tuple[str, str] | None = None) -> str | None:
        """The id of the one active entry whose ``by`` is ``value`` (case and spacing aside).

        ``within`` names a field and the value that it must have where several entries answer. No
        entry, or several, give ``None``: never the first of many.
        """
        if value is None:
            return None
        found = self._by(by).get(_fold(value), [])
        if len(found) > 1 and within is not None:
            path, wanted = within
            found = [id_ for id_ in found if self.entries[id_].get(path) == wanted]
        return found[0] if len(found) == 1 else None

    def outcome(self, id: object) -> str | None:
        """What becomes of a deal in that stage: open, won or lost; ``None`` where it is not told."""
        outcome = self.entries.get(str(id), {}).get("outcome")
        return None if outcome is None else str(outcome)

    def known(self, by: str) -> list[str]:
        """The values of ``by`` that can be chosen, for messages."""
        return sorted(str(entry[by]) for entry in self.entries.values() if entry.get(by) is not None)

    def _by(self, by: str) -> dict[str, list[str]]:
        if by not in self._index:
            index: dict[str, list[str]] = {}
            for id_, entry in self.entries.items():
                if entry.get(by) is not None and entry.get("active") is not False:
                    index.setdefault(_fold(entry[by]), []).append(id_)
            self._index[by] = index
        return self._index[by]


async def read_directory(
    connector: Connector, maps: tuple[CompiledMap, ...], model: str, keys: Mapping[str, str]
) -> Directory:
    """Read all records of the model's maps. An id is what the map says, else the object's key of ``keys``."""
    entries: dict[str, Values] = {}
    for mapped in maps:
        key = keys[mapped.object]
        async with aclosing(connector.read(ReadRequest(mapped.object, mapped.fields))) as pages:
            async for page in pages:
                for record in page.upserts:
                    values = mapped.read(record)
                    entries[_id(values, record, key)] = values
    return Directory(model, entries)


def _id(values: Values, record: Native, key: str) -> str:
    return str(values.get("id") or record[key])
