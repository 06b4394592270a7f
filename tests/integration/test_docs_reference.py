"""What the reference pages list is what there is: rules, codecs, settings, commands, and every link."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Protocol, cast

import msgspec
import pytest
import typer
from typer.core import TyperGroup

import crmhub
from crmhub.cli.app import app
from crmhub.config import load_config
from crmhub.document import Document
from crmhub.errors import ConfigError
from crmhub.mapping.codecs import CODECS, Codec, is_wide, make
from crmhub.mapping.load import load_mapping
from crmhub.models import Money
from crmhub.native import Value
from crmhub.plugins import connector_names, load_connector


class Option(Protocol):
    """What is asked of an option of a command."""

    opts: list[str]
    secondary_opts: list[str]


class Command(Protocol):
    """What is asked of a command."""

    params: list[Option]


ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_read = msgspec.json.Decoder(float_hook=Decimal).decode
_NAMES = {
    "date": date,
    "datetime": datetime,
    "timedelta": timedelta,
    "UTC": UTC,
    "Decimal": Decimal,
    "Money": Money,
}


def reference(name: str) -> str:
    return (DOCS / "reference" / f"{name}.md").read_text("utf-8")


def table_rows(text: str, columns: int) -> Iterator[list[str]]:
    """The cells of every table row with that many columns, code marks taken off; no headers."""
    for line in text.splitlines():
        cells = [cell.strip().strip("`") for cell in line.strip().strip("|").split(" | ")]
        if line.startswith("|") and len(cells) == columns and not set(line) <= set("|- "):
            yield cells


CODEC_ROWS = [row for row in table_rows(reference("mapping").partition("## Codecs")[2], 4) if row[0] != "as"]


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", _FENCED.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


# ── the site ─────────────────────────────────────────────────────────────────────────────────────


def pages_of(nav: object) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    elif isinstance(nav, dict):
        for entry in cast("dict[str, object]", nav).values():
            yield from pages_of(entry)
    elif isinstance(nav, list):
        for entry in cast("list[object]", nav):
            yield from pages_of(entry)


def test_every_page_is_in_the_navigation() -> None:
    nav = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["nav"]
    assert sorted(pages_of(nav)) == [str(page.relative_to(DOCS)) for page in PAGES]


@pytest.mark.parametrize(
    "page",
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PAGES],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in _LINK.findall(_FENCED.sub("", page.read_text("utf-8"))):
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        found = (page.parent / file).resolve() if file else page
        assert found.is_file(), f"{page.name}: {target}: no such file"
        assert not anchor or anchor in anchors(found), f"{page.name}: {target}: no such heading"


def test_every_public_name_is_on_the_python_page() -> None:
    shown = re.findall(r"^::: (\S+)((?:\n    .*)*)", reference("python"), re.MULTILINE)
    missing: list[str] = []
    for name in crmhub.__all__:
        home = cast("str | None", getattr(getattr(crmhub, name), "__module__", None))
        if home is None or not home.startswith("crmhub"):  # an alias: pydantic's Annotated, pluggy's marker
            continue
        if not any(
            entry == f"{home}.{name}" or (entry == home and ("members" not in chosen or name in chosen))
            for entry, chosen in shown
        ):
            missing.append(f"{home}.{name}")
    assert missing == []


@pytest.mark.slow
def test_the_site_builds_without_a_complaint(tmp_path: Path) -> None:
    shutil.copytree(DOCS, tmp_path / "docs")
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    (tmp_path / "crmhub").symlink_to(ROOT / "crmhub")
    zensical = Path(sys.executable).with_name("zensical")
    built = subprocess.run(
        [zensical, "build", "--clean", "--strict"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stdout + built.stderr
    assert "crmhub.hub.Hub" in (tmp_path / "site/reference/python/index.html").read_text()


# ── the mapping language ─────────────────────────────────────────────────────────────────────────


def known_keys(file: Path, text: str) -> set[str]:
    """What a file that has the key ``qqqq`` is told that it could have there."""
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(file) if "connections" in text else load_mapping(file)
    (known,) = re.findall(r"qqqq.*?; known: (.*)", str(caught.value))
    return set(known.split(", "))


MAP = "crm: x\nversion: 1\nmaps:\n  - {{model: account, object: a, fields: {{name: {rule}}}{more}}}\n"


@pytest.mark.parametrize(
    ("rule", "more"), [("{to: n, qqqq: 1}", ""), ("n", ", qqqq: 1")], ids=["rules", "maps"]
)
def test_every_key_of_the_mapping_language_is_described(tmp_path: Path, rule: str, more: str) -> None:
    keys = known_keys(tmp_path / "x.yaml", MAP.format(rule=rule, more=more))
    assert {key for key in keys if f"\n| `{key}` |" not in reference("mapping")} == set()


def test_every_codec_has_an_example() -> None:
    shown = {str(name) for row in CODEC_ROWS for name in _codec_names(_yaml(row[0]))}
    assert shown == set(CODECS)


@pytest.mark.parametrize("row", CODEC_ROWS, ids=lambda row: f"{row[0]} {row[1]}")
def test_a_codec_does_what_its_example_says(row: list[str]) -> None:
    spec, native, canonical, written = row
    codec = make(_yaml(spec))
    given = cast("Value", _read(native.encode()))
    expected = cast("object", eval(canonical, _NAMES))
    if is_wide(codec):
        values = tuple(cast("list[Value]", given))
        assert codec.decode_all(values) == expected
        assert list(codec.encode_all(expected, values)) == _read(written.encode())
        return
    narrow = cast("Codec", codec)
    assert narrow.decode(given) == expected
    assert type(narrow.decode(given)) is type(expected)
    assert narrow.encodes is (written != "never")
    if narrow.encodes:
        assert narrow.encode(expected) == _read(written.encode())


def test_the_codecs_that_lose_something_are_named() -> None:
    text = reference("mapping")
    lossy = {name for row in CODEC_ROWS for name in _codec_names(_yaml(row[0])) if make(_yaml(row[0])).lossy}
    paragraph = re.search(r"^`const`.*?\n\n", text, re.MULTILINE | re.DOTALL)
    assert paragraph
    assert {name for name in lossy if f"`{name}`" not in paragraph[0]} == set()


def _yaml(text: str) -> Value:
    return Document.parse(text, "cell").data


def _codec_names(spec: Value) -> list[str]:
    if isinstance(spec, list):
        return [name for part in spec for name in _codec_names(part)]
    return list(spec) if isinstance(spec, dict) else [str(spec)]


# ── settings and commands ────────────────────────────────────────────────────────────────────────


def test_every_setting_is_described(tmp_path: Path) -> None:
    file = tmp_path / "crmhub.yaml"
    connections = "connections: {a: {connector: memory}, b: {connector: memory}}\n"
    names = known_keys(file, f"{connections}qqqq: 1\n")
    names |= known_keys(file, f"{connections}jobs: {{j: {{from: a, to: b, qqqq: 1}}}}\n")
    for connector in connector_names():
        names |= set(load_connector(connector).Config.model_fields)
    text = reference("configuration")
    assert {name for name in names if f"| `{name}` |" not in text} == set()


def test_every_command_and_option_is_described() -> None:
    text = reference("cli")
    missing: list[str] = []
    for name, command in commands(typer.main.get_command(app), "crmhub"):
        section = re.search(rf"^## `{re.escape(name)}`.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
        said = section[0] if section else ""
        missing += [f"{name} {flag}" for flag in flags(command) if f"`{flag}`" not in said]
    assert missing == []


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.name)
def test_every_command_that_a_page_names_is_there(page: Path) -> None:
    """As `crmhub NAME` in a text, or on a line of a console."""
    known = {name.split()[1] for name, _ in commands(typer.main.get_command(app), "crmhub")}
    named = set(re.findall(r"(?:`|^\$ )crmhub ([a-z][a-z-]*)", page.read_text("utf-8"), re.MULTILINE))
    assert named <= known


def flags(command: Command) -> list[str]:
    opts = [opt for parameter in command.params for opt in (*parameter.opts, *parameter.secondary_opts)]
    return [opt for opt in opts if opt.startswith("--") and opt != "--help"]


def commands(command: object, name: str) -> Iterator[tuple[str, Command]]:
    if not isinstance(command, TyperGroup):
        yield name, cast("Command", command)
        return
    context = typer.Context(command)
    for part in command.list_commands(context):  # those of plugins among them
        yield from commands(command.get_command(context, part), f"{name} {part}")
