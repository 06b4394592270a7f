"""References that are not fields of the record, read for a page at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

import anyio

from crmhub.connector import Native, Value
from crmhub.errors import BadResponse, NotFound, Where
from crmhub.http import Response
from crmhub_rest.api import Api
from crmhub_rest.either import point
from crmhub_rest.guards import demand_targets
from crmhub_rest.language.call import Call
from crmhub_rest.language.object import Link
from crmhub_rest.language.path import ABSENT
from crmhub_rest.refusals import refused
from crmhub_rest.schemas import Described

__all__ = ["Links", "ids_in", "limited"]


class Links:
    """The links of one object."""

    def __init__(self, api: Api, of: Described) -> None:
        self._api = api
        self._of = of

    async def fill(self, rows: Sequence[Native], links: Mapping[str, Link]) -> None:
        """Put each link's ids into the rows, and what stands in one of several fields."""
        for name, link in links.items():
            if link.read is None or not rows:
                continue
            found = await self.read([str(row[self._of.says.key]) for row in rows], link, link.read)
            for row in rows:
                ids = found.get(str(row[self._of.says.key]), [])
                row[name] = [*ids] if link.many else (ids[0] if ids else None)
        point(self._of.says, rows)

    def scope(self, link: Link, values: Mapping[str, Value]) -> dict[str, Value]:
        """What the placeholders of a link's calls stand for."""
        words: Native = {**self._of.says.words, **link.words}
        return self._api.scope(self._of.name, {"target": link.to, "words": words, **values})

    async def read(self, ids: Sequence[str], link: Link, call: Call) -> dict[str, list[str]]:
        """The ids that each record is tied to, by its own; the first is the one that counts."""
        found: dict[str, list[str]] = {}
        if call.each or "ids" in call.names:
            for start in range(0, len(ids), call.most):
                await self._together(ids[start : start + call.most], link, call, found)
            return found
        await limited(
            [lambda id_=id_: self._alone(id_, link, call, found) for id_ in ids], self._api.concurrency
        )
        return found

    async def _together(
        self, ids: Sequence[str], link: Link, call: Call, found: dict[str, list[str]]
    ) -> None:
        items: list[Native] = [{"id": self._api.id_sent(id_)} for id_ in ids]
        while items:
            scope = self.scope(link, {"ids": [item["id"] for item in items]})
            response = await self._api.send("links", call, scope, items=items, idempotent=True)
            self._demand_read(link, response)
            before, items = items, []
            rows = self._api.rows("links", call, scope, response)
            demand_targets(link.target, rows, self._of.name, link.to)
            for row in rows:
                source = link.source.text_in(row) if link.source is not None else None
                if source is None:
                    raise BadResponse(
                        "a link came without the record that it belongs to",
                        hint="source in the CRM's description says where that is",
                        where=Where(object=self._of.name),
                    )
                _take(row, link, found.setdefault(source, []))
                if (after := _after(row, link)) is not None:
                    items.append({"id": self._api.id_sent(source), "after": after})
            self._demand_advance([item for item in items if item in before])

    async def _alone(self, id: str, link: Link, call: Call, found: dict[str, list[str]]) -> None:
        after: Value = None
        while True:
            place: Native = {} if after is None else {"after": after}
            scope = self.scope(link, {"id": self._api.id_sent(id), **place})
            try:
                response = await self._api.send("links", call, scope, idempotent=True)
            except NotFound:
                return  # the record has gone meanwhile
            rows = self._api.rows("links", call, scope, response)
            demand_targets(link.target, rows, self._of.name, link.to)
            for row in rows:
                _take(row, link, found.setdefault(id, []))
            before, after = after, _after(response.json(), link)
            if after is None:
                return
            self._demand_advance([after] if after == before else [])

    def _demand_read(self, link: Link, response: Response) -> None:
        """Raise the first refusal in the reply that says more than that there is nothing."""
        listed = link.errors.get(response.json()) if link.errors is not None else None
        for entry in listed if isinstance(listed, list) else ():
            crm = self._api.crm
            error = refused(crm, 400, entry, f"{crm.title} does not tell the links of a record")
            if not isinstance(error, NotFound):
                raise error.at(object=self._of.name)

    def _demand_advance(self, again: Sequence[Value]) -> None:
        if again:
            raise BadResponse(
                "the links of a record are not advancing: the same place comes again",
                hint="after in the CRM's description does not reach the CRM",
                where=Where(object=self._of.name),
            )


def ids_in(value: Value) -> list[str]:
    """The ids that a link's value holds."""
    items = value if isinstance(value, list) else [value]
    return [str(item) for item in items if isinstance(item, str | int) and item != ""]


async def limited(jobs: Sequence[Callable[[], Awaitable[None]]], at_once: int) -> None:
    """Do all jobs, so many at a time; the first that fails stops the others."""
    slots = anyio.Semaphore(at_once)

    async def one(job: Callable[[], Awaitable[None]]) -> None:
        async with slots:
            await job()

    errors: list[Exception] = []

    async def kept(job: Callable[[], Awaitable[None]]) -> None:
        try:
            await one(job)
        except Exception as error:  # noqa: BLE001 - raised again below, out of the task group
            errors.append(error)
            tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        for job in jobs:
            tasks.start_soon(kept, job)
    if errors:
        raise errors[0]


def _take(row: Value, link: Link, ids: list[str]) -> None:
    """Put the ids that a row points to behind those that are there, and what goes first before them."""
    found = link.target.find(row)
    targets = [] if found is ABSENT else ids_in(found)
    known = frozenset(ids)
    ids += [id_ for id_ in dict.fromkeys(targets) if id_ not in known]
    for path, wanted in link.first.items():
        marks = path.get(row)
        listed = marks if isinstance(marks, list) else [marks]
        for id_, mark in zip(targets, listed, strict=False):
            if wanted == mark or (isinstance(mark, list) and wanted in mark):
                ids.remove(id_)
                ids.insert(0, id_)


def _after(row: Value, link: Link) -> Value:
    return link.after.get(row) if link.after is not None else None
