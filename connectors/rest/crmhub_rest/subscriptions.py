"""Subscriptions to messages, made and kept by the CRM's API.

Nothing is kept here: what a subscription is for, and that it is this connection's, is read from the CRM's own
list. A new one is made before those that it replaces are ended, so that nothing is missed: for a moment
messages can come twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from crmhub.connector import Context, Native, Value
from crmhub.errors import BadRequest, BadResponse, ConfigError, NotFound, Unsupported, UsageError, Where
from crmhub.http.paths import origin
from crmhub.powers import Subscription
from crmhub_rest.api import Api
from crmhub_rest.language.call import Call
from crmhub_rest.language.webhooks import Renewal, Subscribe, Webhooks
from crmhub_rest.nowhere import nowhere
from crmhub_rest.schemas import Schemas

__all__ = ["Subscriptions"]

_ROLE = "subscribe"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True, slots=True)
class _Row:
    """One of the CRM's own entries: an object can need several."""

    object: str
    word: str
    id: str
    url: str
    ends: datetime | None
    alive: bool


class Subscriptions:
    """The subscriptions of one connection."""

    def __init__(self, api: Api, schemas: Schemas, context: Context) -> None:
        self._api = api
        self._schemas = schemas
        self._clock = context.clock
        self._connection = context.connection

    async def subscribe(self, objects: Sequence[str], url: str) -> list[Subscription]:
        """See :meth:`crmhub.powers.SupportsWebhooks.subscribe`."""
        hooks, says = self._says()
        self._demand_url(hooks, url)
        self._demand_settings(says)
        names = list(dict.fromkeys(objects))
        for name in names:
            await self._schemas.of(name)
            if name not in says.words:
                raise Unsupported(
                    f"{self._api.crm.title} sends no messages about {name}",
                    hint=f"it does about {', '.join(says.words)}",
                    where=Where(connection=self._connection, object=name),
                )
        before = await self._standing(says)
        made = {name: await self._made(says, name, url) for name in names}
        new = {row.id for rows in made.values() for row in rows}  # a CRM may give the one that there was
        await self._end(says, [row for row in before if row.object in made and row.id not in new])
        return [_together(name, rows) for name, rows in made.items()]

    async def renew_due(self, now: datetime) -> list[Subscription]:
        """See :meth:`crmhub.powers.SupportsWebhooks.renew_due`."""
        _, says = self._says()
        if now.tzinfo is None:
            raise UsageError("now has no time zone", hint="give datetime.now(UTC)")
        kept: dict[str, list[_Row]] = {}
        for row in await self._standing(says):
            if row.alive and (row.ends is None or row.ends > now):
                kept.setdefault(row.object, []).append(await self._renewed(says, row, now))
        return [
            _together(name, rows)
            for name, rows in kept.items()
            if {row.word for row in rows} >= _words(says, name).keys()
        ]

    async def unsubscribe(self, objects: Sequence[str] = ()) -> None:
        """See :meth:`crmhub.powers.SupportsWebhooks.unsubscribe`."""
        _, says = self._says()
        await self._end(
            says, [row for row in await self._standing(says) if not objects or row.object in objects]
        )

    # ── the CRM's entries ────────────────────────────────────────────────────────────────────────

    async def _standing(self, says: Subscribe) -> list[_Row]:
        """This connection's own."""
        object_ = next(iter(says.words))
        scope = self._scope(object_)
        paging, here = says.list.page, says.list.page.start() if says.list.page is not None else {}
        found: list[_Row] = []
        while True:
            link = paging.link_of(here) if paging is not None else None
            added = paging.added(here, None) if paging is not None and link is None else {}
            response = await self._api.send(_ROLE, says.list, scope, added=added, link=link, idempotent=True)
            rows = self._api.rows(_ROLE, says.list, scope, response)
            found += [row for raw in rows if (row := self._row(says, raw, scope)) is not None]
            following = (
                paging.following(here, response.json(), rows, paging.most) if paging is not None else None
            )
            if following is None:
                return found
            if following == here:
                raise BadResponse(
                    "the list of subscriptions is not advancing",
                    hint="look at webhooks.subscribe.list.page in the CRM's description",
                )
            here = following

    def _row(self, says: Subscribe, raw: Value, scope: Mapping[str, Value]) -> _Row | None:
        """An entry, if it is this connection's and for one of its objects."""
        for path, part in says.own.items():
            mine = part.text(scope)
            if mine is None or path.text_in(raw) != mine:
                return None
        id_, word, url = (path.text_in(raw) for path in (says.id, says.word, says.url))
        for path, found in ((says.id, id_), (says.word, word), (says.url, url)):
            if found is None:
                raise nowhere(
                    path, raw, str(scope["object"]), "what tells a subscription (webhooks.subscribe)"
                )
        name = next((name for name in says.words if word in _words(says, name)), None)
        if name is None:
            return None
        alive = all(path.text_in(raw) == text for path, text in says.alive.items())
        return _Row(name, str(word), str(id_), str(url), _ends(says.renewal, raw), alive)

    async def _made(self, says: Subscribe, name: str, url: str) -> list[_Row]:
        return [await self._create(says, name, word, url) for word in _words(says, name).values()]

    async def _create(self, says: Subscribe, name: str, word: str | int, url: str) -> _Row:
        scope = self._scope(name, {"word": word, "url": url, **self._until(says.renewal)})
        response = await self._api.send(_ROLE, says.create, scope)
        raw = self._api.row(says.create, scope, response)
        id_ = says.id.text_in(raw)
        if id_ is None:
            raise nowhere(says.id, raw, name, "the new subscription's id (webhooks.subscribe.id)")
        return _Row(name, str(word), id_, url, _ends(says.renewal, raw), alive=True)

    async def _renewed(self, says: Subscribe, row: _Row, now: datetime) -> _Row:
        renewal = says.renewal
        if renewal is None or row.ends is None or row.ends - now > timedelta(seconds=renewal.life / 4):
            return row
        word = _words(says, row.object)[row.word]
        if renewal.call is None:
            made = await self._create(says, row.object, word, row.url)
            await self._end(says, [row])
            return made
        until = self._until(renewal)
        await self._call(renewal.call, row, {"word": word, "url": row.url, **until})
        ends = renewal.times.read(until["until"])
        return _Row(row.object, row.word, row.id, row.url, ends, alive=True)

    async def _end(self, says: Subscribe, rows: Sequence[_Row]) -> None:
        for row in rows:
            try:
                await self._call(says.delete, row)
            except NotFound:
                continue  # somebody else has ended it

    async def _call(self, call: Call, row: _Row, values: Mapping[str, Value] | None = None) -> None:
        scope = self._scope(row.object, {"id": row.id, **(values or {})})
        await self._api.send(_ROLE, call, scope, items=[scope], idempotent=True)

    def _scope(self, object: str, values: Mapping[str, Value] | None = None) -> dict[str, Value]:
        return self._api.scope(object, {"connection": self._connection, **(values or {})})

    def _until(self, renewal: Renewal | None) -> Native:
        if renewal is None:
            return {}
        return {
            "until": renewal.times.write(self._clock.now().astimezone(UTC) + timedelta(seconds=renewal.life))
        }

    # ── what must be so before anything is sent ──────────────────────────────────────────────────

    def _says(self) -> tuple[Webhooks, Subscribe]:
        hooks = self._api.crm.webhooks
        if hooks is None or hooks.subscribe is None:
            raise Unsupported(f"{self._api.crm.title} is not asked for messages by its API")
        return hooks, hooks.subscribe

    def _demand_url(self, hooks: Webhooks, url: str) -> None:
        try:
            scheme, host, _ = origin(url)
        except BadRequest as error:
            raise UsageError(f"messages cannot be sent there: {error.what}", hint=error.hint) from None
        if scheme != "https" and host not in _LOOPBACK:
            raise UsageError("messages tell of records, and may hold a secret: give an https URL")
        secret = hooks.verify.url
        if secret is not None and secret.text(self._scope(next(iter(self._api.crm.objects)))) != url:
            raise UsageError(
                "messages are proved by the address that they come to, and this is another one",
                hint=f"set {', '.join(secret.names)} in the connection to this URL",
            )

    def _demand_settings(self, says: Subscribe) -> None:
        """What the call has for a secret must have a value: messages without it would not be believed."""
        known = self._scope(next(iter(says.words)))
        for name in sorted(says.create.names & self._api.crm.settings.keys()):
            if known.get(name) is None:
                raise ConfigError(
                    f"${{{name}}} has no value, and subscriptions need it",
                    hint=f"set {name} in the connection",
                )


def _words(says: Subscribe, object: str) -> dict[str, str | int]:
    """The words of an object, by what they look like as text."""
    held = says.words[object]
    return {str(word): word for word in (held if isinstance(held, list) else [held])}


def _ends(renewal: Renewal | None, raw: Value) -> datetime | None:
    return None if renewal is None else renewal.times.read(renewal.expires.get(raw))


def _together(object: str, rows: Sequence[_Row]) -> Subscription:
    """An object's entries as one: it ends with the first of them."""
    ends = [row.ends for row in rows if row.ends is not None]
    return Subscription(object, ",".join(row.id for row in rows), rows[0].url, min(ends, default=None))
