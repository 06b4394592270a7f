"""What keeps a record from being changed or deleted: a lock, an approval it waits for, a blueprint.

Source: Zoho CRM API v8, "Update Records", "Delete Records", "Add Tags to Records" (`RECORD_LOCKED`,
`NOT_APPROVED`), "Get Records" (`Locked__s`, `$approval_state`); the code `RECORD_IN_BLUEPRINT` from the
OpenAPI file of records, which does not tell its message.
"""

from collections.abc import Callable, Mapping
from typing import Final

from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.table import Row
from crmhub_zoho.simulator.errors import ZohoError
from crmhub_zoho.simulator.org import Module, Org
from crmhub_zoho.simulator.processes import PROCESSES

SETTINGS: Final[Mapping[str, str]] = {
    "blueprint": f"modules whose records are in a blueprint: {', '.join(PROCESSES)} (default: none)",
    "locked": "ids of records that are locked, comma-separated",
    "approval": "modules whose new records wait for approval, comma-separated",
}
_LOCKED = "You cannot perform this operation as the record is locked."


def set_up(org: Org, text: Callable[[str, str], str]) -> None:
    """Lock and guard what the settings name; raises SimulatorError for what there is not."""
    org.processes = {name: PROCESSES[name] for name in _named(text, "blueprint", PROCESSES)}
    org.approval = frozenset(_named(text, "approval", org.modules))
    for record_id in _split(text("locked", "")):
        if not record_id.isdigit():
            raise SimulatorError(f"locked: {record_id!r} is no id of a record: it is a number")
        org.locked.add(record_id)


def refuse_update(org: Org, module: Module, current: Row, item: Mapping[str, object], path: str) -> None:
    """Raise ZohoError if the record cannot be changed like this."""
    record_id = str(current["id"])
    if record_id in org.locked:
        raise locked({"api_name": "id", "json_path": f"{path}.id"})
    if record_id in org.pending:
        raise ZohoError(
            400, "NOT_APPROVED", "Cannot update record that is not approved yet", {"id": record_id}
        )
    process = org.processes.get(module.name)
    if process is None or not process.holds(current):
        return
    if process.field in item and item[process.field] != current.get(process.field):
        details = {"api_name": process.field, "json_path": f"{path}.{process.field}"}
        raise ZohoError(400, "RECORD_IN_BLUEPRINT", "the record is in a blueprint", details)


def refuse_delete(org: Org, record_id: str) -> None:
    """Raise ZohoError if the record cannot be deleted."""
    if record_id in org.locked:
        raise locked({"id": record_id})
    if record_id in org.pending:
        raise ZohoError(
            400, "NOT_APPROVED", "cannot delete record that is not approved yet", {"id": record_id}
        )


def locked(place: Mapping[str, object]) -> ZohoError:
    """A locked record is touched."""
    return ZohoError(400, "RECORD_LOCKED", _LOCKED, {**place, "action": "record_locking"})


def _named(text: Callable[[str, str], str], setting: str, known: Mapping[str, object]) -> list[str]:
    names = _split(text(setting, ""))
    for name in names:
        if name not in known:
            raise SimulatorError(f"{setting}: {name!r} is not one of {', '.join(known)}")
    return names


def _split(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]
