"""Which placeholders a call can have, and which it must: each kind of call has its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from crmhub.complaints import Complaint
from crmhub.document import Step, suggest
from crmhub.native import Native, Value
from crmhub_rest.language.call import Call
from crmhub_rest.language.crm import Crm
from crmhub_rest.language.object import Changes, CrmObject
from crmhub_rest.language.template import Template
from crmhub_rest.language.times import PARTS
from crmhub_rest.language.write import Write

__all__ = ["aimless", "misplaced"]

ROLES: Mapping[str, frozenset[str]] = {
    "list": frozenset({"fields", "limit"}),
    "changes": frozenset({"fields", "limit", "since"}),
    "ties": frozenset({"fields", "limit", "since", "after"}),
    "get": frozenset({"fields", "id", "ids"}),
    "search": frozenset({"fields", "limit", "text"}),
    "filter": frozenset({"fields", "limit", "field", "op", "value", "values"}),
    "count": frozenset[str](),
    "deletes": frozenset({"fields", "limit", "since"}),
    "describe": frozenset[str](),
    "choices": frozenset[str](),
    "link": frozenset({"id", "ids", "to", "target", "after"}),
    "write": frozenset({"id", "key", "match", "fields", "trace", "links", "now"}),
    "job": frozenset({"job"}),
    "subscribe": frozenset({"connection", "id", "until", "url", "word"}),
}

_PARTS = frozenset(f"since.{part}" for part in PARTS)


def misplaced(crm: Crm, data: Native) -> Iterator[Complaint]:
    """Placeholders that mean nothing where they stand: their place, what is wrong, and how to mend it."""
    settings = frozenset(crm.settings) | {"base_url"}
    for role, path in _calls(crm):
        known = settings | ROLES[role] | {"object", "modified", "parent"}
        of = crm.objects[str(path[1])]
        words = frozenset(f"words.{word}" for word in _words(of, path))
        parts = frozenset(f"id.{part}" for part in of.parts)
        yield from _unknown(data, path, known | words | parts)
    for name in ("headers", "auth", "limits"):
        yield from _unknown(data, (name,), settings)
    for key in type(crm.webhooks).model_fields if crm.webhooks is not None else ():
        own = ROLES["subscribe"] if key == "subscribe" else frozenset[str]()
        yield from _unknown(data, ("webhooks", key), settings | own)
    for place, pace in enumerate(crm.limits):
        named = pace.rate.setting if pace.rate is not None else ""
        if named in crm.settings and crm.settings[named].type != "rate":
            yield ("limits", place, "rate"), f"${{{named}}} is no setting of the type rate", ""
    for path, name in _named(crm):
        if name not in crm.objects:
            yield path, f"no object {name!r}", suggest(name, crm.objects)


def aimless(crm: Crm) -> Iterator[Complaint]:
    """Calls that cannot say what they are about: each would be answered, and never by what was meant."""
    for name, of in crm.objects.items():
        for path, call, needed in _aimed(of):
            told = {one.partition(".")[0] for one in call.names}
            if not told & needed:
                wanted = " or ".join(f"${{{one}}}" for one in sorted(needed))
                yield ("objects", name, *path), f"the call has no {wanted}, which says what it is about", ""


def _aimed(of: CrmObject) -> Iterator[tuple[tuple[Step, ...], Call, frozenset[str]]]:
    """Calls that are about something, and the placeholders of which each needs one."""
    if of.get is not None:
        yield ("get",), of.get, frozenset({"id", "ids"})
    if of.search is not None:
        yield ("search",), of.search, frozenset({"text"})
    if isinstance(of.changes, Changes) and not of.changes.newest_first:
        job = of.changes.job
        yield ("changes",), job.start if job is not None else of.changes, frozenset({"since"})
    write = of.write if of.write is not None else Write()
    for operation, single in (("update", write.update), ("delete", write.delete)):
        if single is not None:
            yield ("write", operation), single, frozenset({"id"})


def _words(of: CrmObject, path: tuple[Step, ...]) -> frozenset[str]:
    """The words that a call of an object can have: its own, and a link's."""
    link = of.links.get(str(path[3])) if path[2:3] == ("links",) else None
    return frozenset({*of.words, *(link.words if link is not None else ())})


def _named(crm: Crm) -> Iterator[tuple[tuple[Step, ...], str]]:
    """Objects that the description names, and where."""
    for place, name in enumerate(crm.check):
        yield ("check", place), name
    for place, event in enumerate(crm.webhooks.events if crm.webhooks is not None else ()):
        yield ("webhooks", "events", place, "object"), event.object
    subscribe = crm.webhooks.subscribe if crm.webhooks is not None else None
    for name in subscribe.words if subscribe is not None else ():
        yield ("webhooks", "subscribe", "words", name), name
    for place, rule in enumerate(crm.errors):
        if rule.of is not None:
            yield ("errors", place, "of"), rule.of
    for name, object_ in crm.objects.items():
        for link, says in object_.links.items():
            yield ("objects", name, "links", link, "to"), says.to
        for either, parts in object_.either.items():
            for part, target in parts.items():
                yield ("objects", name, "either", either, part), target
        if object_.list.under is not None:
            yield ("objects", name, "list", "under"), object_.list.under


def _calls(crm: Crm) -> Iterator[tuple[str, tuple[Step, ...]]]:
    for name, object_ in crm.objects.items():
        for role, path in _of_object(object_):
            yield role, ("objects", name, *path)


def _of_object(of: CrmObject) -> Iterator[tuple[str, tuple[Step, ...]]]:
    yield "list", ("list",)
    if isinstance(of.changes, Changes):
        yield "changes", ("changes",)
        if of.changes.ties is not None:
            yield "ties", ("changes", "ties")
    for role in ("get", "search", "filter", "count", "describe"):
        if getattr(of, role) is not None:
            yield role, (role,)
    for name in ("list", "archived"):
        if of.deletes is not None and getattr(of.deletes, name) is not None:
            yield "deletes", ("deletes", name)
    if of.choices:
        yield "choices", ("choices",)
    for link in of.links:
        yield "link", ("links", link)
    if of.write is not None:
        yield "write", ("write",)


def _unknown(data: Value, path: tuple[Step, ...], known: frozenset[str]) -> Iterator[Complaint]:
    """Unknown placeholders at that path and below; ``ties`` of changes have a role of their own.

    A listing that has a job knows its id, and so does whatever is in it.
    """
    here: Value = data
    for step in path:
        if isinstance(here, dict):
            here = here.get(str(step))
        elif isinstance(here, list) and isinstance(step, int):
            here = here[step]
    if isinstance(here, dict):
        if isinstance(here.get("job"), dict):
            known |= ROLES["job"]
        for key in here:
            if key != "ties":
                yield from _unknown(data, (*path, key), known)
    elif isinstance(here, list):
        for place in range(len(here)):
            yield from _unknown(data, (*path, place), known)
    elif isinstance(here, str) and "${" in here:
        for name in sorted(Template(here).names):
            if name not in known and name not in _PARTS:
                yield path, f"${{{name}}} means nothing here", suggest(name, known)
