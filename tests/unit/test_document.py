"""YAML documents: positions for every complaint, and nothing that can blow up."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmhub.document import Document, suggest
from crmhub.errors import ConfigError
from crmhub.native import Value

TEXT = """\
store: here
connections:
  zoho: {connector: zoho, region: us}
  sf:
    connector: salesforce
jobs:
  - first
  - {name: second}
"""


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        Document.parse(text, "a.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("store",), "a.yaml:1:1"),
        (("connections", "zoho"), "a.yaml:3:3"),
        (("connections", "zoho", "region"), "a.yaml:3:27"),
        (("connections", "sf", "connector"), "a.yaml:5:5"),
        (("jobs", 1), "a.yaml:8:5"),
        (("jobs", 1, "name"), "a.yaml:8:6"),
        ((), "a.yaml:1:1"),
    ],
)
def test_every_key_and_item_knows_its_place(path: tuple[str | int, ...], place: str) -> None:
    assert Document.parse(TEXT, "a.yaml").at(path) == place


def test_what_is_missing_is_placed_where_it_would_belong() -> None:
    document = Document.parse(TEXT, "a.yaml")
    assert document.at(("connections", "sf", "client_id")) == "a.yaml:4:3"
    assert document.at(("nothing", "at", "all")) == "a.yaml:1:1"


def test_a_part_is_the_data_at_a_path() -> None:
    document = Document.parse(TEXT, "a.yaml")
    assert document.part(("connections", "zoho", "region")) == "us"
    assert document.part(("jobs", 0)) == "first"
    assert document.part(("jobs", 7)) is None
    assert document.part(("store", "deeper")) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-7", -7),
        ("007", "007"),
        ("1.50", Decimal("1.50")),
        ("1e3", Decimal("1e3")),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        (".5", ".5"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("2026-01-31", "2026-01-31"),
        (".inf", ".inf"),
        ("[a, 1]", ["a", 1]),
        ("{a: {b: c}}", {"a": {"b": "c"}}),
    ],
)
def test_scalars_are_words_whole_numbers_or_exact_decimals(text: str, value: object) -> None:
    document = Document.parse(f"key: {text}", "a.yaml")
    assert document.data == {"key": value}


def test_an_empty_document_is_none() -> None:
    assert Document.parse("", "a.yaml").data is None
    assert Document.parse("# nothing\n", "a.yaml").data is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", "a.yaml:3:1: key 'a' stands twice · remove one of them"),
        ("a: {b: 1, b: 2}", "a.yaml:1:11: key 'b' stands twice"),
        ("a: &x 1\nb: 2\n", "a.yaml:1:4: anchors (&name) and aliases (*name) are not allowed · write it out"),
        ("a: &x {b: 1}\nc: *x\n", "anchors"),
        ("a: *x\n", "a.yaml:1:4: not YAML: found undefined alias"),
        (
            "a: !!python/object:os.system x",
            "a.yaml:1:4: tags (tag:yaml.org,2002:python/object:os.system) are not",
        ),
        ("a: !secret x", "tags (!secret) are not allowed"),
        ("? [a, b]\n: 1\n", "a.yaml:1:3: a key must be a plain word"),
        ("a: [1, 2\n", "not YAML"),
        ("a: b: c\n", "a.yaml:1:5: not YAML"),
        ("\ta: 1\n", "not YAML"),
        ("a: 1\n---\nb: 2\n", "not YAML"),
        ("a: " + "[" * 50 + "]" * 50, "a.yaml:1:44: nested deeper than 40 levels"),
        ("[" * 500_000, "a.yaml:1:42: nested deeper than 40 levels"),
        ("? " * 1_000, "a.yaml:1:83: nested deeper than 40 levels"),
        ("\n".join(" " * n + "a:" for n in range(1_000)), "a.yaml:41:41: nested deeper than 40 levels"),
        ("a: \x00", "not YAML"),
    ],
)
def test_what_is_not_plain_data_is_refused_with_its_place(text: str, said: str) -> None:
    assert said in refused(text)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["list", "table", "wide"]), max_size=40),
    st.integers(0, 40),
    st.text("[]{}'\"#,:- a1", max_size=20),
)
def test_forty_levels_are_never_too_many(levels: list[str], blocks: int, text: str) -> None:
    data: Value = text
    for level in levels:
        around: dict[str, Value] = {"list": [data], "table": {text: data}, "wide": [text, [], "{[", data]}
        data = around[level]
    written = "- " * min(blocks, 40 - len(levels)) + json.dumps(data)  # JSON is YAML
    for _ in range(min(blocks, 40 - len(levels))):
        data = [data]
    assert Document.parse(written, "a.yaml").data == data


def test_a_bomb_of_aliases_is_refused_at_its_first_anchor() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{new}: &{new} [*{old}, *{old}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert "a.yaml:1:4: anchors" in refused(bomb)


def test_a_file_is_read_whatever_mark_its_editor_left(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(b"\xef\xbb\xbfname: Stra\xc3\x9fe\r\n")
    assert Document.load(file).data == {"name": "Straße"}


def test_a_file_that_cannot_be_read_says_why_and_what_to_do(tmp_path: Path) -> None:
    for name, content, said in (
        ("latin.yaml", b"name: Stra\xdfe", "not UTF-8 (byte 10) · save it as UTF-8"),
        ("large.yaml", b"# " + b"x" * 1_000_000, "larger than 1,000,000 bytes · split the file"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ConfigError) as caught:
            Document.load(tmp_path / name)
        assert str(caught.value).startswith(str(tmp_path / name))
        assert said in str(caught.value)
    with pytest.raises(ConfigError, match="no such file"):
        Document.load(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        Document.load(tmp_path)


def test_a_replaced_part_brings_its_own_places_and_leaves_the_original_alone() -> None:
    mapping = Document.parse("maps:\n  - fields: {name: Name, site: Site}\n", "zoho.yaml")
    own = Document.parse("mapping:\n  name: {to: Title,\n    as: trim}\n", "crmhub.yaml")
    replaced = mapping.replaced(("maps", 0, "fields", "name"), own, ("mapping", "name"))
    assert replaced.part(("maps", 0, "fields")) == {"name": {"to": "Title", "as": "trim"}, "site": "Site"}
    assert replaced.at(("maps", 0, "fields", "name", "as")) == "crmhub.yaml:3:5"
    assert replaced.at(("maps", 0, "fields", "site")) == "zoho.yaml:2:26"
    assert mapping.part(("maps", 0, "fields", "name")) == "Name"


def test_a_suggestion_is_the_near_word_or_the_known_ones() -> None:
    assert suggest("nmae", ["name", "site"]) == "did you mean 'name'?"
    assert suggest("xyz", ["name", "site"]) == "known: name, site"
    assert suggest("xyz", []) == ""
    assert suggest("xyz", [f"field_{number}" for number in range(100)]) == ""


@settings(max_examples=80, deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
    | st.text("{}[]:,&*!|>-?# \n\t'\"ab1.", max_size=40)
)
def test_any_text_is_data_or_a_configuration_error_with_its_place(text: str) -> None:
    error: ConfigError | None = None
    try:
        Document.parse(text, "a.yaml")
    except ConfigError as raised:
        error = raised
    assert error is None or str(error).startswith("a.yaml:")
