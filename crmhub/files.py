"""Files on their way between a CRM and a folder: safe names, pieces, whole or not there."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from crmhub.errors import UsageError

if TYPE_CHECKING:
    from crmhub.http import Sink

__all__ = ["FileBody", "arriving_file", "safe_name"]

_PIECE = 64 * 1024
_LONGEST_NAME = 200  # bytes; file systems allow 255, and some of them count otherwise
_LONGEST_SUFFIX = 20
_BAD = frozenset('<>:"|?*')
_DEVICES = re.compile(r"(?i)(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?")  # to Windows, whatever follows
_NO_NAME = "file"


def safe_name(name: str) -> str:
    """``name`` as that of a file in any folder: never a path, hidden, a device, empty or too long."""
    last = re.split(r"[/\\]", name)[-1]
    plain = "".join(one if one.isprintable() and one not in _BAD else "_" for one in last).strip(" .")
    if _DEVICES.fullmatch(plain):
        plain = f"_{plain}"
    return _shortened(plain) or _NO_NAME


class FileBody:
    """A file on disk, as a body of a call. Raises ``UsageError`` when it is none, or cannot be seen."""

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.is_file():
            raise UsageError(f"there is no file {path.name}", hint="give the path of a file")
        self._size = path.stat().st_size

    @property
    def size(self) -> int:
        """In bytes, when it was looked at first."""
        return self._size

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[AsyncIterator[bytes]]:
        """Its pieces."""
        async with await anyio.open_file(self._path, "rb") as file:
            yield _Pieces(file)


@asynccontextmanager
async def arriving_file(path: Path) -> AsyncGenerator[Sink]:
    """A sink that becomes the file ``path`` when the block ends well, and leaves nothing otherwise.

    Raises ``UsageError`` when there is such a file, or no such folder.
    """
    if not path.parent.is_dir():
        raise UsageError("there is no such folder to put the file in", hint="make it first")
    _demand_free(path)
    handle, name = tempfile.mkstemp(prefix=".crmhub-", suffix=".part", dir=path.parent)
    part = Path(name)
    try:
        file = anyio.wrap_file(os.fdopen(handle, "wb"))
        try:
            yield _FileSink(file)
        finally:
            with anyio.CancelScope(shield=True):
                await file.aclose()
        _demand_free(path)
        await anyio.Path(part).replace(path)
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.Path(part).unlink(missing_ok=True)


class _FileSink:
    """A file that is written."""

    def __init__(self, file: anyio.AsyncFile[bytes]) -> None:
        self._file = file

    async def begin(self) -> None:
        await self._file.seek(0)
        await self._file.truncate()

    async def write(self, chunk: bytes) -> None:
        await self._file.write(chunk)


class _Pieces:
    """A file's pieces. No generator, which trio would miss when a call is cut."""

    def __init__(self, file: anyio.AsyncFile[bytes]) -> None:
        self._file = file

    def __aiter__(self) -> _Pieces:
        return self

    async def __anext__(self) -> bytes:
        piece = await self._file.read(_PIECE)
        if not piece:
            raise StopAsyncIteration
        return piece


def _demand_free(path: Path) -> None:
    if os.path.lexists(path):
        raise UsageError(f"there is a file {path.name} already", hint="move it away, or give another folder")


def _shortened(name: str) -> str:
    """``name`` cut to a length that every file system takes; its suffix stays."""
    if len(name.encode()) <= _LONGEST_NAME:
        return name
    stem, dot, suffix = name.rpartition(".")
    if not dot or len(suffix.encode()) > _LONGEST_SUFFIX:
        stem, dot, suffix = name, "", ""
    room = _LONGEST_NAME - len((dot + suffix).encode())
    return stem.encode()[:room].decode("utf-8", "ignore").rstrip(" .") + dot + suffix
