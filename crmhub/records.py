"""The records of one model in one connection, read and written."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, Literal, TypeAlias, TypeVar, cast

from crmhub import arguments
from crmhub.associations import associations_of
from crmhub.connector import (
    NOT_SENT,
    Checkpoint,
    Missing,
    Native,
    Outcome,
    Problem,
    ReadRequest,
    Value,
    WriteItem,
    WriteRequest,
)
from crmhub.errors import ConnectorError, InvalidRecord, NotFound, Unsupported, UsageError, Where
from crmhub.listing import ChangePage, Listing
from crmhub.mapping.compiled import CompiledMap
from crmhub.models import AssociationSet, Record
from crmhub.org import Org
from crmhub.plan import PlannedWrite
from crmhub.planning import planned_create, planned_update
from crmhub.powers import SupportsNewest, SupportsSearch, power
from crmhub.reading import Choice, Reader, Shelf
from crmhub.writing import as_outcome, keyed, map_for, match_of, native_of, refused

__all__ = ["Records", "Written"]

_Model = TypeVar("_Model", bound=Record)
_Operation: TypeAlias = Literal["create", "update", "upsert", "delete"]


@dataclass(frozen=True, slots=True)
class Written:
    """A write that was applied: the record's id, what was done, and its new version where the CRM tells."""

    id: str
    status: Literal["created", "updated", "unchanged", "deleted"]
    version: str | None = None


