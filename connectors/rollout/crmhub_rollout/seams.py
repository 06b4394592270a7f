"""What the description cannot say: what counts most of several that a record has.

Source: Rollout API reference, as it mirrors Follow Up Boss: appointments and deals name several people and
users, a person has several addresses. Here the first of each is a field of its own; the others stay.
"""

from __future__ import annotations

from collections.abc import Mapping

from crmhub.connector import Native, Value
from crmhub_rest import Seams

__all__ = ["RolloutSeams"]

_BOSS: Mapping[str, str] = {"startsAt": "start", "endsAt": "end", "isAllDay": "allDay"}
"""An appointment's fields, by Rollout's names and by those of Follow Up Boss; docs have both."""
_NAMED: Mapping[str, tuple[str, str]] = {"personId": ("people", "peopleIds"), "userId": ("users", "userIds")}


class RolloutSeams(Seams):
    """See the module."""

    def decode(self, object: str, record: Native) -> Native:
        """The first person and the first user, as fields."""
        if object == "appointments":
            for field in ("personId", "userId"):
                record[field] = next(iter(_ids(record.get("invitees"), field)), None)
        return record

    def encode(self, object: str, fields: Native) -> Native:
        """Those fields, back in their lists."""
        if object == "appointments":
            return _invited({**fields, **{_BOSS[name]: fields[name] for name in _BOSS if name in fields}})
        if object == "deals":
            return _on_deal(fields)
        return _housed(fields) if "address" in fields else fields


def _invited(fields: Native) -> Native:
    """An appointment with its first invitees as they are wanted, and the others as they were."""
    wanted = {name: fields.pop(name) for name in ("personId", "userId") if name in fields}
    held = fields.get("invitees")
    if not wanted:
        return fields
    invitees: list[Value] = [*held] if isinstance(held, list) else []
    for name, id_ in wanted.items():
        first = next((one for one in invitees if isinstance(one, dict) and one.get(name) is not None), None)
        others = [one for one in invitees if one is not first]
        invitees = others if id_ is None else [{name: id_}, *others]
    return {**fields, "invitees": invitees}


def _housed(fields: Native) -> Native:
    """A person with the first address as it is wanted, and the others as they were."""
    wanted, held = fields.pop("address"), fields.get("addresses")
    known: list[Value] = [*held] if isinstance(held, list) else []
    first: Native = {"type": "home"}
    if known and isinstance(known[0], dict):
        first = known[0]
    return {**fields, "addresses": [*([{**first, **wanted}] if isinstance(wanted, dict) else []), *known[1:]]}


def _on_deal(fields: Native) -> Native:
    """A deal with the ids of all its people and users, the wanted one first."""
    for name, (member, written) in _NAMED.items():
        held = _ids(fields.pop(member, None), "id")
        if name in fields:
            id_ = fields.pop(name)
            fields[written] = [*([] if id_ is None else [id_]), *(one for one in held[1:] if one != id_)]
    return fields


def _ids(items: Value, name: str) -> list[Value]:
    found = [one.get(name) for one in items if isinstance(one, dict)] if isinstance(items, list) else []
    return [one for one in found if one is not None]
