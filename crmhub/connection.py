"""A connection: one CRM org, its connector and its mapping, and the records behind them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Sequence
from contextlib import aclosing
from typing import Generic, Literal, TypeAlias, TypeVar

import anyio

from crmhub.clock import Clock
from crmhub.connector import (
    Capabilities,
    Connector,
    Missing,
    Native,
    ObjectCapabilities,
    ObjectSchema,
    Outcome,
    ReadRequest,
    WriteItem,
    WriteRequest,
)
from crmhub.directory import Directory, read_directory
from crmhub.document import suggest
from crmhub.errors import ConfigError, InvalidRecord, NotFound, Unsupported, Where
from crmhub.mapping.codecs.base import CodecError
from crmhub.mapping.compiled import CompiledMap, Pointer, Values
from crmhub.mapping.load import ConnectionMapping
from crmhub.mapping.rules import MappingSpec, Rule
from crmhub.models import Account, ActivityBase, Contact, Deal, Record, Ref, User, UserRef

__all__ = ["Connection", "Records"]

_Model = TypeVar("_Model", bound=Record)
_Build: TypeAlias = Callable[[Native, bool], _Model | None]


class Connection:
    """One CRM org by name. Nothing is imported, opened or sent before it is used.

    ``accounts``, ``contacts``, ``deals``, ``activities`` and ``users`` are its records as canonical
    models; :meth:`of` gives those of a model of your own.
    """

    def __init__(
        self,
        name: str,
        kind: str,
        connect: Callable[[], Connector],
        load: Callable[[], MappingSpec],
        clock: Clock,
    ) -> None:
        self.name = name
        self.clock = clock
        self.kind = kind
        """The connector's name."""
        self._connect = connect
        self._load = load
        self._connector: Connector | None = None
        self._spec: MappingSpec | None = None
        self._schemas: dict[str, ObjectSchema] = {}
        self._mapping: ConnectionMapping | None = None
        self._capabilities: Capabilities | None = None
        self._directories: dict[str, Directory | None] = {}
        self._lock = anyio.Lock()

    @property
    def connector(self) -> Connector:
        """The connector, made on first use. Raises :class:`ConfigError` when its settings are wrong."""
        if self._connector is None:
            self._connector = self._connect()
        return self._connector

    @property
    def spec(self) -> MappingSpec:
        """The parsed mapping, loaded on first use. Raises :class:`MappingError`."""
        if self._spec is None:
            self._spec = self._load()
        return self._spec

    @property
    def accounts(self) -> Records[Account]:
        """Companies."""
        return self.of(Account)

    @property
    def contacts(self) -> Records[Contact]:
        """People, leads among them."""
        return self.of(Contact)

    @property
    def deals(self) -> Records[Deal]:
        """Deals."""
        return self.of(Deal)

    @property
    def activities(self) -> Records[ActivityBase]:
        """Tasks, meetings, calls and notes."""
        return self.of(ActivityBase)

    @property
    def users(self) -> Records[User]:
        """The CRM's users."""
        return self.of(User)

    def of(self, model: type[_Model]) -> Records[_Model]:
        """The records of a model: a built-in one, a subclass that a mapping names, or one of your own."""
        return Records(self, model)

    async def capabilities(self) -> Capabilities:
        """What the connector can do, asked once."""
        if self._capabilities is None:
            self._capabilities = await self.connector.capabilities()
        return self._capabilities

    async def able(self, object: str) -> ObjectCapabilities:
        """What can be done with one object. Raises :class:`NotFound` where the CRM has none such."""
        objects = (await self.capabilities()).objects
        if object not in objects:
            raise NotFound(
                f"no object {object!r}", hint=suggest(object, objects), where=Where(connection=self.name)
            )
        return objects[object]

    async def schema(self, object: str) -> ObjectSchema:
        """The object's fields, described once a connection's life."""
        if object not in self._schemas:
            self._schemas[object] = await self.connector.describe(object)
        return self._schemas[object]

    async def mapping(self, models: Iterable[str] | None = None) -> ConnectionMapping:
        """The compiled mapping; custom fields of the named models (``None``: all) are bound to the schema."""
        wanted = set(models) if models is not None else None
        async with self._lock:
            fresh = False
            for entry in self.spec.maps:
                known = entry.custom is None or entry.object in self._schemas
                if known or (wanted and entry.model not in wanted):
                    continue
                if entry.object in (await self.capabilities()).objects:  # else this org does not have it
                    await self.schema(entry.object)
                    fresh = True
            if self._mapping is None or fresh:
                self._mapping = ConnectionMapping(self.spec, self._schemas)
            return self._mapping

    async def directory(self, model: str) -> Directory | None:
        """The table of a small model (user, stage, pipeline), read once; ``None`` where it is not mapped."""
        if model not in self._directories:
            maps = (await self.mapping((model,))).of_model(model)
            self._directories[model] = await read_directory(self.connector, maps, model) if maps else None
        return self._directories[model]

    def forget_directories(self) -> None:
        """Read users, stages and pipelines again at the next look-up."""
        self._directories.clear()

    async def aclose(self) -> None:
        """Close the connector, if it was ever made."""
        if self._connector is not None:
            await self._connector.aclose()
            self._connector = None


