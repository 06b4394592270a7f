"""What is right by itself in each place, and cannot be meant: names that collide, lead nowhere or too far."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import BaseModel

from crmhub.document import suggest
from crmhub_rest.language.call import Call
from crmhub_rest.language.crm import Crm
from crmhub_rest.language.object import CrmObject
from crmhub_rest.language.scopes import Complaint

__all__ = ["TAKEN", "unsound"]

TAKEN = frozenset(
    {"base_url", "private_hosts", "concurrency", "page_size", "timeout", "daily", "reserve", "values"}
)
"""What connections to every CRM have, so that no setting can be called so."""
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)


def unsound(crm: Crm) -> Iterator[Complaint]:
    """Each such mistake: its place, what is wrong, and how to mend it."""
    yield from _settings(crm)
    for place, host in enumerate(crm.hosts):
        if not _HOST.fullmatch(host):
            yield ("hosts", place), f"{host!r} is no host with a dot, as acme.example is", ""
    classes = {call.limit for says in crm.objects.values() for call in _calls(says)}
    for place, pace in enumerate(crm.limits):
        for number, name in enumerate(pace.of):
            if name not in classes:
                yield ("limits", place, "of", number), f"no call has limit: {name}", suggest(name, classes)
    for name, says in crm.objects.items():
        for field, line in says.fields.items():
            for to in line.spec(field).refers_to:
                if to not in crm.objects:
                    path = ("objects", name, "fields", field)
                    yield path, f"no object {to!r} for it to refer to", suggest(to, crm.objects)


def _settings(crm: Crm) -> Iterator[Complaint]:
    """Settings of which connections could not be made, or that are named and not there."""
    for name in crm.settings:
        if not _NAME.fullmatch(name):
            yield ("settings", name), "a setting is named in lower case, with letters, digits and _", ""
        elif name in TAKEN or hasattr(BaseModel, name) or name.startswith("model_"):
            yield ("settings", name), f"connections have {name!r} already", "give it another name"
    if crm.daily is not None and crm.daily.setting not in {None, *crm.settings}:
        named = str(crm.daily.setting)
        yield ("daily", "setting"), f"no setting {named!r}", suggest(named, crm.settings)
    for name, says in crm.objects.items():
        if says.sync_key not in {None, *crm.settings}:
            named = str(says.sync_key)
            yield ("objects", name, "sync_key"), f"no setting {named!r}", suggest(named, crm.settings)


def _calls(part: CrmObject | object) -> Iterator[Call]:
    """The calls in a part of the description."""
    if isinstance(part, Call):
        yield part
    if isinstance(part, BaseModel):
        for _, held in part:
            yield from _calls(held)
    elif isinstance(part, dict):
        for held in part.values():  # pyright: ignore[reportUnknownVariableType] - of whatever models hold
            yield from _calls(held)  # pyright: ignore[reportUnknownArgumentType]
