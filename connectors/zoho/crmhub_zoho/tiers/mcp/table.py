"""Which tools do which of our operations, and how their arguments are called: data, and looking it up.

Source: Zoho MCP (`ZohoCRM_<operationId>`, arguments in `path_variables`, `query_params`, `body` and
`headers`; `ZohoCRM_Get_Records` and `module_api_name` have been seen too). Servers that people compose
themselves use plain names (`get_account`) and arguments side by side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

__all__ = ["ALIASES", "KINDS", "OPERATIONS", "Operation", "candidates", "canonical", "operation_name"]


@dataclass(frozen=True, slots=True)
class Operation:
    """What an operation does (one of :data:`KINDS`) and with which module (``None``: any)."""

    kind: str
    module: str | None = None


KINDS: Mapping[str, tuple[str, ...]] = {
    "get": ("getRecord",),
    "list": ("getRecords",),
    "search": ("searchRecords",),
    "query": ("executeCOQLQuery",),
    "create": ("createRecords",),
    "update": ("updateRecords",),
    "update_one": ("updateRecord",),
    "upsert": ("upsertRecords",),
    "delete": ("deleteRecords",),
    "related": ("getRelatedRecords",),
    "note": ("createNotes",),
}
"""The kinds of operations, and the ends of the names of Zoho's own tools for them."""

_THINGS = {"account": "Accounts", "contact": "Contacts", "deal": "Deals", "lead": "Leads"}
_NAMES = {
    "get_{}": "get",
    "list_{}s": "list",
    "search_{}s": "search",
    "create_{}": "create",
    "update_{}": "update_one",
}

OPERATIONS: Mapping[str, Operation] = {
    name.format(thing): Operation(kind, module)
    for thing, module in _THINGS.items()
    for name, kind in _NAMES.items()
} | {
    "get_activities": Operation("related"),
    "create_task": Operation("create", "Tasks"),
    "add_note": Operation("note"),
}
"""Our operations by name. The names are plain tool names too."""

_BY_MEANING = {(one.kind, one.module): name for name, one in OPERATIONS.items()}

ALIASES: Mapping[str, tuple[str, ...]] = {
    "module": ("module", "moduleapiname", "modulename", "parentrecordmodule", "parentmodule"),
    "id": ("recordid", "id", "parentrecord", "parentrecordid", "accountid", "contactid", "dealid", "leadid"),
    "related": ("relatedlist", "relatedlistapiname"),
    "ids": ("ids",),
    "fields": ("fields",),
    "page": ("page",),
    "per_page": ("perpage", "pagesize", "limit"),
    "token": ("pagetoken",),
    "sort_by": ("sortby",),
    "sort_order": ("sortorder",),
    "word": ("word", "query", "searchterm"),
    "triggers": ("wftrigger",),
    "body": ("body",),
    "record": ("data", "record"),
    "since": ("ifmodifiedsince",),
    "unless": ("ifunmodifiedsince",),
}
"""Names under which servers take an argument, as :func:`canonical` writes them."""


def canonical(name: str) -> str:
    """A tool's or an argument's name without Zoho's prefix, case and underscores."""
    text = name.casefold().replace("_", "").replace("-", "")
    return text.removeprefix("zohocrm")


def operation_name(kind: str, module: str | None) -> str | None:
    """What we call doing that with that module, if it has a name."""
    return _BY_MEANING.get((kind, module)) or _BY_MEANING.get((kind, None))


def candidates(kind: str, module: str | None) -> Iterator[str]:
    """Canonical names of tools that can do it, the best first."""
    yield from map(canonical, KINDS[kind])
    name = operation_name(kind, module)
    if name is not None:
        yield canonical(name)
