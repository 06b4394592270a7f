"""Fields of modules: what they hold, and how `GET /settings/fields` describes them.

Source: Zoho CRM API v8, "Fields Metadata"; data types and lengths from "Fields and Data Types".
"""

from dataclasses import dataclass, replace

from crmhub.testing.simulator.schema_file import Choice

JSON_TYPES = {
    "integer": "integer",
    "currency": "double",
    "double": "double",
    "percent": "double",
    "formula": "double",
    "boolean": "boolean",
    "lookup": "jsonobject",
    "ownerlookup": "jsonobject",
    "userlookup": "jsonobject",
    "layout": "jsonobject",
    "multiselectpicklist": "jsonarray",
    "multiselectlookup": "jsonarray",
    "multiuserlookup": "jsonarray",
    "subform": "jsonarray",
    "tags": "jsonarray",
}
TEXT_TYPES = frozenset({"text", "textarea", "email", "phone", "website", "picklist", "autonumber", "bigint"})
NUMBER_TYPES = frozenset({"integer", "currency", "double", "percent", "formula"})
LOOKUP_TYPES = frozenset({"lookup", "ownerlookup", "userlookup"})
USER_TYPES = frozenset({"ownerlookup", "userlookup"})
ANY_MODULE = "se_module"
"""The lookup target of fields such as `What_Id`, whose module the record names in `$se_module`."""

ID_STEP = 1_000
"""Distance between the ids of fields; the ids between are those of choices and, at `LOOKUP_ID`, of the
lookup.
"""
LOOKUP_ID = 999

_LENGTHS = {
    "text": 255,
    "textarea": 32000,
    "email": 100,
    "phone": 30,
    "website": 450,
    "picklist": 120,
    "multiselectpicklist": 200,
    "date": 20,
    "datetime": 20,
    "integer": 9,
    "bigint": 18,
    "currency": 16,
    "double": 16,
    "percent": 5,
    "boolean": 5,
    "lookup": 120,
    "ownerlookup": 120,
    "userlookup": 120,
    "autonumber": 120,
    "formula": 16,
}


@dataclass(frozen=True)
class Field:
    """One field. `target` is the module a lookup leads to; `length` 0 means the type's usual one; `rows` are
    the fields of a subform's rows.
    """

    api_name: str
    data_type: str
    label: str = ""
    length: int = 0
    mandatory: bool = False
    unique: bool = False
    custom: bool = False
    read_only: bool = False
    choices: tuple[Choice, ...] = ()
    target: str = ""
    decimals: int = 2
    id: str = ""
    rows: tuple["Field", ...] = ()

    @property
    def max_length(self) -> int:
        """The longest value in characters (for numbers: digits)."""
        return self.length or _LENGTHS.get(self.data_type, 255)

    @property
    def allowed(self) -> frozenset[str]:
        """The stored values of the choices."""
        return frozenset(choice.value for choice in self.choices)

    def with_id(self, field_id: str) -> "Field":
        """The same field with its id."""
        return replace(self, id=field_id, label=self.label or self.api_name.replace("_", " "))


def field_json(field: Field, target_id: str) -> dict[str, object]:
    """The field as `GET /settings/fields` shows it; `target_id` is the id of the looked-up module."""
    kind = field.data_type
    return {
        "id": field.id,
        "api_name": field.api_name,
        "field_label": field.label,
        "display_label": field.label,
        "data_type": kind,
        "json_type": JSON_TYPES.get(kind, "string"),
        "length": field.max_length,
        "decimal_place": field.decimals if kind in {"currency", "double", "percent"} else None,
        "precision": field.decimals if kind == "currency" else None,
        "system_mandatory": field.mandatory,
        "required": field.mandatory,
        "custom_field": field.custom,
        "read_only": field.read_only,
        "field_read_only": field.read_only,
        "visible": True,
        "searchable": kind not in {"subform", "multiselectlookup", "tags"},
        "filterable": True,
        "sortable": kind not in {"textarea", "subform", "multiselectlookup", "tags"},
        "webhook": True,
        "businesscard_supported": True,
        "created_source": "custom" if field.custom else "default",
        "history_tracking": None,
        "quick_sequence_number": None,
        "type": "used",
        "operation_type": {
            "web_update": not field.read_only,
            "api_create": not field.read_only,
            "web_create": not field.read_only,
            "api_update": not field.read_only,
        },
        "view_type": {"view": True, "edit": True, "create": True, "quick_create": field.mandatory},
        "unique": {"casesensitive": False} if field.unique else {},
        "currency": {"rounding_option": "normal", "precision": field.decimals} if kind == "currency" else {},
        "auto_number": {},
        "formula": {"return_type": "double", "expression": ""} if kind == "formula" else {},
        "multiselectlookup": _several_json(field, target_id),
        "subform": None,
        "external": None,
        "default_value": None,
        "tooltip": None,
        "lookup": _lookup_json(field, target_id),
        "pick_list_values": [
            {
                "id": str(int(field.id) + 1 + number),
                "display_value": choice.label,
                "actual_value": choice.value,
                "reference_value": choice.value,
                "sequence_number": number + 1,
                "colour_code": None,
                "type": "used",
            }
            for number, choice in enumerate(field.choices)
        ],
    }


def _several_json(field: Field, target_id: str) -> dict[str, object]:
    if field.data_type != "multiselectlookup":
        return {}
    return {
        "id": str(int(field.id) + LOOKUP_ID),
        "api_name": field.api_name,
        "display_label": field.label,
        "lookup_apiname": field.api_name,
        "connected_module": {"api_name": field.target, "id": target_id},
    }


def _lookup_json(field: Field, target_id: str) -> dict[str, object]:
    if field.data_type != "lookup":
        return {}
    return {
        "id": str(int(field.id) + LOOKUP_ID),
        "api_name": field.api_name,
        "display_label": field.label,
        "module": {"api_name": field.target, "id": target_id},
        "query_details": {},
    }
