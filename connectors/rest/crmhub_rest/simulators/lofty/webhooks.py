"""Webhook subscriptions: make, look, delete.

Source: Lofty Open API, "Webhooks".
"""

from urllib.parse import urlsplit

from starlette.responses import Response

from crmhub_rest.simulators.lofty.call import Call, Endpoint, done, reply
from crmhub_rest.simulators.lofty.errors import LoftyError, invalid
from crmhub_rest.simulators.lofty.hooks import EVENTS, MOST_SUBSCRIPTIONS


def endpoints() -> list[Endpoint]:
    """The routes."""
    return [
        Endpoint("POST", "/v1.0/webhook", _subscribe, "webhooks"),
        Endpoint("GET", "/v1.0/webhooks", _list, "webhooks"),
        Endpoint("DELETE", "/v1.0/webhook/{subscribeId}", _unsubscribe, "webhooks"),
    ]


def _subscribe(call: Call) -> Response:
    list_id, url = call.body.get("listId"), call.body.get("callbackUrl")
    limit, mode = call.body.get("limit", 100), call.body.get("permissionMode", 0)
    if isinstance(list_id, bool) or list_id not in EVENTS.values():
        raise LoftyError(400, "WEBHOOK_TYPE_ERROR", "listId is not supported")
    if not isinstance(url, str) or not _is_address(url):
        raise LoftyError(400, "WEBHOOK_CALLBACK_URL_INVALID", "callbackUrl must be HTTPS")
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= 5_000 or mode not in (0, 1):
        raise invalid("limit must be between 1 and 5000, permissionMode 0 or 1")
    hooks = call.team.hooks
    if len(hooks.subscriptions) >= MOST_SUBSCRIPTIONS:
        raise LoftyError(400, "WEBHOOK_EXCEED_LIMIT", "there are too many subscriptions")
    made = hooks.subscribe(int(str(list_id)), url, limit, int(str(mode)))
    return reply(made.as_json())


def _list(call: Call) -> Response:
    return reply([one.as_json() for one in call.team.hooks.subscriptions.values()])


def _unsubscribe(call: Call) -> Response:
    subscription_id = call.id("subscribeId", _unknown)
    if subscription_id not in call.team.hooks.subscriptions:
        raise _unknown()
    call.team.hooks.unsubscribe(subscription_id)
    return done()


def _unknown() -> LoftyError:
    return LoftyError(400, "WEBHOOK_DELETE_NOT_EXIST", "the subscription does not exist")


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname)
    except ValueError:
        return False
