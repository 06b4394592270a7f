"""The contract, answered for a CRM that lives in memory."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from decimal import Decimal
from math import ceil
from typing import ClassVar

from crmhub.connector import (
    NOT_SENT,
    Capabilities,
    Check,
    Checkpoint,
    Condition,
    ConnectorConfig,
    Context,
    Incremental,
    Missing,
    Native,
    ObjectCapabilities,
    ObjectSchema,
    Outcome,
    Page,
    Problem,
    ReadRequest,
    Value,
    WriteItem,
    WriteRequest,
)
from crmhub.errors import AuthError, BadRequest, ConnectorError, NotFound, UnknownOutcome, Where
from crmhub.powers import Power
from crmhub.testing.memory.config import MemoryConfig
from crmhub.testing.memory.crm import MemoryCrm, Tombstone, number_of
from crmhub.usage import Estimate, Planned

__all__ = ["MemoryConnector"]

_ALWAYS = ("id", "created_at", "modified_at", "change")
_WRITE_BATCH = 100
_POWERS = frozenset({Power.COUNT, Power.ESTIMATE, Power.SEARCH})


class MemoryConnector:
    """One connection to a CRM in memory; without ``crm`` it has one of its own."""

    Config: ClassVar[type[ConnectorConfig]] = MemoryConfig

    def __init__(self, config: MemoryConfig, context: Context, crm: MemoryCrm | None = None) -> None:
        self._config = config
        self._context = context
        self.crm = crm or MemoryCrm(config, context.clock)

    @property
    def records(self) -> dict[str, dict[str, Native]]:
        """The CRM's live rows, by object and id."""
        return self.crm.records

    async def capabilities(self) -> Capabilities:
        """Every object can do everything; changes are numbered, so the cursor has no ties."""
        sync_key = self._config.sync_key
        able = ObjectCapabilities(
            name="name", modified="modified_at", created="created_at", page_size=self._config.page_size,
            write_batch=_WRITE_BATCH, incremental=Incremental("change"), deletes="feed",
            writes=frozenset({"create", "update", "upsert", "delete"}),
            sync_key=sync_key, upsert_keys=(sync_key,) if sync_key else (), filters=frozenset({"*"}),
            create_safety="upsert" if sync_key else "unique_read", guarded=True,
        )  # fmt: skip
        return Capabilities(dict.fromkeys(self.crm.fields, able), _POWERS)

    async def check(self) -> Sequence[Check]:
        """Whether the CRM lets us in."""
        try:
            self._sign_in()
        except AuthError as error:
            return [Check("memory", ok=False, detail=error.what, mend=error.hint or "")]
        return [Check("memory", ok=True)]

    async def describe(self, object: str) -> ObjectSchema:
        """The fields of the object as they are now."""
        self._known(object)
        async with self.crm.wire(f"DESCRIBE {object}"):
            return ObjectSchema(object, self.crm.specs(object), object)

    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        """Rows and deletions in the order of their changes, up to what had changed when the read began."""
        self._known(request.object, [*request.fields, *(part.field for part in request.filter)])
        since = _change(request.since)
        until = max(since, self.crm.changes)
        entries = self.crm.changed(request.object, since)
        size = request.page_size or self._config.page_size
        for start in range(0, len(entries), size):
            async with self.crm.wire(f"READ {request.object}"):
                part = entries[start : start + size]
            last = part[-1]
            yield Page(
                [
                    _chosen(row, request.fields)
                    for row in part
                    if isinstance(row, dict) and _meets(row, request.filter)
                ],
                [one.deletion for one in part if isinstance(one, Tombstone) and request.since is not None],
                {"change": last.change if isinstance(last, Tombstone) else number_of(last)},
            )
        yield Page((), (), {"change": until})

    async def get(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> Sequence[Native | Missing]:
        """The records of the ids, in order."""
        self._known(object, fields)
        async with self.crm.wire(f"GET {object}"):
            rows = self.crm.records[object]
            return [
                _chosen(rows[id_], fields)
                if id_ in rows
                else Missing(id_, "deleted" if id_ in self.crm.gone[object] else "unknown")
                for id_ in ids
            ]

    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        """Each item on its own: one bad item costs one item, one lost reply costs its batch."""
        self._known(request.object)
        outcomes: list[Outcome] = []
        for start in range(0, len(request.items), _WRITE_BATCH):
            batch = request.items[start : start + _WRITE_BATCH]
            try:
                async with self.crm.wire(f"WRITE {request.object}"):
                    done = [self._write(request, item) for item in batch]
            except UnknownOutcome:
                done = [Outcome("unknown", item.id) for item in batch]
            except ConnectorError as error:
                if not outcomes:
                    raise
                stopped = Problem(NOT_SENT, error.what, permanent=False)
                return [*outcomes, *(Outcome("rejected", problem=stopped) for _ in request.items[start:])]
            outcomes += done
        return outcomes

    async def count(self, object: str, filter: Sequence[Condition] = ()) -> int:
        """How many live records meet all conditions."""
        self._known(object, [part.field for part in filter])
        async with self.crm.wire(f"COUNT {object}"):
            return sum(_meets(row, filter) for row in self.crm.records[object].values())

    async def search(self, object: str, text: str, fields: Sequence[str], limit: int) -> AsyncGenerator[Page]:
        """Records that hold the text in any field, case aside."""
        self._known(object, fields)
        async with self.crm.wire(f"SEARCH {object}"):
            found = [
                _chosen(row, fields) for row in self.crm.records[object].values() if _holds_text(row, text)
            ]
        yield Page(found[:limit])

    async def estimate(self, planned: Planned) -> Estimate:
        """Calls; each is a unit."""
        self._known(planned.object, planned.fields)
        size, calls = planned.page_size or self._config.page_size, 1
        if planned.operation in {"read", "list"}:
            records = await self.count(planned.object) if planned.records is None else planned.records
            calls = ceil(records / size)
        elif planned.operation in {"create", "update", "upsert", "delete"}:
            calls = ceil((planned.records or 0) / _WRITE_BATCH)
        return Estimate(calls, calls, "calls", f"pages of {size}, {_WRITE_BATCH} records a write")

    async def aclose(self) -> None:
        """Nothing to let go of."""

    def _write(self, request: WriteRequest, item: WriteItem) -> Outcome:
        rows = self.crm.records[request.object]
        if request.operation == "delete":
            self.crm.remove(request.object, item.id or "")
            return Outcome("deleted", item.id)
        fields = item.fields if request.match is None else {request.match: item.key, **item.fields}
        present = rows.get(item.id or "")
        if request.operation == "upsert":
            present = next((row for row in rows.values() if row.get(request.match or "") == item.key), None)
        if present is None and request.operation == "update":
            return Outcome("rejected", problem=Problem("not_found", "no such record", missing=True))
        if present and item.if_version is not None and item.if_version != present["modified_at"]:
            return Outcome("conflict", str(present["id"]), problem=Problem("changed", "changed meanwhile"))
        problem = self.crm.refusal(request.object, fields, present)
        if problem is not None:
            return Outcome("rejected", problem=problem)
        if present and all(present.get(name) == value for name, value in fields.items()):
            return Outcome("unchanged", str(present["id"]), str(present["modified_at"]))
        row = self._store(request.object, {**(present or {}), **fields})
        return Outcome("updated" if present else "created", str(row["id"]), str(row["modified_at"]))

    def _store(self, object: str, row: Native) -> Native:
        return self.crm.store(object, row)

    def _sign_in(self) -> None:
        if self._config.password != self.crm.password:
            where = Where(connection=self._context.connection)
            raise AuthError("the CRM does not know this password", where=where, hint="set another password")

    def _known(self, object: str, fields: Sequence[str] = ()) -> None:
        """Raises for a wrong password, an unknown object, an unknown field."""
        self._sign_in()
        where = Where(connection=self._context.connection, object=object)
        if object not in self.crm.fields:
            raise NotFound("no such object", where=where, hint=f"known: {', '.join(self.crm.fields)}")
        specs = self.crm.specs(object)
        for name in fields:
            if name not in specs:
                where = Where(self._context.connection, object, field=name)
                raise BadRequest("no such field", where=where, hint=f"known: {', '.join(specs)}")


def _change(since: Checkpoint | None) -> int:
    value = (since or {}).get("change", 0)
    return value if isinstance(value, int) else 0


def _chosen(row: Native, fields: Sequence[str]) -> Native:
    return {name: row.get(name) for name in dict.fromkeys((*_ALWAYS, *fields))}


def _holds_text(row: Native, text: str) -> bool:
    wanted = text.casefold()
    return any(isinstance(value, str) and wanted in value.casefold() for value in row.values())


def _meets(row: Native, conditions: Sequence[Condition]) -> bool:
    return all(_holds(row.get(condition.field), condition) for condition in conditions)


def _holds(value: Value, condition: Condition) -> bool:
    wanted = condition.value
    if condition.op == "eq":
        return value == wanted
    if condition.op == "in":
        return isinstance(wanted, list) and value in wanted
    if value is None or wanted is None:
        return False
    if isinstance(value, int | Decimal) and isinstance(wanted, int | Decimal):
        return {"ge": value >= wanted, "gt": value > wanted, "le": value <= wanted, "lt": value < wanted}[
            condition.op
        ]
    left, right = str(value), str(wanted)
    return {"ge": left >= right, "gt": left > right, "le": left <= right, "lt": left < right}[condition.op]
