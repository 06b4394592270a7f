"""Custom views: each module has the one that shows all of its records.

Source: Zoho CRM API v8, "Custom Views Metadata".
"""

from starlette.responses import Response

from crmhub_zoho.simulator.call import Call, Endpoint, reply
from crmhub_zoho.simulator.errors import Details, ZohoError
from crmhub_zoho.simulator.org import Module, metadata_id

_VIEW = 980_000


def view_id(module: Module) -> str:
    """The id of the view of all records of a module."""
    return metadata_id(module.number, _VIEW)


def list_views(call: Call) -> Response:
    """`GET /settings/custom_views?module=`."""
    view = _view(call.named_module())
    info: Details = {"per_page": 200, "count": 1, "page": 1, "more_records": False}
    return reply({"custom_views": [view], "info": {**info, "default": view["id"]}})


def get_view(call: Call) -> Response:
    """`GET /settings/custom_views/{id}?module=`."""
    module = call.named_module()
    if call.path["id"] != view_id(module):
        raise ZohoError(400, "INVALID_DATA", "the id given seems to be invalid", {"resource_path_index": 2})
    return reply({"custom_views": [_view(module)]})


def _view(module: Module) -> Details:
    title = f"All {module.spec.plural}"
    return {
        "id": view_id(module),
        "name": title,
        "display_value": title,
        "system_name": f"ALL{module.name.upper()}",
        "category": "public_views",
        "access_type": "public",
        "default": True,
        "system_defined": True,
        "favorite": None,
        "locked": False,
        "created_by": None,
        "created_time": None,
        "modified_by": None,
        "modified_time": None,
        "last_accessed_time": None,
    }


ENDPOINTS = (
    Endpoint("GET", "/settings/custom_views", list_views, ("settings.custom_views.READ",)),
    Endpoint("GET", "/settings/custom_views/{id}", get_view, ("settings.custom_views.READ",)),
)
