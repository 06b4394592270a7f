"""Webhook subscriptions of the app, and what would be sent to it.

Source: HubSpot "Webhooks API", "Validating requests" (v3 signatures), the changelogs on generic subscriptions
and on merge and associationChange events; `hubspot.utils.signature` of HubSpot's own client.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from crmhub.testing.simulator.jsons import dump_json
from crmhub_rest.simulators.hubspot.times import iso

MOST_EVENTS = 100
"""Events in one message."""


@dataclass
class Subscription:
    """One subscription; times in epoch milliseconds."""

    id: int
    event_type: str
    property_name: str | None
    object_type_id: str | None
    active: bool
    created: int
    updated: int

    def shown(self) -> dict[str, object]:
        """As the API shows it."""
        shown: dict[str, object] = {
            "id": str(self.id),
            "eventType": self.event_type,
            "active": self.active,
            "createdAt": iso(self.created),
            "updatedAt": iso(self.updated),
        }
        if self.property_name:
            shown["propertyName"] = self.property_name
        if self.object_type_id:
            shown["objectTypeId"] = self.object_type_id
        return shown


@dataclass(frozen=True)
class Event:
    """Something that happened to a record: `creation`, `deletion`, `privacyDeletion` (after `deletion`),
    `propertyChange`, `merge`, `restore` or `associationChange`, at `at` (epoch milliseconds).
    """

    kind: str
    singular: str
    type_id: str
    record_id: str
    at: int
    source: str = "INTEGRATION"
    property_name: str | None = None
    property_value: str | None = None
    more: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass
class Subscriptions:
    """The app's address and what it wants to hear of."""

    secret: str
    app_id: int
    portal_id: int
    target_url: str | None = None
    concurrent: int = 10
    created: int = 0
    updated: int = 0
    all: dict[int, Subscription] = field(default_factory=dict[int, Subscription])
    _subscribed: int = 0
    _events: int = 0

    def add(
        self,
        event_type: str,
        property_name: str | None,
        object_type_id: str | None,
        *,
        active: bool,
        now: int,
    ) -> Subscription:
        """A new subscription."""
        self._subscribed += 1
        number = 2_000_000 + self._subscribed
        made = Subscription(number, event_type, property_name, object_type_id, active, now, now)
        self.all[number] = made
        return made

    def messages(self, events: Iterable[Event], now: int) -> list[dict[str, object]]:
        """What is sent of these events: `url`, `method`, `headers`, and the `body` as it is signed."""
        if self.target_url is None:
            return []
        told = [self._told(one, event) for event in events for one in self.all.values() if _wants(one, event)]
        return [self._message(self.target_url, list(part), now) for part in _parts(told)]

    def _told(self, one: Subscription, event: Event) -> dict[str, object]:
        self._events += 1
        told: dict[str, object] = {
            "eventId": 100_000 + self._events,
            "subscriptionId": one.id,
            "portalId": self.portal_id,
            "appId": self.app_id,
            "occurredAt": event.at,
            "subscriptionType": one.event_type,
            "attemptNumber": 0,
            "changeSource": event.source,
            "sourceId": str(self.app_id),
            **event.more,
        }
        if event.kind != "associationChange":
            told["objectId"] = int(event.record_id)
        if event.kind in {"creation", "deletion"}:
            told["changeFlag"] = "CREATED" if event.kind == "creation" else "DELETED"
        if one.event_type.startswith("object."):
            told["objectTypeId"] = event.type_id
        if event.kind == "propertyChange":
            told |= {"propertyName": event.property_name, "propertyValue": event.property_value or ""}
        return told

    def _message(self, url: str, events: list[dict[str, object]], now: int) -> dict[str, object]:
        body = dump_json(events).decode()
        headers = {
            "Content-Type": "application/json",
            "X-HubSpot-Signature": hashlib.sha256(f"{self.secret}{body}".encode()).hexdigest(),
            "X-HubSpot-Signature-Version": "v1",
            "X-HubSpot-Request-Timestamp": str(now),
            "X-HubSpot-Signature-v3": signature(self.secret, "POST", url, body, now),
        }
        return {"url": url, "method": "POST", "headers": headers, "body": body}


def signature(secret: str, method: str, url: str, body: str, now: int) -> str:
    """The third version of signatures: `now` is the time of sending in epoch milliseconds."""
    signed = hmac.new(secret.encode(), f"{method}{url}{body}{now}".encode(), hashlib.sha256)
    return base64.b64encode(signed.digest()).decode()


def _wants(one: Subscription, event: Event) -> bool:
    if not one.active:
        return False
    name, _, kind = one.event_type.partition(".")
    if kind != event.kind or (name != event.singular and not _is_generic(one, name, event)):
        return False
    return event.kind != "propertyChange" or one.property_name == event.property_name


def _is_generic(one: Subscription, name: str, event: Event) -> bool:
    return name == "object" and one.object_type_id == event.type_id


def _parts(told: list[dict[str, object]]) -> Iterable[list[dict[str, object]]]:
    for start in range(0, len(told), MOST_EVENTS):
        yield told[start : start + MOST_EVENTS]
