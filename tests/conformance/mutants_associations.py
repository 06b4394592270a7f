"""Mistakes in references to many records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from crmhub.connector import Missing, Native, Outcome, WriteRequest
from crmhub.testing.memory import MemoryConnector
from crmhub.testing.memory.conformance import MemoryTarget
from tests.conformance.mutant import mutant
from tests.conformance.mutants_contents import Spoilt


class Cut(Spoilt):
    """Gives so many of a record's team."""

    most = 100

    def row(self, row: Native) -> Native:
        team = row.get("team")
        return {**row, "team": team[: self.most]} if isinstance(team, list) else row


@mutant(27, "references end where the record's own list does", MemoryTarget)
class Inline(Cut):
    pass


@mutant(27, "get gives the first page of references", MemoryTarget)
class FirstPage(Cut):
    by_read = False


@mutant(27, "one reference of many", MemoryTarget)
class One(Cut):
    most = 1


@mutant(27, "references come twice", MemoryTarget)
class Twice(Spoilt):
    def row(self, row: Native) -> Native:
        team = row.get("team")
        return {**row, "team": [*team, *team]} if isinstance(team, list) else row


class Writes(MemoryConnector):
    """Changes what is written to a team."""

    def team(self, held: Sequence[str], wanted: Sequence[str]) -> list[str]:
        return [*wanted]

    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        items = list(request.items)
        for place, item in enumerate(items):
            wanted = item.fields.get("team")
            if isinstance(wanted, list) and item.id is not None:
                (found,) = await self.get(request.object, [item.id], ["team"])
                held = found.get("team") if not isinstance(found, Missing) else None
                ids = self.team(
                    [str(one) for one in held] if isinstance(held, list) else [], [str(one) for one in wanted]
                )
                items[place] = replace(item, fields={**item.fields, "team": [*ids]})
        return await super().write(replace(request, items=items))


@mutant(27, "written references are added to those that are there", MemoryTarget)
class Adds(Writes):
    def team(self, held: Sequence[str], wanted: Sequence[str]) -> list[str]:
        return list(dict.fromkeys([*held, *wanted]))


@mutant(27, "an empty list of references changes nothing", MemoryTarget)
class Kept(Writes):
    def team(self, held: Sequence[str], wanted: Sequence[str]) -> list[str]:
        return [*wanted] or [*held]
