"""Notifications: subscribe, look, renew, unsubscribe.

Source: Zoho CRM API v8, "Enable Notifications", "Get Notification Details", "Update Notifications" (PUT and
PATCH) and "Disable Notifications".
"""

from collections.abc import Mapping
from datetime import datetime
from typing import cast
from urllib.parse import urlsplit

from starlette.responses import Response

from crmhub_zoho.simulator.call import Call, Endpoint, nothing, reply
from crmhub_zoho.simulator.channels import EVENTS, Channel, Condition
from crmhub_zoho.simulator.errors import Details, ZohoError, required_param
from crmhub_zoho.simulator.ids import as_record_id
from crmhub_zoho.simulator.org import Module
from crmhub_zoho.simulator.writing import answer, items_of

MOST_CHANNELS = 50
MOST_FIELDS = 10
LONGEST_TOKEN = 50
_UNWATCHED = frozenset({"Notes"})
_SUBSCRIBED = "Successfully subscribed for actions-watch of the given module"
_UPDATED = "Successfully updated the subscribe details"
_REMOVED = "Successfully removed the subscribe details"
_UNSUBSCRIBED = "Successfully un-subscribed from actions-watch"
Item = Mapping[str, object]


def enable(call: Call) -> Response:
    """`POST /actions/watch`."""
    return answer(_items(call), lambda item, path: _replaced(call, item, path, _SUBSCRIBED), 201, key="watch")


def replace_all(call: Call) -> Response:
    """`PUT /actions/watch`."""

    def one(item: object, path: str) -> Details:
        _known(call, _mapping(item, path))
        return _replaced(call, item, path, _UPDATED)

    return answer(_items(call), one, 200, key="watch")


def change_some(call: Call) -> Response:
    """`PATCH /actions/watch`: what is given changes; with `_delete_events` its events go."""

    def one(item: object, path: str) -> Details:
        given = _mapping(item, path)
        known = _known(call, given)
        if given.get("_delete_events") is True:
            events = _events(call, given, path)
            left = call.org.channels.without_events(known, events)
            return _success(call, left or known, _REMOVED if left else _UNSUBSCRIBED)
        changed = _channel(call, {**_as_given(call, known), **given}, path)
        call.org.channels.keep(changed)
        return _success(call, changed, _UPDATED)

    return answer(_items(call), one, 200, key="watch")


def details(call: Call) -> Response:
    """`GET /actions/watch`: one entry for each module of each channel."""
    wanted, module = call.params.get("channel_id"), call.params.get("module", "").lower()
    page = call.numbered()
    entries = [
        _entry(call, channel, name)
        for channel in call.org.channels.live()
        for name in channel.modules
        if wanted in {None, channel.id} and module in {"", name.lower()}
    ]
    shown, info = page.of(entries)
    if not shown:
        return nothing()
    return reply({"watch": shown, "info": info})


def disable(call: Call) -> Response:
    """`DELETE /actions/watch?channel_ids=`."""
    ids = [one.strip() for one in call.params.get("channel_ids", "").split(",") if one.strip()]
    if not ids:
        raise required_param("channel_ids")

    def one(channel_id: object, _: str) -> Details:
        channel = _known(call, {"channel_id": channel_id})
        call.org.channels.drop(channel.id)
        module = call.org.modules[channel.modules[0]]
        gone = {"resource_uri": _uri(channel, module), "resource_id": module.id, "channel_id": channel.id}
        return {"code": "SUCCESS", "details": gone, "message": _UNSUBSCRIBED, "status": "success"}

    return answer(list[object](ids), one, 200, key="watch")


def _items(call: Call) -> list[object]:
    return items_of(call.body, most=MOST_CHANNELS, key="watch")


def _replaced(call: Call, item: object, path: str, message: str) -> Details:
    channel = _channel(call, _mapping(item, path), path)
    call.org.channels.keep(channel)
    return _success(call, channel, message)


def _known(call: Call, given: Item) -> Channel:
    channel_id = as_record_id(given.get("channel_id")) or str(given.get("channel_id"))
    channel = call.org.channels.find(channel_id)
    if channel is None:
        raise ZohoError(400, "NOT_SUBSCRIBED", "no subscription is there", {"channel_id": channel_id})
    return channel


def _channel(call: Call, given: Item, path: str) -> Channel:
    channel_id = as_record_id(given.get("channel_id"))
    if given.get("channel_id") is None:
        raise _missing("channel_id", path)
    if channel_id is None:
        raise _bad("channel_id", path, expected_data_type="bigint")
    return Channel(
        id=channel_id,
        events=_events(call, given, path),
        notify_url=_url(given, path),
        expires_at=call.org.channels.expiry(_expiry(call, given, path)),
        base_url=call.base_url,
        token=_token(given, path),
        with_values=_flag(given, "return_affected_field_values", path, default=False),
        on_related=_flag(given, "notify_on_related_action", path, default=True),
        conditions=_conditions(call, given, path),
    )


def _events(call: Call, given: Item, path: str) -> tuple[str, ...]:
    events = given.get("events")
    if events is None or events == []:
        raise _missing("events", path)
    items = cast("list[object]", events) if isinstance(events, list) else [None]
    return tuple(_event(call, item, f"{path}.events[{number}]") for number, item in enumerate(items))


def _event(call: Call, item: object, path: str) -> str:
    name, _, kind = item.partition(".") if isinstance(item, str) else ("", "", "")
    module = call.org.module(name)
    if module is None or kind.lower() not in EVENTS:
        raise ZohoError(400, "INVALID_DATA", "invalid data", {"api_name": "events", "json_path": path})
    if module.name in _UNWATCHED:
        raise ZohoError(400, "NOT_SUPPORTED", "the module is not supported", {"json_path": path})
    return f"{module.name}.{kind.lower()}"


