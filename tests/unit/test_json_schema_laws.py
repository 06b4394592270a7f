"""The laws of the published schemas: what crmhub takes is valid, for generated documents."""

from __future__ import annotations

import json
from typing import cast

import jsonschema_rs
import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from crmhub.config_schema import config_schema
from crmhub.document import Document
from crmhub.errors import MappingError
from crmhub.mapping.codecs import CODECS, CodecError, make
from crmhub.mapping.codecs.json_schema import codec_forms, codec_schema
from crmhub.mapping.json_schema import mapping_schema
from crmhub.mapping.parse import parse_mapping
from crmhub.mapping.paths import path_forms
from crmhub.models.registry import BUILT_IN
from crmhub.native import Value

_CONFIG = jsonschema_rs.validator_for(config_schema({}))
_MAPPING = jsonschema_rs.validator_for(mapping_schema())
_CODEC = jsonschema_rs.validator_for(codec_schema(codec_forms(CODECS)))


def complaints(validator: jsonschema_rs.Validator, data: Value) -> list[str]:
    return [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(data)]


FIELDS = [
    (model, forms.head, forms.kind)
    for model, classes in BUILT_IN.items()
    for forms in path_forms(classes[0])
    if forms.kind is not None
]
PARTS = [
    (model, f"{forms.head}[{next(iter(forms.leaves))}=x].{leaf}" if forms.listed else f"{forms.head}.{leaf}")
    for model, classes in BUILT_IN.items()
    for forms in path_forms(classes[0])
    for leaf in forms.leaves
]
PLACES = st.one_of(st.sampled_from([(model, path) for model, path, _ in FIELDS]), st.sampled_from(PARTS))
NATIVES = st.sampled_from(["Name", "Owner.id", "$x", "Größe", "Close Date (new)", "1st", "a.b.c", "", "x;y"])
BARE = st.sampled_from(sorted(CODECS))
EXAMPLES = [
    cast("Value", {form.name: example})
    for form in codec_forms(CODECS)
    for example in cast("list[Value]", (form.parameters or {}).get("examples", []))
]
CODEC = st.one_of(BARE, st.sampled_from(EXAMPLES), st.lists(BARE, min_size=1, max_size=2))
MODELS = st.sampled_from([*BUILT_IN, "dael"])
KEYS: dict[str, st.SearchStrategy[object]] = {
    "as": st.one_of(CODEC, st.none()),
    "ref": st.one_of(MODELS, st.lists(MODELS, max_size=2), st.none()),
    "by": st.sampled_from(["email", "label", "emial", None]),
    "within": st.sampled_from(["pipeline", None]),
    "type": st.sampled_from(["What.Type", None]),
    "pick": st.sampled_from(["first_set", "last", None]),
    "dir": st.sampled_from(["read", "write", "both", None]),
    "default": st.sampled_from(["x", 7, True, None]),
    "default_on_create": st.sampled_from(["today+30d", 1, None]),
    "write": st.sampled_from(["always", "if_empty", "create_only", "never"]),
    "lossy": st.sampled_from([True, True, False, None, "yes"]),
    "compare": st.sampled_from(["exact", "set", "text", "ignore", "loose"]),
    "unknown": st.sampled_from(["keep", "error", None]),
}
TO: dict[str, st.SearchStrategy[object]] = {"to": st.one_of(NATIVES, st.lists(NATIVES, max_size=2))}
RULES = st.one_of(NATIVES, st.none(), st.fixed_dictionaries(TO, optional=KEYS))


def one_rule(model: str, path: str, rule: Value) -> Value:
    return {"crm": "x", "version": 1, "maps": [{"model": model, "object": "X", "fields": {path: rule}}]}


def is_taken(data: Value) -> bool:
    try:
        parse_mapping(Document("x.yaml", data), BUILT_IN, CODECS)
    except MappingError:
        return False
    return True


@given(PLACES, RULES)
@settings(max_examples=1500, deadline=None)
def test_a_rule_that_the_parser_takes_is_valid(place: tuple[str, str], rule: object) -> None:
    data = one_rule(*place, cast("Value", rule))
    taken, valid = is_taken(data), _MAPPING.is_valid(data)
    event(f"parser {taken}, schema {valid}")
    assert valid or not taken, complaints(_MAPPING, data)


@pytest.mark.parametrize("kind", sorted({kind for _, _, kind in FIELDS}))
def test_every_codec_that_the_parser_takes_for_a_kind_is_valid_for_it(kind: str) -> None:
    model, path = next((model, path) for model, path, found in FIELDS if found == kind)
    ref: dict[str, Value] = {"ref": "user"} if kind in {"ref", "user"} else {}
    for codec in [*sorted(CODECS), *EXAMPLES]:
        rule: Value = {"to": "X", "as": codec, "dir": "read", **ref}
        data = one_rule(model, path, rule)
        taken = is_taken(data)
        assert _MAPPING.is_valid(data) == taken or (not taken and "const" in str(codec)), (path, codec)


WORDS = st.sampled_from(
    ["", "x", ";", "%Y-%m-%d", "epoch_ms", "iso", "UTC", "EUR", "minutes", "code", "DE", "keep"]
)
PLAIN = st.one_of(WORDS, st.none(), st.booleans(), st.integers(-2, 9), st.decimals(-1, 9, places=2))
OPTIONS = st.sampled_from(
    ["true", "FALSE", "table", "unknown", "in", "tz", "out", "scale", "currency", "default", "region"]
)
TABLES = st.dictionaries(
    OPTIONS, st.one_of(PLAIN, st.lists(WORDS, max_size=2), st.dictionaries(WORDS, WORDS)), max_size=3
)


@given(st.sampled_from(sorted(CODECS)), st.one_of(PLAIN, TABLES))
@settings(max_examples=800, deadline=None)
def test_parameters_that_a_codec_takes_are_valid(name: str, parameters: Value) -> None:
    codec: Value = {name: parameters}
    try:
        make(codec)
    except CodecError:
        return
    assert complaints(_CODEC, codec) == []


PRINTABLE = st.characters(exclude_categories=("C", "Z"))


@given(st.text(PRINTABLE | st.just(" "), min_size=1, max_size=12))
def test_a_connection_s_name_that_is_taken_is_valid(name: str) -> None:
    assume(not name.isspace())
    text = f"connections:\n  {json.dumps(name, ensure_ascii=False)}: {{connector: memory}}\n"
    data = Document.parse(text, "x").data
    taken = name not in {"all", "jobs"} and name.replace("_", "").replace("-", "").isalnum()
    assert _CONFIG.is_valid(data) or not taken
