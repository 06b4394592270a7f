"""The double's replies fit interface files of HubSpot's APIs where they are at hand, else what was recorded.

`CRMHUB_HUBSPOT_SPECS` names the folder with them: an OpenAPI file for each area (`contacts.json`, …), with
the models of HubSpot's client libraries. Null counts as missing: the files do not say where it may be.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest

from crmhub_rest.simulators.hubspot.double import HubSpotDouble
from tests.integration.hubspot_double.conftest import Make
from tests.integration.hubspot_double.walk import walk

FOLDER = os.environ.get("CRMHUB_HUBSPOT_SPECS", "")
RECORDED = Path(__file__).with_name("replies.json")
pytestmark = pytest.mark.anyio
UNDESCRIBED = re.compile(
    r"/account-info/.*|/crm/v3/schemas.*|/crm/v3/objects/contacts/(gdpr-delete|\d+/associations/.*)"
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


def pattern_of(double: HubSpotDouble, reply: httpx.Response) -> str:
    """The route that a reply came by."""
    path = reply.request.url.path.rstrip("/")
    for one in double.endpoints:
        if (
            re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", one.pattern), path)
            and one.method == reply.request.method
        ):
            return one.pattern
    return path


async def test_the_replies_have_the_keys_that_were_recorded(make_hubspot: Make) -> None:
    made = await walk(*make_hubspot())
    shown: dict[str, Any] = {}
    for reply in made.replies:
        if reply.content and "/oauth/" not in reply.request.url.path:
            pattern = pattern_of(made.double, reply)
            kind = reply.request.url.path.split("/")[4] if pattern.endswith("objects/{type}") else ""
            key = f"{reply.request.method} {pattern.replace('{type}', kind or '{type}')} {reply.status_code}"
            shown.setdefault(key, outline(reply.json()))
    if os.environ.get("CRMHUB_RECORD"):
        lines = (f"{json.dumps(key)}: {json.dumps(shown[key])}" for key in sorted(shown))
        RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    assert shown == json.loads(RECORDED.read_text())


async def test_the_walk_goes_everywhere(make_hubspot: Make) -> None:
    made = await walk(*make_hubspot())
    been = {(reply.request.method, pattern_of(made.double, reply)) for reply in made.replies}
    there = {(one.method, one.pattern) for one in made.double.endpoints if one.version != "dated"}
    assert there - been == set()


def read_operations() -> list[tuple[re.Pattern[str], dict[str, Any], dict[str, Any]]]:
    """Patterns of paths, the ones with most fixed words first, with their operations and components."""
    found: list[tuple[str, dict[str, Any], dict[str, Any]]] = []
    for file in sorted(Path(FOLDER).glob("*.json")):
        document = json.loads(file.read_text())
        found += [(path, there, document["components"]) for path, there in document["paths"].items()]
    found.sort(key=lambda one: one[0].count("{"))
    return [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), there, parts) for path, there, parts in found]


@pytest.mark.skipif(not FOLDER, reason="CRMHUB_HUBSPOT_SPECS names no folder with interface files")
async def test_the_replies_fit_the_interface_files(make_hubspot: Make) -> None:
    operations = read_operations()
    made = await walk(*make_hubspot(rows=3))
    problems: list[str] = []
    for reply in made.replies:
        method, path = reply.request.method, reply.request.url.path
        if UNDESCRIBED.fullmatch(path):
            continue
        where = f"{method} {path} {reply.status_code}"
        fits = [
            (there, parts)
            for one, there, parts in operations
            if one.fullmatch(path) and method.lower() in there
        ]
        if not fits:
            problems.append(f"{where}: there is no such operation")
            continue
        there, parts = fits[0]
        responses = there[method.lower()]["responses"]
        if str(reply.status_code) not in responses:
            problems.append(f"{where}: the status is not described: {list(responses)}")
            continue
        content = responses[str(reply.status_code)].get("content", {})
        if not content:
            assert not reply.content
            continue
        schema = {**content["application/json"]["schema"], "components": parts}
        problems += [
            f"{where}: {list(one.instance_path)}: {one.message}"
            for one in jsonschema_rs.validator_for(schema).iter_errors(without_null(reply.json()))
        ]
    assert not problems, "\n".join(problems)
