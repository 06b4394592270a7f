"""The published JSON Schema of the language for REST CRMs, and the page that lists its keys."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema_rs
import pytest
from typer.testing import CliRunner

from crmhub.cli.app import app
from crmhub.document import Document
from crmhub.native import Value
from crmhub_rest.language.json_schema import connector_schema
from tests.integration.rest.desk import DESK, FIRMS, MAPS
from tests.unit.test_rest_language import CRM, TYPOS
from tools.rest_language import PAGE, page

ROOT = Path(__file__).parents[2]
SCHEMA = connector_schema()
_SCHEMA = jsonschema_rs.validator_for(SCHEMA)
_DESCRIBED = [
    path
    for path in sorted(ROOT.glob("connectors/*/crmhub_*/**/*.yaml"))
    if isinstance(data := Document.load(path).data, dict) and "objects" in data
]
_BLOCK = re.compile(r"^```yaml[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def complaints(data: Value) -> list[str]:
    return [f"{error.instance_path}: {error.message}" for error in _SCHEMA.iter_errors(data)]


def test_the_published_copy_and_the_page_are_what_the_code_says() -> None:
    jsonschema_rs.meta.validate(SCHEMA)
    published = ROOT / "docs" / "schemas" / "connector.v1.json"
    assert json.loads(published.read_text("utf-8")) == SCHEMA, "connector.v1.json is old: make schemas"
    assert published.name in str(SCHEMA["$id"])
    assert page(PAGE.read_text("utf-8")) == PAGE.read_text("utf-8"), "rest-language.md is old: make schemas"


def test_the_command_prints_it() -> None:
    printed = CliRunner().invoke(app, ["schema", "connector"])
    assert json.loads(printed.stdout) == SCHEMA


def test_every_key_is_described() -> None:
    definitions = SCHEMA["$defs"]
    assert isinstance(definitions, dict)
    assert [key for name, part in {"": SCHEMA, **definitions}.items() for key in _silent(name, part)] == []


def _silent(name: str, definition: Value) -> list[str]:
    properties = definition.get("properties") if isinstance(definition, dict) else None
    keys = properties if isinstance(properties, dict) else {}
    return [
        f"{name}.{key}"
        for key, part in keys.items()
        if isinstance(part, dict) and not part.get("description")
    ]


@pytest.mark.parametrize("path", _DESCRIBED, ids=lambda path: path.stem)
def test_every_shipped_description_is_valid(path: Path) -> None:
    assert complaints(Document.load(path).data) == []


@pytest.mark.parametrize("text", [CRM, DESK + FIRMS + MAPS], ids=["rolodex", "desk"])
def test_what_is_taken_is_valid(text: str) -> None:
    assert complaints(Document.parse(text, "x").data) == []


def test_examples_of_the_pages_are_valid() -> None:
    met = 0
    for file in sorted(ROOT.glob("docs/*.md")):
        for block in _BLOCK.findall(file.read_text("utf-8")):
            data = Document.parse(block, file.name).data
            if isinstance(data, dict) and {"base_url", "objects"} <= set(data):
                met += 1
                assert complaints(data) == [], file.name
    assert met


UNSEEN = {
    "a misspelt key of a page",
    "a rate of a setting that is none",
    "a misspelt placeholder",
    "a setting that is not declared",
    "a shape that is not there",
    "a flag that means nothing",
    "two methods in a call",
    "no method in a call",
    "a list without rows",
    "no way to sign in",
    "a deletion of nothing that is named",
    "an address that is none",
    "changes since no time",
}
"""What only the parser sees: what is in shapes, what belongs together, and what other places name."""


@pytest.mark.parametrize("typo", sorted(set(TYPOS) - UNSEEN - {"a key that stands twice"}))
def test_an_editor_marks_a_mistake(typo: str) -> None:
    right, wrong, _ = TYPOS[typo]
    assert complaints(Document.parse(CRM.replace(right, wrong, 1), "x").data) != []