class Records(Generic[_Model]):
    """The records of one model in one connection."""

    def __init__(self, connection: Connection, model: type[_Model]) -> None:
        self._connection = connection
        self._model = model

    async def maps(self) -> tuple[CompiledMap, ...]:
        """The maps behind the model. Raises :class:`ConfigError` where it is not mapped."""
        mapping = await self._connection.mapping((self._model.model,))
        found = mapping.of_record_model(self._model)
        if found:
            return found
        same_name = mapping.of_model(self._model.model)
        hint = (
            f"register the class: Hub(…, models=[{self._model.__name__}])"
            if same_name
            else f"add a map with model: {self._model.model} to {mapping.spec.name}"
        )
        raise ConfigError(
            f"{self._model.__name__} is not mapped in connection {self._connection.name!r}", hint=hint
        )

    async def list(self, *, limit: int | None = None, raw: bool = False) -> AsyncGenerator[_Model]:
        """Every record, as models; ``raw`` keeps the native record on each."""
        left = limit
        async with aclosing(self._natives()) as pages:
            async for page, build in pages:
                for record in page:  # one at a time: a page of models at once is dear to collect
                    if left is not None and left <= 0:
                        return
                    built = build(record, raw)
                    if built is not None:
                        left = None if left is None else left - 1
                        yield built

    async def pages(self, *, raw: bool = False) -> AsyncGenerator[Sequence[_Model]]:
        """Every record, a page at a time."""
        async with aclosing(self._natives()) as pages:
            async for page, build in pages:
                records = [built for record in page if (built := build(record, raw)) is not None]
                if records:
                    yield records

    async def _natives(
        self,
    ) -> AsyncGenerator[tuple[Sequence[Native], Callable[[Native, bool], _Model | None]]]:
        """Pages of native records, each with what makes a model of one (``None``: not of this model)."""
        maps = await self.maps()
        mapping = await self._connection.mapping((self._model.model,))
        for object_ in dict.fromkeys(mapped.object for mapped in maps):
            able = await self._connection.able(object_)
            build = self._builder(object_, able, mapping, maps, await self._stages(maps))
            request = ReadRequest(object_, mapping.fields(object_))
            async with aclosing(self._connection.connector.read(request)) as pages:
                async for page in pages:
                    yield page.upserts, build

    def _builder(
        self,
        object_: str,
        able: ObjectCapabilities,
        mapping: ConnectionMapping,
        maps: Collection[CompiledMap],
        stages: Directory | None,
    ) -> _Build[_Model]:
        def build(record: Native, raw: bool) -> _Model | None:
            mapped = mapping.of_record(object_, record)
            if mapped is None or mapped not in maps:
                return None
            return self._build(mapped, record, able, stages, raw=raw)

        return build

    async def _stages(self, maps: Iterable[CompiledMap]) -> Directory | None:
        """The table of stages where records of these maps are in one: it tells what a stage means."""
        if any("stage" in rule.ref and rule.by for mapped in maps for rule in mapped.rules):
            return await self._connection.directory("stage")
        return None

    async def get(self, id: str, *, raw: bool = False) -> _Model:
        """The record of that id. Raises :class:`NotFound`."""
        maps = await self.maps()
        for mapped in maps:
            able = await self._connection.able(mapped.object)
            (found,) = await self._connection.connector.get(mapped.object, [id], mapped.fields)
            if not isinstance(found, Missing) and mapped.accepts(found):
                return self._build(mapped, found, able, await self._stages(maps), raw=raw)
        where = Where(self._connection.name, maps[0].object, id)
        raise NotFound(f"no such {self._model.model}", where=where)

    async def create(self, record: _Model) -> str:
        """Create the record; returns its id. Raises the error that the CRM's refusal stands for."""
        mapped = await self._map_for(record)
        fields = await self._native(mapped, record, create=True)
        outcome = await self._write(mapped, "create", WriteItem(fields))
        return str(outcome.id)

    async def update(self, id: str, changes: _Model, *, if_version: str | None = None) -> None:
        """Write exactly the fields that ``changes`` sets; ``None`` clears.

        With ``if_version`` raises :class:`Conflict` when the record has changed since.
        """
        mapped = await self._map_for(changes)
        fields = await self._native(mapped, changes, create=False)
        await self._write(mapped, "update", WriteItem(fields, id=id, if_version=if_version))

    async def delete(self, id: str, *, object: str | None = None) -> None:
        """Delete the record; one that is gone already is no error."""
        maps = await self.maps()
        objects = list(dict.fromkeys(mapped.object for mapped in maps))
        if object is None and len(objects) > 1:
            raise Unsupported(f"{self._model.model} is in {' and '.join(objects)}", hint="say object=…")
        mapped = next(mapped for mapped in maps if object in {None, mapped.object})
        await self._write(mapped, "delete", WriteItem(id=id))

    def _build(
        self,
        mapped: CompiledMap,
        native: Native,
        able: ObjectCapabilities,
        stages: Directory | None,
        *,
        raw: bool,
    ) -> _Model:
        values, faults = mapped.read_or_faults(native)
        id_ = str(native[able.key])
        if faults:
            fault = faults[0]
            where = Where(self._connection.name, mapped.object, id_, fault.native)
            raise InvalidRecord(f"cannot be read as {fault.field}: {fault.reason}", where=where)
        stamp = native.get(able.modified) if able.modified else None
        envelope: dict[str, object] = {
            "id": id_,
            "connection": self._connection.name,
            "object": mapped.object,
            "version": None if stamp is None else str(stamp),
            "vendor": mapped.literals(native),
        }
        if raw:
            envelope["raw"] = native
        if stages is not None:
            envelope |= _stage_meaning(values, stages)
        values.pop("id", None)  # the envelope has it
        built = mapped.build(values, **envelope)
        assert isinstance(built, self._model)  # noqa: S101 - the maps were chosen by this class
        return built

    async def _map_for(self, record: _Model) -> CompiledMap:
        for mapped in await self.maps():
            held = {name: getattr(record, name, None) for name in mapped.spec.constants}
            if isinstance(record, mapped.spec.record) and held == dict(mapped.spec.constants):
                return mapped
        raise ConfigError(
            f"no map of connection {self._connection.name!r} takes this {type(record).__name__}",
            hint="look at the set: of its maps",
        )

    async def _native(self, mapped: CompiledMap, record: _Model, *, create: bool) -> Native:
        try:
            values = mapped.flatten(record)
            for rule in mapped.rules:
                if (rule.ref and values.get(rule.path.text) is not None) or rule.kind == "user":
                    await self._point(rule, record, values)
            today = self._connection.clock.now().date()
            return mapped.write(values, create=create, today=today).fields
        except CodecError as error:
            where = Where(self._connection.name, mapped.object, record.id)
            raise InvalidRecord(f"cannot be written: {error}", where=where) from None

    async def _point(self, rule: Rule, record: _Model, values: Values) -> None:
        """Turn a reference into a pointer; a user without an id is looked up by e-mail or name."""
        text = rule.path.text
        if text not in values:
            return
        held: object = getattr(record, rule.path.head)
        if isinstance(held, UserRef) and held.id is None:
            directory = await self._connection.directory(rule.ref[0])
            found = directory and (directory.find("email", held.email) or directory.find("name", held.name))
            if not found:
                raise CodecError(f"{text}: no such user in this CRM")
            values[text] = Pointer(found)
        elif values[text] is not None:
            values[text] = Pointer(str(values[text]), await self._object_of(rule, held))

    async def _object_of(self, rule: Rule, held: object) -> str | None:
        """The object that a reference to one of several models points to."""
        if rule.type is None or not isinstance(held, Ref):
            return None
        maps = (await self._connection.mapping((held.model,))).of_model(held.model)
        if held.model not in rule.ref or not maps:
            raise CodecError(f"{rule.path.text}: say which it is: model {' or '.join(rule.ref)}")
        return maps[0].object

    async def _write(
        self, mapped: CompiledMap, operation: Literal["create", "update", "delete"], item: WriteItem
    ) -> Outcome:
        (outcome,) = await self._connection.connector.write(WriteRequest(mapped.object, operation, [item]))
        if not outcome.ok:
            raise refused(outcome, Where(self._connection.name, mapped.object, outcome.id or item.id))
        return outcome


def _stage_meaning(values: Values, stages: Directory) -> dict[str, object]:
    """A deal's stage with its label, and the status that follows from it where the CRM keeps none."""
    id_ = values.get("stage")
    entry = stages.entries.get(str(id_))
    if entry is None:
        return {}
    meaning: dict[str, object] = {"stage": {"model": "stage", "id": id_, "name": entry.get("label")}}
    if "status" not in values and entry.get("outcome") is not None:
        meaning["status"] = entry["outcome"]
    return meaning


def refused(outcome: Outcome, where: Where) -> Exception:
    """The error that an outcome that is not ``ok`` stands for."""
    from crmhub.errors import Conflict, UnknownOutcome

    problem = outcome.problem
    message = problem.message if problem else outcome.status
    code = problem.code if problem else None
    if outcome.status == "conflict":
        return Conflict(message, where=where, code=code, hint="read it again, then write")
    if outcome.status == "unknown":
        return UnknownOutcome(message, where=where, code=code, hint="read it back before you send it again")
    place = Where(where.connection, where.object, where.record, problem.field if problem else None)
    return InvalidRecord(message, where=place, code=code)
