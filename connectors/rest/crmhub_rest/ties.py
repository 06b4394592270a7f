"""Tying records to others once they are written: many in a call where the CRM takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TypeAlias

from crmhub.connector import Value
from crmhub.errors import ConnectorError
from crmhub_rest.api import Api
from crmhub_rest.language.call import Call
from crmhub_rest.language.object import Link
from crmhub_rest.links import Links, ids_in, limited
from crmhub_rest.refusals import ABOUT_RECORDS
from crmhub_rest.schemas import Described

__all__ = ["Ties"]

_Failed: TypeAlias = dict[int, ConnectorError]
_Tie: TypeAlias = tuple[int, str, str | None]
"""A record's place and id, and the id that it is tied to, or untied from; ``None``: from whatever it is."""


class Ties:
    """The links of one object, written."""

    def __init__(self, api: Api, of: Described) -> None:
        self._api = api
        self._of = of
        self._links = Links(api, of)

    async def write(self, wanted: Sequence[tuple[str, Mapping[str, Value]]], *, created: bool) -> _Failed:
        """Tie and untie until each link of each record (its id, and its links) is as it is wanted.

        By place: what the CRM says to a record that could not be tied.
        """
        failed: _Failed = {}
        for name in dict.fromkeys(name for _, links in wanted for name in links):
            link = self._of.says.links[name]
            if created and link.on_create is not None:
                continue  # the create's own body had them
            mine = {
                place: (id_, ids_in(links[name]))
                for place, (id_, links) in enumerate(wanted)
                if name in links and place not in failed
            }
            await self._one(link, mine, failed, created=created)
        return failed

    async def _one(
        self, link: Link, wanted: Mapping[int, tuple[str, Sequence[str]]], failed: _Failed, *, created: bool
    ) -> None:
        """One link of several records."""
        held: Mapping[str, Sequence[str]] = {}
        if link.read is not None and not created:
            try:
                held = await self._links.read([id_ for id_, _ in wanted.values()], link, link.read)
            except ConnectorError as error:
                failed.update(dict.fromkeys(wanted, error))
                return
        ties: list[_Tie] = []
        unties: list[_Tie] = []
        for place, (id_, ids) in wanted.items():
            there = held.get(id_, ()) if link.many else held.get(id_, ())[:1]
            ties += [(place, id_, other) for other in ids if other not in there]
            unties += [(place, id_, other) for other in there if other not in ids]
            if link.read is None and not ids and not created:
                unties.append((place, id_, None))
        await self._send(link, link.write, link.batch.get("write"), ties, failed)
        left = [one for one in unties if one[0] not in failed]
        await self._send(link, link.clear, link.batch.get("clear"), left, failed)

    async def _send(
        self, link: Link, call: Call | None, batch: Call | None, ties: Sequence[_Tie], failed: _Failed
    ) -> None:
        """In batches, if there are several; what one is refused for is found out one by one."""
        alone: list[_Tie] = [] if batch is not None and len(ties) > 1 else [*ties]
        if batch is not None and not alone:
            for start in range(0, len(ties), batch.most):
                group = ties[start : start + batch.most]
                try:
                    if not await self._together(link, batch, group):
                        alone += group
                except ABOUT_RECORDS:
                    alone += group
                except ConnectorError as error:
                    failed.update(dict.fromkeys((place for place, _, _ in group), error))
        if call is None:
            return
        by_record: dict[int, list[_Tie]] = {}
        for tie in alone:
            by_record.setdefault(tie[0], []).append(tie)
        jobs = [partial(self._in_turn, link, call, mine, failed) for mine in by_record.values()]
        await limited(jobs, self._api.concurrency)

    async def _together(self, link: Link, batch: Call, ties: Sequence[_Tie]) -> bool:
        """Whether all were taken."""
        scope = self._links.scope(link, {})
        items = [{"id": self._api.id_sent(id_), "to": self._other(other)} for _, id_, other in ties]
        response = await self._api.send(
            "links", batch, scope, items=items, idempotent=True, read=link.errors is not None
        )
        return link.errors is None or not response.content or not link.errors.get(response.json())

    async def _in_turn(self, link: Link, call: Call, ties: Sequence[_Tie], failed: _Failed) -> None:
        """One record's, in order: the first can count more than the others."""
        for place, id_, other in ties:
            scope = self._links.scope(link, {"id": self._api.id_sent(id_), "to": self._other(other)})
            try:
                await self._api.send("links", call, scope, items=[scope], idempotent=True, read=False)
            except ConnectorError as error:
                failed[place] = error
                return

    def _other(self, id: str | None) -> Value:
        return None if id is None else self._api.id_sent(id)
