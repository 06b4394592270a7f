"""What an operation on a model's records will cost, before it is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from operator import add
from typing import TypeVar, get_args

from crmhub import arguments
from crmhub.document import suggest
from crmhub.errors import Unsupported, UsageError
from crmhub.models import Record
from crmhub.org import Org
from crmhub.powers import SupportsEstimate, power
from crmhub.reading import Reader
from crmhub.usage import Estimate, Operation, Planned

__all__ = ["estimated"]

_Model = TypeVar("_Model", bound=Record)

_READS = frozenset({"read", "list"})
_WRITES = frozenset({"create", "update", "upsert", "delete"})
_USUAL: Mapping[str, int] = {"get": 1, "search": 100, "count": 1}


async def estimated(
    org: Org,
    operation: Operation,
    model: type[_Model],
    object: str | None,
    records: int | None,
    fields: Iterable[str] | None,
) -> Estimate:
    """See :meth:`crmhub.connection.Connection.estimate`; ``object`` is one that no mapping names."""
    records = _checked(operation, records)
    if object is None:
        named = arguments.field_names(fields, model)
    else:
        named = None if fields is None else frozenset(arguments.texts(fields, "fields"))
    async with org.in_use() as connector:
        asked = power(connector, SupportsEstimate, connection=org.name, instead="its calls have no prices")
        reader = Reader(org, model, object)
        planned: list[Planned] = []
        for shelf in await reader.shelves(named):
            if operation in _WRITES and operation not in shelf.able.writes:
                continue
            size = None if records is None or operation not in _READS else min(records, shelf.able.page_size)
            planned.append(Planned(operation, shelf.object, records, shelf.fields, size))
        if not planned:
            raise Unsupported(f"connection {org.name!r} cannot {operation} {model.model}")
        if operation in _WRITES or (operation in _READS and records is not None):
            planned = planned[:1]  # a record is in one object, and a list begins with the first one
        return reduce(add, [await asked.estimate(one) for one in planned])


def _checked(operation: str, records: int | None) -> int | None:
    known = get_args(Operation)
    if operation not in known:
        raise UsageError(f"operation: no operation {operation!r}", hint=suggest(operation, known))
    if records is None:
        records = _USUAL.get(operation)
        if records is None and operation not in _READS:
            raise UsageError(f"records: say how many records to {operation}", hint="records=100")
        return records
    return arguments.number_of(records, "records")
