"""What Zoho says about a module's fields, as our schema.

Source: Zoho CRM API v8, "Fields Metadata" and "Fields and Data Types". Keys may be missing on custom
modules (``json_type`` is known to be), so each has a default.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

import anyio

from crmhub.clock import Clock
from crmhub.connector import Choice, FieldSpec, FieldType, Native, ObjectSchema, Value
from crmhub.errors import BadRequest, InvalidRecord, NotFound, Where
from crmhub_zoho.coql import identifier
from crmhub_zoho.tiers.rest import Rest

__all__ = ["LOOKUPS", "SE_MODULE", "ModuleSchema", "Schemas", "read_schema"]

SE_MODULE = "$se_module"
"""The key by which an activity names the module that its ``What_Id`` leads to."""

_TYPES: Mapping[str, FieldType] = {
    "text": "text", "textarea": "text", "rich_textarea": "html", "richtext": "html", "email": "email",
    "phone": "phone", "website": "url", "picklist": "enum", "multiselectpicklist": "multi_enum",
    "date": "date", "datetime": "datetime", "time": "time", "integer": "int", "bigint": "int", "long": "int",
    "currency": "money", "double": "decimal", "decimal": "decimal", "percent": "percent", "boolean": "bool",
    "lookup": "ref", "ownerlookup": "ref", "userlookup": "ref", "multiselectlookup": "multi_ref",
    "multiuserlookup": "multi_ref", "fileupload": "file", "imageupload": "file", "profileimage": "file",
    "autonumber": "computed", "formula": "computed", "rollup_summary": "computed",
}  # fmt: skip
LOOKUPS = frozenset({"lookup", "ownerlookup", "userlookup"})
"""Data types of fields that hold one other record."""
_COMPUTED = frozenset({"autonumber", "formula", "rollup_summary"})
_USERS = frozenset({"ownerlookup", "userlookup", "multiuserlookup"})
_WITH_LENGTH = frozenset({"text", "textarea", "email", "phone", "website", "picklist", "rich_textarea"})
_WITH_SCALE = frozenset({"currency", "double", "decimal", "percent"})
_NOT_IN_COQL = frozenset(
    {"subform", "multiselectlookup", "multiuserlookup", "fileupload", "imageupload", "profileimage", "tags"}
)
_ONLY_IN_SINGLE = frozenset({"subform", "multiselectlookup", "multiuserlookup"})
_CUT_IN_LISTS = frozenset({"textarea", "rich_textarea", "richtext"})
_NO_CHOICE = "-None-"
_FRESH = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class ModuleSchema:
    """A module's fields in our words, and Zoho's data type of each."""

    schema: ObjectSchema
    data_types: Mapping[str, str]

    def names_of(self, *data_types: str) -> tuple[str, ...]:
        """The fields of those data types."""
        return tuple(name for name, one in self.data_types.items() if one in data_types)

    def has(self, name: str) -> bool:
        """Whether the module has that field."""
        return name in self.data_types

    def check(self, name: str) -> None:
        """Raise ``BadRequest``, with a suggestion, unless ``name`` can be asked for."""
        head = name.partition(".")[0]
        if name.startswith("$") or head in self.data_types or name == "id":
            return
        raise BadRequest(
            f"{self.schema.object} has no field {identifier(head)}",
            hint=self.nearest(head) or "see what describe() names",
            where=Where(object=self.schema.object, field=head),
        )

    def takes(self, name: str) -> bool:
        """Whether a record can be written with that key; other keys Zoho leaves out without a word."""
        return name in self.data_types or name.startswith("$") or name in {"id", "Layout"}

    def nearest(self, name: str) -> str:
        """``did you mean X?`` where a field has nearly that name, else nothing."""
        near = difflib.get_close_matches(name, self.data_types, 1, 0.75)
        return f"did you mean {near[0]}?" if near else ""

    def in_coql(self, name: str) -> bool:
        """Whether COQL can select the field."""
        return not name.startswith("$") and self.data_types.get(name) not in _NOT_IN_COQL

    def only_in_single(self, name: str) -> bool:
        """Whether lists leave the field out, so that only the GET of one record shows it."""
        return self.data_types.get(name) in _ONLY_IN_SINGLE

    def may_be_cut(self, name: str) -> bool:
        """Whether lists cut the field's longer texts."""
        return self.data_types.get(name) in _CUT_IN_LISTS

    @property
    def unique(self) -> tuple[str, ...]:
        """The fields in which no two records may agree."""
        return tuple(name for name, spec in self.schema.fields.items() if spec.unique and name != "id")


