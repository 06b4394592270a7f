"""Webhooks of version 2: registering them, and what Pipedrive would send.

Sources: Pipedrive, "Guide for Webhooks v2" and the API v1 file (`/webhooks`); the forms of custom fields in a
message, each with its type, as receivers have them. A message is authenticated by HTTP Basic at most: there
is no signature. What is sent goes to the double's outbox; deliveries cannot fail there, so that Pipedrive's
repetitions and bans are not played.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, cast
from urllib.parse import urlsplit

from starlette.responses import Response

from crmhub.testing.simulator.jsons import json_response
from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.pipedrive.call import Call, Endpoint
from crmhub_rest.simulators.pipedrive.company import Change, Company
from crmhub_rest.simulators.pipedrive.errors import ApiError, WebhookError
from crmhub_rest.simulators.pipedrive.fields import Field
from crmhub_rest.simulators.pipedrive.people import User
from crmhub_rest.simulators.pipedrive.shapes import shown

ACTIONS: Final = ("create", "change", "delete", "*")
OBJECTS: Final = (
    *(
        "activity",
        "deal",
        "lead",
        "note",
        "organization",
        "person",
        "pipeline",
        "product",
        "stage",
        "user",
        "*",
    ),
)
MOST: Final = 40
_TEXTS: Final = ("subscription_url", "event_action", "event_object", "name")
_OPTIONAL: Final = ("http_auth_user", "http_auth_password")
_FIELDS_OF: Final = {"deal": "deal", "lead": "deal", "person": "person", "organization": "organization"}


@dataclass
class Webhook:
    """A registered webhook."""

    id: int
    url: str
    action: str
    entity: str
    name: str
    user: User
    added: str
    auth_user: str | None = None
    auth_password: str | None = None

    def shown(self, company: Company) -> dict[str, object]:
        """The webhook as the API shows it."""
        return {
            "id": self.id,
            "company_id": company.id,
            "owner_id": company.admin.id,
            "user_id": self.user.id,
            "event_action": self.action,
            "event_object": self.entity,
            "subscription_url": self.url,
            "version": "2.0",
            "is_active": 1,
            "add_time": self.added,
            "remove_time": None,
            "type": "general",
            "http_auth_user": self.auth_user,
            "http_auth_password": self.auth_password,
            "remove_reason": None,
            "last_delivery_time": None,
            "last_http_status": None,
            "admin_id": company.admin.id,
            "name": self.name,
        }

    def wants(self, change: Change) -> bool:
        """Whether it is to be told of a change."""
        return self.action in {"*", change.action} and self.entity in {"*", change.kind}

    def headers(self) -> dict[str, str]:
        """The headers of its messages."""
        told = {"content-type": "application/json", "user-agent": "Pipedrive Webhooks"}
        if self.auth_user is not None:
            pair = f"{self.auth_user}:{self.auth_password or ''}".encode()
            told["authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        return told


@dataclass
class Webhooks:
    """All webhooks of a company."""

    company: Company
    held: dict[int, Webhook] = field(default_factory=dict[int, Webhook])
    _last: int = 0

    def __post_init__(self) -> None:
        self.company.listeners.append(self.tell)

    def tell(self, change: Change) -> None:
        """Put what Pipedrive would send about a change into the outbox."""
        hooks = [hook for hook in self.held.values() if hook.wants(change)]
        if not hooks:
            return
        correlation = self.company.uuid()
        for hook in hooks:
            body = self._body(hook, change, correlation)
            self.company.outbox.append({"url": hook.url, "headers": hook.headers(), "body": body})

    def _body(self, hook: Webhook, change: Change, correlation: str) -> dict[str, object]:
        company = self.company
        at = datetime.fromtimestamp(company.clock.now(), UTC)
        meta: dict[str, object] = {
            "action": change.action,
            "entity": change.kind,
            "company_id": str(company.id),
            "correlation_id": correlation,
            "entity_id": str(change.ident),
            "id": company.uuid(),
            "is_bulk_edit": False,
            "timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "type": "general",
            "user_id": str(change.user.id),
            "version": "2.0",
            "webhook_id": str(hook.id),
            "webhook_owner_id": str(company.admin.id),
            "change_source": "api",
            "attempt": 1,
            "host": f"{company.domain}.pipedrive.com",
            "permitted_user_ids": [str(user.id) for user in company.users if user.active],
        }
        if change.merged:
            meta["merged_to_id" if change.action == "delete" else "merged_from_id"] = str(change.merged)
        data = None if change.row is None else self._told(change.kind, change.row)
        previous = None if change.previous is None else self._told(change.kind, change.previous)
        if data is not None and previous is not None:
            previous = _difference(data, previous)
        return {"meta": meta, "data": data, "previous": previous}

    def _told(self, kind: str, row: Row) -> Row:
        told = shown(self.company, kind, row)
        if kind in _FIELDS_OF:
            fields = self.company.fields[_FIELDS_OF[kind]].custom
            kept = cast("dict[str, object]", row["custom_fields"])
            told["custom_fields"] = {one.code: _typed(one, kept.get(one.code)) for one in fields}
        return told

    def add(self, given: Mapping[str, object], user: User) -> Webhook:
        """Keep a webhook that a body describes."""
        self._last += 1
        moment = self.company.now_text().replace("Z", ".000Z")
        url, action, entity, name = (str(given[name]) for name in _TEXTS)
        hook = self.held[self._last] = Webhook(self._last, url, action, entity, name, user, moment)
        hook.auth_user, hook.auth_password = (cast("str | None", given.get(name)) for name in _OPTIONAL)
        return hook

    def list_hooks(self, call: Call) -> Response:
        """`GET /v1/webhooks`."""
        return _fine([hook.shown(call.company) for hook in self.held.values()])

    def create(self, call: Call) -> Response:
        """`POST /v1/webhooks`."""
        given = call.body
        _check(given)
        wanted = given.get("user_id")
        user = call.user if wanted is None else call.company.user(wanted)
        if user is None:
            raise WebhookError(400, user_id="not found")
        if sum(hook.user.id == user.id for hook in self.held.values()) >= MOST:
            raise ApiError(422, "Webhooks limit reached")
        return _fine(self.add(given, user).shown(call.company), 201)

    def delete(self, call: Call) -> Response:
        """`DELETE /v1/webhooks/{id}`."""
        if self.held.pop(call.id(what="Webhook"), None) is None:
            raise WebhookError(404, id="not found")
        return json_response({"status": "ok", "success": True})

    def endpoints(self) -> list[Endpoint]:
        """What this module answers."""
        return [
            Endpoint("v1", "GET", "/webhooks", self.list_hooks, 10, ("admin",)),
            Endpoint("v1", "POST", "/webhooks", self.create, 10, ("admin",)),
            Endpoint("v1", "DELETE", "/webhooks/{id}", self.delete, 6, ("admin",)),
        ]


def _fine(data: object, status: int = 200) -> Response:
    return json_response({"status": "ok", "success": True, "data": data}, status)


def _check(given: Mapping[str, object]) -> None:
    for name in _TEXTS:
        if not isinstance(given.get(name), str) or not given[name]:
            raise WebhookError(400, **{name: "is required"})
    parts = urlsplit(str(given["subscription_url"]))
    if (
        parts.scheme not in {"http", "https"}
        or not parts.hostname
        or parts.hostname.endswith("pipedrive.com")
    ):
        raise WebhookError(400, subscription_url="invalid or non-reachable URL")
    for name, allowed in (("event_action", ACTIONS), ("event_object", OBJECTS)):
        if given[name] not in allowed:
            raise WebhookError(400, **{name: "is not supported"})
    if given.get("version", "2.0") != "2.0":
        # Version 1.0 still exists at Pipedrive; its messages are not played.
        raise WebhookError(400, version="is not supported")
    for name in _OPTIONAL:
        if not isinstance(given.get(name), str | None):
            raise WebhookError(400, **{name: "must be a string"})


def _difference(data: Row, previous: Row) -> Row:
    """What was different before."""
    changed = {key: value for key, value in previous.items() if value != data.get(key)}
    if "custom_fields" in changed:
        now = cast("Row", data["custom_fields"])
        before = cast("Row", previous["custom_fields"])
        changed["custom_fields"] = {code: value for code, value in before.items() if value != now.get(code)}
    return changed


def _typed(one: Field, value: object) -> object:
    """A custom field's value as messages have it: with its type."""
    if value is None:
        return None
    match one.type:
        case "enum" | "user" | "people" | "org":
            return {"type": one.type, "id": value}
        case "set":
            return {"type": "set", "values": [{"id": ident} for ident in cast("list[object]", value)]}
        case "monetary" | "daterange" | "time" | "timerange" | "address":
            return {"type": one.type, **cast("dict[str, object]", value)}
        case _:
            return {"type": one.type, "value": value}
