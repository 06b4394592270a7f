"""Loading: a one-way sync from a folder of CSV files, which becomes a connection for the time being.

``await hub.run(load_job(hub, "zoho", Path("sales"), Path("sales/mapping.yaml")))``
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from crmhub.connector import Value
from crmhub.document import Document
from crmhub.errors import ConfigError
from crmhub.hub import Hub
from crmhub.mapping.values import digest
from crmhub.sync.job import ORDER, Job

__all__ = ["load_job"]


def load_job(
    hub: Hub,
    target: str,
    folder: Path,
    mapping: Path,
    *,
    models: Sequence[str] | None = None,
    owner: str = "default",
    name: str | None = None,
) -> Job:
    """Add the folder to the hub as a connection, and give the job that loads it into ``target``.

    The connection's ``name`` is part of all links, so it must stay the same from run to run;
    ``None`` makes it ``csv-<folder>``. A file's key column is what its map's ``id`` reads, else the
    first one. A mapping that has changed has all files read again. ``models`` are all that are mapped
    of account, contact, deal and activity, if they are not named.

    Raises :class:`ConfigError` and :class:`MappingError`.
    """
    hub[target]  # a misspelt target is told before the folder is looked at
    document = Document.load(mapping)
    settings: dict[str, Value] = {
        "folder": str(folder.resolve()),
        "keys": dict(_keys(document)),
        "reread": digest({"mapping": document.data}).hex(),
    }
    name = name or f"csv-{_plain(folder.resolve().name)}"
    if name != _plain(name):
        raise ConfigError(f"name {name!r}: a connection's name is letters, digits, - and _")
    source = hub.add(name, "csv", mapping=mapping, **settings)
    mapped = {entry.model for entry in source.spec.maps}
    chosen = [model for model in ORDER if model in mapped] if models is None else models
    if not chosen:
        raise ConfigError(f"{mapping}: maps none of {', '.join(ORDER)}", hint="add a map, or name the models")
    return Job(source.name, target, tuple(chosen), owner)


def _keys(document: Document) -> dict[str, str]:
    """The key column by object. What else is wrong with the mapping is told when it is parsed."""
    maps = document.part(("maps",))
    keys: dict[str, str] = {}
    for index in range(len(maps) if isinstance(maps, list) else 0):
        object_ = document.part(("maps", index, "object"))
        rule = document.part(("maps", index, "fields", "id"))
        column = rule.get("to") if isinstance(rule, dict) else rule
        if isinstance(object_, str) and isinstance(column, str):
            keys[object_] = column
    return keys


def _plain(name: str) -> str:
    """The folder's name as part of a connection's name: letters, digits, - and _."""
    return "".join(char if char.isalnum() or char in "-_" else "-" for char in name) or "folder"
