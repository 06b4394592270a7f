"""Being told of changes by a CRM: messages to a URL of the application's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from crmhub import arguments
from crmhub.connector import Connector, Deletion, Missing, Native
from crmhub.errors import InvalidRecord
from crmhub.listing import ChangePage
from crmhub.models import Record
from crmhub.org import Org
from crmhub.powers import Changes, Subscription, SupportsMessages, SupportsWebhooks, power
from crmhub.reading import Choice, Reader, Shelf, stages_of

__all__ = ["Webhooks"]


class Webhooks:
    """A CRM's messages about changes of one connection's records.

    Nothing is kept here: the CRM knows its subscriptions, and any process with the connection's settings
    can renew them and prove messages. Messages can be lost, come twice, or late: read ``changes()`` at
    times beside them. Every call raises :class:`Unsupported` where the CRM sends none; where somebody else
    has them sent, :meth:`parse` and :meth:`read` are for them.
    """

    def __init__(self, org: Org) -> None:
        self._org = org

    async def subscribe(self, objects: Iterable[type[Record] | str], url: str) -> Sequence[Subscription]:
        """Have all changes of these told to ``url``: models, or objects by their native names.

        A model stands for every object that holds its records. Safe to repeat; another URL replaces the
        former one. Raises :class:`NotFound` for an unknown object, :class:`UsageError` for a URL that
        will not do.
        """
        wanted = arguments.models_or_names(objects, "objects")
        arguments.text_of(url, "url")
        async with self._org.in_use() as connector:
            hooks = self._hooks(connector)
            return await hooks.subscribe(await self._objects(wanted), url)

    async def renew_due(self, now: datetime | None = None) -> Sequence[Subscription]:
        """Renew what would end soon; all subscriptions of this connection that stand then.

        Call it once a day. One that is missing has ended: subscribe again, and read ``changes()`` from
        the last checkpoint.
        """
        at = arguments.instant(now, "now") or self._org.clock.now()
        async with self._org.in_use() as connector:
            return await self._hooks(connector).renew_due(at)

    async def unsubscribe(self, objects: Iterable[type[Record] | str] = ()) -> None:
        """End the subscriptions for these (none named: all of this connection); those gone are no error."""
        wanted = arguments.models_or_names(objects, "objects")
        async with self._org.in_use() as connector:
            await self._hooks(connector).unsubscribe(await self._objects(wanted))

    async def parse(self, raw_body: bytes, headers: Mapping[str, str]) -> Sequence[Changes]:
        """What a message tells, once its origin is proved. Nothing is sent.

        ``raw_body`` is the body as it came, not decoded. Raises :class:`AuthError` for a message that is
        not the CRM's to this connection (answer it with 401), :class:`BadResponse` for one that cannot be
        understood (400).
        """
        arguments.body(raw_body, "raw_body")
        arguments.named(headers, "headers")
        async with self._org.in_use() as connector:
            return power(
                connector, SupportsMessages, connection=self._org.name, instead="read changes() at times"
            ).parse_webhook(raw_body, headers)

    async def read(
        self,
        changes: Iterable[Changes],
        *,
        raw: bool = False,
        on_invalid: Callable[[InvalidRecord], None] | None = None,
    ) -> Sequence[ChangePage[Record]]:
        """The records that messages tell of, as they are now: a page for each object, and who is gone.

        All are read again, also those told as deleted: a message may be older than the record. Each comes
        as its own model; records of objects that no map names as ``CustomObject``. Several messages can
        be given at once, so that what they tell of is read once. The pages have no checkpoints. A ``gap``
        among them names no records: ``changes()`` from the last checkpoint finds those.
        """
        ids: dict[str, dict[str, None]] = {}
        for one in arguments.instances_of(changes, Changes, "changes", hint="give what parse(…) gave"):
            if not one.changed and not one.deleted:
                continue
            ids.setdefault(one.object, {}).update(dict.fromkeys((*one.changed, *one.deleted)))
        choice = Choice(raw=raw, on_invalid=on_invalid)
        async with self._org.in_use() as connector:
            return [await self._page(connector, name, [*asked], choice) for name, asked in ids.items()]

    async def _page(
        self, connector: Connector, object: str, ids: Sequence[str], choice: Choice
    ) -> ChangePage[Record]:
        shelf = await self._shelf(object)
        answers = await connector.get(object, ids, shelf.fields)
        gone = [
            Deletion(one.id, life="deleted" if one.life == "unknown" else one.life, into=one.into)
            for one in answers
            if isinstance(one, Missing)
        ]
        there: list[Native] = [one for one in answers if not isinstance(one, Missing)]
        return ChangePage([*shelf.models(there, choice)], gone, None, object)

    async def _shelf(self, object: str) -> Shelf[Record]:
        """The object with all its maps, of whichever models."""
        org = self._org
        models = [entry.model for entry in org.spec.maps if entry.object == object]
        mapping = await (org.mapping(models) if models else org.mapping_of_object(object))
        maps = mapping.of_object(object)
        return Shelf(org, object, await org.able(object), mapping, maps, await stages_of(org, maps))

    async def _objects(self, wanted: Sequence[type[Record] | str]) -> Sequence[str]:
        names: dict[str, None] = {}
        for one in wanted:
            if isinstance(one, str):
                names[one] = None
            else:
                names |= dict.fromkeys(await Reader(self._org, one).objects())
        return [*names]

    def _hooks(self, connector: Connector) -> SupportsWebhooks:
        return power(
            connector, SupportsWebhooks, connection=self._org.name, instead="read changes() at times"
        )
