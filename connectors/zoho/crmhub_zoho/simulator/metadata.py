"""Metadata: modules, fields, layouts, related lists, pipelines.

Source: Zoho CRM API v8, "Modules", "Fields", "Layouts", "Related Lists", "Pipeline" metadata pages.
"""

from starlette.responses import Response

from crmhub_zoho.simulator.call import Call, Endpoint, nothing, reply
from crmhub_zoho.simulator.errors import ZohoError, invalid_module, invalid_param, required_param
from crmhub_zoho.simulator.fields import ANY_MODULE, field_json
from crmhub_zoho.simulator.modules import ACTIVITIES, Related
from crmhub_zoho.simulator.org import Module, Org, metadata_id
from crmhub_zoho.simulator.stages import FORECAST_CATEGORY_IDS, PIPELINE, STAGES

_ATTACHED = Related("Attachments", "Attachments", "Parent_Id")
_RELATED, _SECTION, _PIPELINE = 950_000, 960_000, 970_000


def list_modules(call: Call) -> Response:
    """`GET /settings/modules`."""
    return reply({"modules": [module_json(module) for module in call.org.record_modules()]})


def get_module(call: Call) -> Response:
    """`GET /settings/modules/{module}`."""
    module = call.module(index=2)
    return reply({"modules": [module_json(module)]})


def list_fields(call: Call) -> Response:
    """`GET /settings/fields?module=`."""
    module = _named(call)
    if call.choice("type", "all", "all", "used", "unused") == "unused":
        return nothing()
    return reply({"fields": fields_json(call.org, module)})


def get_field(call: Call) -> Response:
    """`GET /settings/fields/{id}?module=`."""
    found = [one for one in fields_json(call.org, _named(call)) if one["id"] == call.path["id"]]
    if not found:
        raise ZohoError(400, "INVALID_DATA", "the id given seems to be invalid", {"resource_path_index": 2})
    return reply({"fields": found})


def list_layouts(call: Call) -> Response:
    """`GET /settings/layouts?module=`."""
    return reply({"layouts": [_layout_json(call.org, _named(call))]})


def get_layout(call: Call) -> Response:
    """`GET /settings/layouts/{id}?module=`."""
    module = _named(call)
    if call.path["id"] != module.layout["id"]:
        raise ZohoError(400, "INVALID_DATA", "the id given seems to be invalid", {"resource_path_index": 2})
    return reply({"layouts": [_layout_json(call.org, module)]})


def list_related_lists(call: Call) -> Response:
    """`GET /settings/related_lists?module=`."""
    module = _named(call)
    attached = [] if module is call.org.attachments else [_ATTACHED]
    lists = [
        {
            "id": metadata_id(module.number, _RELATED + number),
            "sequence_number": str(number + 1),
            "display_label": one.api_name.replace("_", " "),
            "api_name": one.api_name,
            "name": one.api_name,
            "module": {"api_name": one.module, "id": _id_of(call.org, one.module)},
            "action": None,
            "href": f"{module.name}/{{ENTITYID}}/{one.api_name}",
            "type": "default",
            "connectedmodule": None,
            "linkingmodule": None,
            "customize_sort": True,
            "customize_fields": True,
            "customize_display_label": True,
            "status": "visible",
            "visibility": 1,
        }
        for number, one in enumerate([*attached, *module.spec.related])
    ]
    return reply({"related_lists": lists}) if lists else nothing()


def _id_of(org: Org, name: str) -> str:
    module = org.described(name)
    return module.id if module else ""


def list_pipelines(call: Call) -> Response:
    """`GET /settings/pipeline?layout_id=`."""
    layout_id = call.params.get("layout_id")
    if not layout_id:
        raise required_param("layout_id")
    deals = call.org.modules["Deals"]
    if layout_id != deals.layout["id"]:
        raise invalid_param("layout_id")
    return reply({"pipeline": [_pipeline_json(deals)]})


def get_pipeline(call: Call) -> Response:
    """`GET /settings/pipeline/{id}?layout_id=`."""
    pipeline = _pipeline_json(call.org.modules["Deals"])
    if not call.params.get("layout_id"):
        raise required_param("layout_id")
    if call.path["id"] != pipeline["id"]:
        raise ZohoError(400, "INVALID_DATA", "the id given seems to be invalid", {"resource_path_index": 2})
    return reply({"pipeline": [pipeline]})


def _named(call: Call) -> Module:
    name = call.params.get("module")
    if not name:
        raise required_param("module")
    module = call.org.described(name)
    if module is None:
        raise invalid_module()
    return module


