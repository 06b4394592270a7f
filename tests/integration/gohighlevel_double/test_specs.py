"""The double's replies fit GoHighLevel's own OpenAPI files where they are at hand, else what was recorded.

`CRMHUB_GOHIGHLEVEL_SPECS` names the folder with `apps/*.json` of github.com/GoHighLevel/highlevel-api-docs.
Null counts as missing: the files seldom say where it may be. Beyond the files go `traceId`, and what users
report of lists and searches.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.integration.gohighlevel_double.conftest import Make
from tests.integration.gohighlevel_double.walk import walk

FOLDER = os.environ.get("CRMHUB_GOHIGHLEVEL_SPECS", "")
RECORDED = Path(__file__).with_name("replies.json")
pytestmark = pytest.mark.anyio
# The files have lists of lists where there are lists of texts or objects, objects where their examples have
# texts, and texts alone for the values of custom fields and for properties.
ONE_FOR_MANY = {
    "/associations/",
    "/associations/objectKey/{objectKey}",
    "/associations/relations/{recordId}",
}
"""Where the files have one thing for a list of them."""
MISTAKEN = re.compile(
    r"/(followers|stages|responses)/|/customFields/\d+/value/|/properties/|/searchAfter/|/(first|second)Object(Label|Key)/|/associationType/|/events?/.*(Time|dateAdded|dateUpdated)/"
)


def outline(value: Any) -> Any:
    """Which keys a reply has, down to the first item of each list."""
    if isinstance(value, dict):
        return {key: outline(item) for key, item in sorted(value.items())}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, list):
        return [outline(value[0])] if value else []
    return type(value).__name__


def without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_null(item) for key, item in value.items() if item is not None}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return [without_null(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return value


async def test_the_replies_have_the_keys_that_were_recorded(make_ghl: Make) -> None:
    replies = (await walk(*make_ghl())).replies
    shown = {f"{method} {path}": outline(reply.json()) for _, method, path, reply in replies}
    if os.environ.get("CRMHUB_RECORD"):
        lines = (f"{json.dumps(key)}: {json.dumps(shown[key])}" for key in sorted(shown))
        RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    assert shown == json.loads(RECORDED.read_text())


async def test_the_walk_goes_everywhere(make_ghl: Make) -> None:
    made = await walk(*make_ghl())
    been = {(method, path.rstrip("/")) for _, method, path, _ in made.replies}
    there = {(one.method, one.pattern.rstrip("/")) for one in made.double.endpoints}
    # v3's names of /oauth/locationToken and /oauth/installedLocations, and what the files call {relationId}
    assert there - been == {
        ("POST", "/oauth/location-token"),
        ("GET", "/oauth/installed-locations"),
        ("DELETE", "/associations/relations/{recordId}"),
    }


def read_files() -> dict[str, Any]:
    return {path.stem: json.loads(path.read_text()) for path in Path(FOLDER).glob("*.json")}


@pytest.mark.skipif(not FOLDER, reason="CRMHUB_GOHIGHLEVEL_SPECS names no folder with the OpenAPI files")
async def test_the_replies_fit_the_specification(make_ghl: Make) -> None:
    files = read_files()
    problems: list[str] = []
    for file, method, path, reply in (await walk(*make_ghl(rows=3))).replies:
        where = f"{method} {path}"
        responses = files[file]["paths"][path][method.lower()]["responses"]
        if str(reply.status_code) not in responses:
            problems.append(f"{where}: {reply.status_code} is not specified")
            continue
        content = responses[str(reply.status_code)].get("content", {})
        if not content or (method == "GET" and path in ONE_FOR_MANY):
            continue
        schema = {**content["application/json"]["schema"], "components": files[file]["components"]}
        problems += [
            f"{where}: {list(one.instance_path)}: {one.message}"
            for one in jsonschema_rs.validator_for(schema).iter_errors(without_null(reply.json()))
            if not MISTAKEN.search(f"/{'/'.join(map(str, one.instance_path))}/")
        ]
    assert not problems, "\n".join(problems)
