"""Mistakes in values, and in getting records by their ids."""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from crmhub.connector import Missing, Native, Page, ReadRequest, Value
from crmhub.testing.memory import MemoryConnector
from crmhub.testing.memory.conformance import MemoryTarget
from tests.conformance.mutant import mutant


class Spoilt(MemoryConnector):
    """Passes every row that it gives through ``row``; ``by_read`` and ``by_get`` say where."""

    by_read = True
    by_get = True

    def row(self, row: Native) -> Native:
        return row

    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        async with aclosing(super().read(request)) as pages:
            async for page in pages:
                spoilt = [self.row(row) for row in page.upserts] if self.by_read else page.upserts
                yield replace(page, upserts=spoilt)

    async def get(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> Sequence[Native | Missing]:
        found = await super().get(object, ids, fields)
        return [self.row(one) if isinstance(one, dict) and self.by_get else one for one in found]


def texts(row: Native, change: Callable[[str], Value]) -> Native:
    """The row with its free texts changed."""
    return {
        name: change(value) if name in {"name", "notes"} and isinstance(value, str) else value
        for name, value in row.items()
    }


@mutant(22, "text is squeezed into ASCII", MemoryTarget)
class Ascii(Spoilt):
    def row(self, row: Native) -> Native:
        return texts(row, lambda text: text.encode("ascii", "replace").decode())


@mutant(22, "text is normalised", MemoryTarget)
class Normalised(Spoilt):
    def row(self, row: Native) -> Native:
        return texts(row, lambda text: unicodedata.normalize("NFC", text))


@mutant(22, "long text is cut by get", MemoryTarget)
class Cut(Spoilt):
    by_read = False

    def row(self, row: Native) -> Native:
        return texts(row, lambda text: text[:32_000])


@mutant(22, "only the plane of two bytes is understood", MemoryTarget)
class TwoBytes(Spoilt):
    def row(self, row: Native) -> Native:
        return texts(row, lambda text: "".join(char for char in text if ord(char) < 0x10000))


@mutant(22, "the text NA is nothing", MemoryTarget)
class NotAvailable(Spoilt):
    def row(self, row: Native) -> Native:
        return texts(row, lambda text: None if text in {"NA", "null"} else text)


@mutant(22, "text that looks like a number is one", MemoryTarget)
class NumberFromText(Spoilt):
    by_get = False

    def row(self, row: Native) -> Native:
        return texts(row, lambda text: Decimal(text) if text.replace(".", "").isdigit() else text)


@mutant(23, "empty fields are left out", MemoryTarget)
class LeftOut(Spoilt):
    def row(self, row: Native) -> Native:
        return {name: value for name, value in row.items() if value is not None}


@mutant(23, "null becomes empty text", MemoryTarget)
class NullIsEmpty(Spoilt):
    def row(self, row: Native) -> Native:
        return {name: "" if value is None else value for name, value in row.items()}


@mutant(23, "empty text becomes null by get", MemoryTarget)
class EmptyIsNull(Spoilt):
    by_read = False

    def row(self, row: Native) -> Native:
        return {name: None if value == "" else value for name, value in row.items()}


def times(row: Native, change: Callable[[datetime], Value]) -> Native:
    """The row with its instant changed."""
    value = row.get("meets")
    return {**row, "meets": change(datetime.fromisoformat(str(value)))} if value else row


@mutant(24, "the zone is cut off", MemoryTarget)
class ZoneCutOff(Spoilt):
    def row(self, row: Native) -> Native:
        return times(row, lambda time: time.replace(tzinfo=None).isoformat())


@mutant(24, "the zone is taken for another", MemoryTarget)
class ZoneMistaken(Spoilt):
    def row(self, row: Native) -> Native:
        return times(row, lambda time: time.replace(tzinfo=None).isoformat() + "+00:00")


@mutant(24, "days move to the day before", MemoryTarget)
class DayBefore(Spoilt):
    def row(self, row: Native) -> Native:
        closes = row.get("closes")
        day = closes and (date.fromisoformat(str(closes)) - timedelta(days=1)).isoformat()
        return {**row, "closes": day}


@mutant(24, "the time of change is local", MemoryTarget)
class StampIsLocal(Spoilt):
    def row(self, row: Native) -> Native:
        stamp = datetime.fromisoformat(str(row["modified_at"])) + timedelta(hours=2)
        return {**row, "modified_at": stamp.isoformat()}


def amounts(row: Native, change: Callable[[Decimal], Value]) -> Native:
    """The row with its amount changed."""
    value = row.get("amount")
    return {**row, "amount": change(value)} if isinstance(value, Decimal) else row


@mutant(25, "amounts are floats", MemoryTarget)
class Floats(Spoilt):
    def row(self, row: Native) -> Native:
        return amounts(row, float)


@mutant(25, "amounts went through a short float", MemoryTarget)
class ThroughFloat(Spoilt):
    def row(self, row: Native) -> Native:
        return amounts(row, lambda amount: Decimal(f"{float(amount):.10g}"))


@mutant(25, "amounts are rounded by get", MemoryTarget)
class Rounded(Spoilt):
    by_read = False

    def row(self, row: Native) -> Native:
        return amounts(row, lambda amount: amount.quantize(Decimal(1)))


@mutant(25, "the currency is lost", MemoryTarget)
class CurrencyLost(Spoilt):
    def row(self, row: Native) -> Native:
        return {**row, "currency": None} if "currency" in row else row


@mutant(26, "missing records are left out", MemoryTarget)
class MissingLeftOut(MemoryConnector):
    async def get(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> Sequence[Native | Missing]:
        return [one for one in await super().get(object, ids, fields) if isinstance(one, dict)]


@mutant(26, "records come in the CRM's order", MemoryTarget)
class CrmsOrder(MemoryConnector):
    async def get(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> Sequence[Native | Missing]:
        return await super().get(object, sorted(ids), fields)


@mutant(26, "only the first batch is asked for", MemoryTarget)
class FirstBatchOnly(MemoryConnector):
    async def get(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> Sequence[Native | Missing]:
        found = await super().get(object, ids[:100], fields)
        return [*found, *(Missing(id_) for id_ in ids[100:])]


@mutant(26, "deleted records are found", MemoryTarget)
class DeletedFound(MemoryConnector):
    async def get(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> Sequence[Native | Missing]:
        gone = self.crm.gone[object]
        found = await super().get(object, ids, fields)
        return [gone[id_].row if id_ in gone else one for id_, one in zip(ids, found, strict=True)]
