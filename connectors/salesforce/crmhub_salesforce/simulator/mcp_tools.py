"""The tools of Salesforce MCP servers: names, arguments, and the API call that each stands for.

`pack` are the tools of a server that asks with `limit`, `account_name`, `stage`, `search_term` and
`soql_query` and answers `{success, totalSize, records, error?}`; `plain` are the same without the prefix.
`dx` are tools of Salesforce's own server (npm, @salesforce/mcp: `run_soql_query`, `list_all_orgs`,
`get_username`), `records` those of tsmztech's (npm, @tsmztech/mcp-server-salesforce:
`salesforce_query_records`, `salesforce_search_all`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from crmhub.testing.simulator.mcp import Schema, WrongArguments

NAMES = ("pack", "plain", "dx", "records")
MOST = 2_000
_USUAL = 5
_TEXT: Schema = {"type": "string"}
_LIMIT: Schema = {"type": "integer", "minimum": 1, "maximum": MOST, "default": _USUAL}
_FLAG: Schema = {"type": "boolean"}
_LIST: Schema = {"type": "array", "items": {"type": "string"}}
_OBJECTS: Schema = {"type": "array", "items": {"type": "object"}}
_KINDS: Mapping[str, type] = {
    "string": str, "integer": int, "number": int, "boolean": bool, "array": list, "object": dict,
}  # fmt: skip
SEARCHED: Mapping[str, Sequence[str]] = {
    "Account": ("Id", "Name", "Industry"),
    "Contact": ("Id", "Name", "Email"),
    "Opportunity": ("Id", "Name", "StageName", "Amount"),
    "Lead": ("Id", "Name", "Company"),
}
"""What the pack's search looks for, and what it shows."""


@dataclass(frozen=True)
class ToolCall:
    """The API call that a tool's arguments stand for, below the version's path; `most` records are shown.

    `how` is the way in which it is told; `fields` are those that were asked for, by object.
    """

    path: str
    params: Mapping[str, str]
    how: str
    most: int = MOST
    fields: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])


Arguments = Mapping[str, object]


@dataclass(frozen=True)
class Tool:
    """A tool with its arguments side by side. None of them writes."""

    description: str
    arguments: Mapping[str, Schema]
    asks: Callable[[Arguments], ToolCall]
    needs: Sequence[str] = ()

    @property
    def schema(self) -> Schema:
        """The JSON Schema of the arguments."""
        schema: Schema = {"type": "object", "properties": {**self.arguments}, "additionalProperties": False}
        return {**schema, "required": [*self.needs]} if self.needs else schema

    @property
    def changes(self) -> bool:
        """Whether the tool writes."""
        return False

    def call(self, arguments: Arguments) -> ToolCall:
        """What to ask of the API; raises WrongArguments."""
        given = {name: value for name, value in arguments.items() if value is not None}
        if unknown := sorted(given.keys() - self.arguments.keys()):
            raise WrongArguments(f"unknown arguments: {', '.join(unknown)}")
        if missing := [name for name in self.needs if name not in given]:
            raise WrongArguments(f"missing arguments: {', '.join(missing)}")
        for name, value in given.items():
            _check(name, self.arguments[name], value)
        return self.asks(given)


def tools_of(names: str) -> dict[str, Tool]:
    """The tools that a server shows, by name, in a fixed order."""
    match names:
        case "dx":
            return _DX
        case "records":
            return _RECORDS
        case "plain":
            return {("run_soql_query" if name == "soql_query" else name): one for name, one in _PACK.items()}
        case _:
            return {f"salesforce_{name}": one for name, one in _PACK.items()}


def _check(name: str, schema: Schema, value: object) -> None:
    kind = _KINDS[str(schema["type"])]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise WrongArguments(f"{name} is not of the type {schema['type']}")
    if schema is _LIMIT and not 1 <= cast("int", value) <= MOST:
        raise WrongArguments(f"{name} is not from 1 to {MOST}")


# ── the pack ─────────────────────────────────────────────────────────────────────────────────────


def _listing(object: str, fields: str, *filters: tuple[str, str, bool]) -> Callable[[Arguments], ToolCall]:
    """Those changed last; `filters` are an argument, its field, and whether a part of its value will do."""

    def asks(given: Arguments) -> ToolCall:
        conditions = [
            f"{name} LIKE '%{_escaped(str(given[argument]), like=True)}%'"
            if part
            else f"{name} = '{_escaped(str(given[argument]))}'"
            for argument, name, part in filters
            if argument in given
        ]
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        limit = _limit(given)
        order = "ORDER BY LastModifiedDate DESC, Id DESC"
        soql = f"SELECT {fields} FROM {object}{where} {order} LIMIT {limit}"  # noqa: S608 - values are escaped
        return ToolCall("/query", {"q": soql}, "rows", limit)

    return asks


def _limit(given: Arguments) -> int:
    return cast("int", given.get("limit", _USUAL))


def _escaped(text: str, *, like: bool = False) -> str:
    text = text.replace("\\", "\\\\").replace("'", "\\'")
    return text.replace("%", "\\%").replace("_", "\\_") if like else text


def _query(given: Arguments) -> ToolCall:
    return ToolCall("/query", {"q": str(given["soql_query"])}, "rows", _limit(given))


