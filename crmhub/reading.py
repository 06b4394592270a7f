"""From a CRM's pages to models: which objects hold a model's records, and how each becomes one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Generic, TypeVar, cast

from pydantic import ValidationError

from crmhub.conditions import can_ask, conditions, modified_after
from crmhub.connector import Condition, Missing, Native, ObjectCapabilities, ReadRequest
from crmhub.directory import Directory
from crmhub.errors import BadResponse, ConfigError, InvalidRecord, NotFound, Unsupported, Where
from crmhub.mapping.compiled import CompiledMap, Unreadable
from crmhub.mapping.load import ConnectionMapping
from crmhub.models import Record
from crmhub.org import Org
from crmhub.powers import SupportsCount

__all__ = ["Choice", "Reader", "Shelf", "stages_of"]

_Model = TypeVar("_Model", bound=Record)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which records, and how much of each."""

    fields: frozenset[str] | None = None
    where: Mapping[str, object] = field(default_factory=dict[str, object])
    modified_since: datetime | None = None
    limit: int | None = None
    raw: bool = False
    on_invalid: Callable[[InvalidRecord], None] | None = None
    structures: bool = False
    """Also those fields of an object that is not mapped which can cost a call for each record."""


@dataclass(frozen=True)
class Shelf(Generic[_Model]):
    """One object that holds records of a model."""

    org: Org
    object: str
    able: ObjectCapabilities
    mapping: ConnectionMapping
    maps: Sequence[CompiledMap]
    stages: Directory | None

    @property
    def fields(self) -> tuple[str, ...]:
        """The native fields to ask for."""
        return self.mapping.fields(self.object)

    def models(
        self, natives: Sequence[Native], choice: Choice, since: datetime | None = None
    ) -> Iterator[_Model]:
        """The records as models, each made when it is asked for; those of other models are left out."""
        only = self._only
        for native in natives:
            mapped = only or self._own(native)
            if mapped is None or (since is not None and self._changed_at(native) < since):
                continue
            try:
                built = self.model(mapped, native, raw=choice.raw)
            except InvalidRecord as error:
                if choice.on_invalid is None:
                    raise
                choice.on_invalid(error)
            else:
                yield built

    def model(self, mapped: CompiledMap, native: Native, *, raw: bool = False) -> _Model:
        """One record as a model. Raises :class:`InvalidRecord`, naming the field that cannot be read."""
        able = self.able
        id_ = str(native[able.key])
        try:
            data = mapped.data(native)
            data["id"] = id_
            data["connection"] = self.org.name
            data["object"] = self.object
            if able.modified is not None:
                stamp = native.get(able.modified)
                data["version"] = None if stamp is None else str(stamp)
            if self.stages is not None:
                _tell_stage(data, self.stages)
            if raw:
                data["raw"] = native
            return mapped.validate(data)  # pyright: ignore[reportReturnType] - the maps are the model's
        except Unreadable as error:
            fault = error.faults[0]
            what, place = f"cannot be read as {fault.field}: {fault.reason}", fault.native
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(step) for step in first["loc"])
            what = f"cannot be read as {place}: {first['msg']}"
        raise InvalidRecord(what, where=Where(self.org.name, self.object, id_, place))

    @cached_property
    def _only(self) -> CompiledMap | None:
        """The map of every record of the object, where there is but one of this model."""
        return self.maps[0] if len(self.maps) == 1 and self._untold else None

    @cached_property
    def _untold(self) -> bool:
        """Whether nothing tells the object's records apart: each is one of every model mapped to it."""
        return not any(mapped.spec.where for mapped in self.mapping.of_object(self.object))

    @property
    def is_whole(self) -> bool:
        """Whether each record of the object is one of the model's."""
        return self._only is not None or self.mapping.of_object(self.object) == tuple(self.maps)

    def _own(self, native: Native) -> CompiledMap | None:
        """The map of a record, if it is one of this model's: maps of the same constants take the same."""
        mapped = self.mapping.of_record(self.object, native)
        if mapped is None:
            return None
        return next((own for own in self.maps if own.spec.where == mapped.spec.where), None)

    def created_at(self, native: Native) -> datetime:
        """When a record was made. Raises :class:`BadResponse` where the CRM tells no such time."""
        return self._time(native, self.able.created, "the creation")

    def _changed_at(self, native: Native) -> datetime:
        return self._time(native, self.able.modified, "the last change")

    def _time(self, native: Native, name: str | None, of: str) -> datetime:
        try:
            return datetime.fromisoformat(str(native.get(name or "")))
        except ValueError:
            where = Where(self.org.name, self.object, str(native.get(self.able.key)), name)
            raise BadResponse(f"the time of {of} is not one", where=where) from None


