"""Writes the tables of ``docs/rest-language.md``: every key of the language, as its models say.

What stands before the first mark and between tables is written by hand. Run it by ``make schemas``.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from crmhub.native import Native, Value
from crmhub_rest.language.fields import Field
from crmhub_rest.language.json_schema import connector_schema
from crmhub_rest.language.limits import Rate
from crmhub_rest.language.path import JsonPath
from crmhub_rest.language.scopes import ROLES
from crmhub_rest.language.template import PathTemplate
from crmhub_rest.language.times import TimeForm
from crmhub_rest.language.word import Word

__all__ = ["PAGE", "page"]

PAGE = Path(__file__).parents[1] / "docs" / "rest-language.md"
_MARK = re.compile(r"(<!-- (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_WORDS: dict[str, type[Word]] = {
    "path": JsonPath,
    "URL path": PathTemplate,
    "time": TimeForm,
    "rate": Rate,
    "field": Field,
}


def page(text: str) -> str:
    """The page with each part between marks made anew."""
    made = {"keys": _keys, "placeholders": _placeholders, "texts": _texts}

    def filled(found: re.Match[str]) -> str:
        lines = "\n".join(made[found[2]]())
        return f"{found[1]}\n{lines}\n\n{found[3]}"

    return _MARK.sub(filled, text)


def _keys() -> Iterator[str]:
    schema = connector_schema()
    definitions = cast("dict[str, Native]", schema["$defs"])
    yield from _table("A CRM", schema)
    for name in _in_order(schema, definitions):
        if "properties" in definitions[name]:
            yield ""
            yield from _table(_spaced(name), definitions[name])


def _table(title: str, definition: Native) -> Iterator[str]:
    yield f"### {title}"
    yield ""
    yield str(definition.get("description", ""))
    yield ""
    yield "| key | takes | means |"
    yield "|---|---|---|"
    for key, part in cast("dict[str, Native]", definition["properties"]).items():
        if key != "like":
            means = str(part.get("description", ""))
            yield (
                "| "
                + " | ".join(cell.replace("|", "\\|") for cell in (f"`{key}`", _takes(part), means))
                + " |"
            )


def _takes(part: Value) -> str:
    """What a key takes, in a few words."""
    if not isinstance(part, dict):
        return "anything"
    if "$ref" in part:
        name = _spaced(str(part["$ref"]).rpartition("/")[2])
        return f"[{name.lower()}](#{name.lower().replace(' ', '-')})"
    if "anyOf" in part:
        ways = [_takes(one) for one in cast("list[Value]", part["anyOf"]) if one != {"type": "null"}]
        return " or ".join(dict.fromkeys(ways))
    if "enum" in part or "const" in part:
        values = part["enum"] if isinstance(part.get("enum"), list) else [part.get("const")]
        return ", ".join(f"`{value}`" for value in cast("list[Value]", values))
    match part.get("type"):
        case "array":
            return f"list of {_takes(part.get('items'))}"
        case "object":
            return f"table of {_takes(part.get('additionalProperties'))}"
        case "string":
            form = part.get("pattern")
            return next((name for name, word in _WORDS.items() if word.form == form), "text")
        case "integer":
            return "whole number"
        case "number":
            return "number"
        case "boolean":
            return "true or false"
        case _:
            return "text or JSON with placeholders"


def _in_order(schema: Native, definitions: dict[str, Native]) -> list[str]:
    """The definitions as they are met from the top."""
    found: list[str] = []
    waiting: list[Value] = [schema.get("properties")]
    while waiting:
        part = waiting.pop(0)
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            name = str(part.get("$ref", "")).rpartition("/")[2]
            if name in definitions and name not in found:
                found.append(name)
                waiting.append(definitions[name].get("properties"))
            waiting += [held for key, held in part.items() if key != "shapes"]
    return found


def _spaced(name: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name.rpartition("__")[2]).lower()
    return words.capitalize()


def _placeholders() -> Iterator[str]:
    yield "| call | placeholders |"
    yield "|---|---|"
    for role, names in ROLES.items():
        shown = ", ".join(f"`${{{name}}}`" for name in sorted(names))
        yield f"| `{role}` | {shown or 'none of its own'} |"


def _texts() -> Iterator[str]:
    for name, word in _WORDS.items():
        told = " ".join(str(inspect.getdoc(word)).replace("``", "`").split())
        yield f"- **{name}**: {told}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
