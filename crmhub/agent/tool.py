"""Tools: named, described, bounded things that an agent can ask for; and packs of them.

A tool is an async function of the :class:`Call` and its arguments, a pydantic model; it gives
:class:`Told`. It knows no protocol and no hub: what it may see of the CRMs is ``call.reach``.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar, cast

from pydantic import BaseModel, ConfigDict

from crmhub.agent.answers import AnswerBase
from crmhub.agent.identity import Agent
from crmhub.agent.schemas import answer_schema, arguments_schema, is_bounded
from crmhub.errors import PluginError, UsageError
from crmhub.native import Native, Value

if TYPE_CHECKING:
    from crmhub.agent.reach import Reach

__all__ = [
    "CHANGE",
    "CREATE",
    "READ",
    "Arguments",
    "Call",
    "Effect",
    "Pack",
    "Told",
    "Tool",
    "Toolbox",
    "tool",
]

_Arguments = TypeVar("_Arguments", bound=BaseModel)
_Part = TypeVar("_Part")
_Perform: TypeAlias = "Callable[[Call, BaseModel], Awaitable[Told]]"
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{2,63}")
_MOST_ABOUT: Final = 400


class Arguments(BaseModel):
    """The base of arguments: what is not named is refused. Each has a description and a bound."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)


@dataclass(frozen=True, slots=True)
class Effect:
    """What a call does to the world, honestly. It is told to clients; our own rules go by ``writes``."""

    writes: bool
    destructive: bool
    """Whether it can overwrite or take away what is there."""
    idempotent: bool
    """Whether the same call twice does no more than once."""
    open_world: bool = True
    """Whether it speaks with a CRM."""


READ: Final = Effect(writes=False, destructive=False, idempotent=True)
CREATE: Final = Effect(writes=True, destructive=False, idempotent=True)
"""Adds a record; idempotent by its ``idempotency_key``."""
CHANGE: Final = Effect(writes=True, destructive=True, idempotent=True)


@dataclass(frozen=True, slots=True)
class Told:
    """What a tool has to say."""

    data: AnswerBase
    summary: str
    """One line for people and for clients that read text alone: numbers and names of connections.

    Never a word of a CRM's text.
    """
    resume: Callable[[int], Mapping[str, Value]] | None = None
    """The place to go on from when only the first so many items of ``data`` were given."""


class Call:
    """One call, as the tool sees it. Made by the gate; good for that call alone."""

    def __init__(
        self,
        agent: Agent,
        reach: Reach,
        now: datetime,
        *,
        place: Mapping[str, Value] | None = None,
        seal: Callable[[Mapping[str, Value]], str],
        parts: Mapping[type, Callable[[Call], object]] | None = None,
    ) -> None:
        self.agent = agent
        self.reach = reach
        self.now = now
        """The time of the call, by the hub's clock."""
        self.place = place
        """Where to go on: what ``seal`` was given, if the call came with a cursor."""
        self._seal = seal
        self._parts = parts or {}
        self._made: dict[type, object] = {}

    def seal(self, place: Mapping[str, Value]) -> str:
        """A place as a cursor for the next call of the same question: ``AnswerBase.next_cursor``."""
        return self._seal(place)

    def part(self, kind: type[_Part]) -> _Part:
        """What else a tool may use, by its class: changes to be written, for one. Made once a call.

        Raises :class:`UsageError` where this server has no such part.
        """
        if kind not in self._made:
            if kind not in self._parts:
                raise UsageError(f"tools cannot use {kind.__name__} here", hint="give it to the gate")
            self._made[kind] = self._parts[kind](self)
        return cast("_Part", self._made[kind])


