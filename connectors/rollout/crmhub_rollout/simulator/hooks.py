"""Webhook subscriptions of a credential, and what Rollout would send: ids, signed.

Source: Rollout guides, "How to use Webhooks": delivery at least once, signature HMAC-SHA256 (hex) of the raw
body with the client secret.
"""

import hashlib
import hmac
import random
import uuid
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime

from crmhub.testing.simulator.clock import SimClock
from crmhub.testing.simulator.jsons import dump_json
from crmhub.testing.simulator.table import Row

MOST_OUTGOING = 10_000
_STEPS = ("Created", "Updated", "Deleted")


@dataclass(frozen=True)
class Hook:
    """Who wants to hear of one event. `base_url` is where the subscriber found the API."""

    id: str
    url: str
    event: str
    filters: Row
    created: str
    base_url: str

    def as_json(self) -> Row:
        """The subscription as Rollout shows it."""
        return {
            "id": self.id,
            "url": self.url,
            "event": self.event,
            "filters": self.filters,
            "created": self.created,
        }


@dataclass
class Hooks:
    """The subscriptions of one credential; all credentials share `sent`."""

    clock: SimClock
    secret: str
    copies: int
    source: random.Random
    sent: deque[dict[str, object]] = field(
        default_factory=lambda: deque[dict[str, object]](maxlen=MOST_OUTGOING)
    )
    hooks: dict[str, Hook] = field(default_factory=dict[str, Hook])

    def subscribe(self, url: str, event: str, filters: Row, base_url: str) -> Hook:
        """Add a subscription."""
        now = datetime.fromtimestamp(self.clock.seconds(), UTC).isoformat()
        hook = Hook(self._uuid(), url, event, filters, now, base_url)
        self.hooks[hook.id] = hook
        return hook

    def tell(self, event: str, collection: str, ids: list[str]) -> None:
        """Send what happened to whoever wants to hear of it."""
        wanting = [one for one in self.hooks.values() if one.event == event]
        if not wanting:
            return
        event_id = self._uuid()
        for hook in wanting:
            body = {
                "eventId": event_id,
                "eventCreated": datetime.fromtimestamp(self.clock.seconds(), UTC).isoformat(),
                "event": event,
                "resourceIds": ids,
                "uri": f"{hook.base_url}/{collection}?ids={','.join(ids)}",
            }
            raw = dump_json(body)
            signature = hmac.digest(self.secret.encode(), raw, hashlib.sha256).hex()
            headers = {"Content-Type": "application/json", "X-Rollout-Signature": signature}
            message = {"url": hook.url, "method": "POST", "headers": headers, "body": raw.decode()}
            self.sent.extend(dict(message) for _ in range(self.copies))

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self.source.getrandbits(128), version=4))


def events_of(collections: tuple[str, ...]) -> set[str]:
    """The names of all events."""
    return {f"{name}{step}" for name in collections for step in _STEPS} | {"peopleTagsCreated"}
