"""The double's replies fit Lofty's own OpenAPI file where it is at hand, and else what was recorded of them.

`CRMHUB_LOFTY_SPECS` names the folder with `openapi.json` of developer.lofty.com. The paging object is
`_metadata` in practice and `get_metadata` in the file; the file has a custom field's `value` also where it is
defined.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.integration.lofty_double.conftest import Make
from tests.integration.lofty_double.walk import walk

FOLDER = os.environ.get("CRMHUB_LOFTY_SPECS", "")
RECORDED = Path(__file__).with_name("replies.json")
pytestmark = pytest.mark.anyio


def outline(value: Any) -> Any:
    """Which keys a reply has, down to the first item of each list."""
    if isinstance(value, dict):
        return {key: outline(item) for key, item in sorted(value.items())}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, list):
        return [outline(value[0])] if value else []
    return type(value).__name__


async def test_the_replies_have_the_keys_that_were_recorded(make_lofty: Make) -> None:
    _, lofty = make_lofty()
    replies = (await walk(lofty)).replies
    shown = {
        f"{method} {path}": outline(reply.json()) if reply.content else None
        for method, path, reply in replies
    }
    if os.environ.get("CRMHUB_RECORD"):
        RECORDED.write_text(json.dumps(shown, indent=1, sort_keys=True) + "\n")
    assert shown == json.loads(RECORDED.read_text())


@pytest.mark.skipif(not FOLDER, reason="CRMHUB_LOFTY_SPECS names no folder with Lofty's OpenAPI file")
async def test_the_replies_fit_the_specification(make_lofty: Make) -> None:
    document = json.loads((Path(FOLDER) / "openapi.json").read_text())
    _, lofty = make_lofty(rows=3, settings={"metadata": "get_metadata", "lead_reply": "bare"})
    problems: list[str] = []
    for method, path, reply in (await walk(lofty)).replies:
        content = document["paths"][path][method.lower()]["responses"]["200"].get("content", {})
        where = f"{method} {path}"
        if not reply.content:
            if content and content["application/json"]["schema"].get("type") != "object":
                problems.append(f"{where}: there should be a body")
            continue
        schema = {**content["application/json"]["schema"], "components": document["components"]}
        problems += [
            f"{where}: {list(one.instance_path)}: {one.message}"
            for one in jsonschema_rs.validator_for(schema).iter_errors(reply.json())
        ]
        problems += [f"{where}: {strange}" for strange in strangers(document, schema, reply.json())]
    assert problems == []


def strangers(document: Any, schema: Any, value: Any) -> Iterator[str]:
    """Keys of a reply that the specification does not name."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if isinstance(value, list):
        for item in value:  # pyright: ignore[reportUnknownVariableType]
            yield from strangers(document, schema.get("items", {}), item)
    if isinstance(value, dict) and "properties" in schema:
        for key, item in value.items():  # pyright: ignore[reportUnknownVariableType]
            if key not in schema["properties"]:
                yield f"{key} is not specified"
            else:
                yield from strangers(document, schema["properties"][key], item)