@dataclass(frozen=True)
class Tool:
    """Something that an agent can ask for. Made by :func:`tool`."""

    name: str
    title: str
    about: str
    """What it answers, when to use it, when not, what comes back: all that an agent has to choose by."""
    arguments: type[BaseModel]
    answer: type[AnswerBase]
    effect: Effect
    models: tuple[str, ...]
    """The canonical models that it touches."""
    perform: _Perform = field(repr=False)

    @cached_property
    def input_schema(self) -> Native:
        """JSON Schema of the arguments."""
        return arguments_schema(self.arguments)

    @cached_property
    def output_schema(self) -> Native:
        """JSON Schema of the answer."""
        return answer_schema(self.answer)

    def faults(self) -> Sequence[str]:
        """What keeps the tool from being offered: a name, a text or an argument that is not as it must be."""
        found: list[str] = []
        if _NAME.fullmatch(self.name) is None:
            found.append("a name is 3 to 64 of a-z, 0-9 and _")
        if len(self.about) > _MOST_ABOUT:
            found.append(f"its description has {len(self.about)} characters; {_MOST_ABOUT} are allowed")
        if self.arguments.model_config.get("extra") != "forbid":
            found.append("its arguments take what nobody declared: subclass Arguments")
        properties = cast("Mapping[str, Native]", self.input_schema.get("properties", {}))
        definitions = cast("Mapping[str, Native]", self.input_schema.get("$defs", {}))
        for name, shape in properties.items():
            if not shape.get("description"):
                found.append(f"argument {name} is not described")
            if not is_bounded(shape, definitions):
                found.append(
                    f"argument {name} has no bound: give it a maximum length, value or number of items"
                )
        return found


def tool(
    arguments: type[_Arguments],
    answer: type[AnswerBase],
    effect: Effect = READ,
    *,
    title: str,
    models: Iterable[str] = (),
    name: str | None = None,
) -> Callable[[Callable[[Call, _Arguments], Awaitable[Told]]], Tool]:
    """Make a tool of a function; its docstring is the description.

    Raises :class:`PluginError` for one without a docstring.
    """

    def made(run: Callable[[Call, _Arguments], Awaitable[Told]]) -> Tool:
        called, about = name or getattr(run, "__name__", ""), inspect.getdoc(run)
        if not about:
            raise PluginError(f"tool {called!r} has no docstring", hint="say in it what the tool answers")

        async def perform(call: Call, given: BaseModel) -> Told:
            if not isinstance(given, arguments):
                raise UsageError(f"{called}: {arguments.__name__} is expected")
            return await run(call, given)

        return Tool(called, title, " ".join(about.split()), arguments, answer, effect, tuple(models), perform)

    return made


@dataclass(frozen=True, slots=True)
class Pack:
    """Tools that belong together; a policy can allow all of them as ``pack:NAME``."""

    name: str
    about: str
    tools: tuple[Tool, ...]


class Toolbox:
    """All tools of all packs, by name, in a stable order."""

    def __init__(self, packs: Iterable[Pack]) -> None:
        """Raises :class:`PluginError` for two tools of one name, and for one that is not fit to be shown."""
        self.packs: dict[str, Pack] = {}
        self.tools: dict[str, Tool] = {}
        for pack in packs:
            if pack.name in self.packs:
                raise PluginError(f"two packs are called {pack.name!r}", hint="uninstall one of the plugins")
            self.packs[pack.name] = pack
            for each in pack.tools:
                if self.tools.get(each.name, each) is not each:
                    raise PluginError(
                        f"two tools are called {each.name!r}", hint="uninstall one of the plugins"
                    )
                if faults := each.faults():
                    raise PluginError(f"tool {each.name!r}: {'; '.join(faults)}")
                self.tools[each.name] = each

    def chosen(self, words: Iterable[str]) -> Mapping[str, Tool]:
        """The tools that a policy's words name: names of tools, and ``pack:NAME``; in the box's order."""
        wanted: set[str] = set()
        for word in words:
            pack = self.packs.get(word.removeprefix("pack:")) if word.startswith("pack:") else None
            wanted |= {each.name for each in pack.tools} if pack else {word}
        return {name: each for name, each in self.tools.items() if name in wanted}

    @property
    def words(self) -> Sequence[str]:
        """What a policy can name."""
        return [*self.tools, *(f"pack:{name}" for name in self.packs)]
