"""The tools of Zoho's MCP server: names, arguments, and the API call that each stands for.

Source: Zoho MCP: a tool is `Zoho<Product>_<operationId of the OpenAPI file>` and takes its arguments in
`path_variables`, `query_params`, `body` and `headers`. The plain names are those of servers that people
compose themselves; they take their arguments side by side.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from crmhub.testing.simulator.mcp import Schema, WrongArguments

NAMES = ("official", "plain")

_LIST = ("fields", "page", "per_page", "page_token", "sort_by", "sort_order", "ids", "converted")
_SEARCH = ("criteria", "word", "email", "phone", "fields", "page", "per_page", "converted")
_RELATED = ("fields", "page", "per_page", "page_token")


@dataclass(frozen=True)
class ToolCall:
    """The API call that a tool's arguments stand for. `path` is below `/crm/v8`."""

    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body: object


@dataclass(frozen=True)
class Tool:
    """A tool with Zoho's own name and nested arguments."""

    name: str
    description: str
    method: str
    pattern: str
    variables: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    body: bool = False
    changes: bool = False

    @property
    def schema(self) -> Schema:
        """The JSON Schema of the arguments."""
        parts: Schema = {"headers": {"type": "object", "additionalProperties": {"type": "string"}}}
        required: list[str] = []
        if self.variables:
            parts["path_variables"] = _object(dict.fromkeys(self.variables, _TEXT), self.variables)
            required.append("path_variables")
        if self.query:
            parts["query_params"] = _object(dict.fromkeys(self.query, _ANY), ())
        if self.body:
            parts["body"] = {"type": "object"}
            required.append("body")
        return _object(parts, required)

    def call(self, arguments: Mapping[str, object]) -> ToolCall:
        """What to ask of the API; raises WrongArguments."""
        _known(arguments, ("path_variables", "query_params", "body", "headers"))
        variables = _section(arguments, "path_variables")
        query = _section(arguments, "query_params")
        _known(variables, self.variables)
        _known(query, self.query)
        missing = [name for name in self.variables if not _text(variables.get(name))]
        if missing:
            raise WrongArguments(f"path_variables lacks {', '.join(missing)}")
        if any(set(_text(value)) & set("/?#%") for value in variables.values()):
            raise WrongArguments("path_variables hold more than a name or an id")
        if self.body and not isinstance(arguments.get("body"), dict):
            raise WrongArguments("body must be an object")
        path = self.pattern
        for name in self.variables:
            path = path.replace(f"{{{name}}}", _text(variables[name]))
        params = {name: _text(value) for name, value in query.items() if value is not None}
        headers = {name: _text(value) for name, value in _section(arguments, "headers").items()}
        return ToolCall(self.method, path, params, headers, arguments.get("body"))


@dataclass(frozen=True)
class PlainTool:
    """A tool with a plain name: one of Zoho's with some variables fixed and its arguments side by side.

    `variables` leads from an argument to the path variable it fills; `data` is the record to write.
    """

    name: str
    tool: Tool
    fixed: Mapping[str, str] = field(default_factory=dict[str, str])
    variables: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def description(self) -> str:
        """What the tool does."""
        return self.tool.description

    @property
    def changes(self) -> bool:
        """Whether the tool writes."""
        return self.tool.changes

    @property
    def schema(self) -> Schema:
        """The JSON Schema of the arguments."""
        parts: Schema = {**dict.fromkeys(self.variables, _TEXT), **dict.fromkeys(self.tool.query, _ANY)}
        required = list(self.variables)
        if self.tool.body:
            parts["data"] = {"type": "object"}
            required.append("data")
        return _object(parts, required)

    def call(self, arguments: Mapping[str, object]) -> ToolCall:
        """What to ask of the API; raises WrongArguments."""
        _known(arguments, (*self.variables, *self.tool.query, *(("data",) if self.tool.body else ())))
        filled = {target: arguments.get(name) for name, target in self.variables.items()}
        nested: dict[str, object] = {
            "path_variables": {**self.fixed, **filled},
            "query_params": {name: arguments[name] for name in self.tool.query if name in arguments},
        }
        if self.tool.body:
            if not isinstance(arguments.get("data"), dict):
                raise WrongArguments("data must be an object")
            nested["body"] = {"data": [arguments["data"]]}
        return self.tool.call(nested)


AnyTool = Tool | PlainTool