def _search(given: Arguments) -> ToolCall:
    returning = ", ".join(f"{name}({', '.join(fields)})" for name, fields in SEARCHED.items())
    sosl = _sosl(str(given["search_term"]), "ALL FIELDS", f"{returning} LIMIT {_limit(given)}")
    return ToolCall("/search", {"q": sosl}, "search", _limit(given))


def _sosl(words: str, where: str, returning: str) -> str:
    quoted = "".join(f"\\{one}" if one in "?&|!{}[]()^~*:\\\"'+-" else one for one in words)
    return f"FIND {{{quoted}}} IN {where} RETURNING {returning}"


def _orgs(given: Arguments) -> ToolCall:
    del given
    return ToolCall("/query", {"q": "SELECT Id, Name, OrganizationType FROM Organization"}, "rows")


_PACK: dict[str, Tool] = {
    "get_accounts": Tool(
        "Accounts, those changed last first",
        {"limit": _LIMIT, "account_name": _TEXT},
        _listing(
            "Account",
            "Id, Name, Type, Industry, AnnualRevenue, Phone, Website, LastModifiedDate",
            ("account_name", "Name", True),
        ),
    ),
    "get_opportunities": Tool(
        "Opportunities, those changed last first",
        {"limit": _LIMIT, "account_name": _TEXT, "stage": _TEXT},
        _listing(
            "Opportunity",
            "Id, Name, StageName, Amount, CloseDate, Probability, Account.Name, LastModifiedDate",
            ("account_name", "Account.Name", True),
            ("stage", "StageName", False),
        ),
    ),
    "get_contacts": Tool(
        "Contacts, those changed last first",
        {"limit": _LIMIT, "account_name": _TEXT},
        _listing(
            "Contact",
            "Id, Name, Email, Phone, Title, Account.Name, LastModifiedDate",
            ("account_name", "Account.Name", True),
        ),
    ),
    "search_records": Tool(
        "Accounts, contacts, opportunities and leads that hold the words",
        {"search_term": _TEXT, "limit": _LIMIT},
        _search,
        ("search_term",),
    ),
    "soql_query": Tool(
        "Rows of a SOQL query", {"soql_query": _TEXT, "limit": _LIMIT}, _query, ("soql_query",)
    ),
    "list_orgs": Tool("The orgs that the server knows", {}, _orgs),
}

# ── Salesforce's own server ──────────────────────────────────────────────────────────────────────

_ORG = {"usernameOrAlias": _TEXT, "directory": _TEXT}


def _dx_query(given: Arguments) -> ToolCall:
    return ToolCall("/query", {"q": str(given["query"])}, "dx")


_DX: dict[str, Tool] = {
    "get_username": Tool(
        "The username of the default org", {"directory": _TEXT}, lambda given: _whoami(given, "user"),
        ("directory",),
    ),
    "run_soql_query": Tool(
        "Run a SOQL query against a Salesforce org.",
        {"query": _TEXT, **_ORG, "useToolingApi": _FLAG},
        _dx_query,
        ("query", "usernameOrAlias", "directory"),
    ),
    "list_all_orgs": Tool(
        "Lists all configured Salesforce orgs.", {"directory": _TEXT}, lambda given: _whoami(given, "orgs"),
        ("directory",),
    ),
}  # fmt: skip


def _whoami(given: Arguments, how: str) -> ToolCall:
    del given
    return ToolCall("/query", {"q": "SELECT Id, Name FROM Organization"}, how)


# ── tsmztech's server ────────────────────────────────────────────────────────────────────────────


def _records_query(given: Arguments) -> ToolCall:
    fields = [str(one) for one in cast("list[object]", given["fields"])]
    soql = f"SELECT {', '.join(fields)} FROM {given['objectName']}"  # noqa: S608 - as that server does
    for argument, word in (("whereClause", "WHERE"), ("orderBy", "ORDER BY"), ("limit", "LIMIT")):
        if argument in given:
            soql += f" {word} {given[argument]}"
    return ToolCall("/query", {"q": soql}, "records", fields={str(given["objectName"]): fields})


def _records_search(given: Arguments) -> ToolCall:
    wanted: dict[str, Sequence[str]] = {}
    parts: list[str] = []
    for one in cast("list[dict[str, object]]", given["objects"]):
        name, fields = (
            str(one.get("name")),
            [str(each) for each in cast("list[object]", one.get("fields", []))],
        )
        clauses = [
            f"{word} {one[key]}"
            for key, word in (("where", "WHERE"), ("orderBy", "ORDER BY"), ("limit", "LIMIT"))
            if key in one
        ]
        parts.append(f"{name}({' '.join([','.join(fields), *clauses])})")
        wanted[name] = fields
    where = str(given.get("searchIn", "ALL FIELDS"))
    sosl = f"FIND {{{given['searchTerm']}}} IN {where} RETURNING {', '.join(parts)}"
    return ToolCall("/search", {"q": sosl}, "found", fields=wanted)


_RECORDS: dict[str, Tool] = {
    "salesforce_query_records": Tool(
        "Query records from any Salesforce object using SOQL",
        {
            "objectName": _TEXT, "fields": _LIST, "whereClause": _TEXT, "orderBy": _TEXT,
            "limit": {"type": "number"},
        },
        _records_query,
        ("objectName", "fields"),
    ),
    "salesforce_search_all": Tool(
        "Search across multiple Salesforce objects using SOSL",
        {"searchTerm": _TEXT, "searchIn": _TEXT, "objects": _OBJECTS},
        _records_search,
        ("searchTerm", "objects"),
    ),
}  # fmt: skip