class Records(Generic[_Model]):
    """The records of one model in one connection.

    Single forms raise what goes wrong; batch forms (``…_many``) give one outcome for each item, in
    order, and raise only when nothing at all could be sent. Reading forms take:

    - ``fields``: names of canonical fields; the others stay unset. Ids and versions always come.
    - ``where``: canonical paths with the value each must have, or a list of which it must have one.
    - ``raw``: keeps the CRM's own record on each model.
    - ``on_invalid``: is told of each record that cannot be read, which is then left out; without it
      the first one is raised.
    """

    def __init__(self, org: Org, model: type[_Model], object: str | None = None) -> None:
        arguments.model_class(model)
        self._org = org
        self._model = model
        self._object = object
        self._reader = Reader(org, model, object)

    async def maps(self) -> Sequence[CompiledMap]:
        """The maps behind the model. Raises :class:`ConfigError` where it is not mapped."""
        async with self._org.in_use():
            return await self._reader.maps()

    # ── reading ──────────────────────────────────────────────────────────────────────────────────

    def list(
        self,
        *,
        modified_since: datetime | None = None,
        fields: Iterable[str] | None = None,
        where: Mapping[str, object] | None = None,
        limit: int | None = None,
        raw: bool = False,
        on_invalid: Callable[[InvalidRecord], None] | None = None,
    ) -> Listing[_Model]:
        """Live records, ``modified_since`` then if it is given, at most ``limit``.

        ``async for account in accounts.list()`` · ``accounts.list().pages()`` · ``await accounts.list()``.
        """
        choice = self._choice(fields, where, limit, raw, on_invalid)
        choice = replace(choice, modified_since=arguments.instant(modified_since, "modified_since"))
        return Listing(lambda: self._reader.pages(choice))

    def search(
        self,
        text: str,
        *,
        fields: Iterable[str] | None = None,
        limit: int = 100,
        raw: bool = False,
        on_invalid: Callable[[InvalidRecord], None] | None = None,
    ) -> Listing[_Model]:
        """Records that the CRM's own search finds for the words; its index may lag behind writes.

        Raises :class:`Unsupported` where the CRM has no search.
        """
        words = arguments.text_of(text, "text")
        choice = self._choice(fields, None, arguments.number_of(limit, "limit"), raw, on_invalid)
        return Listing(lambda: self._found(words, choice))

    def newest(
        self,
        limit: int,
        *,
        fields: Iterable[str] | None = None,
        raw: bool = False,
        on_invalid: Callable[[InvalidRecord], None] | None = None,
    ) -> Listing[_Model]:
        """The records made last, newest first, at most ``limit``: a short list, as a person would see it.

        Unlike :meth:`list` it can be served by every tier of a CRM. Raises :class:`Unsupported` where the
        CRM has no such list.
        """
        most = arguments.number_of(limit, "limit")
        choice = self._choice(fields, None, most, raw, on_invalid)
        return Listing(lambda: self._listed(most, choice))

    async def count(
        self, *, where: Mapping[str, object] | None = None, modified_since: datetime | None = None
    ) -> int:
        """How many live records there are. Where the CRM cannot count them, they are read and counted."""
        choice = self._choice(None, where, None, raw=False, on_invalid=None)
        choice = replace(choice, modified_since=arguments.instant(modified_since, "modified_since"))
        return await self._reader.count(choice)

    async def get(self, id: str, *, fields: Iterable[str] | None = None, raw: bool = False) -> _Model:
        """The record of that id. Raises :class:`NotFound`, which tells what became of it if the CRM does."""
        choice = replace(self._choice(fields, None, None, raw, None), structures=True)
        gone: dict[str, Missing] = {}
        found = (await self._reader.by_ids([arguments.identifier(id)], choice, gone)).get(id)
        if found is None:
            where = Where(self._org.name, (await self.maps())[0].object, id)
            raise _not_found(self._model.model if self._object is None else "record", gone.get(id), where)
        return found

    async def get_many(
        self, ids: Iterable[str], *, fields: Iterable[str] | None = None, raw: bool = False
    ) -> Sequence[_Model | None]:
        """The record of each id, in order; ``None`` where there is none."""
        asked = arguments.identifiers(ids)
        found = await self._reader.by_ids(asked, self._choice(fields, None, None, raw, None))
        return [found.get(id_) for id_ in asked]

    async def changes(
        self,
        since: Checkpoint | None = None,
        *,
        fields: Iterable[str] | None = None,
        raw: bool = False,
        on_invalid: Callable[[InvalidRecord], None] | None = None,
    ) -> AsyncGenerator[ChangePage[_Model]]:
        """What changed since a checkpoint of an earlier page (``None``: everything), a page at a time.

        At least once: a record can come again, none is left out. The last page always has a checkpoint.
        Raises :class:`UsageError` for a checkpoint of another model or connection.
        """
        choice = self._choice(fields, None, None, raw, on_invalid)
        name = self._object or self._model.model
        places = _places(since, name, self._org.name)
        async with self._org.in_use() as connector:
            for shelf in await self._reader.shelves(choice.fields):
                request = ReadRequest(shelf.object, shelf.fields, places.get(shelf.object))
                async with aclosing(connector.read(request)) as pages:
                    async for page in pages:
                        checkpoint: Checkpoint | None = None
                        if page.checkpoint is not None:
                            places[shelf.object] = dict(page.checkpoint)
                            objects: dict[str, Value] = {**places}
                            checkpoint = {"of": name, "connection": self._org.name, "objects": objects}
                        models = [*shelf.models(page.upserts, choice)]
                        yield ChangePage(models, page.deletes, checkpoint, shelf.object)

    async def associations(self, id: str, *, to: Iterable[type[Record]] | None = None) -> AssociationSet:
        """What the record points to and what points to it, by the references of the mapping.

        ``to`` names the models at the other end. The set says whether it is complete.
        """
        models = None if to is None else [model.model for model in arguments.models(to, "to")]
        return await associations_of(self._org, self._model.model, arguments.identifier(id), models)

    # ── writing ──────────────────────────────────────────────────────────────────────────────────

    async def create(self, record: _Model) -> Written:
        """Create the record. Raises the error that the CRM's refusal stands for."""
        return await self._one(self._prepare([record], create=True), "create")

    async def create_many(self, records: Iterable[_Model]) -> Sequence[Outcome]:
        """Create records: one outcome for each."""
        return await self._many(self._prepare(records, create=True), "create")

    async def update(self, id: str, changes: _Model, *, if_version: str | None = None) -> Written:
        """Write exactly the fields that ``changes`` sets; ``None`` clears.

        With ``if_version`` raises :class:`Conflict` when the record has changed since.
        """
        arguments.identifier(id)
        arguments.instance(changes, self._model, "changes")
        if if_version is not None:
            arguments.text_of(if_version, "if_version")
        changes = changes.model_copy(update={"id": id, "version": if_version})
        return await self._one(self._prepare([changes], checked=if_version is not None), "update")

    async def update_many(
        self, changes: Iterable[_Model], *, if_unchanged: bool = False
    ) -> Sequence[Outcome]:
        """Write what each sets to the record of its ``id``: one outcome for each.

        With ``if_unchanged`` those whose record has changed since their ``version`` are a conflict.
        """
        return await self._many(self._prepare(changes, checked=if_unchanged), "update")

    async def upsert(self, record: _Model, *, match: str) -> Written:
        """Update the record whose ``match`` (a canonical path) is this one's, or create it.

        Matched by the CRM itself, so that two at once do not make two. Raises :class:`Unsupported`,
        naming what can be matched by, where it has no such key.
        """
        return await self._one(self._prepare([record], match=match), "upsert")

    async def upsert_many(self, records: Iterable[_Model], *, match: str) -> Sequence[Outcome]:
        """Upsert records: one outcome for each."""
        return await self._many(self._prepare(records, match=match), "upsert")

    async def delete(self, id: str, *, object: str | None = None) -> Written:
        """Delete the record; one that is gone already is no error. ``object`` where the model has several."""
        (outcome,) = await self.delete_many([id], object=object)
        return self._applied(outcome, await self._object_for(object), id)

    async def delete_many(self, ids: Iterable[str], *, object: str | None = None) -> Sequence[Outcome]:
        """Delete records: one outcome for each."""
        items = [WriteItem(id=id_) for id_ in arguments.identifiers(ids)]
        async with self._org.in_use() as connector:
            name = await self._object_for(object)
            return await connector.write(WriteRequest(name, "delete", items)) if items else []

    # ── planning ─────────────────────────────────────────────────────────────────────────────────

    async def plan_create(self, record: _Model) -> PlannedWrite:
        """The write that :meth:`create` would do, as data; ``connection.apply`` does it."""
        arguments.instance(record, self._model, "record")
        async with self._org.in_use():
            return await planned_create(self._org, await self.maps(), record)

    async def plan_update(self, id: str, changes: _Model) -> PlannedWrite:
        """The write that :meth:`update` would do, field by field before and after, as data.

        Raises :class:`NotFound`. One that changes nothing has no fields.
        """
        arguments.instance(changes, self._model, "changes")
        return await planned_update(self._org, self._model, arguments.identifier(id), changes)

    # ── how ──────────────────────────────────────────────────────────────────────────────────────

    def _choice(
        self,
        fields: Iterable[str] | None,
        where: Mapping[str, object] | None,
        limit: int | None,
        raw: bool,
        on_invalid: Callable[[InvalidRecord], None] | None,
    ) -> Choice:
        if self._object is None:
            chosen = arguments.field_names(fields, self._model)
            wanted = arguments.conditions_of(where, self._model)
        else:  # an object that is not mapped: its native names
            chosen = None if fields is None else frozenset(arguments.texts(fields, "fields"))
            wanted = {f"custom.{name}": value for name, value in arguments.named(where, "where").items()}
        return Choice(chosen, wanted, limit=arguments.limit_of(limit), raw=raw, on_invalid=on_invalid)

    async def _found(self, text: str, choice: Choice) -> AsyncGenerator[Iterator[_Model]]:
        """Pages of what the CRM's search finds, one object after the other."""
        left = choice.limit or 0
        async with self._org.in_use() as connector:
            searching = power(
                connector,
                SupportsSearch,
                connection=self._org.name,
                instead="list(where=…) finds records by the value of a field",
            )
            for shelf in await self._reader.shelves(choice.fields):
                if left <= 0:
                    return
                stamp = shelf.able.modified  # a search gives what it is asked for and no more
                fields = shelf.fields if stamp in {None, *shelf.fields} else (*shelf.fields, str(stamp))
                async with aclosing(searching.search(shelf.object, text, fields, left)) as pages:
                    async for page in pages:
                        models = [*shelf.models(page.upserts, choice)][:left]
                        left -= len(models)
                        yield iter(models)

    async def _listed(self, limit: int, choice: Choice) -> AsyncGenerator[Iterator[_Model]]:
        """The newest of each object, put in order where there are several."""
        found: list[tuple[Native, Shelf[_Model]]] = []
        async with self._org.in_use() as connector:
            listing = power(
                connector,
                SupportsNewest,
                connection=self._org.name,
                instead="list(limit=…) gives records in the CRM's own order",
            )
            if limit == 0:
                return
            shelves = await self._reader.shelves(choice.fields)
            for shelf in shelves:
                able = shelf.able
                asked = dict.fromkeys([*shelf.fields, *filter(None, (able.modified, able.created))])
                served = await listing.newest(shelf.object, [*asked], limit)
                found += [(native, shelf) for native in served.value]
        if len(shelves) > 1:
            found.sort(key=lambda one: one[1].created_at(one[0]), reverse=True)
        yield (model for native, shelf in found[:limit] for model in shelf.models([native], choice))

    async def _prepare(
        self,
        records: Iterable[_Model],
        *,
        create: bool = False,
        match: str | None = None,
        checked: bool = False,
    ) -> Sequence[_Ready]:
        """Each record as an item to write, or what keeps it from being one."""
        given = arguments.instances(records, self._model)
        if match is not None:
            arguments.text_of(match, "match")
        ready: list[_Ready] = []
        async with self._org.in_use():
            maps = await self.maps()
            for record in given:
                try:
                    ready.append(await self._ready(maps, record, create=create, match=match, checked=checked))
                except InvalidRecord as error:
                    ready.append(_Ready("", None, WriteItem(), error, record))
        return ready

    async def _ready(
        self, maps: Sequence[CompiledMap], record: _Model, *, create: bool, match: str | None, checked: bool
    ) -> _Ready:
        mapped = map_for(self._org, maps, record)
        where = Where(self._org.name, mapped.object, record.id)
        fields = await native_of(self._org, mapped, record, create=create)
        if match is not None:
            native = await match_of(self._org, mapped, match)
            return _Ready(mapped.object, native, keyed({**fields, **mapped.spec.where}, native, where))
        if create:
            if record.id and record.connection is None:
                where = Where(where.connection, where.object, None, "id")
                raise InvalidRecord(
                    "an id is given by the CRM: update changes a record that has one", where=where
                )
            return _Ready(mapped.object, None, WriteItem(fields))
        if not record.id:
            raise InvalidRecord("has no id, so nobody knows which record to update", where=where)
        if checked and not record.version:
            raise InvalidRecord("has no version to compare with", where=where)
        version = record.version if checked else None
        return _Ready(mapped.object, None, WriteItem(fields, id=record.id, if_version=version))

    async def _one(self, preparing: Awaitable[Sequence[_Ready]], operation: _Operation) -> Written:
        (ready,) = await preparing
        if ready.error is not None:
            raise ready.error
        (outcome,) = await self._write(ready.object, operation, ready.match, [ready.item])
        return self._applied(outcome, ready.object, ready.item.id)

    async def _many(self, preparing: Awaitable[Sequence[_Ready]], operation: _Operation) -> Sequence[Outcome]:
        """The items of each object together. What follows an error that stops the connector is not sent."""
        ready = await preparing
        groups: dict[tuple[str, str | None], list[int]] = {}
        outcomes: dict[int, Outcome] = {}
        for place, each in enumerate(ready):
            if each.error is not None:
                outcomes[place] = as_outcome(each.error, each.record)
            else:
                groups.setdefault((each.object, each.match), []).append(place)
        sent = False
        stopped: ConnectorError | None = None
        for (object_, match), places in groups.items():
            written: Sequence[Outcome] = [_not_sent(stopped)] * len(places)
            if stopped is None:
                try:
                    written = await self._write(object_, operation, match, [ready[at].item for at in places])
                    sent = True
                except ConnectorError as error:
                    if not sent:
                        raise
                    stopped = error
                    written = [_not_sent(stopped)] * len(places)
            outcomes |= dict(zip(places, written, strict=True))
        return [outcomes[place] for place in range(len(ready))]

    async def _write(
        self, object: str, operation: _Operation, match: str | None, items: Sequence[WriteItem]
    ) -> Sequence[Outcome]:
        """Send the items. An update that sets nothing is not sent: it would still count as a change there."""
        sent = [item for item in items if item.fields] if operation == "update" else items
        written: Iterator[Outcome] = iter(())
        if sent:
            async with self._org.in_use() as connector:
                written = iter(await connector.write(WriteRequest(object, operation, sent, match)))
        if len(sent) == len(items):
            return [*written]
        return [next(written) if item.fields else Outcome("unchanged", item.id) for item in items]

    def _applied(self, outcome: Outcome, object: str, id: str | None) -> Written:
        """A single write's outcome. Raises the error that a refusal stands for."""
        if not outcome.ok:
            raise refused(outcome, Where(self._org.name, object, id))
        status = cast("Literal['created', 'updated', 'unchanged', 'deleted']", outcome.status)
        return Written(str(outcome.id or id), status, outcome.version)

    async def _object_for(self, object: str | None) -> str:
        """The object to delete from."""
        objects = list(dict.fromkeys(mapped.object for mapped in await self.maps()))
        if object is None and len(objects) == 1:
            return objects[0]
        if object is None:
            raise Unsupported(f"{self._model.model} is in {' and '.join(objects)}", hint="say object=…")
        if object not in objects:
            raise UsageError(f"object: {object!r} holds no {self._model.model}", hint=" or ".join(objects))
        return object