def _url(given: Item, path: str) -> str:
    url = given.get("notify_url")
    if url is None:
        raise _missing("notify_url", path)
    if not isinstance(url, str) or urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).netloc:
        raise _bad("notify_url", path)
    return url


def _expiry(call: Call, given: Item, path: str) -> float | None:
    text = given.get("channel_expiry")
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(str(text))
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise _bad("channel_expiry", path, expected_data_type="datetime")
    if instant.timestamp() <= call.org.clock.now():
        raise _bad("channel_expiry", path)
    return instant.timestamp()


def _token(given: Item, path: str) -> str | None:
    token = given.get("token")
    if token is None:
        return None
    if not isinstance(token, str):
        raise _bad("token", path, expected_data_type="text")
    if len(token) > LONGEST_TOKEN:
        raise _bad("token", path, maximum_length=LONGEST_TOKEN)
    return token


def _flag(given: Item, name: str, path: str, *, default: bool) -> bool:
    value = given.get(name)
    if value is not None and not isinstance(value, bool):
        raise _bad(name, path, expected_data_type="boolean")
    return default if value is None else value


def _conditions(call: Call, given: Item, path: str) -> tuple[Condition, ...]:
    value = given.get("notification_condition")
    items = cast("list[object]", value) if isinstance(value, list) else []
    if value is not None and not isinstance(value, list):
        raise _bad("notification_condition", path, expected_data_type="jsonarray")
    where = f"{path}.notification_condition"
    return tuple(
        _condition(call, _mapping(item, where), f"{where}[{number}]") for number, item in enumerate(items)
    )


def _condition(call: Call, item: Item, path: str) -> Condition:
    if item.get("type") != "field_selection":
        raise _bad("type", path, supported_values=["field_selection"])
    module = call.org.module(str(_mapping(item.get("module"), f"{path}.module").get("api_name")))
    if module is None:
        raise _bad("module", path)
    selection = _mapping(item.get("field_selection"), f"{path}.field_selection")
    group = selection.get("group")
    members = cast("list[object]", group) if isinstance(group, list) else [selection]
    if len(members) > MOST_FIELDS:
        raise _bad("group", path, maximum_length=MOST_FIELDS)
    operator = str(selection.get("group_operator") or "and").lower()
    if operator not in {"and", "or"}:
        raise _bad("group_operator", path, supported_values=["and", "or"])
    return Condition(module.name, operator, tuple(_field(module, one, path) for one in members))


def _field(module: Module, item: object, path: str) -> str:
    given = _mapping(item, path)
    inner = given.get("field")
    name = cast("Item", inner).get("api_name") if isinstance(inner, Mapping) else given.get("api_name")
    if not isinstance(name, str) or name not in module.fields:
        raise _bad("field", path)
    return name


def _as_given(call: Call, channel: Channel) -> dict[str, object]:
    conditions = [_condition_json(call, one) for one in channel.conditions]
    return {
        "channel_id": channel.id,
        "events": list(channel.events),
        "notify_url": channel.notify_url,
        "channel_expiry": call.org.stamp(channel.expires_at),
        "token": channel.token,
        "return_affected_field_values": channel.with_values,
        "notify_on_related_action": channel.on_related,
        "notification_condition": conditions or None,
    }


def _condition_json(call: Call, one: Condition) -> Details:
    module = call.org.modules[one.module]
    group = [{"field": {"api_name": name, "id": module.fields[name].id}} for name in one.fields]
    selection = {"group_operator": one.operator, "group": group}
    named = {"api_name": module.name, "id": module.id}
    return {"type": "field_selection", "module": named, "field_selection": selection}


def _entry(call: Call, channel: Channel, name: str) -> Details:
    module = call.org.modules[name]
    events = [event for event in channel.events if event.startswith(f"{name}.")]
    resource = {"resource_uri": _uri(channel, module), "resource_id": module.id, "resource_name": name}
    return {**_as_given(call, channel), "events": events, "fields": None, **resource}


def _uri(channel: Channel, module: Module) -> str:
    return f"{channel.base_url}/crm/v8/{module.name}"


def _success(call: Call, channel: Channel, message: str) -> Details:
    events = [
        {
            "channel_expiry": call.org.stamp(channel.expires_at),
            "resource_uri": _uri(channel, call.org.modules[name]),
            "resource_id": call.org.modules[name].id,
            "resource_name": name,
            "channel_id": channel.id,
        }
        for name in channel.modules
    ]
    return {"code": "SUCCESS", "details": {"events": events}, "message": message, "status": "success"}


def _mapping(value: object, path: str) -> Item:
    if not isinstance(value, Mapping):
        details: Details = {"expected_data_type": "jsonobject", "json_path": path}
        raise ZohoError(400, "INVALID_DATA", "invalid data", details)
    return cast("Item", value)


def _missing(name: str, path: str) -> ZohoError:
    where = {"api_name": name, "json_path": f"{path}.{name}"}
    return ZohoError(400, "MANDATORY_NOT_FOUND", "required field not found", where)


def _bad(name: str, path: str, **more: object) -> ZohoError:
    where = {"api_name": name, "json_path": f"{path}.{name}", **more}
    return ZohoError(400, "INVALID_DATA", "invalid data", where)


_WATCH = "/actions/watch"
ENDPOINTS = (
    Endpoint("GET", _WATCH, details, ("notifications.READ",)),
    Endpoint("POST", _WATCH, enable, ("notifications.CREATE",)),
    Endpoint("PUT", _WATCH, replace_all, ("notifications.UPDATE",)),
    Endpoint("PATCH", _WATCH, change_some, ("notifications.UPDATE",)),
    Endpoint("DELETE", _WATCH, disable, ("notifications.DELETE",)),
)
