"""Bodies that are too large to be held: sent and received a piece at a time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

__all__ = ["Body", "FormFile", "Sink"]

_ESCAPES = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})  # HTML standard, "multipart/form-data"


class Body(Protocol):
    """What is sent. It is opened anew for each try, and gives ``size`` bytes each time."""

    @property
    def size(self) -> int:
        """In bytes."""
        ...

    def open(self) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Its pieces from the first on."""
        ...


class Sink(Protocol):
    """Where a reply's body goes. What it raises ends the call and comes through as it is."""

    async def begin(self) -> None:
        """A body begins; what was written before is void, since its call failed and is made again."""
        ...

    async def write(self, chunk: bytes) -> None:
        """The next bytes."""
        ...


class FormFile:
    """A form of one file (RFC 7578) around the file's own bytes.

    ``boundary`` is a text that does not occur in the file: a long random one.
    """

    def __init__(self, field: str, filename: str, content: Body, boundary: str) -> None:
        self._content = content
        self._boundary = boundary
        self._head = (
            f"--{boundary}\r\n"
            f'Content-Disposition: form-data; name="{field}"; filename="{filename.translate(_ESCAPES)}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()

    @property
    def content_type(self) -> str:
        """For the header of that name."""
        return f"multipart/form-data; boundary={self._boundary}"

    @property
    def size(self) -> int:
        """In bytes, with what is around the file."""
        return len(self._head) + self._content.size + len(self._tail)

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[AsyncIterator[bytes]]:
        """The form's pieces."""
        async with self._content.open() as pieces:
            yield _Framed(self._head, pieces, self._tail)


class _Framed:
    """Pieces between a first and a last one. No generator, which trio would miss when a call is cut."""

    def __init__(self, head: bytes, pieces: AsyncIterator[bytes], tail: bytes) -> None:
        self._head = [head]
        self._pieces = pieces
        self._tail = [tail]

    def __aiter__(self) -> _Framed:
        return self

    async def __anext__(self) -> bytes:
        if self._head:
            return self._head.pop()
        if not self._tail:
            raise StopAsyncIteration
        try:
            return await anext(self._pieces)
        except StopAsyncIteration:
            return self._tail.pop()
