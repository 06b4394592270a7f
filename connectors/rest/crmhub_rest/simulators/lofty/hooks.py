"""Webhook subscriptions, and what Lofty would send: unsigned batches of ids.

Source: developer.lofty.com, "Webhooks": twelve event types, HTTPS only, `limit` events in a batch, within a
minute and at most five. The names of the lists in a payload follow the two that are documented
(`updatedLead`, `createdText`).
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from crmhub.testing.simulator.clock import SimClock
from crmhub.testing.simulator.jsons import dump_json
from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.lofty import ids

MOST_OUTGOING = 10_000
MOST_SUBSCRIPTIONS = 50
EVENTS: Mapping[str, int] = {
    "Agent": 1,
    "Lead": 2,
    "LeadActivity": 3,
    "Alert": 4,
    "Transaction": 5,
    "Call": 6,
    "Email": 7,
    "Text": 8,
    "Note": 9,
    "Task": 10,
    "Appointment": 11,
    "Pipeline": 12,
}


@dataclass(frozen=True)
class Subscription:
    """Who wants to hear of one event type, at most `limit` events at a time."""

    id: int
    list_id: int
    url: str
    limit: int
    permission_mode: int

    def as_json(self) -> Row:
        """The subscription as Lofty shows it."""
        return {
            "subscribeId": self.id,
            "teamId": ids.TEAM,
            "listId": self.list_id,
            "vendorId": 123,
            "callbackUrl": self.url,
            "limit": self.limit,
            "permissionMode": self.permission_mode,
        }


@dataclass
class _Event:
    at: float
    name: str
    item: Row


@dataclass
class Hooks:
    """All subscriptions, the events that wait, and what was sent."""

    clock: SimClock
    seconds: float
    subscriptions: dict[int, Subscription] = field(default_factory=dict[int, Subscription])
    _made: int = 0
    _waiting: dict[int, deque[_Event]] = field(default_factory=dict[int, deque[_Event]])
    _sent: deque[dict[str, object]] = field(
        default_factory=lambda: deque[dict[str, object]](maxlen=MOST_OUTGOING)
    )

    def subscribe(self, list_id: int, url: str, limit: int, permission_mode: int) -> Subscription:
        """Add a subscription."""
        made = Subscription(ids.SUBSCRIPTIONS.at(self._made), list_id, url, limit, permission_mode)
        self._made += 1
        self.subscriptions[made.id] = made
        return made

    def unsubscribe(self, subscription_id: int) -> None:
        """Forget a subscription and what waits for it."""
        self.subscriptions.pop(subscription_id, None)
        self._waiting.pop(subscription_id, None)

    def tell(self, what: str, event: str, item: Row) -> None:
        """Note that a record was `event` (created, updated, finished, deleted); `item` says which."""
        for one in self.subscriptions.values():
            if one.list_id == EVENTS[what]:
                waiting = self._waiting.setdefault(one.id, deque[_Event]())
                waiting.append(_Event(self.clock.now(), f"{event}{what}", item))

    def outbox(self, *, clear: bool) -> list[dict[str, object]]:
        """What was sent until now, oldest first."""
        self._send()
        sent = list(self._sent)
        if clear:
            self._sent.clear()
        return sent

    def _send(self) -> None:
        now = self.clock.now()
        for subscription_id, waiting in self._waiting.items():
            one = self.subscriptions[subscription_id]
            while waiting and waiting[0].at + self.seconds <= now:
                batch = [waiting.popleft() for _ in range(min(one.limit, len(waiting)))]
                lists: dict[str, list[Row]] = {}
                for event in batch:
                    lists.setdefault(event.name, []).append(event.item)
                body = dump_json({"teamId": ids.TEAM, "listId": one.list_id, **lists}).decode()
                headers = {"Content-Type": "application/json"}
                self._sent.append({"url": one.url, "method": "POST", "headers": headers, "body": body})