def fields_json(org: Org, module: Module) -> list[dict[str, object]]:
    """All fields of a module as the API describes them."""
    shown: list[dict[str, object]] = []
    for one in module.fields.values():
        target = org.modules.get(one.target)
        shown.append(field_json(one, target.id if target else module.id if one.target == ANY_MODULE else ""))
    return shown


def module_json(module: Module) -> dict[str, object]:
    """A module as the API describes it."""
    spec = module.spec
    return {
        "id": module.id,
        "api_name": module.name,
        "module_name": module.name,
        "singular_label": spec.singular,
        "plural_label": spec.plural,
        "actual_singular_label": spec.singular,
        "actual_plural_label": spec.plural,
        "generated_type": "custom" if module.custom else "default",
        "api_supported": True,
        "creatable": True,
        "editable": True,
        "deletable": True,
        "viewable": True,
        "show_as_tab": module.name != "Notes",
        "visibility": 1,
        "visible": True,
        "status": "visible",
        "global_search_supported": spec.searchable,
        "convertable": module.name == "Leads",
        "lookupable": module.name not in ACTIVITIES | {"Notes"},
        "quick_create": True,
        "filter_supported": True,
        "recycle_bin_on_delete": True,
        "has_more_profiles": False,
        "sequence_number": module.number,
        "business_card_field_limit": 5,
        "modified_time": None,
        "modified_by": None,
        "parent_module": {},
        "web_link": None,
        "description": None,
        "profiles": [],
        "arguments": [],
    }


def _layout_json(org: Org, module: Module) -> dict[str, object]:
    label = f"{module.spec.singular} Information"
    section: dict[str, object] = {
        "id": metadata_id(module.number, _SECTION),
        "name": label,
        "api_name": label.replace(" ", "_"),
        "display_label": label,
        "type": "used",
        "sequence_number": 1,
        "column_count": 2,
        "tab_traversal": "left_to_right",
        "isSubformSection": False,
        "generated_type": "default",
        "mode": "all",
        "fields": [
            {**one, "sequence_number": number + 1} for number, one in enumerate(fields_json(org, module))
        ],
    }
    return {
        **module.layout,
        "api_name": "Standard",
        "display_label": "Standard",
        "visible": True,
        "status": "active",
        "source": "crm",
        "generated_type": "default",
        "has_more_profiles": False,
        "created_time": None,
        "modified_time": None,
        "created_by": None,
        "modified_by": None,
        "created_for": None,
        "convert_mapping": None,
        "profiles": [],
        "sections": [section],
    }


def _pipeline_json(deals: Module) -> dict[str, object]:
    base = int(metadata_id(deals.number, _PIPELINE))
    standard = {stage.name: stage for stage in STAGES}
    maps: list[dict[str, object]] = []
    for number, choice in enumerate(deals.fields["Stage"].choices):
        stage = standard.get(choice.value)
        category = stage.forecast_category if stage else "Pipeline"
        maps.append(
            {
                "id": str(base + 100 + number),
                "display_value": choice.label,
                "actual_value": choice.value,
                "sequence_number": number + 1,
                "colour_code": None,
                "forecast_type": stage.forecast_type if stage else "Open",
                "forecast_category": {"name": category, "id": str(base + FORECAST_CATEGORY_IDS[category])},
            }
        )
    return {
        "id": str(base),
        "display_value": PIPELINE,
        "actual_value": PIPELINE,
        "default": True,
        "maps": maps,
    }


ENDPOINTS = (
    Endpoint("GET", "/settings/modules", list_modules, ("settings.modules.READ",)),
    Endpoint("GET", "/settings/modules/{module}", get_module, ("settings.modules.READ",)),
    Endpoint("GET", "/settings/fields", list_fields, ("settings.fields.READ",)),
    Endpoint("GET", "/settings/fields/{id}", get_field, ("settings.fields.READ",)),
    Endpoint("GET", "/settings/layouts", list_layouts, ("settings.layouts.READ",)),
    Endpoint("GET", "/settings/layouts/{id}", get_layout, ("settings.layouts.READ",)),
    Endpoint("GET", "/settings/related_lists", list_related_lists, ("settings.related_lists.READ",)),
    Endpoint("GET", "/settings/pipeline", list_pipelines, ("settings.pipeline.READ",)),
    Endpoint("GET", "/settings/pipeline/{id}", get_pipeline, ("settings.pipeline.READ",)),
)
