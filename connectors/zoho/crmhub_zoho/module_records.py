"""The records of one module as dicts of Zoho's own fields, whole, by the tier that is right for each call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal, TypeAlias, cast

from crmhub import arguments
from crmhub.connection import Connection
from crmhub.connector import Native, Value, WriteItem, WriteRequest
from crmhub.errors import UsageError, Where
from crmhub.models import Account, CustomObject, Deal, UserRef
from crmhub.records import Written
from crmhub.routing import CallContext, routed
from crmhub.writing import refused

__all__ = ["Filters", "ModuleRecords"]

Filters: TypeAlias = Mapping[str, object] | None
"""``status`` (an account's rating; ``open``, ``won`` or ``lost`` of a deal), ``owner`` (a user's id or
e-mail), ``modified_since`` (a datetime with its zone, or its text). One that is ``None`` is left out."""

_Data: TypeAlias = Mapping[str, object]

_FILTERS = ("status", "modified_since", "owner")
_NEWEST = 2_000  # a list of the newest has no more
_MODELS: Mapping[str, type[Account] | type[Deal]] = {"Accounts": Account, "Deals": Deal}
_OUTCOMES = ("open", "won", "lost")
_STATUS = {"Accounts": "rating", "Deals": "status"}


class ModuleRecords:
    """One module by one connection.

    Every dict has all fields of its record that a list can show: what a query has found is read by id, since
    a query shows no more of a lookup than its id. ``context`` and ``tier`` say who gives the records.
    """

    def __init__(self, connection: Connection, module: str) -> None:
        self._connection = connection
        self._module = module
        self._records = connection.object(module)

    async def get(self, id: str, context: CallContext = "agent") -> Native:
        """The record, with what only a single one shows. Raises ``NotFound``."""
        with routed(context):
            return _native(await self._records.get(id, raw=True))

    async def bulk_get(self, ids: Iterable[str]) -> list[Native]:
        """Those of the ids that there are, in order, in batches of 100."""
        return await self._whole(ids, "bulk")

    async def list(
        self, filters: Filters = None, limit: int | None = 50, context: CallContext = "agent"
    ) -> list[Native]:
        """Those that meet all filters, in order of id; without any the newest. ``limit`` ``None``: all.

        Raises ``UsageError`` for a filter that there is not.
        """
        return await self._chosen(filters, arguments.limit_of(limit), context)

    async def query(self, filters: Filters = None, tier: str | None = None) -> list[Native]:
        """All that meet the filters; the tier, where one is named, gives their records."""
        return await self._chosen(filters, None, "bulk", tier)

    async def of(self, field: str, id: str, limit: int | None, context: CallContext) -> list[Native]:
        """Those whose lookup ``field`` is the record of that id, in order of id."""
        where = {field: arguments.identifier(id)}
        return await self._whole(
            [str(one.id) async for one in self._records.list(where=where, fields=(), limit=limit)], context
        )

    async def search(self, text: str, limit: int = 50, context: CallContext = "agent") -> list[Native]:
        """Those in which the words occur; what is new is found after Zoho's indexing delay."""
        with routed(context):
            return [_native(one) async for one in self._records.search(text, limit=limit, raw=True)]

    async def create(self, data: _Data, context: CallContext = "agent") -> Written:
        """A new record of those fields; what comes back has its ``id``."""
        return await self._write("create", data, context)

    async def update(self, id: str, data: _Data, context: CallContext = "agent") -> Written:
        """Write those fields, and no others; ``None`` clears."""
        return await self._write("update", data, context, arguments.identifier(id))

    async def _chosen(
        self, filters: Filters, limit: int | None, context: CallContext, tier: str | None = None
    ) -> list[Native]:
        where, since = _conditions(filters, self._module)
        if not where and since is None and limit is not None and limit <= _NEWEST:
            with routed(context, tier=tier):
                return [_native(one) async for one in self._records.newest(limit, raw=True)]
        mapped = self._connection.of(_MODELS[self._module])
        found = mapped.list(where=where, modified_since=since, fields=(), limit=limit)
        return await self._whole([str(one.id) async for one in found], context, tier)

    async def _whole(self, ids: Iterable[str], context: CallContext, tier: str | None = None) -> list[Native]:
        with routed(context, tier=tier):
            found = await self._records.get_many(ids, raw=True)
        return [_native(one) for one in found if one is not None]

    async def _write(
        self, operation: Literal["create", "update"], data: _Data, context: CallContext, id: str | None = None
    ) -> Written:
        fields = cast("dict[str, Value]", dict(arguments.named(data, "data")))
        if not fields:
            raise UsageError(
                "data: there is nothing to write", hint="give the fields to set, by Zoho's names"
            )
        request = WriteRequest(self._module, operation, [WriteItem(fields, id=id)])
        async with self._connection.in_use() as connector:
            with routed(context):
                (outcome,) = await connector.write(request)
        if not outcome.ok:
            raise refused(outcome, Where(self._connection.name, self._module, id))
        done: Literal["created", "updated"] = "created" if operation == "create" else "updated"
        return Written(str(outcome.id or id), done, outcome.version)


def _conditions(filters: Filters, module: str) -> tuple[dict[str, object], datetime | None]:
    """The filters as conditions on canonical records, and since when these must have changed."""
    given = {name: value for name, value in arguments.named(filters, "filters").items() if value is not None}
    unknown = next((name for name in given if name not in _FILTERS), None)
    if unknown is not None:
        raise UsageError(f"filters: there is no filter {unknown!r}", hint=f"filters: {', '.join(_FILTERS)}")
    where: dict[str, object] = {}
    if "status" in given:
        where[_STATUS[module]] = _status(given["status"], module)
    if "owner" in given:
        owner = given["owner"]
        where["owner"] = UserRef(email=owner) if isinstance(owner, str) and "@" in owner else owner
    return where, _instant(given.get("modified_since"))


def _status(given: object, module: str) -> object:
    """A rating as it is; what a deal has come to, however it is written."""
    if module != "Deals":
        return given
    outcome = str(given).lower()
    if outcome not in _OUTCOMES:
        raise UsageError(
            "status: a deal's is not that", hint=f"one of {', '.join(_OUTCOMES)}; a stage is none"
        )
    return outcome


def _instant(given: object) -> datetime | None:
    """A time, also as the text in which Zoho writes one."""
    if isinstance(given, str):
        try:
            given = datetime.fromisoformat(given)
        except ValueError:
            raise UsageError(
                "modified_since: this is no time", hint="2026-01-31T00:00:00+00:00, or a datetime"
            ) from None
    return arguments.instant(given, "modified_since")


def _native(record: CustomObject) -> Native:
    return cast("Native", dict(record.raw or {}))
