"""Text search: `/search` (SOSL) and `/parameterizedSearch`, in their simple forms.

Every word must begin a word of one of the searched fields (`*` at its end is implied only where it is
written).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from crmhub.testing.simulator.table import Row
from crmhub_salesforce.simulator.calls import Call, Reply
from crmhub_salesforce.simulator.catalog.sobject import SObject
from crmhub_salesforce.simulator.errors import ApiError
from crmhub_salesforce.simulator.service import Service
from crmhub_salesforce.simulator.soql.lexer import error_at
from crmhub_salesforce.simulator.soql.statement import prepare

MOST_RECORDS = 2_000
_GROUPS: Mapping[str, frozenset[str]] = {
    "NAME": frozenset({"name"}),
    "EMAIL": frozenset({"email"}),
    "PHONE": frozenset({"phone"}),
}
_TEXT = frozenset({"string", "textarea", "picklist", "combobox", "email", "phone", "url"})
_FIND = re.compile(
    r"\s*FIND\s*\{(?P<text>(?:[^{}\\]|\\.)*)\}(?:\s+IN\s+(?P<group>ALL|NAME|EMAIL|PHONE|SIDEBAR)\s+FIELDS)?"
    r"(?:\s+RETURNING\s+(?P<returning>.*?))?(?:\s+LIMIT\s+(?P<limit>\d+))?\s*",
    re.IGNORECASE | re.DOTALL,
)
_OBJECT = re.compile(r"\s*(\w+)\s*(?:\(((?:[^()']|'(?:[^'\\]|\\.)*'|\([^()]*\))*)\))?\s*(,|$)", re.DOTALL)
_CLAUSE = re.compile(
    r"\s*(?P<fields>.*?)\s*(?P<clauses>\b(?:WHERE|ORDER\s+BY)\b.*?)?(?:\bLIMIT\s+(?P<limit>\d+)\s*)?",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True)
class _Target:
    """One object to search: fields to show, and conditions in SOQL."""

    sobject: SObject
    fields: str
    clauses: str
    limit: int


def add_search(service: Service) -> None:
    """Add the routes of searches."""
    search = _Search(service)
    service.router.add("/search", GET=search.sosl)
    service.router.add("/parameterizedSearch", GET=search.by_parameters, POST=search.by_body)


class _Search:
    def __init__(self, service: Service) -> None:
        self._service = service

    def sosl(self, call: Call) -> Reply:
        text = call.one("q") or ""
        match = _FIND.fullmatch(text)
        if match is None:
            raise error_at(
                text, 0, "No viable alternative: write FIND {text} RETURNING …", "MALFORMED_SEARCH"
            )
        targets: list[_Target] = []
        rest = match["returning"]
        while rest:
            found = _OBJECT.match(rest)
            if found is None or found.end() == 0:
                raise error_at(text, text.index(rest), f"unexpected token: '{rest[:20]}'", "MALFORMED_SEARCH")
            targets.append(_target(self._searched(found[1]), found[2] or ""))
            rest = rest[found.end() :]
        words = re.sub(r"\\(.)", r"\1", match["text"])
        limit = int(match["limit"]) if match["limit"] else MOST_RECORDS
        return self._found(call, words, (match["group"] or "ALL").upper(), targets, limit)

    def _searched(self, name: str) -> SObject:
        found = self._service.org.catalog.get(name)
        if found is None or not found.searchable:
            raise ApiError("INVALID_TYPE", f"sObject type '{name}' is not supported.")
        return found

    def by_parameters(self, call: Call) -> Reply:
        names = [value for key, value in call.query if key == "sobject"]
        limit = _number(call.one("defaultLimit"), MOST_RECORDS)
        shared = call.one("fields") or ""
        targets = [
            _Target(
                self._searched(name),
                call.one(f"{name}.fields") or shared,
                f"WHERE {where}" if (where := call.one(f"{name}.where")) else "",
                _number(call.one(f"{name}.limit"), limit),
            )
            for name in names
        ]
        overall = _number(call.one("overallLimit"), MOST_RECORDS)
        return self._found(call, call.one("q") or "", (call.one("in") or "ALL").upper(), targets, overall)

    def by_body(self, call: Call) -> Reply:
        body = call.object()
        shared = _listed(body.get("fields"))
        limit = _number(body.get("defaultLimit"), MOST_RECORDS)
        items = body.get("sobjects")
        targets: list[_Target] = []
        for item in cast("list[object]", items) if isinstance(items, list) else []:
            said = cast("Mapping[str, object]", item) if isinstance(item, Mapping) else {"name": item}
            where, order = said.get("where"), said.get("orderBy")
            clauses = (f"WHERE {where} " if where else "") + (f"ORDER BY {order}" if order else "")
            fields = _listed(said.get("fields")) or shared
            target = _Target(
                self._searched(str(said.get("name"))), fields, clauses, _number(said.get("limit"), limit)
            )
            targets.append(target)
        words, group = str(body.get("q") or ""), str(body.get("in") or "ALL").upper()
        return self._found(call, words, group, targets, _number(body.get("overallLimit"), MOST_RECORDS))

    def _found(self, call: Call, words: str, group: str, targets: list[_Target], limit: int) -> Reply:
        if len(words.strip().strip('"')) < 2:
            raise ApiError("MALFORMED_SEARCH", "search term must be longer than one character")
        wanted = _matcher(words)
        found: list[Row] = []
        for target in targets or self._everything():
            # The caller's own fields and conditions, as SOSL has them; parsed like any statement.
            text = f"SELECT {target.fields or 'Id'} FROM {target.sobject.name} {target.clauses}"  # noqa: S608
            statement = prepare(self._service.org, text, call.version)
            names = _names(target.sobject, group)
            table = self._service.org.tables[target.sobject.name]
            taken = 0
            for place in statement.places(deleted=False):
                if len(found) >= min(limit, MOST_RECORDS) or taken >= target.limit:
                    break
                row = table.row(place)
                if wanted(" ".join(str(row[name]) for name in names if name in row)):
                    record = statement.record(place)
                    if record is not None:
                        found.append(record)
                        taken += 1
        return Reply(200, {"searchRecords": found})

    def _everything(self) -> list[_Target]:
        objects = [sobject for sobject in self._service.org.catalog if sobject.searchable]
        return [_Target(sobject, "Id", "", MOST_RECORDS) for sobject in objects]


def _target(sobject: SObject, inside: str) -> _Target:
    """What stands in parentheses after an object; its limit is for what is found, not what is searched."""
    match = _CLAUSE.fullmatch(inside)
    if match is None:
        return _Target(sobject, inside, "", MOST_RECORDS)
    return _Target(sobject, match["fields"], match["clauses"] or "", _number(match["limit"], MOST_RECORDS))


def _listed(value: object) -> str:
    return ", ".join(str(item) for item in cast("list[object]", value)) if isinstance(value, list) else ""


def _number(value: object, standard: int) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else standard


def _names(sobject: SObject, group: str) -> list[str]:
    types = _GROUPS.get(group)
    if types is None:
        return [field.name for field in sobject.fields if field.type in _TEXT]
    if "name" in types:
        return [field.name for field in sobject.fields if field.name_field or field.part_of == "Name"]
    return [field.name for field in sobject.fields if field.type in types]


def _matcher(words: str) -> Callable[[str], bool]:
    """Whether a text holds the phrase (if quoted), or all the words: whole, or with `*` as a beginning."""
    phrase = re.fullmatch(r'\s*"(.*)"\s*', words, re.DOTALL)
    if phrase is not None:
        plain = phrase[1].casefold()
        return lambda text: plain in text.casefold()
    parts = [
        re.compile(
            r"(?<!\w)" + re.escape(word.rstrip("*")).replace(r"\*", r"\w*").replace(r"\?", r"\w") + end,
            re.IGNORECASE,
        )
        for word in words.split()
        if word.upper() != "AND"
        for end in [r"" if word.endswith("*") else r"(?!\w)"]
    ]
    return lambda text: all(part.search(text) for part in parts)
