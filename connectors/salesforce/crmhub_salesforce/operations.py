"""What agents ask of an org by name: ``get_accounts``, ``search_records``, … by a server's tool or by REST.

A tool chooses the records; what is in them is read by a query, so that a record is the same by each tier.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from crmhub.connector import Native, Value
from crmhub.errors import BadRequest
from crmhub_salesforce.schema import Described
from crmhub_salesforce.schemas import Schemas
from crmhub_salesforce.soql import quoted, select
from crmhub_salesforce.tiers.mcp import Mcp
from crmhub_salesforce.tiers.rest import Rest

__all__ = ["USUAL", "Operations"]

USUAL = 5
"""Records, where nobody says how many."""
_ORG = "SELECT Id, Name, OrganizationType, InstanceName, IsSandbox FROM Organization"
_LAST = ("LastModifiedDate", "Id")


@dataclass(frozen=True, slots=True)
class _Shown:
    """What is shown of an object; ``filters`` are arguments' fields, with whether a part will do."""

    object: str
    fields: Sequence[str]
    filters: Mapping[str, tuple[str, bool]] = field(default_factory=dict[str, tuple[str, bool]])


_LISTS: Mapping[str, _Shown] = {
    "get_accounts": _Shown(
        "Account",
        ("Name", "Type", "Industry", "AnnualRevenue", "Phone", "Website", "OwnerId", "LastModifiedDate"),
        {"account_name": ("Name", True)},
    ),
    "get_opportunities": _Shown(
        "Opportunity",
        ("Name", "StageName", "Amount", "CloseDate", "Probability", "AccountId", "OwnerId",
         "LastModifiedDate"),
        {"account_name": ("Account.Name", True), "stage": ("StageName", False)},
    ),
    "get_contacts": _Shown(
        "Contact",
        ("Name", "Email", "Phone", "Title", "AccountId", "OwnerId", "LastModifiedDate"),
        {"account_name": ("Account.Name", True)},
    ),
}  # fmt: skip
_SEARCHED: Sequence[_Shown] = (
    *_LISTS.values(),
    _Shown("Lead", ("Name", "Company", "Email", "Phone", "Status", "OwnerId", "LastModifiedDate")),
)


class Operations:
    """Operations by name, with arguments that have been checked."""

    def __init__(self, mcp: Mcp, rest: Rest, schemas: Schemas) -> None:
        self._mcp = mcp
        self._rest = rest
        self._schemas = schemas

    async def by_mcp(self, operation: str, given: Mapping[str, Value]) -> Sequence[Native]:
        """By the server's tool, and its query tool for what is in the records."""
        most = most_of(given)
        if shown := _LISTS.get(operation):
            of = await self._schemas.of(shown.object)
            names = _names(of, shown.fields)
            rows = await self._mcp.chosen(operation, {**given, "limit": most}, {of.name: (of, names)}, most)
            return [row for _, row in rows]
        match operation:
            case "search_records":
                _check_words(given)
                found = await self._mcp.chosen(operation, {**given, "limit": most}, await self._all(), most)
                return [{"attributes": {"type": kind}, **row} for kind, row in found]
            case "run_soql_query":
                return await self._mcp.first(str(given["soql_query"]), most)
            case _:
                return await self._mcp.ask(operation, given)

    async def by_rest(self, operation: str, given: Mapping[str, Value]) -> Sequence[Native]:
        """The records changed last that meet the filters; those that hold the words; rows of a query; the
        org itself.
        """
        most = most_of(given)
        if shown := _LISTS.get(operation):
            of = await self._schemas.of(shown.object)
            where = [
                f"{name} LIKE {_part(str(given[argument]))}"
                if part
                else f"{name} = {quoted(str(given[argument]))}"
                for argument, (name, part) in shown.filters.items()
                if argument in given
            ]
            names = _names(of, shown.fields)
            return await self._rows(
                select(names, of.name, where, order=_LAST, newest_first=True, limit=most), most
            )
        match operation:
            case "search_records":
                _check_words(given)
                fields = {kind: names for kind, (_, names) in (await self._all()).items()}
                return await self._rest.search(str(given["search_term"]), fields, most)
            case "run_soql_query":
                return await self._rows(str(given["soql_query"]), most)
            case _:
                return await self._rows(_ORG, 1)

    async def _rows(self, soql: str, most: int) -> list[Native]:
        found: list[Native] = []
        async with aclosing(self._rest.pages(soql, None, most=most)) as pages:
            async for rows in pages:
                found += rows
                if len(found) >= most:
                    break
        return found[:most]

    async def _all(self) -> dict[str, tuple[Described, Sequence[str]]]:
        """What is shown of each object that is searched."""
        found: dict[str, tuple[Described, Sequence[str]]] = {}
        for shown in _SEARCHED:
            of = await self._schemas.of(shown.object)
            found[of.name] = (of, _names(of, shown.fields))
        return found


def most_of(given: Mapping[str, Value]) -> int:
    """How many records are asked for."""
    limit = given.get("limit", USUAL)
    return limit if isinstance(limit, int) else USUAL


def _names(of: Described, fields: Sequence[str]) -> Sequence[str]:
    """Those fields that the org has, and the currency of amounts where it has several."""
    return ("Id", *(name for name in (*fields, "CurrencyIsoCode") if of.has(name)))


def _part(text: str) -> str:
    """A pattern for LIKE that is met by what holds the text."""
    escaped = re.sub(r"([%_])", r"\\\1", quoted(text)[1:-1])
    return f"'%{escaped}%'"


def _check_words(given: Mapping[str, Value]) -> None:
    if len(str(given["search_term"]).strip()) < 2:
        raise BadRequest("Salesforce searches for at least two characters")