class Reader(Generic[_Model]):
    """Reads a model's records, or with ``object`` those of an object that no mapping names."""

    def __init__(self, org: Org, model: type[_Model], object: str | None = None) -> None:
        self.org = org
        self.model = model
        self._object = object

    async def maps(self) -> tuple[CompiledMap, ...]:
        """The maps behind the model. Raises :class:`ConfigError` where it is not mapped."""
        _mapping, maps = await self._mapping(None, structures=True)
        return maps

    async def objects(self) -> Sequence[str]:
        """The objects of this org that hold the model's records."""
        return [shelf.object for shelf in await self.shelves(frozenset())]

    async def shelves(
        self, fields: frozenset[str] | None = None, *, structures: bool = False
    ) -> Sequence[Shelf[_Model]]:
        """The objects that hold the model's records, with the maps of ``fields`` (``None``: all)."""
        mapping, maps = await self._mapping(fields, structures=structures)
        stages = await stages_of(self.org, maps)
        found: list[Shelf[_Model]] = []
        lacking: NotFound | None = None
        for object_ in dict.fromkeys(mapped.object for mapped in maps):
            try:
                able = await self.org.able(object_)
            except NotFound as error:  # an object that this org does not have holds no records
                lacking = error
                continue
            own = tuple(mapped for mapped in maps if mapped.object == object_)
            found.append(Shelf(self.org, object_, able, mapping, own, stages))
        if not found and lacking is not None:
            raise lacking
        return found

    async def pages(self, choice: Choice) -> AsyncGenerator[Iterator[_Model]]:
        """Pages of the chosen records, at most ``choice.limit`` in all."""
        left = choice.limit

        def counted(models: Iterator[_Model]) -> Iterator[_Model]:
            nonlocal left
            for model in models:
                yield model
                if left is not None:
                    left -= 1
                    if left == 0:
                        return

        if left == 0:
            return
        async with self.org.in_use() as connector:
            for each in await self.shelves(choice.fields):
                shelf, filters, since = await self._chosen(each, choice)
                if not shelf.maps:
                    continue
                size = None if left is None else min(left, shelf.able.page_size)
                request = ReadRequest(shelf.object, shelf.fields, filter=filters, page_size=size)
                async with aclosing(connector.read(request)) as pages:
                    async for page in pages:
                        yield counted(shelf.models(page.upserts, choice, since))
                        del page  # the caller alone holds its records while the next one comes
                        if left == 0:
                            return

    async def count(self, choice: Choice) -> int:
        """How many records there are, asked of the CRM where it can count, else counted while reading."""
        total = 0
        async with self.org.in_use() as connector:
            for each in await self.shelves(frozenset()):
                shelf, filters, since = await self._chosen(each, choice)
                if not shelf.maps:
                    continue
                constants = [mapped.spec.where for mapped in shelf.maps]
                exact = since is None and shelf.is_whole
                if isinstance(connector, SupportsCount) and exact and not all(constants):
                    total += await connector.count(shelf.object, filters)
                    continue
                request = ReadRequest(shelf.object, shelf.fields, filter=filters)
                async with aclosing(connector.read(request)) as pages:
                    async for page in pages:
                        total += sum(1 for _ in shelf.models(page.upserts, choice, since))
        return total

    async def by_ids(
        self, ids: Sequence[str], choice: Choice, gone: dict[str, Missing] | None = None
    ) -> dict[str, _Model]:
        """The records of those ids that there are, by id; ``gone`` takes what there was."""
        found: dict[str, _Model] = {}
        async with self.org.in_use() as connector:
            for shelf in await self.shelves(choice.fields, structures=choice.structures):
                asked = [id_ for id_ in dict.fromkeys(ids) if id_ not in found]
                if not asked:
                    break
                answers = await connector.get(shelf.object, asked, shelf.fields)
                for id_, answer in zip(asked, answers, strict=True):
                    record = answer.record if isinstance(answer, Missing) else answer
                    if record is not None:
                        for model in shelf.models([record], choice):
                            found[id_] = model
                    elif gone is not None and isinstance(answer, Missing) and answer.life != "unknown":
                        gone[id_] = answer
        return found

    async def _mapping(
        self, fields: frozenset[str] | None, *, structures: bool = False
    ) -> tuple[ConnectionMapping, tuple[CompiledMap, ...]]:
        if self._object is not None:
            mapping = await self.org.mapping_of_object(self._object, fields, structures=structures)
            return mapping, mapping.maps
        name = self.model.model
        mapping = await self.org.mapping((name,))
        if fields is not None:
            mapping = mapping.only(fields)
        found = mapping.of_record_model(self.model)
        if found:
            return mapping, found
        known = mapping.of_model(name)
        hint = (
            f"register the class: Hub(…, models=[{self.model.__name__}])"
            if known
            else f"add a map with model: {name} to {mapping.spec.name}"
        )
        raise ConfigError(f"{self.model.__name__} is not mapped in connection {self.org.name!r}", hint=hint)

    async def _chosen(
        self, shelf: Shelf[_Model], choice: Choice
    ) -> tuple[Shelf[_Model], tuple[Condition, ...], datetime | None]:
        """The shelf with the maps whose records can be meant, their conditions, and the time to compare with.

        An object that cannot be filtered by the time of change is read whole, and compared here.
        """
        shelf, wanted = await self._conditions(shelf, choice.where) if choice.where else (shelf, ())
        since = choice.modified_since
        if since is None or not shelf.maps:
            return shelf, wanted, None
        after = modified_after(shelf.able, since)
        if after is not None:  # by whole seconds, which every CRM can be asked for
            return shelf, (*wanted, after), since if since.microsecond else None
        if shelf.able.modified is None:
            raise Unsupported(
                f"{shelf.object} does not tell when a record was changed",
                hint="list all of them",
                where=Where(self.org.name, shelf.object),
            )
        return shelf, wanted, since

    def _unknown(self, name: str, maps: Sequence[CompiledMap], where: Where) -> Unsupported:
        """The error for a condition on what no record has under that name."""
        model, head = self.model.model, name.partition(".")[0].partition("[")[0]
        if name == "id":
            hint = "get and get_many give records by their ids"
        elif head not in {name, "custom"} and any(can_ask(mapped, head) for mapped in maps):
            hint = f"choose by {head!r}"
        else:
            return Unsupported(
                f"no record of {model} has {name} in this CRM, so none can be chosen by it",
                hint="map it, or leave that condition out",
                where=where,
            )
        return Unsupported(f"{model} cannot be chosen by {name}", hint=hint, where=where)

    async def _conditions(
        self, shelf: Shelf[_Model], where: Mapping[str, object]
    ) -> tuple[Shelf[_Model], tuple[Condition, ...]]:
        """What ``where`` means for the object, and the shelf without the maps whose records cannot meet it.

        The maps that stay must all say the same.
        """
        _mapping, maps = await self._mapping(None)
        for name in where:
            if not any(can_ask(mapped, name) for mapped in maps):
                raise self._unknown(name, maps, Where(self.org.name, shelf.object))
        found: list[tuple[Condition, ...]] = []
        fit: list[CompiledMap] = []
        whole = [mapped for mapped in maps if mapped.object == shelf.object]
        for mapped, chosen in zip(
            whole, shelf.maps, strict=True
        ):  # with all fields, and with those asked for
            meant = await conditions(self.org, mapped, shelf.able, where)
            if meant is None:
                continue
            fit.append(chosen)
            if meant not in found:
                found.append(meant)
        if len(found) > 1:
            raise Unsupported(
                f"{', '.join(where)} means different things in the records of {shelf.object}",
                hint="ask for one kind of them: connection.of(…)",
                where=Where(self.org.name, shelf.object),
            )
        return replace(shelf, maps=tuple(fit)), found[0] if found else ()


async def stages_of(org: Org, maps: Sequence[CompiledMap]) -> Directory | None:
    """The table that tells what a stage means, where records of these maps have one."""
    has_stage = any("stage" in rule.ref and rule.by for mapped in maps for rule in mapped.rules)
    return await org.directory("stage") if has_stage else None


def _tell_stage(data: dict[str, object], stages: Directory) -> None:
    """Give a deal's stage its label, and the deal the status that follows where the CRM keeps none."""
    stage = cast("dict[str, object] | None", data.get("stage"))
    entry = stages.entries.get(str(stage["id"])) if stage else None
    if stage and entry is not None:
        stage["name"] = entry.get("label")
        outcome = stages.outcome(stage["id"])
        if "status" not in data and outcome is not None:
            data["status"] = outcome
