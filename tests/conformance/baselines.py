"""Connectors without mistakes that read in other ways than the one in memory; mutants are made of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar, cast

from crmhub.connector import (
    Capabilities,
    ConnectorConfig,
    Context,
    Deletion,
    Incremental,
    Native,
    Outcome,
    Page,
    Problem,
    ReadRequest,
    Value,
    WriteItem,
    WriteRequest,
)
from crmhub.errors import BadResponse
from crmhub.testing.memory import MemoryConnector
from crmhub.testing.memory.conformance import _OBJECTS, MemoryOrg, MemoryTarget
from crmhub.testing.memory.connector import _chosen, _meets
from tests.conformance.tiered import ReadingOnly, Tiered

LAG = 60.0


def stamp_of(row: Native) -> datetime:
    return datetime.fromisoformat(str(row["modified_at"]))


def selected(connector: MemoryConnector, request: ReadRequest) -> list[Native]:
    """The live rows that meet the filter."""
    rows = connector.crm.records[request.object].values()
    return [row for row in rows if _meets(row, request.filter)]


class Stamped(MemoryConnector):
    """Follows time of change and id, and looks back by the lag, as most connectors have to."""

    async def capabilities(self) -> Capabilities:
        able = await super().capabilities()
        objects = {
            name: replace(one, incremental=Incremental("modified_at", LAG))
            for name, one in able.objects.items()
        }
        return replace(able, objects=objects)

    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        self._known(request.object, request.fields)
        since = dict(request.since or {"from": None, "at": None, "gone": None})
        gone = self.crm.changes
        while True:
            async with self.crm.wire(f"READ {request.object}"):
                rows = sorted(selected(self, request), key=lambda row: (stamp_of(row), str(row["id"])))
                rows = [row for row in rows if self.is_after(row, since)]
                size = request.page_size or self._config.page_size
                part = rows[:size]
            if part:
                since["at"] = [str(part[-1]["modified_at"]), str(part[-1]["id"])]
            if len(rows) <= size:
                break
            yield Page([_chosen(row, request.fields) for row in part], (), dict(since))
        end = {"from": self.reached(since), "at": None, "gone": gone}
        yield Page([_chosen(row, request.fields) for row in part], self.deletions(request, since), end)

    def is_after(self, row: Native, since: Mapping[str, Value]) -> bool:
        """Whether the row comes after where the read stands."""
        if since["at"]:
            stamp, id_ = cast("list[str]", since["at"])
            return (stamp_of(row), str(row["id"])) > (datetime.fromisoformat(stamp), id_)
        if since["from"] is None:
            return True
        return stamp_of(row) >= datetime.fromisoformat(str(since["from"])) - timedelta(seconds=LAG)

    def reached(self, since: Mapping[str, Value]) -> Value:
        """The newest time of change that was seen."""
        stamps = [str(since["from"])] if since["from"] else []
        stamps += [cast("list[str]", since["at"])[0]] if since["at"] else []
        return max(stamps, key=datetime.fromisoformat, default=None)

    def deletions(self, request: ReadRequest, since: Mapping[str, Value]) -> Sequence[Deletion]:
        """What was deleted since the last read ended."""
        if since["gone"] is None:
            return ()
        stones = self.crm.gone[request.object].values()
        return [one.deletion for one in stones if one.change > int(str(since["gone"]))]


class PagedOrg(MemoryOrg):
    """A CRM that gives pages by token, may give short ones, and may give the same one for ever."""

    short = False
    looping = False

    def fault(self, *rules: str) -> None:
        self.looping = "loop_token" in rules
        super().fault(*(rule for rule in rules if rule != "loop_token"))

    def shorten_pages(self) -> None:
        self.short = True

    def make(self, config: ConnectorConfig, context: Context) -> MemoryConnector:
        connector = super().make(config, context)
        if isinstance(connector, Paged):
            connector.org = self
        return connector


class Paged(MemoryConnector):
    """Reads page after page by the token that the CRM gives."""

    org: PagedOrg

    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        since = int(str((request.since or {}).get("change", 0)))
        until = self.crm.changes
        size = request.page_size or self._config.page_size
        token: int | None = since
        while token is not None:
            async with self.crm.wire(f"READ {request.object}"):
                rows, gone, following = self.page_at(request, token, size, until)
            self.look_at(token, following)
            yield Page(rows, gone if request.since is not None else (), {"change": following or until})
            token = following if self.goes_on(rows, size) else None

    def page_at(
        self, request: ReadRequest, token: int, size: int, until: int
    ) -> tuple[list[Native], list[Deletion], int | None]:
        """What the CRM answers: rows and deletions after the token, and the next token."""
        live = {number(row): row for row in selected(self, request)}
        stones = {one.change: one.deletion for one in self.crm.gone[request.object].values()}
        places = sorted(place for place in (*live, *stones) if token < place <= until)
        taken = places[: max(1, size // 2) if self.org.short else size]
        rows = [_chosen(live[place], request.fields) for place in taken if place in live]
        gone = [stones[place] for place in taken if place in stones]
        following = taken[-1] if len(taken) < len(places) else None
        return rows, gone, token if self.org.looping and token else following

    def look_at(self, token: int, following: int | None) -> None:
        """Raise for a token that leads back to where it came from."""
        if token == following:
            raise BadResponse("the CRM gives the same page again", hint="report it to the vendor")

    def goes_on(self, rows: Sequence[Native], size: int) -> bool:
        """Whether to ask for the next page, if there is a token for one."""
        del rows, size
        return True


def number(row: Native) -> int:
    """The number of the row's last change."""
    return int(str(row["change"]))


