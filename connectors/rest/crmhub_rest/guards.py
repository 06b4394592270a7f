"""What a read is watched for: that it advances, that it reaches everything, that declared paths are there.

A wrong path in a description rarely makes a call fail: the reply is fine, and what was meant is not in it. So
each read is compared with what its replies say of themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal
from typing import cast

from pydantic import BaseModel

from crmhub.connector import Native, Value
from crmhub.errors import BadResponse, ConfigError, Where
from crmhub_rest.language.call import Listing
from crmhub_rest.language.crm import Crm
from crmhub_rest.language.object import CrmObject
from crmhub_rest.language.paging import Paging, Place
from crmhub_rest.language.path import ABSENT, JsonPath
from crmhub_rest.language.template import PathTemplate, Template
from crmhub_rest.language.write import Write
from crmhub_rest.nowhere import nowhere
from crmhub_rest.schemas import Described

__all__ = [
    "Alive",
    "Watch",
    "dangling",
    "demand_records",
    "demand_settings",
    "demand_targets",
    "missing_way",
    "stuck",
]

_REMEMBERED = 10_000


class Watch:
    """One read from page to page. Every step raises ``BadResponse`` for what cannot be right."""

    def __init__(
        self, of: Described, role: str, listing: Listing, *, whole: bool, counted: bool = False
    ) -> None:
        """``counted``: :class:`crmhub_rest.counted.Counted` sees to it that pages lead on."""
        self._of = of
        self._role = role
        self._paging = listing.page
        self._counts = whole and listing.nested is None
        self._places: set[str] = set()
        self._last: tuple[Value, ...] = ()
        self._counted = counted
        self._totals: list[int] = []
        self.count = 0
        """Records so far."""

    def leaves_for(self, place: Place) -> None:
        """No page is asked for twice."""
        token = repr(sorted(place.items(), key=lambda item: item[0]))
        if token in self._places:
            raise stuck(self._of, self._role, "the reply leads to a page that has already been read")
        self._places.add(token)

    def came(self, rows: Sequence[Native], reply: Value) -> None:
        """A page has other records than the one before it, and says the total where it should.

        :attr:`count` is for the caller to go on with, who knows which of them are new.
        """
        ids = tuple(row.get(self._of.says.key) for row in rows)
        if ids and ids == self._last and not self._counted:
            raise stuck(self._of, self._role, "two pages in a row have the same records")
        self._last = ids
        if self._paging is None or self._paging.total is None:
            return
        total = self._paging.total.find(reply)
        if total is ABSENT:
            raise nowhere(self._paging.total, reply, self._of.name, f"{self._role}.page.total")
        if isinstance(total, int) and not isinstance(total, bool):
            self._totals.append(total)

    def ended(self, reached: int | None = None) -> None:
        """A whole read has as many records as the CRM says that there are; some may go meanwhile.

        ``reached``: how many there were up to the end of the last page, where that is known.
        """
        least = min(self._totals, default=0) if reached is None else (self._totals or [0])[-1]
        count = self.count if reached is None else reached
        if self._counts and count < least:
            raise BadResponse(
                f"the read ended after {count} records, and the CRM says that there are {least}",
                hint=f"{self._role}.page in the CRM's description ends too soon",
                where=Where(object=self._of.name),
            )

    def stopped_short(self, path: JsonPath, reply: Value) -> BadResponse:
        """The error where a page of one record, with more behind it, does not lead on either."""
        return nowhere(path, reply, self._of.name, f"{self._role}.page: the way to the next page")


def stuck(of: Described, role: str, why: str) -> BadResponse:
    """The error for a read that would go on and on."""
    return BadResponse(
        f"the read is not advancing: {why}",
        hint=f"the page token does not reach the CRM: look at {role}.page in its description",
        where=Where(object=of.name),
    )


class Alive:
    """Records that a read of changes has just given, so that a list of deletions cannot have them too."""

    def __init__(self, of: Described) -> None:
        self._of = of
        self._versions: dict[str, Value] = {}

    def came(self, rows: Sequence[Native]) -> None:
        """Remember living records, as many as it takes."""
        modified = self._of.says.modified
        for row in rows if modified is not None and len(self._versions) < _REMEMBERED else ():
            self._versions[str(row[self._of.says.key])] = row.get(str(modified))

    def demand_gone(self, rows: Sequence[Native]) -> None:
        """Raise ``BadResponse`` where several came as living a moment ago, just as they are here.

        One alone may have been deleted meanwhile.
        """
        says = self._of.says
        if says.deletes is not None and says.deletes.flag is not None:
            return  # each record says itself that it is gone
        both = [
            row
            for row in rows
            if row.get(str(says.modified)) == self._versions.get(str(row[says.key]), ABSENT)
        ]
        if len(both) > 1:
            raise BadResponse(
                f"{len(both)} records came both as living and as gone, each at the same state",
                hint="deletes.list in the CRM's description gives living records: look at its query",
                where=Where(object=self._of.name),
            )


def missing_way(paging: Paging | None, reply: Value, rows: Sequence[Native]) -> JsonPath | None:
    """The path by which the page should lead on, where the reply has nothing there at all."""
    if paging is None or not rows:
        return None
    if paging.more is not None and paging.more.find(reply) is not ABSENT:
        return None  # the reply says itself whether there is more
    last: Native = {"last": rows[-1]}
    ways = [paging.more, paging.link, *paging.next.values()]
    for way in ways:
        if way is not None and way.find(last if way.steps[:1] == ("last",) else reply) is ABSENT:
            return way
    return None


def demand_records(of: Described, raw: Sequence[Value], rows: Sequence[Native]) -> None:
    """Raise ``BadResponse`` where no record of a page has what every record must have."""
    says = of.says
    lift = says.record.lift
    if lift is not None and raw and all(isinstance(one, dict) and lift not in one for one in raw):
        raise nowhere(JsonPath(lift), raw[0], of.name, "record.lift")
    if says.changes is None or says.modified is None or not rows:
        return
    stamps = [name for name in (says.modified, says.created) if name is not None]
    if all(name not in row for row in rows for name in stamps):
        raise nowhere(JsonPath(says.modified), rows[0], of.name, "modified, the time of the last change")


def dangling(of: Described, raw: Sequence[Value], rows: Sequence[Native], asked: Sequence[str]) -> list[str]:
    """What the description names and no record of a page has, each with its key: perhaps a mistake.

    Without ``raw``, where a record came in several parts, only fields are looked at.
    """
    if not rows:
        return []
    says, links = of.says, of.says.links
    here = None if of.told is None else frozenset(asked)
    # where the CRM's metadata tells the fields, replies have what was asked for; else all that there is
    paths = _paths(says, here) if raw else ()
    found = [f"{key} {path.text}" for key, path in paths if all(_dangles(path, one) for one in raw)]
    named = {"name": says.name, "modified": says.modified, "created": says.created}
    if says.deletes is not None:
        named |= {"deletes.flag": says.deletes.flag, "deletes.merged": says.deletes.merged}
    for key, name in named.items():
        wanted = name is not None and name not in links and (here is None or name in here)
        if wanted and all(name not in row for row in rows):
            found.append(f"{key} {name}")
    told = {line.partition(" ")[2] for line in found} | {*links, *says.record.rename, *says.record.told}
    heads = dict.fromkeys(name.partition(".")[0] for name in asked)
    prefix = says.record.custom.prefix if says.record.custom is not None else ""
    silent = [
        name
        for name in heads
        if name not in told and not any({name, f"{prefix}{name}"} & set(row) for row in rows)
    ]
    return [*found, *(f"field {name}" for name in silent)]


def _paths(says: CrmObject, here: frozenset[str] | None) -> Iterator[tuple[str, JsonPath]]:
    """The paths by which fields are found in records, those of ``here`` alone where that is given."""
    record = says.record
    if record.custom is not None:
        yield "record.custom.at", JsonPath(record.custom.at)
    inner = {f"record.items.{name}": (name, JsonPath(name)) for name in record.items}
    inner |= {f"record.rename.{name}": (name, path) for name, path in record.rename.items()}
    inner |= {f"record.told.{name}.at": (name, table.at) for name, table in record.told.items()}
    for key, (name, path) in inner.items():
        if here is None or name in here:
            yield key, path


def _dangles(path: JsonPath, value: Value) -> bool:
    """Whether nothing is there; of elements of a list, that none has it although there are some."""
    found = path.find(value)
    if found != [] or "*" not in path.steps:
        return found is ABSENT
    place = path.steps.index("*")
    held = JsonPath(".".join(str(step) for step in path.steps[:place]) or ".").find(value)
    return isinstance(held, list) and bool(held)


def unheard(of: Described, row: Native, sent: Native) -> list[str]:
    """Fields of a write, where the record that its reply has shows none of them with what was sent.

    A CRM may write a value in its own way, so letters and digits are compared, whatever is between them.
    """
    names = [name for name, value in sent.items() if value is not None and name not in of.says.links]
    if not any(name in row for name in of.schema.fields if name != of.says.key):
        return []  # a reply that tells nothing but an id
    return names if names and not any(_alike(row.get(name), sent[name]) for name in names) else []


def _alike(held: Value, sent: Value) -> bool:
    if held is None or isinstance(held, dict | list) or isinstance(sent, dict | list):
        return held is not None
    if isinstance(held, Decimal | int) and isinstance(sent, Decimal | int):
        return held == sent
    return _bare(held) == _bare(sent)


def _bare(value: Value) -> str:
    return "".join(letter for letter in str(value).casefold() if letter.isalnum())


def demand_targets(path: JsonPath, rows: Sequence[Value], object: str, to: str) -> None:
    """Raise ``BadResponse`` where links came and none says what it points to."""
    if rows and all(_dangles(path, row) for row in rows):
        raise nowhere(path, rows[0], object, f"the id of a link to {to} (target)")


def demand_settings(crm: Crm, given: Collection[str]) -> None:
    """Raise ``ConfigError`` where calls need settings that have no value."""
    for name, says in crm.objects.items():
        for setting in sorted(_names(says) & crm.settings.keys()):
            if setting not in given:
                raise ConfigError(
                    f"${{{setting}}} has no value, and calls for {name} need it",
                    hint=f"set {setting} in the connection, or give it a default in the description",
                )


def _names(part: object) -> frozenset[str]:
    """The placeholders in a part of the description, but for defaults of fields, which may be left out."""
    if isinstance(part, Template | PathTemplate):
        return part.names
    parts: list[object] = []
    if isinstance(part, BaseModel):
        parts = [held for name, held in part if not (isinstance(part, Write) and name == "required")]
    elif isinstance(part, dict):
        parts = [*cast("dict[object, object]", part).values()]
    elif isinstance(part, list):
        parts = cast("list[object]", part)
    return frozenset[str]().union(*(_names(one) for one in parts))
