"""The blocking classes, made from the asynchronous ones: the same names, signatures and docstrings.

An ``async`` method waits for its result, an asynchronous iterator becomes an iterator, and what is
one of the classes here is given as its blocking self; every other value passes as it is.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator, Sequence
from functools import partial, wraps
from types import FunctionType, GenericAlias
from typing import TypeAlias, cast

from crmhub.blocking.portal import Runner
from crmhub.connection import Connection
from crmhub.errors import UsageError
from crmhub.everywhere import Everywhere, ListingEverywhere, RecordsEverywhere
from crmhub.hub import Hub
from crmhub.listing import Listing
from crmhub.records import Records
from crmhub.webhooks import Webhooks

__all__ = ["ASYNC_ONLY", "FACED", "RENAMED", "Face", "face_of", "members", "without_async"]

FACED: tuple[type, ...] = (
    Listing, Records, Webhooks, Connection, ListingEverywhere, RecordsEverywhere, Everywhere, Hub,
)  # fmt: skip
"""The asynchronous classes that have a blocking one; a base comes before what inherits from it."""

ASYNC_ONLY = frozenset({"connector", "held", "in_use", "store", "using"})
"""What gives things that only an event loop can use."""

RENAMED = {"aclose": "close", "__aenter__": "__enter__", "__aexit__": "__exit__", "__aiter__": "__iter__"}
"""What is called differently without ``async``."""

_SPECIAL = frozenset({"__getitem__", "__iter__", "__len__", *RENAMED})

_WORDS = (
    ("as an async context manager", "as a context manager"),
    ("``await listing``", ":meth:`collect`"),
    ("await accounts.list()", "accounts.list().collect()"),
    ("async with", "with"),
    ("async for", "for"),
)

_Method: TypeAlias = Callable[..., object]


class Face:
    """The blocking self of an asynchronous object. The object's own public attributes are the same."""

    __slots__ = ("__weakref__", "_runner", "_target")
    _target: object
    _runner: Runner

    def __init__(self) -> None:
        raise UsageError(f"a {type(self).__name__} is not made by hand", hint='ask a hub for it: hub["zoho"]')

    def __getattr__(self, name: str) -> object:
        if name.startswith("_") or name in ASYNC_ONLY or name in RENAMED:
            raise AttributeError(f"blocking {type(self).__name__} has no attribute {name!r}")
        return _faced(self, cast("object", getattr(self._target, name)))

    def __repr__(self) -> str:
        return f"blocking {self._target!r}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Face) and other._target is self._target

    def __hash__(self) -> int:
        return hash((Face, id(self._target)))


def face_of(kind: type) -> type[Face]:
    """The blocking class of an asynchronous one."""
    return _FACES[kind]


def members(kind: type) -> Iterator[tuple[str, object]]:
    """The names and definitions of a faced class that its blocking one has, less those of faced bases."""
    seen: set[str] = set()
    for base in kind.__mro__:
        if base is not kind and base in FACED:
            return
        for name, member in vars(base).items():
            public = not name.startswith("_") or (name in _SPECIAL and base is not object)
            if public and name not in ASYNC_ONLY and name not in seen:
                seen.add(name)
                yield name, member


def without_async(docstring: str) -> str:
    """A docstring of an asynchronous class as its blocking one has it."""
    for there, here in _WORDS:
        docstring = docstring.replace(there, here)
    return docstring


def _faced(owner: Face, value: object) -> object:
    """The value, or its blocking self, reached through the same thread."""
    target, runner = _parts(owner)
    if value is target:
        return owner
    kind = _FACES.get(type(value))
    return value if kind is None else _filled(kind.__new__(kind), value, runner)


def _parts(face: Face) -> tuple[object, Runner]:
    return face._target, face._runner  # pyright: ignore[reportPrivateUsage] - a face's own module


def _filled(face: Face, target: object, runner: Runner) -> Face:
    face._target, face._runner = target, runner  # pyright: ignore[reportPrivateUsage] - likewise
    return face


# ── making a class ───────────────────────────────────────────────────────────────────────────────


def _make(kind: type) -> type[Face]:
    names: dict[str, object] = {
        "__doc__": without_async(kind.__doc__ or ""),
        "__module__": "crmhub.blocking",
        "__slots__": (),
    }
    for name, member in members(kind):
        if isinstance(member, property):
            names[name] = property(_getter(member), doc=member.__doc__)
        elif isinstance(member, FunctionType):
            names[RENAMED.get(name, name)] = made = _method(member)
            made.__doc__ = without_async(member.__doc__) if member.__doc__ else None
    if kind is Listing:
        names["__iter__"] = _one_by_one
    if kind is Hub:
        names |= {"__init__": _new_hub, "load": classmethod(_load_hub), "__exit__": _leave, "close": _close}
    if hasattr(kind, "__class_getitem__"):
        names["__class_getitem__"] = classmethod(GenericAlias)
    bases = tuple(_FACES[base] for base in kind.__bases__ if base in _FACES) or (Face,)
    return cast("type[Face]", type(kind.__name__, bases, names))


def _getter(member: property) -> Callable[[Face], object]:
    def get(self: Face) -> object:
        return _faced(self, member.__get__(_parts(self)[0]))

    return get


def _method(function: FunctionType) -> _Method:
    if inspect.iscoroutinefunction(function):
        return _waiting(function)
    if inspect.isasyncgenfunction(function):
        return _iterating(function)
    return _plain(function)


def _waiting(function: _Method) -> _Method:
    @wraps(function)
    def wait(self: Face, *args: object, **named: object) -> object:
        target, runner = _parts(self)
        work = cast("Callable[[], Awaitable[object]]", partial(function, target, *args, **named))
        return _faced(self, runner.call(work))

    return wait


def _iterating(function: _Method) -> _Method:
    @wraps(function)
    def iterate(self: Face, *args: object, **named: object) -> Generator[object]:
        target, runner = _parts(self)
        begin = cast("Callable[[], AsyncGenerator[object]]", partial(function, target, *args, **named))
        return runner.iterate(begin)

    return iterate


def _plain(function: _Method) -> _Method:
    @wraps(function)
    def call(self: Face, *args: object, **named: object) -> object:
        return _faced(self, function(_parts(self)[0], *args, **named))

    return call


def _one_by_one(self: Face) -> Generator[object]:
    """Item by item; a page at a time is fetched."""
    pages = cast("Callable[[], Generator[Sequence[object]]]", getattr(self, "pages"))  # noqa: B009 - made at run time
    for page in pages():
        yield from page


# ── the hub, which is where the thread is taken and given back ───────────────────────────────────


@wraps(Hub.__init__)
def _new_hub(self: Face, *args: object, **named: object) -> None:
    _filled(self, cast("Callable[..., Hub]", Hub)(*args, **named), Runner())


@wraps(cast("_Method", Hub.load.__func__))
def _load_hub(kind: type[Face], *args: object, **named: object) -> Face:
    return _filled(kind.__new__(kind), cast("Callable[..., Hub]", Hub.load)(*args, **named), Runner())


@wraps(Hub.aclose)
def _close(self: Face) -> None:
    target, runner = _parts(self)
    runner.close(cast("Hub", target).aclose)


@wraps(Hub.__aexit__)
def _leave(self: Face, *_: object) -> None:
    _close(self)


_FACES: dict[type, type[Face]] = {}
for _kind in FACED:
    _FACES[_kind] = _make(_kind)
