"""Records as Zoho writes them.

Source: Zoho CRM API v8, "Get Records" and "Get a Record".
"""

from collections.abc import Callable, Iterable
from typing import cast

from crmhub.testing.simulator.table import Row
from crmhub_zoho.simulator.fields import USER_TYPES, Field
from crmhub_zoho.simulator.org import CONVERTED, SE_MODULE, Module, Org, approval_state

LONGEST_IN_LISTS = 500
"""Rich and long texts are cut to this length in lists; only the single GET gives all of them."""

_SINGLE_ONLY = frozenset({"subform", "multiselectlookup", "multiuserlookup"})
Render = Callable[[Row], object]


def full_record(org: Org, module: Module, row: Row) -> Row:
    """The record with all fields, as the single GET shows it."""
    shown: Row = {name: render(row) for name, render in _renders(org, module, module.fields)}
    shown |= {
        "id": row["id"],
        "Record_Status__s": "Available",
        "Locked__s": row["id"] in org.locked,
        "Layout": module.layout,
        "$currency_symbol": "$",
        "$editable": True,
        "$in_merge": False,
        "$approval_state": approval_state(org, row),
        "$state": "save",
        "$process_flow": module.name in org.processes and org.processes[module.name].holds(row),
        "$review": None,
        "$review_process": {"approve": False, "reject": False, "resubmit": False},
        "$approval": {"delegate": False, "approve": False, "reject": False, "resubmit": False},
        "$orchestration": False,
        "$locked_for_me": False,
        "$has_more": {},
    }
    if module.name == "Leads":
        shown |= {
            "$converted": row.get(CONVERTED, False),
            "$converted_detail": row.get("$converted_detail", {}),
        }
    if "What_Id" in module.fields or "Parent_Id" in module.fields:
        shown[SE_MODULE] = row.get(SE_MODULE)
    return shown


def projection(org: Org, module: Module, names: Iterable[str]) -> Callable[[Row], Row]:
    """A function that shows the fields `names` (unknown ones are left out) and the id, as lists do."""
    wanted = [name for name in dict.fromkeys(names) if name in module.fields]
    renders = [
        (name, render)
        for name, render in _renders(org, module, wanted)
        if module.fields[name].data_type not in _SINGLE_ONLY
    ]
    plain = [
        name
        for name, _ in renders
        if module.fields[name].data_type not in {*_COMPLEX, *USER_TYPES, "textarea"}
    ]
    special = [(name, render) for name, render in renders if name not in set(plain)]
    long = {name for name in wanted if module.fields[name].data_type == "textarea"}
    polymorphic = "What_Id" in wanted or SE_MODULE in names

    def show(row: Row) -> Row:
        get = row.get
        shown: Row = {name: get(name) for name in plain}
        for name, render in special:
            value = render(row)
            shown[name] = value[:LONGEST_IN_LISTS] if name in long and isinstance(value, str) else value
        if polymorphic:
            shown[SE_MODULE] = get(SE_MODULE)
        shown["id"] = row["id"]
        return shown

    return show


_COMPLEX = frozenset({"lookup", "tags", "boolean"})


def _renders(org: Org, module: Module, names: Iterable[str]) -> list[tuple[str, Render]]:
    return [(name, _render(org, module.fields[name])) for name in names]


def _render(org: Org, one: Field) -> Render:
    name = one.api_name
    if one.data_type in USER_TYPES:
        return lambda row: _user(org, row.get(name))
    if one.data_type == "lookup":
        with_module = name == "Parent_Id"
        return lambda row: _linked(org, one, row, with_module=with_module)
    if one.data_type == "boolean":
        return lambda row: row.get(name, False)
    if one.rows:
        return _rows(org, one)
    if one.data_type == "tags":
        return lambda row: row.get(name) or []
    return lambda row: row.get(name)


def _rows(org: Org, one: Field) -> Render:
    renders = [(child.api_name, _render(org, child)) for child in one.rows]

    def show(row: Row) -> object:
        rows = cast("list[Row]", row.get(one.api_name) or [])
        return [
            {
                **{name: render(each) for name, render in renders},
                "id": each["id"],
                "Parent_Id": {"id": row["id"]},
            }
            for each in rows
        ]

    return show


def _user(org: Org, user_id: object) -> object:
    user = org.users.get(user_id) if isinstance(user_id, str) else None
    return user.reference() if user else None


def _linked(org: Org, one: Field, row: Row, *, with_module: bool) -> object:
    found = org.linked(one, row)
    if found is None:
        return None
    module, target = found
    shown: Row = {"name": module.title(target), "id": target["id"]}
    return {"module": {"api_name": module.name, "id": module.id}, **shown} if with_module else shown
