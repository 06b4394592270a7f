"""Writes the table of ``docs/agents-tools.md``: the tools of each pack. Run by ``make schemas``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from crmhub.agent.packs import PACKS
from crmhub.agent.tool import Tool
from crmhub.native import Native

__all__ = ["PAGE", "page"]

PAGE = Path(__file__).parents[1] / "docs" / "agents-tools.md"
_MARK = re.compile(r"(<!-- tools -->\n).*?(<!-- end -->)", re.DOTALL)


def page(text: str) -> str:
    """The page with the tables made anew."""
    tables = "\n".join(_tables())
    return _MARK.sub(lambda found: f"{found[1]}\n{tables}\n{found[2]}", text)


def _tables() -> Iterator[str]:
    for pack in PACKS:
        yield f"### `pack:{pack.name}`\n\n{pack.about}\n"
        yield "| tool | arguments | what it answers |"
        yield "|---|---|---|"
        for tool in pack.tools:
            yield f"| `{tool.name}` | {', '.join(_arguments(tool)) or 'none'} | {_plain(tool.about)} |"
        yield ""


def _arguments(tool: Tool) -> Iterator[str]:
    """The names; those that have to be given in bold."""
    needed = cast("list[str]", tool.input_schema.get("required", []))
    for name in cast("Mapping[str, Native]", tool.input_schema.get("properties", {})):
        yield f"**`{name}`**" if name in needed else f"`{name}`"


def _plain(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