class Schemas:
    """The modules' schemas, each asked for once, and again where it must be fresh."""

    def __init__(self, rest: Rest, clock: Clock) -> None:
        self._rest = rest
        self._clock = clock
        self._known: dict[str, ModuleSchema] = {}
        self._asked_at: dict[str, float] = {}
        self._turns: dict[str, anyio.Lock] = {}

    async def of(self, module: str, *, fresh: bool = False) -> ModuleSchema:
        """The module's schema; ``fresh`` asks again unless that was done in the last minute.

        Raises ``NotFound`` for an unknown module.
        """
        identifier(module, "module")
        async with self._turns.setdefault(module, anyio.Lock()):
            now = self._clock.monotonic()
            if module not in self._known or (fresh and now - self._asked_at[module] > _FRESH):
                self._known[module] = read_schema(module, await self._fields(module))
                self._asked_at[module] = now
            return self._known[module]

    def known(self, module: str) -> ModuleSchema | None:
        """The schema if it has been asked for."""
        return self._known.get(module)

    async def _fields(self, module: str) -> list[Native]:
        try:
            return await self._rest.fields(module)
        except NotFound as error:
            error.what = f"Zoho has no module {module}"
            error.at(object=module)
            raise
        except (BadRequest, InvalidRecord) as error:
            if error.code != "NOT_SUPPORTED" and (error.code, error.where.field) != (
                "INVALID_DATA",
                "module",
            ):
                raise
            where = Where(connection=error.where.connection, object=module)
            raise NotFound(
                f"Zoho has no module {module} with fields", where=where, status=error.status, code=error.code
            ) from None


def read_schema(module: str, fields: list[Native], label: str = "") -> ModuleSchema:
    """The schema in the ``fields`` of a metadata reply."""
    specs: dict[str, FieldSpec] = {"id": _record_id()}
    types: dict[str, str] = {}
    for raw in fields:
        name = raw.get("api_name")
        if not isinstance(name, str) or not name:
            continue  # a field without an API name cannot be read or written through the API
        types[name] = _text(raw, "data_type")
        specs[name] = _spec(name, raw)
        if _targets(raw) == ("se_module",):
            specs[SE_MODULE] = FieldSpec(SE_MODULE, "text", label="Module of the related record")
    return ModuleSchema(ObjectSchema(module, specs, label or module), types)


def _spec(name: str, raw: Native) -> FieldSpec:
    data_type = _text(raw, "data_type")
    kind: FieldType = _TYPES.get(data_type, "json")
    if data_type == "textarea" and _text(_object(raw, "textarea"), "type") == "rich_text":
        kind = "html"
    read_only = raw.get("read_only") is True or raw.get("field_read_only") is True or data_type in _COMPUTED
    operations = _object(raw, "operation_type")
    creatable = not read_only and operations.get("api_create") is not False
    return FieldSpec(
        name=name,
        type=kind,
        label=_text(raw, "field_label") or _text(raw, "display_label") or name,
        readable=raw.get("visible") is not False,
        creatable=creatable,
        updatable=not read_only and operations.get("api_update") is not False,
        required=creatable and raw.get("system_mandatory") is True,
        unique=bool(_object(raw, "unique")),
        custom=raw.get("custom_field") is True,
        max_length=_integer(raw, "length") if data_type in _WITH_LENGTH else None,
        scale=_integer(raw, "decimal_place") if data_type in _WITH_SCALE else None,
        choices=_choices(raw) if kind in {"enum", "multi_enum"} else (),
        restricted=kind in {"enum", "multi_enum"},
        refers_to=_refers_to(data_type, raw),
        computed=data_type in _COMPUTED,
    )


def _record_id() -> FieldSpec:
    return FieldSpec("id", "text", label="Record Id", creatable=False, updatable=False, unique=True)


def _refers_to(data_type: str, raw: Native) -> tuple[str, ...]:
    if data_type in _USERS:
        return ("users",)
    return tuple(name for name in _targets(raw) if name != "se_module")


def _targets(raw: Native) -> tuple[str, ...]:
    """The modules a lookup leads to; ``se_module`` where each record names its own."""
    several = _object(raw, "multi_module_lookup").get("modules")
    if isinstance(several, list) and several:
        names = (_text(one, "api_name") for one in several if isinstance(one, dict))
        return tuple(name for name in names if name)
    for key in ("lookup", "multiselectlookup"):
        holder = _object(raw, key)
        module = holder.get("module") or holder.get("connected_module")
        if isinstance(module, dict) and (name := _text(module, "api_name")):
            return (name,)
        if isinstance(module, str) and module:
            return (module,)
    return ()


def _choices(raw: Native) -> tuple[Choice, ...]:
    values = raw.get("pick_list_values")
    if not isinstance(values, list):
        return ()
    choices: list[Choice] = []
    for one in values:
        if not isinstance(one, dict):
            continue
        value = _text(one, "actual_value") or _text(one, "display_value")
        if value and value != _NO_CHOICE:
            choices.append(Choice(value, _text(one, "display_value") or value, one.get("type") != "unused"))
    return tuple(choices)


def _object(raw: Native, key: str) -> Mapping[str, Value]:
    value = raw.get(key)
    return value if isinstance(value, dict) else {}


def _text(raw: Mapping[str, Value], key: str) -> str:
    value = raw.get(key)
    return value if isinstance(value, str) else ""


def _integer(raw: Native, key: str) -> int | None:
    value = raw.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
