"""A described connector, taken out into files of a project's own."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from crmhub.document import text_of
from crmhub.errors import ConfigError
from crmhub.mapping.load import find_mapping
from crmhub.plugins import Plugins, load_connector
from crmhub_rest.connector import RestConnector

__all__ = ["eject"]

_PYTHON = '''\
"""{title}, as this project changes it: its description is {name}.yaml, beside this file."""

from __future__ import annotations

from pathlib import Path

{imports}


class {called}Seams({base}):
    """Each method does what the description says; override the one that must do something else."""


class {called}(connector(Path(__file__).with_name("{name}.yaml"))):
    """One org of {title}: ``hub.add("{name}", {called}, mapping="{mapping}", …)``."""

    seams = {called}Seams
'''


def eject(name: str, folder: Path) -> list[Path]:
    """Write the description, the mapping and the Python of that connector into a folder; the files.

    Raises :class:`~crmhub.errors.ConfigError` where it is not described in YAML, or a file is there already.
    """
    found = load_connector(name)
    source = found.source if issubclass(found, RestConnector) else None
    if source is None or not issubclass(found, RestConnector):
        raise ConfigError(
            f"connector {name!r} is not described in YAML", hint="subclass it in Python to change it"
        )
    crm = found.crm
    files = {folder / f"{name}.yaml": text_of(source)}
    mapping = Path(f"{name}.yaml") if crm.maps else Path("mappings", f"{crm.crm}.yaml")
    if not crm.maps:
        plugged = cast("dict[str, Path]", Plugins().mappings())
        files[folder / mapping] = text_of(find_mapping(name, None, plugged))
    called = crm.crm.title().replace("_", "")
    imports, base = "from crmhub_rest import Seams, connector", "Seams"
    if crm.seams is not None:
        module, _, base = crm.seams.partition(":")
        imports, base = f"from crmhub_rest import connector\nfrom {module} import {base} as Given", "Given"
    files[folder / f"{name}.py"] = _PYTHON.format(
        name=name, title=crm.title, called=called, imports=imports, base=base, mapping=mapping.as_posix()
    )
    there = [str(path) for path in files if path.exists()]
    if there:
        raise ConfigError(f"{', '.join(there)}: there already", hint="eject into another --folder")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return list(files)