_TEXT: Schema = {"type": "string"}
_ANY: Schema = {"type": ["string", "integer", "boolean"]}
_RECORD = ("module", "recordID")

_GET = Tool("getRecord", "One record", "GET", "/{module}/{recordID}", _RECORD)
_GET_LIST = Tool("getRecords", "A page of records", "GET", "/{module}", ("module",), _LIST)
_FIND = Tool("searchRecords", "Records that meet criteria", "GET", "/{module}/search", ("module",), _SEARCH)
_MAKE = Tool("createRecords", "New records", "POST", "/{module}", ("module",), body=True, changes=True)
_CHANGE = Tool(
    "updateRecord", "Change a record", "PUT", "/{module}/{recordID}", _RECORD, body=True, changes=True
)
_LINKED = Tool(
    "getRelatedRecords",
    "A related list of a record",
    "GET",
    "/{parentRecordModule}/{parentRecord}/{relatedList}",
    ("parentRecordModule", "parentRecord", "relatedList"),
    _RELATED,
)
_NOTE = Tool(
    "createNotes",
    "Notes of a record",
    "POST",
    "/{parentRecordModule}/{parentRecordId}/Notes",
    ("parentRecordModule", "parentRecordId"),
    body=True,
    changes=True,
)

OFFICIAL: tuple[Tool, ...] = (
    _GET_LIST,
    _GET,
    _MAKE,
    Tool("updateRecords", "Change records", "PUT", "/{module}", ("module",), body=True, changes=True),
    _CHANGE,
    Tool(
        "upsertRecords",
        "New or changed records",
        "POST",
        "/{module}/upsert",
        ("module",),
        body=True,
        changes=True,
    ),
    Tool("deleteRecord", "Delete a record", "DELETE", "/{module}/{recordID}", _RECORD, changes=True),
    Tool("deleteRecords", "Delete records", "DELETE", "/{module}", ("module",), ("ids",), changes=True),
    _FIND,
    Tool("executeCOQLQuery", "Rows of a query", "POST", "/coql", body=True),
    _LINKED,
    Tool(
        "getRecordCount",
        "How many records",
        "GET",
        "/{module}/actions/count",
        ("module",),
        ("criteria", "word", "email", "phone"),
    ),
    Tool("getModules", "All modules", "GET", "/settings/modules"),
    Tool("getFields", "A module's fields", "GET", "/settings/fields", (), ("module",)),
    Tool("getOrganization", "The organisation", "GET", "/org"),
    _NOTE,
)

_THINGS = {"account": "Accounts", "contact": "Contacts", "deal": "Deals"}


def _plain() -> tuple[PlainTool, ...]:
    tools: list[PlainTool] = []
    for thing, module in _THINGS.items():
        at = {"module": module}
        one = {"record_id": "recordID"}
        tools += [
            PlainTool(f"get_{thing}", _GET, at, one),
            PlainTool(f"list_{thing}s", _GET_LIST, at),
            PlainTool(f"search_{thing}s", _FIND, at),
            PlainTool(f"create_{thing}", _MAKE, at),
            PlainTool(f"update_{thing}", _CHANGE, at, one),
        ]
    parent = {"module": "parentRecordModule", "record_id": "parentRecord", "related_list": "relatedList"}
    about = {"module": "parentRecordModule", "record_id": "parentRecordId"}
    tools += [
        PlainTool("get_activities", _LINKED, {}, parent),
        PlainTool("create_task", _MAKE, {"module": "Tasks"}),
        PlainTool("add_note", _NOTE, {}, about),
    ]
    return tuple(tools)


PLAIN = _plain()


def tools_of(names: str) -> dict[str, AnyTool]:
    """The tools that a server shows, by name, in a fixed order."""
    if names == "plain":
        return {tool.name: tool for tool in PLAIN}
    return {f"ZohoCRM_{tool.name}": tool for tool in OFFICIAL}


def _object(properties: Schema, required: "tuple[str, ...] | list[str]") -> Schema:
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if "headers" in properties:
        schema.pop("additionalProperties")
    return {**schema, "required": list(required)} if required else schema


def _section(arguments: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = arguments.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise WrongArguments(f"{name} must be an object")
    return value  # pyright: ignore[reportUnknownVariableType]


def _known(given: Mapping[str, object], known: tuple[str, ...]) -> None:
    unknown = [name for name in given if name not in known]
    if unknown:
        raise WrongArguments(f"unknown arguments: {', '.join(sorted(unknown))}")


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    return "" if value is None else "?"