class CappedOrg(MemoryOrg):
    """A CRM whose own paging would end after 30 records."""

    cap: ClassVar[int | None] = 30


class KeyedOrg(MemoryOrg):
    """A CRM whose deals have parents."""

    def __init__(self, connector: type[MemoryConnector], settings: Mapping[str, Value] | None = None) -> None:
        fields: Native = {
            **cast("Native", _OBJECTS["deals"]),
            "parent": {"type": "ref", "refers_to": "deals"},
        }
        super().__init__(connector, {"objects": {**_OBJECTS, "deals": fields}, **(settings or {})})


class KeyedTarget(MemoryTarget):
    """Parents may be given by their codes."""

    sample = replace(MemoryTarget.sample, by_key=("parent.code", "parent"))


class Keyed(MemoryConnector):
    """Knows parents by their codes too."""

    def _write(self, request: WriteRequest, item: WriteItem) -> Outcome:
        if "parent.code" not in item.fields:
            return super()._write(request, item)
        code = item.fields["parent.code"]
        parent = None if code is None else self.parent_of(request.object, str(code))
        if code is not None and parent is None:
            return self.unknown(request, item)
        fields = {name: value for name, value in item.fields.items() if name != "parent.code"}
        return self.refer(request, replace(item, fields=fields), parent)

    def parent_of(self, object: str, code: str) -> str | None:
        """The id of the record with that code."""
        rows = self.crm.records[object].items()
        return next((id_ for id_, row in rows if row.get("code") == code), None)

    def unknown(self, request: WriteRequest, item: WriteItem) -> Outcome:
        """What becomes of an item whose parent is not there."""
        del request, item
        return Outcome(
            "rejected", problem=Problem("no_such_reference", "nobody has this code", "parent.code")
        )

    def refer(self, request: WriteRequest, item: WriteItem, parent: str | None) -> Outcome:
        """Write the item with its parent."""
        return super()._write(request, replace(item, fields={**item.fields, "parent": parent}))


def stamped(connector: type[MemoryConnector]) -> MemoryTarget:
    """A target for connectors that follow stamps."""
    return MemoryTarget(connector)


def paged(connector: type[MemoryConnector]) -> MemoryTarget:
    """A target whose CRM pages by token."""
    return MemoryTarget(connector, org=PagedOrg)


def keyed(connector: type[MemoryConnector]) -> MemoryTarget:
    """A target whose records have parents, that may be given by their codes."""
    return KeyedTarget(connector, org=KeyedOrg)


def capped(connector: type[MemoryConnector]) -> MemoryTarget:
    """A target whose CRM's paging has an end."""
    return MemoryTarget(connector, org=CappedOrg)


BASELINES: dict[str, MemoryTarget] = {
    "memory": MemoryTarget(),
    "stamped": stamped(Stamped),
    "paged": paged(Paged),
    "capped": capped(MemoryConnector),
    "tiered": MemoryTarget(Tiered),
    "keyed": keyed(Keyed),
    "tiered, one for reading only": MemoryTarget(ReadingOnly),
}
"""Targets that pass everything that applies to them; together every check of the kit applies."""