@dataclass(frozen=True, slots=True)
class _Ready:
    """An item as it will be written, or why it cannot be."""

    object: str
    match: str | None
    item: WriteItem
    error: InvalidRecord | None = None
    record: Record | None = None


def _not_found(name: str, gone: Missing | None, where: Where) -> NotFound:
    """Why there is no record to give."""
    if gone is None:
        return NotFound(f"no such {name}", where=where)
    hint = f"it lives on as {gone.into}" if gone.into else None
    return NotFound(f"the {name} was {gone.life}", hint=hint, where=where)


def _not_sent(error: ConnectorError | None) -> Outcome:
    why = f"an earlier batch failed: {error.what}" if error else "an earlier batch failed"
    return Outcome("rejected", problem=Problem(NOT_SENT, why, permanent=False))


def _places(since: object, name: str, connection: str) -> dict[str, dict[str, Value]]:
    """The checkpoint of each object. Raises :class:`UsageError` for what is no checkpoint of it."""
    if since is None:
        return {}
    empty: Mapping[str, Value] = {}
    given = cast("Mapping[str, Value]", since) if isinstance(since, Mapping) else empty
    objects = given.get("objects")
    places = (
        {key: place for key, place in objects.items() if isinstance(place, dict)}
        if isinstance(objects, dict)
        else None
    )
    if given.get("of") != name or places is None or places != objects:
        raise UsageError(
            f"since: this is no checkpoint of {name}", hint="give the checkpoint of a page of its changes()"
        )
    if given.get("connection") != connection:
        raise UsageError(
            f"since: this is a checkpoint of another connection than {connection!r}",
            hint="keep one for each connection",
        )
    return places
