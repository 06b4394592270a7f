"""Bodies of calls that are held in memory, since they are made or read there."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from crmhub.errors import BadResponse

__all__ = ["Gathered", "Held"]

_PIECE = 256 * 1024


class Held:
    """Bytes as a body of a call; see :class:`crmhub.http.Body`."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self._content)

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[AsyncIterator[bytes]]:
        """Its pieces."""
        yield _Pieces(self._content)


class Gathered:
    """The body of a reply, kept; raises ``BadResponse`` for more than ``most`` bytes. A sink."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = 0
        self._kept: list[bytes] = []

    async def begin(self) -> None:
        """Forget what came before."""
        self._kept.clear()
        self._size = 0

    async def write(self, chunk: bytes) -> None:
        """Keep the next bytes."""
        self._kept.append(chunk)
        self._size += len(chunk)
        if self._size > self._most:
            raise BadResponse(f"more than {self._most} bytes came")

    def joined(self) -> bytes:
        """All of it."""
        return b"".join(self._kept)


class _Pieces:
    """The pieces of bytes. No generator, which trio would miss when a call is cut."""

    def __init__(self, content: bytes) -> None:
        self._left = memoryview(content)

    def __aiter__(self) -> _Pieces:
        return self

    async def __anext__(self) -> bytes:
        if not self._left:
            raise StopAsyncIteration
        piece, self._left = self._left[:_PIECE], self._left[_PIECE:]
        return bytes(piece)
