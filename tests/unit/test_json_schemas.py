"""The published JSON Schemas take whatever crmhub takes, and see the mistakes that a schema can see."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import jsonschema_rs
import pytest
from typer.testing import CliRunner

from crmhub.agent.policy.schema import agents_schema
from crmhub.cli.app import app
from crmhub.config import load_config
from crmhub.config_schema import config_schema
from crmhub.document import Document
from crmhub.errors import ConfigError
from crmhub.mapping.codecs import CODECS, make
from crmhub.mapping.codecs.json_schema import codec_forms
from crmhub.mapping.json_schema import mapping_schema
from crmhub.models import Account
from crmhub.models.registry import BUILT_IN, with_models
from crmhub.native import Native, Value
from crmhub.plugins import connector_names, load_connector
from tests.unit import test_config, test_mapping_rules

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "docs" / "schemas"
CONFIG = config_schema({name: load_connector(name).Config for name in connector_names()})
MAPPING = mapping_schema()
AGENTS = agents_schema()
_CONFIG = jsonschema_rs.validator_for(CONFIG)
_MAPPING = jsonschema_rs.validator_for(MAPPING)
_BLOCK = re.compile(r'^```yaml(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^```', re.MULTILINE | re.DOTALL)


class Firm(Account):
    """The model that docs/mapping.md shows how to add."""

    vat_id: str | None = None


_OWN = {
    "docs/connectors.md": mapping_schema(BUILT_IN, {**CODECS, "eggs": CODECS["text"]}),
    "docs/mapping.md": mapping_schema(with_models([Firm])),
}
"""Pages whose examples use a codec or a model of their own."""


def complaints(validator: jsonschema_rs.Validator, data: Value) -> list[str]:
    return [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(data)]


# ── what is published ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("name", "schema"), [("crmhub", CONFIG), ("mapping", MAPPING), ("agents", AGENTS)])
def test_the_published_copy_is_what_the_code_says(name: str, schema: Native) -> None:
    jsonschema_rs.meta.validate(schema)
    published = PUBLISHED / f"{name}.v1.json"
    assert json.loads(published.read_text("utf-8")) == schema, f"{published.name} is old: make schemas"
    assert published.name in str(schema["$id"])


def test_the_command_prints_the_schemas(tmp_path: Path) -> None:
    nowhere = ["--config", str(tmp_path / "crmhub.yaml")]
    for name, schema, options in (
        ("config", CONFIG, nowhere),
        ("mapping", MAPPING, nowhere),
        ("agents", AGENTS, []),
    ):
        printed = CliRunner().invoke(app, ["schema", name, *options], env={"CRMHUB_LOAD_PLUGINS": ""})
        assert printed.exit_code == 0
        assert json.loads(printed.stdout) == schema


def test_the_command_knows_the_models_of_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_models.py").write_text(
        "from crmhub.models import Deal\n"
        "class Lease(Deal):\n    model = 'lease'\n    months: int | None = None\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    config = tmp_path / "crmhub.yaml"
    config.write_text("models: [own_models:Lease]\nconnections: {a: {connector: memory}}\n")
    printed = CliRunner().invoke(app, ["schema", "mapping", "--config", str(config)])
    own = jsonschema_rs.validator_for(json.loads(printed.stdout))
    lease = "{model: lease, object: Leases, fields: {months: {to: Months, as: int}}}"
    document = Document.parse(f"{test_mapping_rules.HEAD}  - {lease}", "x").data
    assert own.is_valid(document)
    assert not _MAPPING.is_valid(document)


# ── what crmhub takes, the schema takes ──────────────────────────────────────────────────────────


def yaml_blocks() -> Iterator[tuple[Path, Value]]:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("connectors/*/README.md")]
    for page in pages:
        for block in _BLOCK.finditer(page.read_text("utf-8")):
            if block["title"] != "mistakes.yaml":
                yield page, Document.parse(block["text"], page.name).data


FILES = [
    path
    for path in [*ROOT.glob("mappings/*.yaml"), *ROOT.glob("examples/**/*.yaml")]
    if isinstance(data := Document.load(path).data, dict) and "maps" in data
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_shipped_mapping_is_valid(path: Path) -> None:
    assert complaints(_MAPPING, Document.load(path).data) == []


def test_every_example_of_the_documentation_is_valid() -> None:
    met = {"configurations": 0, "mappings": 0}
    for page, data in yaml_blocks():
        place = str(page.relative_to(ROOT))
        if isinstance(data, dict) and "connections" in data:
            met["configurations"] += 1
            assert complaints(_CONFIG, data) == [], place
        elif (isinstance(data, list) and "model" in str(data)) or (isinstance(data, dict) and "maps" in data):
            met["mappings"] += 1
            whole: Value = {
                "crm": "x",
                "version": 1,
                "maps": data["maps"] if isinstance(data, dict) else data,
            }
            assert complaints(jsonschema_rs.validator_for(_OWN.get(place, MAPPING)), whole) == [], place
    assert min(met.values()) > 5


def test_settings_may_be_references() -> None:
    entry: Value = {
        "connector": "zoho", "client_id": "env:ID", "client_secret": "vault:x", "refresh_token": "file:t",
        "region": "env:REGION", "page_size": "env:SIZE", "version": "file:version",
    }  # fmt: skip
    assert complaints(_CONFIG, {"connections": {"crm": entry}}) == []


def test_a_connection_of_a_connector_that_is_not_installed_passes() -> None:
    assert complaints(_CONFIG, {"connections": {"crm": {"connector": "rolodex", "file": "x"}}}) == []


# ── what a schema can see, it sees ───────────────────────────────────────────────────────────────

UNSEEN = {
    "enum not one-to-one: new", "'deal' is none of ref: account, contact", "match: not a regular expression",
}  # fmt: skip
"""What only the parser sees: two places that must not agree, or must, and regular expressions."""


@pytest.mark.parametrize("rule", test_mapping_rules.RULES, ids=lambda rule: rule[0])
def test_mistakes_in_rules_are_seen(rule: tuple[str, str, str, str, str]) -> None:
    text = f"{test_mapping_rules.HEAD}  - model: deal\n    object: Deals\n    fields:\n      {rule[0]}\n"
    assert _MAPPING.is_valid(Document.parse(text, "x").data) == (rule[3] in UNSEEN)


def cases(test: object) -> list[tuple[str, str]]:
    """The cases that a test of the parser is given."""
    (mark,) = cast("list[pytest.Mark]", getattr(test, "pytestmark", []))
    return cast("list[tuple[str, str]]", mark.args[1])


@pytest.mark.parametrize(
    ("text", "said"),
    cases(test_mapping_rules.test_a_mistake_in_a_map_says_where_what_and_how_to_mend_it),
)
def test_mistakes_in_maps_are_seen(text: str, said: str) -> None:
    assert _MAPPING.is_valid(Document.parse(text, "x").data) == (said in UNSEEN)


@pytest.mark.parametrize(
    "text",
    [
        "conections: {}",
        "connections: {}",
        "connections: {a: {}}",
        "connections: {all: {connector: memory}}",
        "connections: {a b: {connector: memory}}",
        "connections: {a: {connector: memory}}\nstore: 5",
        "connections: {a: {connector: memory}}\nmodels: x:Y",
        "connections: {a: {connector: memory}}\njobs: [nightly]",
        "connections: {a: {connector: memory}}\njobs: {nightly: {from: a}}",
        "connections: {a: {connector: memory}}\njobs: {nightly: {from: a, to: b, modles: [deals]}}",
        "connections: {a: {connector: memory}}\njobs: {nightly: {from: a, to: b, page_size: many}}",
        "connections: {a: {connector: memory}}\njobs: {nightly: {from: a, to: b, stage: lost}}",
        "connections: {a: {connector: memory, page_sise: 5}}",
        "connections: {a: {connector: memory, page_size: private words}}",
        "connections: {a: {connector: csv}}",
        "connections: {a: {connector: memory, mapping: {cards: {name: {to: name, lossi: true}}}}}",
        "connections: {a: {connector: zoho, client_id: a, client_secret: b, refresh_token: c, region: ue}}",
        "- a",
        "",
    ],
)
def test_mistakes_in_a_configuration_are_seen(text: str) -> None:
    assert not _CONFIG.is_valid(Document.parse(text, "x").data)


def test_the_whole_configuration_of_the_tests_is_valid() -> None:
    text = test_config.GOOD.replace("mappings:", "plain_secrets: false\nmappings:")
    data = Document.parse(
        text.replace("client_id: env:THE_ID", "client_id: a\n    refresh_token: env:B"), "x"
    ).data
    assert complaints(_CONFIG, data) == []


# ── the keys are the parsers' own ────────────────────────────────────────────────────────────────


def known_keys(path: Path, text: str) -> set[str]:
    """What a configuration with the key ``qqqq`` is told that it could have there."""
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    (known,) = re.findall(r"qqqq.*?; known: (.*)", str(caught.value))
    return set(known.split(", "))


def test_the_keys_of_a_configuration_are_those_that_are_read(tmp_path: Path) -> None:
    head = "connections:\n  a: {connector: memory}\n  b: {connector: memory}\n"
    top = known_keys(tmp_path / "x.yaml", f"{head}qqqq: 1\n")
    assert set(cast("dict[str, Value]", CONFIG["properties"])) == top
    job = known_keys(tmp_path / "x.yaml", f"{head}jobs: {{j: {{from: a, to: b, qqqq: 1}}}}\n")
    definitions = cast("dict[str, dict[str, dict[str, Value]]]", CONFIG["$defs"])
    assert set(definitions["job"]["properties"]) == job


def test_the_keys_of_maps_and_rules_are_those_that_are_read() -> None:
    definitions = cast("dict[str, dict[str, dict[str, Value]]]", MAPPING["$defs"])
    rule = cast("list[dict[str, dict[str, Value]]]", definitions["rule"]["anyOf"])[1]
    for keys, text in (
        (definitions["shape"]["properties"], "{model: deal, object: D, fields: {}, qqqq: 1}"),
        (rule["properties"], "{model: deal, object: D, fields: {name: {to: x, qqqq: 1}}}"),
        (definitions["custom"]["properties"], "{model: deal, object: D, fields: {}, custom: {qqqq: 1}}"),
    ):
        (line,) = test_mapping_rules.mistakes(f"{test_mapping_rules.HEAD}  - {text}\n")
        assert set(line.partition("known: ")[2].split(", ")) == set(keys)


def test_every_codec_with_parameters_shows_examples_that_it_takes() -> None:
    for form in codec_forms(CODECS):
        if form.parameters is not None:
            assert form.parameters["examples"], form.name
            validator = jsonschema_rs.validator_for(form.parameters)
            for example in cast("list[Value]", form.parameters["examples"]):
                make({form.name: example})
                assert complaints(validator, example) == []
