"""Webhook settings and subscriptions of an app; called with the developer's key.

Source: HubSpot "Webhooks API".
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from starlette.responses import Response

from crmhub_rest.simulators.hubspot.call import (
    Body,
    Call,
    Endpoint,
    as_object,
    nothing,
    reply,
    required_text,
    text_or_none,
)
from crmhub_rest.simulators.hubspot.errors import HubSpotError, invalid, missing_fields, not_found
from crmhub_rest.simulators.hubspot.subscriptions import Subscription, Subscriptions
from crmhub_rest.simulators.hubspot.times import iso

_LEGACY = ("contact", "company", "deal", "ticket")
_KINDS = (
    *("creation", "deletion", "propertyChange", "merge", "restore", "associationChange"),
    "privacyDeletion",
)


def get_settings(call: Call) -> Response:
    """`GET /webhooks/v3/{app}/settings`."""
    return reply(_settings(_app(call)))


def put_settings(call: Call) -> Response:
    """`PUT /webhooks/v3/{app}/settings`: the address, which must be https."""
    app = _app(call)
    url = required_text(call.body, "targetUrl")
    if urlsplit(url).scheme != "https":
        raise invalid(f"The target URL {url} must use https", targetUrl=[url])
    if "throttling" not in call.body:
        raise missing_fields("throttling")
    concurrent = as_object(call.body["throttling"]).get("maxConcurrentRequests")
    if not isinstance(concurrent, int) or concurrent < 5:
        raise invalid("maxConcurrentRequests must be at least 5")
    now = call.portal.now()
    app.created = app.created or now
    app.updated, app.target_url, app.concurrent = now, url, concurrent
    return reply(_settings(app))


def delete_settings(call: Call) -> Response:
    """`DELETE /webhooks/v3/{app}/settings`."""
    app = _app(call)
    app.target_url = None
    app.created = 0
    return nothing()


def list_subscriptions(call: Call) -> Response:
    """`GET /webhooks/v3/{app}/subscriptions`."""
    return reply({"results": [one.shown() for one in _app(call).all.values()]})


def create_subscription(call: Call) -> Response:
    """`POST /webhooks/v3/{app}/subscriptions`."""
    app, body = _app(call), call.body
    event, name, type_id = (
        required_text(body, "eventType"),
        text_or_none(body, "propertyName"),
        text_or_none(body, "objectTypeId"),
    )
    about, _, kind = event.partition(".")
    if kind not in _KINDS or about not in {*_LEGACY, "object"}:
        raise invalid(f"Unknown event type {event}", eventType=[event])
    store = call.portal.store(type_id or "") if about == "object" else call.portal.store(about)
    if store is None:
        raise missing_fields("objectTypeId")
    if kind == "privacyDeletion" and store.name != "contacts":
        raise invalid(f"Unknown event type {event}", eventType=[event])
    if kind == "propertyChange":
        if not name:
            raise missing_fields("propertyName")
        if name not in store.properties:
            raise invalid(f"Property {name} does not exist", propertyName=[name])
    if any(
        (one.event_type, one.property_name, one.object_type_id) == (event, name, type_id)
        for one in app.all.values()
    ):
        raise HubSpotError(409, "CONFLICT", "A subscription for this event exists already")
    active = body.get("active") is True
    made = app.add(event, name, type_id, active=active, now=call.portal.now())
    return reply(made.shown(), 201)


def get_subscription(call: Call) -> Response:
    """`GET /webhooks/v3/{app}/subscriptions/{id}`."""
    return reply(_subscription(call, call.path["id"]).shown())


def update_subscription(call: Call) -> Response:
    """`PATCH /webhooks/v3/{app}/subscriptions/{id}`: on or off."""
    return reply(_switched(call, _subscription(call, call.path["id"]), call.body).shown())


def delete_subscription(call: Call) -> Response:
    """`DELETE /webhooks/v3/{app}/subscriptions/{id}`."""
    one = _subscription(call, call.path["id"])
    del _app(call).all[one.id]
    return nothing()


def update_batch(call: Call) -> Response:
    """`POST /webhooks/v3/{app}/subscriptions/batch/update`."""
    pairs = [(_subscription(call, required_text(item, "id")), item) for item in call.inputs()]
    results = [_switched(call, one, item).shown() for one, item in pairs]
    now = iso(call.portal.now())
    return reply({"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now})


def _app(call: Call) -> Subscriptions:
    app = call.portal.subscriptions
    if not call.legacy:
        act = "read" if call.method == "GET" else "write"
        call.require(f"developers-{act}", f"private-apps-{act}")
    if call.path["app"] != str(app.app_id):
        raise not_found(f"App {call.path['app']} was not found")
    return app


def _settings(app: Subscriptions) -> Body:
    if app.target_url is None:
        raise not_found("No webhook settings found")
    return {
        "targetUrl": app.target_url,
        "throttling": {"maxConcurrentRequests": app.concurrent},
        "createdAt": iso(app.created),
        "updatedAt": iso(app.updated),
    }


def _subscription(call: Call, number: str) -> Subscription:
    one = _app(call).all.get(int(number)) if number.isdigit() else None
    if one is None:
        raise not_found(f"Subscription {number} was not found")
    return one


def _switched(call: Call, one: Subscription, body: Body) -> Subscription:
    if not isinstance(body.get("active"), bool):
        raise missing_fields("active")
    one.active = body["active"] is True
    one.updated = call.portal.now()
    return one


def endpoints() -> Iterator[Endpoint]:
    """The routes of both forms of paths: the older ones take the developer's key, the dated ones a token."""
    for version, app in (("v3", "/webhooks/v3/{app}"), ("dated", "/webhooks/{version}/{app}")):
        keyed = version == "v3"
        one = f"{app}/subscriptions/{{id}}"
        yield Endpoint("GET", f"{app}/settings", version, get_settings, keyed=keyed)
        yield Endpoint("PUT", f"{app}/settings", version, put_settings, keyed=keyed)
        yield Endpoint("DELETE", f"{app}/settings", version, delete_settings, keyed=keyed)
        yield Endpoint("GET", f"{app}/subscriptions", version, list_subscriptions, keyed=keyed)
        yield Endpoint("POST", f"{app}/subscriptions", version, create_subscription, keyed=keyed)
        yield Endpoint("POST", f"{app}/subscriptions/batch/update", version, update_batch, keyed=keyed)
        yield Endpoint("GET", one, version, get_subscription, keyed=keyed)
        yield Endpoint("PATCH", one, version, update_subscription, keyed=keyed)
        yield Endpoint("DELETE", one, version, delete_subscription, keyed=keyed)
