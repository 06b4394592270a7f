"""Notifications: Zoho tells a URL which records of a module have changed.

Source: Zoho CRM API v8, "Notification APIs". A channel lives a week at most, and one hour where more is asked
for, so a little less is asked for. A message carries ids and the channel's token, and no signature and no
time that could be trusted: whoever has seen one can send it again, which leads to another look and no more.

There is one channel a module. Its id follows from the client and the connection's name, its token from the
client's secret too: any process that has the settings can renew it and check its messages, and nothing has
to be kept.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TypeVar

import msgspec

from crmhub.connector import Context, Native, Value
from crmhub.errors import AuthError, BadRequest, BadResponse, UsageError, Where
from crmhub.http import Response
from crmhub.http.paths import origin
from crmhub.powers import Changes, Subscription
from crmhub_zoho.config import ZohoConfig
from crmhub_zoho.errors import error_of
from crmhub_zoho.records import instant, is_record_id
from crmhub_zoho.schema import Schemas
from crmhub_zoho.tiers.rest import PAGE, Rest

__all__ = ["Webhooks"]

_LIFE = timedelta(days=7, minutes=-10)  # a clock that is ahead of Zoho's must not ask for more than a week
_DUE = timedelta(days=2)
_MOST_CHANNELS = 50
_LONGEST_URL = 255
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_GONE = "NOT_SUBSCRIBED"
_T = TypeVar("_T")


class Webhooks:
    """The channels of one connection, and the messages that come by them."""

    def __init__(self, rest: Rest, schemas: Schemas, config: ZohoConfig, context: Context) -> None:
        self._rest = rest
        self._schemas = schemas
        self._config = config
        self._context = context

    async def subscribe(self, modules: Sequence[str], url: str) -> Sequence[Subscription]:
        """Have every change of the modules told to ``url``; channels that there are already are replaced."""
        _check_url(url)
        names = list(dict.fromkeys(modules))
        for name in names:
            await self._schemas.of(name)
        standing = {one.object for one in await self._standing()}
        now = self._context.clock.now()
        made: dict[str, Subscription] = {}
        for is_there in (True, False):
            wanted = [self._wanted(name, url, now) for name in names if (name in standing) is is_there]
            made |= await self._told(wanted, renew=is_there)
        return [made[name] for name in names]

    async def renew_due(self, now: datetime) -> Sequence[Subscription]:
        """Renew the channels with less than two days to live; all that stand then."""
        if now.tzinfo is None:
            raise UsageError("now has no time zone", hint="give datetime.now(UTC)")
        standing = await self._standing()
        due = [
            self._wanted(one.object, one.url, now)
            for one in standing
            if one.expires_at is not None and one.expires_at - now < _DUE
        ]
        renewed = await self._told(due, renew=True)
        return [renewed.get(one.object, one) for one in standing]

    async def unsubscribe(self, modules: Sequence[str] = ()) -> None:
        """End the channels of these modules (none named: all)."""
        ids = [one.id for one in await self._standing() if not modules or one.object in modules]
        for batch in _batches(ids):
            answer = await self._rest.unwatch(batch)
            for item in answer.items:
                if item.get("status") != "success" and item.get("code") != _GONE:
                    raise error_of(item, answer.response)

    def parse(self, raw_body: bytes) -> Sequence[Changes]:
        """What a message tells; see :meth:`crmhub.powers.SupportsWebhooks.parse_webhook`."""
        message = _decoded(raw_body)
        channel = _text(message.get("channel_id"))
        given = _text(message.get("token")).encode(errors="replace")
        if not hmac.compare_digest(given, self._token(channel).encode()):
            raise AuthError(
                "a message came without the token of a channel of this connection",
                hint="answer it with 401; if the client's secret or the connection's name has changed,"
                " subscribe again",
                where=Where(connection=self._context.connection),
            )
        module, ids = message.get("module"), message.get("ids")
        if not isinstance(module, str) or not module:
            raise self._odd("module")
        found = tuple(_text(one) for one in ids) if isinstance(ids, list) else ("",)
        if not all(is_record_id(one) for one in found):
            raise self._odd("ids")
        if message.get("operation") == "delete":
            return [Changes(module, deleted=found)]
        return [Changes(module, changed=found)]

    async def _standing(self) -> Sequence[Subscription]:
        """The connection's own channels that have not expired; others' are left alone."""
        found: dict[str, Subscription] = {}
        page = 1
        while True:
            answer = await self._rest.watched(page)
            for row in answer.rows:
                module, channel = _text(row.get("resource_name")), _text(row.get("channel_id"))
                if module and channel == self._channel(module):
                    expires_at = _expiry(row, answer.response)
                    found[module] = Subscription(module, channel, _text(row.get("notify_url")), expires_at)
            if not answer.goes_on(PAGE):
                return list(found.values())
            page += 1

    async def _told(self, wanted: Sequence[Subscription], *, renew: bool) -> dict[str, Subscription]:
        """Ask for the channels; what Zoho has made of them, by module."""
        made: dict[str, Subscription] = {}
        for batch in _batches(wanted):
            channels = [self._asked(one) for one in batch]
            answer = await (self._rest.rewatch(channels) if renew else self._rest.watch(channels))
            if len(answer.items) != len(batch):
                raise answer.response.unreadable(f"{len(answer.items)} answers for {len(batch)} channels")
            for one, item in zip(batch, answer.items, strict=True):
                if item.get("status") != "success":
                    raise error_of(item, answer.response).at(object=one.object)
                expires_at = _expiry(_event(item, answer.response), answer.response)
                made[one.object] = Subscription(one.object, one.id, one.url, expires_at)
        return made

    def _wanted(self, module: str, url: str, now: datetime) -> Subscription:
        return Subscription(module, self._channel(module), url, now.astimezone(UTC) + _LIFE)

    def _asked(self, one: Subscription) -> Native:
        assert one.expires_at is not None  # noqa: S101 - set by _wanted
        return {
            "channel_id": one.id,
            "events": [f"{one.object}.all"],
            "channel_expiry": one.expires_at.replace(microsecond=0).isoformat(),
            "token": self._token(one.id),
            "notify_url": one.url,
        }

    def _channel(self, module: str) -> str:
        """The id of the module's channel: a number below 2 to the 53rd, which JSON keeps everywhere."""
        named = f"{self._config.client_id}\0{self._context.connection}\0{module}"
        return str((int.from_bytes(sha256(named.encode()).digest()[:7]) >> 4) | 1 << 51)

    def _token(self, channel: str) -> str:
        """The channel's token, 43 of the 50 characters that Zoho keeps."""
        key = self._config.client_secret.get_secret_value().encode()
        named = f"crmhub notifications\0{self._context.connection}\0{channel}"
        digest = hmac.digest(key, named.encode(errors="replace"), "sha256")
        return urlsafe_b64encode(digest).decode().rstrip("=")

    def _odd(self, field: str) -> BadResponse:
        return BadResponse(
            f"a message of Zoho came without usable {field}",
            hint="read the changes from the last checkpoint",
            where=Where(connection=self._context.connection, field=field),
        )


