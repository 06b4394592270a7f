"""A CRM that lives in memory: the smallest whole connector.

It keeps plain dicts in Python, follows the contract to the letter, and serves unit tests and the
authors' guide. ``rows`` may be given in the configuration; timestamps come from the clock.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import ClassVar

from crmhub.connector import (
    Capabilities,
    Check,
    Checkpoint,
    Condition,
    ConnectorConfig,
    Context,
    Deletion,
    FieldSpec,
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
from crmhub.errors import NotFound, Where

__all__ = ["MemoryConfig", "MemoryConnector"]


class MemoryConfig(ConnectorConfig):
    """``objects`` names each object's fields and their types; ``rows`` are records to begin with."""

    objects: dict[str, dict[str, str]] = {}
    rows: dict[str, list[dict[str, str | int | bool | None]]] = {}
    sync_key: str | None = None
    page_size: int = 200


class MemoryConnector:
    """See the module. ``records`` holds the live rows, ``deleted`` the tombstones, in order of change."""

    Config: ClassVar[type[ConnectorConfig]] = MemoryConfig

    def __init__(self, config: MemoryConfig, context: Context) -> None:
        self._config = config
        self._context = context
        self._changes = 0
        self.records: dict[str, dict[str, Native]] = {name: {} for name in config.objects}
        self.deleted: dict[str, dict[str, Deletion]] = {name: {} for name in config.objects}
        for object_, rows in config.rows.items():
            for row in rows:
                self._store(object_, dict(row))

    async def capabilities(self) -> Capabilities:
        """Every object can do everything; changes are numbered, so the cursor has no ties."""
        sync_key = self._config.sync_key
        able = ObjectCapabilities(
            name="name", modified="modified_at", created="created_at", page_size=self._config.page_size,
            incremental=Incremental("change"), deletes="feed",
            writes=frozenset({"create", "update", "upsert", "delete"}),
            sync_key=sync_key, upsert_keys=(sync_key,) if sync_key else (), filters=frozenset({"*"}),
            create_safety="upsert" if sync_key else "unique_read",
        )  # fmt: skip
        return Capabilities(dict.fromkeys(self._config.objects, able))

    async def check(self) -> Sequence[Check]:
        """Memory asks for no permission."""
        return [Check("memory", ok=True)]

    async def describe(self, object: str) -> ObjectSchema:
        """The fields of the configuration."""
        self._rows(object)
        fields = {
            name: FieldSpec(name, "text" if kind == "text" else "json", label=name)
            for name, kind in self._config.objects[object].items()
        }
        return ObjectSchema(object, fields, object)

    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        """Records in order of change; deletions come with the last page."""
        rows = self._rows(request.object)
        since = _change(request.since)
        found = sorted(
            (row for row in rows.values() if _number(row) > since and _meets(row, request.filter)),
            key=_number,
        )
        gone = [entry for entry in self.deleted[request.object].values() if not request.filter]
        size = request.page_size or self._config.page_size
        for start in range(0, len(found), size):
            page = found[start : start + size]
            yield Page([_chosen(row, request.fields) for row in page], (), {"change": _number(page[-1])})
        yield Page((), gone if request.since is not None else (), {"change": self._changes})

    async def get(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> Sequence[Native | Missing]:
        """The records of the ids, in order."""
        rows = self._rows(object)
        return [
            _chosen(rows[id_], fields)
            if id_ in rows
            else Missing(id_, "deleted" if id_ in self.deleted[object] else "unknown")
            for id_ in ids
        ]

    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        """Each item on its own: one bad item costs one item."""
        self._rows(request.object)
        return [self._write(request, item) for item in request.items]

    async def aclose(self) -> None:
        """Nothing to let go of."""

    def _write(self, request: WriteRequest, item: WriteItem) -> Outcome:
        rows = self.records[request.object]
        unknown = [name for name in item.fields if name not in self._config.objects[request.object]]
        if unknown:
            return _rejected("unknown_field", f"no field {unknown[0]}", unknown[0])
        if request.operation == "delete":
            gone = rows.pop(item.id or "", None)
            if gone is not None:
                self._changes += 1
                self.deleted[request.object][str(gone["id"])] = Deletion(
                    str(gone["id"]), self._context.clock.now()
                )
            return Outcome("deleted", item.id)
        present = rows.get(item.id or "")
        if request.operation == "upsert":
            present = next((row for row in rows.values() if row.get(request.match or "") == item.key), None)
        if present is None:
            if request.operation == "update":
                return _rejected("not_found", "no such record", None)
            return self._stored(request, item, {}, "created")
        if item.if_version is not None and item.if_version != present.get("modified_at"):
            return Outcome("conflict", str(present["id"]), problem=Problem("changed", "changed meanwhile"))
        if all(present.get(name) == value for name, value in item.fields.items()):
            return Outcome("unchanged", str(present["id"]), str(present["modified_at"]))
        return self._stored(request, item, present, "updated")

    def _stored(self, request: WriteRequest, item: WriteItem, present: Native, status: str) -> Outcome:
        keyed: Native = {request.match: item.key} if request.match else {}
        row = self._store(request.object, {**present, **keyed, **item.fields})
        return Outcome(
            "created" if status == "created" else "updated", str(row["id"]), str(row["modified_at"])
        )

    def _store(self, object: str, row: Native) -> Native:
        self._changes += 1
        now = self._context.clock.now().isoformat()
        row = {"id": f"{object}-{self._changes}", "created_at": now} | row
        row |= {"modified_at": now, "change": self._changes}
        self.records[object][str(row["id"])] = row
        self.deleted[object].pop(str(row["id"]), None)
        return row

    def _rows(self, object: str) -> dict[str, Native]:
        if object not in self.records:
            where = Where(connection=self._context.connection, object=object)
            raise NotFound("no such object", where=where, hint=f"known: {', '.join(self.records)}")
        return self.records[object]


def _change(since: Checkpoint | None) -> int:
    value = (since or {}).get("change", 0)
    return value if isinstance(value, int) else 0


def _number(row: Native) -> int:
    value = row["change"]
    return value if isinstance(value, int) else 0


def _chosen(row: Native, fields: Sequence[str]) -> Native:
    keep = {"id", "created_at", "modified_at", *fields}
    return {name: row.get(name) for name in keep}


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
    left, right = (str(value), str(wanted))
    return {"ge": left >= right, "gt": left > right, "le": left <= right, "lt": left < right}[condition.op]


def _rejected(code: str, message: str, field: str | None) -> Outcome:
    return Outcome("rejected", problem=Problem(code, message, field))
