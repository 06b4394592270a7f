"""What bulk read and bulk write share: their bodies, callbacks and files.

Source: Zoho CRM API v8, "Bulk Read" and "Bulk Write".
"""

from collections.abc import Mapping
from typing import cast
from urllib.parse import urlsplit

from starlette.responses import Response

from crmhub_zoho.simulator.call import Call
from crmhub_zoho.simulator.errors import Details, ZohoError
from crmhub_zoho.simulator.org import Module, Org

Item = Mapping[str, object]


def download(name: str, content: bytes, media: str) -> Response:
    """A file."""
    quoted = name.replace("\\", "_").replace('"', "_").encode("ascii", "replace").decode()
    headers = {"Content-Disposition": f'attachment;filename="{quoted}"'}
    return Response(content, 200, headers, media)


def require_json(call: Call) -> None:
    """Bulk jobs, unlike all other calls, want a content type; raises ZohoError (415)."""
    kind = call.headers.get("content-type", "")
    if not kind.lower().startswith("application/json"):
        raise ZohoError(
            415,
            "MEDIA_TYPE_NOT_SUPPORTED",
            "Media type is not supported. Use application/json.",
            {"supported": ["application/json"]},
        )
    if not call.raw_body.strip():
        raise ZohoError(400, "REQUEST_BODY_IS_EMPTY", "Request body is empty.")


def bulk_module(org: Org, given: object, path: str) -> Module:
    """The module that `{"api_name": …}` names; raises ZohoError."""
    name = cast("Item", given).get("api_name") if isinstance(given, Mapping) else None
    if not isinstance(name, str) or not name:
        message = "required key api_name is not found in request body."
        raise ZohoError(400, "MISSING_REQUIRED_KEY", message, {"json_path": path})
    module = org.module(name)
    if module is None:
        raise ZohoError(400, "MODULE_NOT_AVAILABLE", f"Requested module '{name}' is not available.", {})
    return module


def checked_callback(given: object) -> Item | None:
    """The callback of a job, if there is one; raises ZohoError."""
    if given is None:
        return None
    callback = required_mapping(given, "callback")
    url, method = callback.get("url"), callback.get("method")
    if not isinstance(url, str) or urlsplit(url).scheme not in {"http", "https"}:
        raise ZohoError(400, "INVALID_CALLBACK_URL", "The callback URL is invalid.", {})
    if not isinstance(method, str) or method.lower() != "post":
        details: Details = {"supported_callback_methods": ["post"]}
        raise ZohoError(400, "INVALID_CALLBACK_METHOD", "The callback method is invalid.", details)
    return callback


def no_resource(resource: str) -> ZohoError:
    """A job or a file of a job that is not there."""
    message = "The requested resource doesn't exist."
    return ZohoError(404, "RESOURCE_NOT_FOUND", message, {"resource": resource})


def required_mapping(value: object, name: str) -> Item:
    """The object in the body under `name`; raises ZohoError."""
    if not isinstance(value, Mapping):
        message = f"required key {name} is not found in request body."
        raise ZohoError(400, "MISSING_REQUIRED_KEY", message, {"json_path": f"$.{name}"})
    return cast("Item", value)
