"""Actions: named things that a plugin can do across connections. The hub passes itself in.

An action is an async function of the hub and its arguments, one pydantic model; it gives a pydantic model.
Both are data, so that whoever offers actions (the command line, a server of tools) needs to know no more.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from crmhub.errors import PluginError, UsageError

__all__ = ["Action", "action"]

_Arguments = TypeVar("_Arguments", bound=BaseModel)
_Hub = TypeVar("_Hub")
_Hub_contra = TypeVar("_Hub_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class Action(Generic[_Hub_contra]):
    """Something that can be done by a hub. Made by :func:`action`, which names the hub's class."""

    name: str
    about: str
    """What it does, for people and for whoever chooses among actions."""
    arguments: type[BaseModel]
    perform: Callable[[_Hub_contra, BaseModel], Awaitable[BaseModel]]

    async def __call__(self, hub: _Hub_contra, given: Mapping[str, object] | BaseModel) -> BaseModel:
        """Do it. Raises :class:`UsageError` that names each argument that is wrong, never its value."""
        return await self.perform(hub, self.checked(given))

    def checked(self, given: Mapping[str, object] | BaseModel) -> BaseModel:
        """The arguments, checked: a table of them, or their model."""
        if isinstance(given, self.arguments):
            return given
        if not isinstance(given, Mapping):
            raise UsageError(f"{self.name}: a table of arguments is expected", hint=self._names)
        try:
            return self.arguments.model_validate(dict(given))
        except ValidationError as error:
            wrong = [
                f"{'.'.join(str(step) for step in part['loc']) or 'arguments'}: {part['msg']}"
                for part in error.errors(include_url=False, include_input=False, include_context=False)
            ]
        raise UsageError(f"{self.name}: {'; '.join(wrong)}", hint=self._names)

    @property
    def _names(self) -> str:
        fields = self.arguments.model_fields.items()
        return f"arguments: {', '.join(field.alias or name for name, field in fields)}"


def action(
    arguments: type[_Arguments], *, name: str | None = None
) -> Callable[[Callable[[_Hub, _Arguments], Awaitable[BaseModel]]], Action[_Hub]]:
    """Make an action of a function; its docstring says what it does.

    Raises :class:`PluginError` for one without a docstring.
    """

    def made(run: Callable[[_Hub, _Arguments], Awaitable[BaseModel]]) -> Action[_Hub]:
        called, about = name or getattr(run, "__name__", ""), inspect.getdoc(run)
        if not about:
            raise PluginError(f"action {called!r} has no docstring", hint="say in it what the action does")

        async def perform(hub: _Hub, given: BaseModel) -> BaseModel:
            if not isinstance(given, arguments):
                raise UsageError(f"{called}: {arguments.__name__} is expected")
            return await run(hub, given)

        return Action(called, about, arguments, perform)

    return made
