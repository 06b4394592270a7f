"""Mistakes with files, planted in Zoho's connector: the one in memory has none."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace

from crmhub.errors import NotFound, UnknownOutcome
from crmhub.http import Body, Sink
from crmhub.powers import Attachment
from crmhub_zoho import Connector
from tests.conformance.mutant import mutant
from tests.conformance.mutants_webhooks import hooked


class Shorter:
    """A sink that loses the last byte of each piece."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    async def begin(self) -> None:
        await self._sink.begin()

    async def write(self, chunk: bytes) -> None:
        await self._sink.write(chunk[:-1])


@mutant(53, "the last byte is lost", hooked)
class TheLastByteIsLost(Connector):
    async def download(self, object: str, record: str, file: str, into: Sink) -> None:
        await super().download(object, record, file, Shorter(into))


@mutant(53, "a download writes without beginning", hooked)
class WritesWithoutBeginning(Connector):
    async def download(self, object: str, record: str, file: str, into: Sink) -> None:
        await into.write(b"")
        await super().download(object, record, file, into)


@mutant(53, "only the newest file is listed", hooked)
class OnlyTheNewestIsListed(Connector):
    async def files(self, object: str, record: str) -> AsyncGenerator[Sequence[Attachment]]:
        async with aclosing(super().files(object, record)) as pages:
            async for page in pages:
                yield page[:1]


@mutant(53, "a file comes on two pages", hooked)
class OnTwoPages(Connector):
    async def files(self, object: str, record: str) -> AsyncGenerator[Sequence[Attachment]]:
        async with aclosing(super().files(object, record)) as pages:
            async for page in pages:
                yield page
                yield page[-1:]


@mutant(53, "names are made safe by their letters", hooked)
class AsciiNames(Connector):
    async def upload(self, object: str, record: str, name: str, content: Body) -> str:
        return await super().upload(object, record, name.encode("ascii", "replace").decode(), content)


@mutant(53, "sizes are guessed", hooked)
class SizesAreGuessed(Connector):
    async def files(self, object: str, record: str) -> AsyncGenerator[Sequence[Attachment]]:
        async with aclosing(super().files(object, record)) as pages:
            async for page in pages:
                yield [replace(file, size=1_024) for file in page]


@mutant(53, "times have no zone", hooked)
class TimesWithoutZone(Connector):
    async def files(self, object: str, record: str) -> AsyncGenerator[Sequence[Attachment]]:
        async with aclosing(super().files(object, record)) as pages:
            async for page in pages:
                yield [
                    replace(file, created=file.created and file.created.replace(tzinfo=None)) for file in page
                ]


@mutant(53, "a removed file stays", hooked)
class RemovedStays(Connector):
    async def delete_file(self, object: str, record: str, file: str) -> None:
        """Nothing."""


@mutant(53, "a file that is gone is empty", hooked)
class GoneIsEmpty(Connector):
    async def download(self, object: str, record: str, file: str, into: Sink) -> None:
        with suppress(NotFound):
            await super().download(object, record, file, into)


@mutant(53, "a file that is gone is removed again", hooked)
class GoneIsRemovedAgain(Connector):
    async def delete_file(self, object: str, record: str, file: str) -> None:
        with suppress(NotFound):
            await super().delete_file(object, record, file)


@mutant(53, "a deleted record has no files", hooked)
class DeletedHasNone(Connector):
    async def files(self, object: str, record: str) -> AsyncGenerator[Sequence[Attachment]]:
        with suppress(NotFound):
            async with aclosing(super().files(object, record)) as pages:
                async for page in pages:
                    yield page


@mutant(53, "a file is read before its size is looked at", hooked)
class ReadBeforeItsSize(Connector):
    async def upload(self, object: str, record: str, name: str, content: Body) -> str:
        async with content.open():
            return await super().upload(object, record, name, content)


@mutant(53, "a call is made before the size is looked at", hooked)
class CalledBeforeItsSize(Connector):
    async def upload(self, object: str, record: str, name: str, content: Body) -> str:
        async with aclosing(self.files(object, record)) as pages:
            await anext(pages)
        return await super().upload(object, record, name, content)


@mutant(53, "a lost upload is sent again", hooked)
class LostIsSentAgain(Connector):
    async def upload(self, object: str, record: str, name: str, content: Body) -> str:
        try:
            return await super().upload(object, record, name, content)
        except UnknownOutcome:
            return await super().upload(object, record, name, content)


@mutant(53, "a lost upload is a success", hooked)
class LostIsASuccess(Connector):
    async def upload(self, object: str, record: str, name: str, content: Body) -> str:
        try:
            return await super().upload(object, record, name, content)
        except UnknownOutcome:
            return "1"
