"""Notification channels: who wants to hear of which changes, until when, and what would be sent.

Source: Zoho CRM API v8, "Notification APIs": a channel lives at most a week, and one hour where no expiry
or a later one was given; what is sent carries ids, not records, and no signature but the channel's token.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlsplit

from crmhub.testing.simulator.clock import SimClock, days

LONGEST_LIFE = days(7)
DEFAULT_LIFE = 3_600.0
_OPERATIONS = {"create": "insert", "edit": "update", "delete": "delete"}
EVENTS = frozenset({"all", *_OPERATIONS})


@dataclass(frozen=True)
class Condition:
    """Changes of a module count only if one (`or`) or all (`and`) of these fields changed."""

    module: str
    operator: str
    fields: tuple[str, ...]

    def holds(self, changed: Iterable[str]) -> bool:
        """Whether the changed fields meet the condition."""
        hits = [name in set(changed) for name in self.fields]
        return all(hits) if self.operator == "and" else any(hits)


@dataclass(frozen=True)
class Channel:
    """One channel: `events` such as `Deals.all`, `expires_at` in epoch seconds."""

    id: str
    events: tuple[str, ...]
    notify_url: str
    expires_at: float
    base_url: str
    token: str | None = None
    with_values: bool = False
    on_related: bool = True
    conditions: tuple[Condition, ...] = ()

    @property
    def modules(self) -> list[str]:
        """The modules it listens to."""
        return list(dict.fromkeys(event.partition(".")[0] for event in self.events))

    def wants(self, module: str, operation: str, changed: Sequence[str]) -> bool:
        """Whether a change (insert, update or delete) is to be told."""
        kinds = {event.partition(".")[2] for event in self.events if event.partition(".")[0] == module}
        if "all" not in kinds and not any(_OPERATIONS.get(kind) == operation for kind in kinds):
            return False
        conditions = [one for one in self.conditions if one.module == module]
        return operation != "update" or all(one.holds(changed) for one in conditions)


@dataclass(frozen=True)
class Change:
    """What happened to a record: insert, update or delete, and the values that were written."""

    module: str
    operation: str
    record_id: str
    values: Mapping[str, object]


class Channels:
    """All channels of the organisation."""

    def __init__(self, clock: SimClock) -> None:
        self._clock = clock
        self._channels: dict[str, Channel] = {}

    def live(self) -> list[Channel]:
        """The channels that have not expired, oldest first."""
        now = self._clock.now()
        self._channels = {one.id: one for one in self._channels.values() if one.expires_at > now}
        return list(self._channels.values())

    def find(self, channel_id: str) -> Channel | None:
        """The live channel of that id, or None."""
        return next((one for one in self.live() if one.id == channel_id), None)

    def keep(self, channel: Channel) -> None:
        """Add or replace a channel."""
        self._channels[channel.id] = channel

    def drop(self, channel_id: str) -> None:
        """Forget a channel."""
        self._channels.pop(channel_id, None)

    def without_events(self, channel: Channel, events: Sequence[str]) -> Channel | None:
        """A channel without some of its events; None (and dropped) if none is left."""
        left = tuple(event for event in channel.events if event not in events)
        if not left:
            self.drop(channel.id)
            return None
        changed = replace(channel, events=left)
        self.keep(changed)
        return changed

    def expiry(self, asked: float | None) -> float:
        """When a channel expires for which this was asked (epoch seconds)."""
        now = self._clock.now()
        return now + DEFAULT_LIFE if asked is None or asked > now + LONGEST_LIFE else asked

    def messages(self, change: Change) -> list[dict[str, object]]:
        """What a change makes Zoho send, each as `{"url", "body"}`."""
        changed = list(change.values)
        wanting = [one for one in self.live() if one.wants(change.module, change.operation, changed)]
        return [{"url": one.notify_url, "body": self._body(one, change)} for one in wanting]

    def _body(self, channel: Channel, change: Change) -> dict[str, object]:
        body: dict[str, object] = {
            "server_time": int(self._clock.now() * 1_000),
            "query_params": dict(parse_qsl(urlsplit(channel.notify_url).query)),
            "module": change.module,
            "resource_uri": f"{channel.base_url}/crm/v8/{change.module}",
            "ids": [change.record_id],
            "affected_fields": [{change.record_id: list(change.values)}] if change.values else [],
            "operation": change.operation,
            "channel_id": channel.id,
            "token": channel.token,
        }
        if channel.with_values:
            values = {"record_id": change.record_id, "values": dict(change.values)}
            body["affected_values"] = [values] if change.values else []
        return body
