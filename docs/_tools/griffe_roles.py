"""Turns the cross-reference roles of docstrings into Markdown links, for the reference pages.

``:class:`ConfigError``` becomes a link to ``crmhub.errors.ConfigError`` where that object is on a page,
else plain code.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_ROLE = re.compile(r":(?:class|meth|func|data|mod|attr|exc):`(~?)([^`]+)`")


class Roles(griffe.Extension):
    """Rewrites every docstring once its object is loaded."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of ``obj``, if it has one."""
        if obj.docstring is not None:
            obj.docstring.value = _ROLE.sub(lambda found: _linked(obj, found), obj.docstring.value)


def _linked(obj: griffe.Object, found: re.Match[str]) -> str:
    short, name = found[1], found[2]
    shown = name.rpartition(".")[2] if short else name
    if name.startswith("crmhub"):
        return f'<autoref identifier="{name}" optional>`{shown}`</autoref>'
    scope: griffe.Object | griffe.Alias | None = obj
    while scope is not None:
        try:
            target = scope.resolve(name)
        except griffe.NameResolutionError:
            scope = scope.parent
            continue
        return f'<autoref identifier="{target}" optional>`{shown}`</autoref>'
    return f"`{shown}`"
