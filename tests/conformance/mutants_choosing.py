"""Mistakes in choosing records, in search, and in texts on their way into the CRM."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace

from crmhub.connector import Condition, Native, Outcome, Page, ReadRequest, Value, WriteRequest
from crmhub.testing.memory import MemoryConnector
from crmhub.testing.memory.conformance import MemoryTarget
from crmhub.testing.memory.connector import _chosen, _holds_text
from tests.conformance.mutant import mutant


class Asking(MemoryConnector):
    """Asks the CRM for something else than it was asked for."""

    asked: Callable[[Sequence[Condition]], Sequence[Condition]]

    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        changed = replace(request, filter=tuple(self.asked(request.filter)))
        async with aclosing(super().read(changed)) as pages:
            async for page in pages:
                yield page


@mutant(49, "greater is greater or equal", MemoryTarget)
class GreaterIsGreaterOrEqual(Asking):
    def asked(self, filter: Sequence[Condition]) -> Sequence[Condition]:
        return [replace(one, op="ge") if one.op == "gt" else one for one in filter]


@mutant(49, "less or equal is less", MemoryTarget)
class LessOrEqualIsLess(Asking):
    def asked(self, filter: Sequence[Condition]) -> Sequence[Condition]:
        return [replace(one, op="lt") if one.op == "le" else one for one in filter]


@mutant(49, "only the first condition counts", MemoryTarget)
class OnlyTheFirst(Asking):
    def asked(self, filter: Sequence[Condition]) -> Sequence[Condition]:
        return filter[:1]


@mutant(49, "a condition on nothing is left out", MemoryTarget)
class NothingIsLeftOut(Asking):
    def asked(self, filter: Sequence[Condition]) -> Sequence[Condition]:
        return [one for one in filter if one.value is not None]


@mutant(49, "of several values the first counts", MemoryTarget)
class FirstOfSeveral(Asking):
    def asked(self, filter: Sequence[Condition]) -> Sequence[Condition]:
        return [replace(one, value=one.value[:1]) if isinstance(one.value, list) else one for one in filter]


@mutant(49, "numbers are compared as texts", MemoryTarget)
class NumbersAsTexts(MemoryConnector):
    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        ranges = [one for one in request.filter if one.op == "ge"]
        rest = tuple(one for one in request.filter if one.op != "ge")
        names = tuple(one.field for one in ranges)
        lean = replace(request, filter=rest, fields=(*request.fields, *names))
        async with aclosing(super().read(lean)) as pages:
            async for page in pages:
                yield replace(page, upserts=[row for row in page.upserts if _as_texts(row, ranges)])


def _as_texts(row: Native, ranges: Sequence[Condition]) -> bool:
    return all(row[one.field] is not None and str(row[one.field]) >= str(one.value) for one in ranges)


@mutant(49, "counts leave conditions out", MemoryTarget)
class CountsLeaveConditionsOut(MemoryConnector):
    async def count(self, object: str, filter: Sequence[Condition] = ()) -> int:
        return await super().count(object, [one for one in filter if one.op != "in"])


@mutant(50, "search knows no limit", MemoryTarget)
class SearchWithoutLimit(MemoryConnector):
    async def search(self, object: str, text: str, fields: Sequence[str], limit: int) -> AsyncGenerator[Page]:
        async with aclosing(super().search(object, text, fields, 10 * limit)) as pages:
            async for page in pages:
                yield page


@mutant(50, "search finds what is gone", MemoryTarget)
class SearchFindsWhatIsGone(MemoryConnector):
    async def search(self, object: str, text: str, fields: Sequence[str], limit: int) -> AsyncGenerator[Page]:
        gone = [one.row for one in self.crm.gone[object].values() if _holds_text(one.row, text)]
        yield Page([_chosen(row, fields) for row in gone][:limit])
        async with aclosing(super().search(object, text, fields, limit)) as pages:
            async for page in pages:
                yield page


@mutant(50, "search gives no fields", MemoryTarget)
class SearchWithoutFields(MemoryConnector):
    async def search(self, object: str, text: str, fields: Sequence[str], limit: int) -> AsyncGenerator[Page]:
        async with aclosing(super().search(object, text, fields[:0], limit)) as pages:
            async for page in pages:
                yield page


class Spoiling(MemoryConnector):
    """Writes other values than those it is given."""

    spoilt: Callable[[Value], Value]

    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        items = [
            replace(one, fields={name: self.spoilt(value) for name, value in one.fields.items()})
            for one in request.items
        ]
        return await super().write(replace(request, items=items))


@mutant(51, "long text is cut off", MemoryTarget)
class LongTextCutOff(Spoiling):
    def spoilt(self, value: Value) -> Value:
        return value[:255] if isinstance(value, str) else value


@mutant(51, "letters beyond the first plane are lost", MemoryTarget)
class EmojiLost(Spoiling):
    def spoilt(self, value: Value) -> Value:
        return "".join(each for each in value if ord(each) < 0x10000) if isinstance(value, str) else value


@mutant(51, "zero is nothing", MemoryTarget)
class ZeroIsNothing(Spoiling):
    def spoilt(self, value: Value) -> Value:
        return None if value == 0 else value


@mutant(51, "the text that means nothing in tables is not sent", MemoryTarget)
class TableNullIsNothing(Spoiling):
    def spoilt(self, value: Value) -> Value:
        return "Nameless" if value == "#N/A" else value


@mutant(51, "text that could be a formula is made harmless", MemoryTarget)
class FormulaEscaped(Spoiling):
    def spoilt(self, value: Value) -> Value:
        return f"'{value}" if isinstance(value, str) and value.startswith("=") else value
