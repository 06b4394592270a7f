"""What only Zoho has, for a connection to it: conversions, blueprints, related lists, tags and more.

>>> zoho = Zoho(hub["zoho"])
>>> made = await zoho.convert_lead(lead, deal={"Deal_Name": "Acme", "Closing_Date": "2026-12-01", …})
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import TypeVar

from crmhub import arguments
from crmhub.connection import Connection
from crmhub.connector import Native, Outcome, Value
from crmhub.errors import UsageError
from crmhub.listing import Listing
from crmhub_zoho.connector import Connector
from crmhub_zoho.extras import Extras
from crmhub_zoho.extras.results import (
    Blueprint,
    Call,
    CallResult,
    Converted,
    MassJob,
    MassStatus,
    Recycled,
    RelatedList,
    Tag,
    Transition,
)
from crmhub_zoho.extras.searching import Criterion

__all__ = ["Zoho"]

_Row = TypeVar("_Row")


class Zoho:
    """A companion of a connection to Zoho; it keeps nothing open and sends nothing of itself.

    Modules, fields and related lists are named by their API names, records by their ids. All calls
    but :meth:`related` go by REST, with the connection's credentials and limits, and raise
    :class:`Unsupported` where the connection is to another CRM. What takes many ids is cut into what
    Zoho takes at once, and gives one :class:`~crmhub.connector.Outcome` for each id, in order.
    """

    def __init__(self, connection: Connection) -> None:
        if not isinstance(connection, Connection):  # pyright: ignore[reportUnnecessaryIsInstance] - callers err
            raise UsageError(
                "connection: not an asynchronous connection", hint='Zoho(hub["zoho"]), crmhub.Hub'
            )
        self._connection = connection

    # ── leads and blueprints ─────────────────────────────────────────────────────────────────────

    async def convert_lead(
        self,
        lead: str,
        *,
        deal: Mapping[str, Value] | None = None,
        account: str | None = None,
        contact: str | None = None,
        owner: str | None = None,
        overwrite: bool = False,
        notify_lead_owner: bool = False,
        notify_new_owner: bool = False,
    ) -> Converted:
        """Make a lead an account and a contact, and a deal of the fields in ``deal``; their ids.

        ``account`` and ``contact`` are records to join instead of new ones, whose values the lead's
        replace if ``overwrite``; ``owner`` is the user who gets what is new. A lead is converted once: the
        second time raises :class:`BadRequest` with ``ID_ALREADY_CONVERTED``. :class:`UnknownOutcome`, when
        the answer was lost, tells how to look it up. Costs 5 credits.
        """
        arguments.identifier(lead, "lead")
        async with self._extras() as extras:
            return await extras.leads.convert(
                lead,
                deal=None if deal is None else _values(deal, "deal"),
                account=account,
                contact=contact,
                owner=owner,
                overwrite=overwrite,
                notify_lead_owner=notify_lead_owner,
                notify_new_owner=notify_new_owner,
            )

    async def blueprint(self, object: str, id: str) -> Blueprint | None:
        """The process that a record is in, and the transitions it can take; ``None``: it is in none."""
        arguments.text_of(object, "object")
        arguments.identifier(id)
        async with self._extras() as extras:
            return await extras.blueprints.of(object, id)

    async def transition(
        self, object: str, id: str, transition: Transition | str, *, data: Mapping[str, Value] | None = None
    ) -> None:
        """Make a transition of :meth:`blueprint` (or by its id) with the fields that it asks for.

        Raises :class:`InvalidRecord` for what Zoho does not take, :class:`UnknownOutcome` when the answer
        was lost: then :meth:`blueprint` tells by its ``value`` whether it was made.
        """
        arguments.text_of(object, "object")
        arguments.identifier(id)
        step = (
            transition.id
            if isinstance(transition, Transition)
            else arguments.text_of(transition, "transition")
        )
        async with self._extras() as extras:
            await extras.blueprints.move(object, id, step, _values(data, "data"))

    # ── related records ──────────────────────────────────────────────────────────────────────────

    async def related_lists(self, object: str) -> Sequence[RelatedList]:
        """The related lists of a module."""
        arguments.text_of(object, "object")
        async with self._extras() as extras:
            return await extras.relations.lists(object)

    def related(self, object: str, id: str, related: str, *, fields: Iterable[str]) -> Listing[Native]:
        """The records in a related list, newest first, with 1 to 50 fields, as Zoho gives them."""
        arguments.text_of(object, "object")
        arguments.identifier(id)
        arguments.text_of(related, "related")
        names = arguments.texts(fields, "fields")
        return self._listing(lambda extras: extras.relations.records(object, id, related, names))

    async def link(self, object: str, id: str, related: str, ids: Iterable[str]) -> Sequence[Outcome]:
        """Put records into a related list."""
        several = _several(object, ids)
        arguments.identifier(id)
        arguments.text_of(related, "related")
        async with self._extras() as extras:
            return await extras.relations.link(object, id, related, several)

    async def unlink(self, object: str, id: str, related: str, ids: Iterable[str]) -> Sequence[Outcome]:
        """Take records out of a related list; they stay in their module. A note is deleted by it."""
        several = _several(object, ids)
        arguments.identifier(id)
        arguments.text_of(related, "related")
        async with self._extras() as extras:
            return await extras.relations.unlink(object, id, related, several)

    # ── searches ─────────────────────────────────────────────────────────────────────────────────

    def search(
        self,
        object: str,
        *,
        fields: Iterable[str],
        criteria: Sequence[Criterion] | None = None,
        email: str | None = None,
        phone: str | None = None,
        word: str | None = None,
        limit: int = 200,
    ) -> Listing[Native]:
        """What Zoho's index finds by ``criteria``, an e-mail address, a phone number or a word: one of them.

        ``criteria=[("Account_Name", "starts_with", "Ac"), ("Employees", "between", [10, 50])]`` must all
        hold, 15 at most; values are escaped. Of a text ``equals`` also finds those that contain it. The
        index lags behind writes, and gives at most 2,000 records: ``list(where=…)`` is exact and has no end.
        """
        arguments.text_of(object, "object")
        names = arguments.texts(fields, "fields")
        given = {"criteria": criteria, "email": email, "phone": phone, "word": word}
        asked = {name: value for name, value in given.items() if value is not None}
        if len(asked) != 1:
            raise UsageError("search: give one of criteria, email, phone and word")
        ((by, wanted),) = asked.items()
        if isinstance(wanted, str):
            arguments.text_of(wanted, by)
        most = arguments.number_of(limit, "limit")
        return self._listing(lambda extras: extras.searches.records(object, by, wanted, names, most))

    # ── tags ─────────────────────────────────────────────────────────────────────────────────────

    async def tags(self, object: str) -> Sequence[Tag]:
        """The tags that a module has."""
        arguments.text_of(object, "object")
        async with self._extras() as extras:
            return await extras.tags.of(object)

    async def add_tags(
        self, object: str, ids: Iterable[str], tags: Iterable[str], *, overwrite: bool = False
    ) -> Sequence[Outcome]:
        """Put tags on records by their names; new names become tags. ``overwrite`` takes off all others."""
        several, names = _several(object, ids), arguments.texts(tags, "tags")
        async with self._extras() as extras:
            return await extras.tags.add(object, several, names, overwrite=overwrite)

    async def remove_tags(self, object: str, ids: Iterable[str], tags: Iterable[str]) -> Sequence[Outcome]:
        """Take tags off records by their names."""
        several, names = _several(object, ids), arguments.texts(tags, "tags")
        async with self._extras() as extras:
            return await extras.tags.remove(object, several, names)

    # ── the recycle bin ──────────────────────────────────────────────────────────────────────────

    def recycle_bin(self, object: str | None = None) -> Listing[Recycled]:
        """What is in the recycle bin, newest first: of all modules, or of one."""
        if object is not None:
            arguments.text_of(object, "object")
        return self._listing(lambda extras: extras.bin.records(object))

    async def restore(self, ids: Iterable[str]) -> Sequence[Outcome]:
        """Bring records back from the recycle bin."""
        several = arguments.identifiers(ids)
        async with self._extras() as extras:
            return await extras.bin.restore(several)

    async def delete_for_good(self, ids: Iterable[str]) -> Sequence[Outcome]:
        """Delete records in the recycle bin for good; nothing brings them back."""
        several = arguments.identifiers(ids)
        async with self._extras() as extras:
            return await extras.bin.purge(several)

    async def empty_recycle_bin(self) -> None:
        """Delete all that is in the recycle bin for good, of all modules; Zoho may do it a little later."""
        async with self._extras() as extras:
            await extras.bin.empty()

    # ── several calls or records at once ─────────────────────────────────────────────────────────

    async def composite(
        self, calls: Iterable[Call], *, rollback: bool = False, parallel: bool = False
    ) -> Sequence[CallResult]:
        """Make up to five calls in one; what became of each, in order.

        ``rollback``: all or none. ``parallel``: Zoho may do those at once that do not refer to each other.
        """
        given = list(calls)
        async with self._extras() as extras:
            return await extras.composites.run(given, rollback=rollback, parallel=parallel)

    async def mass_update(
        self, object: str, ids: Iterable[str], changes: Mapping[str, Value]
    ) -> Sequence[Outcome]:
        """Give records the same value of one field (in Deals: of up to three), 500 a call for a credit."""
        several, fields = _several(object, ids), _values(changes, "changes")
        async with self._extras() as extras:
            return await extras.mass.update(object, several, fields)

    async def mass_update_view(self, object: str, view: str, changes: Mapping[str, Value]) -> MassJob:
        """Begin the same for all records of a custom view, by its id; a job of Zoho's does it."""
        arguments.text_of(object, "object")
        arguments.identifier(view, "view")
        fields = _values(changes, "changes")
        async with self._extras() as extras:
            return await extras.mass.update_view(object, view, fields)

    async def mass_delete(self, object: str, ids: Iterable[str]) -> Sequence[Outcome]:
        """Move records to the recycle bin, 500 a call for a credit."""
        several = _several(object, ids)
        async with self._extras() as extras:
            return await extras.mass.delete(object, several)

    async def mass_delete_view(self, object: str, view: str) -> MassJob:
        """Begin the deletion of all records of a custom view, by its id; a job of Zoho's does it."""
        arguments.text_of(object, "object")
        arguments.identifier(view, "view")
        async with self._extras() as extras:
            return await extras.mass.delete_view(object, view)

    async def mass_status(self, job: MassJob) -> MassStatus:
        """How far a job for a view has come."""
        async with self._extras() as extras:
            return await extras.mass.status(job)

    # ── the way to the connector ─────────────────────────────────────────────────────────────────

    @asynccontextmanager
    async def _extras(self) -> AsyncGenerator[Extras]:
        async with self._connection.using(Connector) as connector:
            yield connector.extras

    def _listing(self, ask: Callable[[Extras], AsyncGenerator[Sequence[_Row]]]) -> Listing[_Row]:
        async def pages() -> AsyncGenerator[Sequence[_Row]]:
            async with self._extras() as extras, aclosing(ask(extras)) as found:
                async for page in found:
                    yield page

        return Listing(pages)


def _several(object: str, ids: Iterable[str]) -> list[str]:
    arguments.text_of(object, "object")
    return arguments.identifiers(ids)


def _values(given: Mapping[str, Value] | None, name: str) -> Mapping[str, Value]:
    arguments.named(given, name)
    return given or {}
