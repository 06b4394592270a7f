"""Writes the tables of ``docs/rest.md``: what each preset can do, how long it is. Run by ``make schemas``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from crmhub_rest.language.crm import Crm
from crmhub_rest.language.load import load
from crmhub_rest.language.object import CrmObject
from tools.rest_lines import lines

__all__ = ["PAGE", "PRESETS", "page"]

_ROOT = Path(__file__).parents[1]
PAGE = _ROOT / "docs" / "rest.md"
PRESETS = sorted((_ROOT / "connectors" / "rest" / "crmhub_rest" / "presets").glob("*.yaml"))
_MARK = re.compile(r"(<!-- (presets|lines) -->\n).*?(<!-- end -->)", re.DOTALL)


def page(text: str) -> str:
    """The page with the tables made anew."""
    made = {"presets": _table, "lines": _lines}

    def filled(found: re.Match[str]) -> str:
        rows = "\n".join(made[found[2]]())
        return f"{found[1]}\n{rows}\n\n{found[3]}"

    return _MARK.sub(filled, text)


def _lines() -> Iterator[str]:
    yield "| CRM | the four models | their objects | their maps | shapes | the CRM itself | all |"
    yield "|---|---|---|---|---|---|---|"
    for preset in PRESETS:
        of = lines(preset)
        cells = (load(preset).title, of.four, of.objects, of.maps, of.shapes, of.rest, of.all)
        yield f"| {' | '.join(str(cell) for cell in cells)} |"


def _table() -> Iterator[str]:
    yield "| CRM | object | changes | by id | search | filter | count | gone | written | links |"
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for preset in PRESETS:
        crm = load(preset)
        for name, of in crm.objects.items():
            yield f"| {' | '.join(_row(crm, name, of))} |"


def _row(crm: Crm, name: str, of: CrmObject) -> Iterator[str]:
    yield crm.title
    yield f"`{name}`"
    yield "" if of.changes is None else "by comparing" if of.changes == "all" else "yes"
    yield _yes(of.get)
    yield _yes(of.search)
    yield _yes(of.filter)
    yield _yes(of.count)
    yield _gone(of)
    yield ", ".join(_written(of))
    yield ", ".join(f"`{link}`" for link in of.links)


def _yes(there: object) -> str:
    return "" if there is None else "yes"


def _gone(of: CrmObject) -> str:
    told = of.deletes
    if told is None:
        return ""
    ways = {"flag": told.flag, "list": told.list, "merged": told.merged}
    return ", ".join(name for name, there in ways.items() if there is not None)


def _written(of: CrmObject) -> Iterator[str]:
    if of.write is None:
        return
    for operation in ("create", "update", "upsert", "delete"):
        if operation in of.write.operations:
            yield (
                f"{operation} ×{of.write.batch[operation].most}" if operation in of.write.batch else operation
            )


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
