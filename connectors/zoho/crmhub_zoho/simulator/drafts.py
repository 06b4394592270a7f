"""What a caller's record would change, and what is wrong with it.

Source: Zoho CRM API v8, "Insert Records" and "Update Records" (error codes and details).
"""

from collections.abc import Iterator, Mapping
from typing import cast

from crmhub.testing.simulator.table import Row
from crmhub_zoho.simulator.errors import Details, ZohoError
from crmhub_zoho.simulator.fields import ANY_MODULE, Field
from crmhub_zoho.simulator.org import SE_MODULE, Module, Org
from crmhub_zoho.simulator.subforms import kept_rows
from crmhub_zoho.simulator.values import BadValue, stored

Changes = dict[str, object]


def checked(org: Org, module: Module, item: Mapping[str, object], path: str, current: Row | None) -> Changes:
    """The values to keep (None clears), from the record `item` found at `path` in the body.

    `current` is the row to update, None for an insert. Keys that are no writable field are ignored, as
    Zoho does. Raises ZohoError for the one thing that is wrong, or MULTIPLE_OR_MULTI_ERRORS for several.
    """
    changes, problems = _values(org, module, item, path, current)
    problems.extend(
        _missing(
            module, changes, path, current, failed={str(one.details.get("api_name")) for one in problems}
        )
    )
    if not problems:
        problems.extend(_clashes(module, {**(current or {}), **changes}, path))
    if not problems:
        problems.extend(_duplicates(org, module, changes, path, current))
    if len(problems) > 1:
        raise ZohoError(
            400,
            "MULTIPLE_OR_MULTI_ERRORS",
            "Multiple errors found",
            {"errors": [one.envelope() for one in problems]},
        )
    if problems:
        raise problems[0]
    return changes


def _values(
    org: Org, module: Module, item: Mapping[str, object], path: str, current: Row | None
) -> tuple[Changes, list[ZohoError]]:
    changes: Changes = {}
    problems: list[ZohoError] = []
    context: Mapping[str, object] = {**(current or {}), **item}
    appended = item.get("$append_values")
    appended_to: Mapping[str, object] = cast(
        "Mapping[str, object]", appended if isinstance(appended, Mapping) else {}
    )
    for name, value in item.items():
        one = module.fields.get(name)
        if one is None or (one.read_only and one.data_type != "tags"):
            continue
        if one.target == ANY_MODULE:
            context = _with_module(value, context)
            if value is not None and not isinstance(context.get(SE_MODULE), str):
                problems.append(_no_module(name, path))
                continue
        if one.rows:
            before = cast("list[Row]", (current or {}).get(name) or [])
            try:
                changes[name] = kept_rows(org, one, value, f"{path}.{name}", before)
            except ZohoError as refusal:
                problems.append(refusal)
            continue
        try:
            kept = stored(org, one, value, context)
        except BadValue as bad:
            problems.append(_bad(name, path, bad))
            continue
        if appended_to.get(name) is True and current is not None and isinstance(kept, list):
            before = cast("list[str]", current.get(name) or [])
            kept = list(dict.fromkeys([*before, *cast("list[str]", kept)]))
        changes[name] = _tagged(org, module, kept) if one.data_type == "tags" else kept
        if one.target == ANY_MODULE:
            changes[SE_MODULE] = _module_name(org, context) if kept is not None else None
    return changes, problems


def _tagged(org: Org, module: Module, kept: object) -> object:
    """The tags of those names, made at their first use."""
    tags: list[Row] = []
    for given in cast("list[Row]", kept or []):
        name = str(given["name"])
        known = org.tags.named(module.name, name)
        tag = known or org.tags.make(module.name, name, org.admin.id, org.clock.now())
        tags.append(tag.on_record())
    return tags or None


def _with_module(value: object, context: Mapping[str, object]) -> Mapping[str, object]:
    """What was sent along, with the module that the lookup itself names, as in a note's `Parent_Id`."""
    inner = cast("Mapping[str, object]", value).get("module") if isinstance(value, Mapping) else None
    named = cast("Mapping[str, object]", inner).get("api_name") if isinstance(inner, Mapping) else inner
    return {**context, SE_MODULE: named} if isinstance(named, str) else context


def _module_name(org: Org, context: Mapping[str, object]) -> str | None:
    named = org.module(str(context.get(SE_MODULE)))
    return named.name if named else None


def _bad(name: str, path: str, bad: BadValue) -> ZohoError:
    details: Details = {**bad.details, "api_name": name, "json_path": f"{path}.{name}{bad.below}"}
    return ZohoError(400, "INVALID_DATA", bad.message, details)


def _no_module(name: str, path: str) -> ZohoError:
    dependee = {"api_name": SE_MODULE, "json_path": f"{path}.{SE_MODULE}"}
    details: Details = {"api_name": name, "json_path": f"{path}.{name}", "dependee": dependee}
    return ZohoError(400, "DEPENDENT_FIELD_MISSING", "dependent field missing", details)


def _missing(
    module: Module, changes: Changes, path: str, current: Row | None, failed: set[str]
) -> Iterator[ZohoError]:
    for one in module.fields.values():
        if not one.mandatory or one.api_name in failed:
            continue
        absent = changes.get(one.api_name) is None
        if absent and (current is None or one.api_name in changes):
            yield mandatory(one.api_name, path)
    if (
        module.name == "Notes"
        and current is None
        and not (changes.get("Note_Title") or changes.get("Note_Content"))
    ):
        yield mandatory("Note_Content", path)


def mandatory(name: str, path: str) -> ZohoError:
    """A field that must be given is not."""
    details: Details = {"api_name": name, "json_path": f"{path}.{name}"}
    return ZohoError(400, "MANDATORY_NOT_FOUND", "required field not found", details)


def _clashes(module: Module, row: Row, path: str) -> Iterator[ZohoError]:
    start, end = row.get("Start_DateTime"), row.get("End_DateTime")
    if module.name == "Events" and isinstance(start, str) and isinstance(end, str) and end < start:
        details: Details = {"api_name": "End_DateTime", "json_path": f"{path}.End_DateTime"}
        yield ZohoError(400, "INVALID_DATA", "the end time is before the start time", details)


def _duplicates(
    org: Org, module: Module, changes: Changes, path: str, current: Row | None
) -> Iterator[ZohoError]:
    own = None if current is None else module.table.place_of(str(current["id"]))
    for name in module.unique_fields:
        taken = [place for place in module.table.find(name, changes.get(name)) if place != own]
        if taken:
            yield _duplicate(org, module, module.fields[name], path, module.table.row(taken[0]))


def _duplicate(org: Org, module: Module, one: Field, path: str, holder: Row) -> ZohoError:
    owner = org.users.get(str(holder.get("Owner")))
    record: Details = {
        "Owner": owner.short_reference() if owner else None,
        "module": {"api_name": module.name, "id": module.id},
        "id": holder["id"],
    }
    details: Details = {
        "api_name": one.api_name,
        "json_path": f"{path}.{one.api_name}",
        "id": holder["id"],
        "duplicate_record": record,
    }
    return ZohoError(400, "DUPLICATE_DATA", "duplicate data", details)
