"""Check 53: files attached to records."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import cast

from crmhub.errors import BadRequest, ConnectorError, NotFound, UnknownOutcome
from crmhub.powers import Attachment, Power, SupportsFiles
from crmhub.testing.conformance.check import Need, check
from crmhub.testing.conformance.expect import expect
from crmhub.testing.conformance.target import NotHere, Org, Sample

__all__: list[str] = []

_BYTES = bytes(range(256)) * 1_000
_NAMES = ("plan.txt", "Angebot März 日本.bin", "no suffix")
_HOSTILE = ("../../escape.txt", "/etc/passwd", "a\\..\\b.txt", 'quo"te\r\nX-Evil: 1.txt', "", ".")
_HUGE = 1 << 40
_SEVERAL = 12


class _Pieces:
    """A body of a call; ``opened`` counts how often it was begun to be sent."""

    def __init__(self, content: bytes, size: int | None = None) -> None:
        self.size = len(content) if size is None else size
        self.opened = 0
        self._content = content

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[AsyncIterator[bytes]]:
        self.opened += 1
        yield self._each()

    async def _each(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._content), 50_000):
            yield self._content[start : start + 50_000]


class _Kept:
    """A sink; ``begun`` counts bodies."""

    def __init__(self) -> None:
        self.begun = 0
        self.content = b""

    async def begin(self) -> None:
        self.begun += 1
        self.content = b""

    async def write(self, chunk: bytes) -> None:
        expect(self.begun > 0, "bytes are written into a sink that was not told that they begin")
        self.content += chunk


@check(
    53,
    "files round trip",
    Need("the connector has no files", lambda able, _: Power.FILES in able.powers),
)
async def files_round_trip(org: Org, sample: Sample) -> None:
    """Every byte comes back, under its name, until the file is removed; what is too large is never sent."""
    record, other, gone = await org.insert(sample.object, sample.rows(3))
    await org.remove(sample.object, gone)
    filing = _filing(org)
    for name in _NAMES:
        await _comes_back(org, sample.object, record, name, _BYTES)
    await _comes_back(org, sample.object, record, "looks like a form.txt", b"\r\n--boundary--\r\n")
    await _empty(org, sample.object, record)
    await _all_are_listed(filing, sample.object, record, other)
    await _hostile(org, sample.object, record)
    await _missing(org, sample.object, record, gone)
    await _too_large(org, sample.object, record)
    await _never_twice(org, sample.object, other)


def _filing(org: Org) -> SupportsFiles:
    connector = org.connect()
    expect(isinstance(connector, SupportsFiles), "the power is declared, and its methods are not there")
    return cast("SupportsFiles", connector)


async def _listed(filing: SupportsFiles, object: str, record: str) -> dict[str, Attachment]:
    found: list[Attachment] = []
    async with aclosing(filing.files(object, record)) as pages:
        async for page in pages:
            found += page
    expect(len({file.id for file in found}) == len(found), "a file is listed twice")
    return {file.id: file for file in found}


async def _content(filing: SupportsFiles, object: str, record: str, file: str) -> bytes:
    sink = _Kept()
    await filing.download(object, record, file, sink)
    expect(sink.begun > 0, "a download ends without a word to the sink that it begins")
    return sink.content


async def _comes_back(org: Org, object: str, record: str, name: str, content: bytes) -> None:
    """Sent, listed, fetched by another connection, removed."""
    filing = _filing(org)
    before = await _listed(filing, object, record)
    file = await filing.upload(object, record, name, _Pieces(content))
    found = await _listed(_filing(org), object, record)
    expect(set(found) == {*before, file}, "upload() gives an id that is not the one in the list")
    told = found[file]
    expect(told.name == name, "a file is listed under another name than it was given")
    expect(told.size in {None, len(content)}, f"{len(content)} bytes are listed as {told.size}")
    expect(told.created is None or told.created.tzinfo is not None, "a file's time has no zone")
    came = await _content(_filing(org), object, record, file)
    expect(came == content, f"{len(content)} bytes were sent, {len(came)} others came back")
    await filing.delete_file(object, record, file)
    expect(set(await _listed(_filing(org), object, record)) == set(before), "a removed file is still listed")


async def _empty(org: Org, object: str, record: str) -> None:
    try:
        await _comes_back(org, object, record, "empty.txt", b"")
    except BadRequest:
        expect(not await _listed(_filing(org), object, record), "a file that was refused is there")


async def _all_are_listed(filing: SupportsFiles, object: str, record: str, other: str) -> None:
    names = [f"{number}.txt" for number in range(_SEVERAL)]
    for name in names:
        await filing.upload(object, record, name, _Pieces(name.encode()))
    theirs = await filing.upload(object, other, "theirs.txt", _Pieces(b"theirs"))
    found = await _listed(filing, object, record)
    expect(
        sorted(file.name for file in found.values()) == sorted(names),
        f"{_SEVERAL} files are there, {len(found)} are listed",
    )
    expect(set(await _listed(filing, object, other)) == {theirs}, "a record shows another one's files")
    for id_, file in found.items():
        came = await _content(filing, object, record, id_)
        expect(came == file.name.encode(), "a download gives another file's bytes")
        await filing.delete_file(object, record, id_)
    await filing.delete_file(object, other, theirs)


async def _hostile(org: Org, object: str, record: str) -> None:
    """A name that is a path or breaks a header is refused, or is a name like any other."""
    filing = _filing(org)
    for name in _HOSTILE:
        try:
            file = await filing.upload(object, record, name, _Pieces(b"harmless"))
        except ConnectorError:
            expect(not await _listed(filing, object, record), "a file that was refused is there")
            continue
        found = await _listed(filing, object, record)
        expect(set(found) == {file}, f"the file named {name!r} is not the one that is there")
        came = await _content(filing, object, record, file)
        expect(came == b"harmless", f"the file named {name!r} has other bytes")
        await filing.delete_file(object, record, file)


async def _missing(org: Org, object: str, record: str, gone: str) -> None:
    """What is not there is not found: a record, or a file of one."""
    filing = _filing(org)
    file = await filing.upload(object, record, "a.txt", _Pieces(b"a"))
    await filing.delete_file(object, record, file)
    sink = _Kept()
    with _not_found("a file that was removed can be downloaded"):
        await filing.download(object, record, file, sink)
    expect(not sink.content, "of a file that is not there, something was written")
    with _not_found("a file that was removed can be removed again"):
        await filing.delete_file(object, record, file)
    with _not_found("the files of a deleted record are listed"):
        await _listed(filing, object, gone)
    with _not_found("a deleted record takes a file"):
        await filing.upload(object, gone, "a.txt", _Pieces(b"a"))


async def _too_large(org: Org, object: str, record: str) -> None:
    filing = _filing(org)
    await _listed(filing, object, record)
    calls, huge = len(org.calls), _Pieces(b"x", _HUGE)
    try:
        await filing.upload(object, record, "huge.bin", huge)
    except BadRequest:
        expect(huge.opened == 0, "a file that is too large is read")
        expect(len(org.calls) == calls, "a file that is too large is refused only after a call")
    else:
        raise AssertionError(f"a file of {_HUGE} bytes is taken")


async def _never_twice(org: Org, object: str, record: str) -> None:
    """An upload whose answer is lost is unknown, and there once."""
    filing = _filing(org)
    await _listed(filing, object, record)
    try:
        org.fault("lost@POST:1x")
    except NotHere:
        return
    try:
        await filing.upload(object, record, "once.txt", _Pieces(b"once"))
    except UnknownOutcome:
        pass
    else:
        raise AssertionError("an upload whose answer was lost is told as done")
    org.fault()
    names = [file.name for file in (await _listed(filing, object, record)).values()]
    expect(names == ["once.txt"], f"an upload whose answer was lost is there {len(names)} times")


@contextmanager
def _not_found(otherwise: str) -> Generator[None]:
    try:
        yield
    except NotFound:
        return
    raise AssertionError(otherwise)