def _check_url(url: str) -> None:
    try:
        scheme, host, _ = origin(url)
    except BadRequest as error:
        raise UsageError(f"Zoho cannot send messages there: {error.what}", hint=error.hint) from None
    if scheme != "https" and host not in _LOOPBACK:
        raise UsageError("messages hold the channel's token: give an https URL")
    if len(url) > _LONGEST_URL:
        raise UsageError(f"the URL is longer than the {_LONGEST_URL} characters that Zoho keeps")


def _decoded(raw_body: bytes) -> Native:
    try:
        message: object = msgspec.json.decode(raw_body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise BadResponse("a message came that is no JSON object", hint="answer it with 400")
    return message  # pyright: ignore[reportUnknownVariableType] - decoded JSON objects are native


def _event(item: Native, response: Response) -> Native:
    details = item.get("details")
    events = details.get("events") if isinstance(details, dict) else None
    if not isinstance(events, list) or not events or not isinstance(events[0], dict):
        raise response.unreadable("a channel without its events")
    return events[0]


def _expiry(row: Native, response: Response) -> datetime:
    at = instant(_text(row.get("channel_expiry")))
    if at is None:
        raise response.unreadable("a channel without a usable channel_expiry")
    return at


def _text(value: Value) -> str:
    """Text, or a number as text; nothing for anything else."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _batches(items: Sequence[_T]) -> Sequence[Sequence[_T]]:
    return [items[start : start + _MOST_CHANNELS] for start in range(0, len(items), _MOST_CHANNELS)]
