"""``crmhub mapping``: check, prove and explain, offline and against the doubles."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import cast

import pytest
from typer.testing import CliRunner

from crmhub.cli.mapping import mapping
from crmhub.errors import ConfigError
from crmhub.mapping.load import shipped_mappings
from tests.support import CRMHUB, Simulated, crmhub, simulator, write_config

RECORD = (
    '{"id": "7", "Deal_Name": "Big", "Amount": 12.50, "Stage": "Closed Won", "Owner": {"id": "9"}, "Odd": 1}'
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    with simulator("zoho", "--rows", "2") as zoho, simulator("salesforce", "--rows", "2") as salesforce:
        path = tmp_path_factory.mktemp("mapping")
        write_config(path, zoho, salesforce)
        (path / "zoho.url").write_text(zoho.url)
        yield path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, code: int = 0) -> str:
    """Run a command in this process, offline."""
    done = CliRunner().invoke(mapping, arguments, catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.output


def told(folder: Path, *arguments: str, code: int = 0) -> list[str]:
    """Run the command line; the lines that it printed."""
    done = subprocess.run([*CRMHUB, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout.splitlines()


# ── offline ──────────────────────────────────────────────────────────────────────────────────────


def test_check_without_names_checks_every_shipped_mapping(here: Path) -> None:
    lines = run("check").splitlines()
    assert {line.split(": ")[1] for line in lines} == {"ok"}
    assert len(lines) >= len(shipped_mappings())


def test_check_names_every_mistake_and_goes_on_with_the_next_file(here: Path) -> None:
    bad = here / "bad.yaml"
    bad.write_text("crm: x\nversion: 1\nmaps:\n  - {model: deal, object: D, fields: {nmae: A, owner: B}}\n")
    lines = run("check", "bad.yaml", "zoho", code=1).splitlines()
    assert lines[0].startswith("bad.yaml:4:39: maps.0.fields.nmae: Deal has no field 'nmae'")
    assert lines[1].startswith("bad.yaml:4:48: maps.0.fields.owner: owner points to another record")
    assert "zoho.yaml: ok: " in lines[2]


def test_check_takes_the_project_s_own_mappings_too(here: Path) -> None:
    (here / "own").mkdir()
    (here / "own" / "tiny.yaml").write_text(
        "crm: tiny\nversion: 1\nmaps: [{model: deal, object: D, fields: {name: N}}]\n"
    )
    (here / "crmhub.yaml").write_text("mappings: ./own\nconnections:\n  one: {connector: memory}\n")
    assert any("tiny.yaml: ok: 1 maps, 1 rules checked" in line for line in run("check").splitlines())


def test_an_unknown_name_says_what_it_could_have_been(here: Path) -> None:
    assert "no mapping file, CRM or connection 'zohoo' · did you mean 'zoho'?" in run(
        "check", "zohoo", code=1
    )


def test_prove_is_silent_about_values_when_all_is_well(here: Path) -> None:
    lines = run("prove", "zoho", "--samples", "5", "--seed", "3").splitlines()
    assert [line.split(": ", 1)[1] for line in lines] == ["proved: 16 maps, 5 records each, seed 3"]


def test_prove_prints_the_counterexample_and_fails(here: Path) -> None:
    (here / "bad.yaml").write_text(
        "crm: x\nversion: 1\nmaps:\n"
        "  - {model: account, object: A, fields: {employees: {to: N, as: int, default_on_create: many}}}\n"
    )
    output = run("prove", "bad.yaml", "--samples", "5", code=1)
    assert "bad.yaml:4:42: employees: defaults does not hold" in output
    assert "bad.yaml: 1 counterexamples" in output


def test_explain_needs_no_crm_for_a_record_in_a_file(here: Path) -> None:
    (here / "deal.json").write_text(RECORD)
    found = json.loads(
        run("explain", "zoho", "Deals", "--to", "salesforce", "--record", "deal.json", "--json")
    )
    rows = {row["path"]: row for row in found["rows"]}
    assert rows["amount"]["sent"] == {"Amount": 12.5}
    assert rows["stage"]["note"] == "stage is found by label"
    assert found["unread"] == ["id", "Odd"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        ("[1]", "not a JSON object"),
        ("{", "not a JSON object"),
        (b"\xff", "not a JSON"),
    ],
)
def test_a_record_file_that_is_no_record_is_an_error(
    here: Path, content: str | bytes | None, said: str
) -> None:
    if content is not None:
        (here / "deal.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    done = subprocess.run(
        [*CRMHUB, "mapping", "explain", "zoho", "Deals", "--record", "deal.json"],
        cwd=here,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"error: deal.json: {said}" in done.stderr


# ── against the doubles ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("crm", ["zoho", "salesforce"])
def test_the_shipped_mappings_fit_the_crm_s_own_schema(folder: Path, crm: str) -> None:
    lines = told(folder, "mapping", "check", crm)
    assert [line for line in lines[:-1] if ": warning: " not in line] == []
    assert f"against connection {crm}" in lines[-1]


def test_a_field_that_the_crm_does_not_have_is_found_in_an_override(folder: Path, tmp_path: Path) -> None:
    text = (folder / "crmhub.yaml").read_text()
    own = "mapping: {Deals: {next_step: Nxt_Step, custom.x: Created_Time}}"
    (tmp_path / "crmhub.yaml").write_text(text.replace("zoho: {", f"zoho: {{{own}, "))
    lines = told(tmp_path, "mapping", "check", "zoho", code=1)
    assert any(
        "next_step: Deals has no field 'Nxt_Step'; did you mean 'Next_Step'?" in line for line in lines
    )
    assert any("custom.x: Created_Time is read-only; add dir: read" in line for line in lines)


def test_explain_follows_a_record_into_the_other_crm(folder: Path) -> None:
    zoho = Simulated("zoho", (folder / "zoho.url").read_text(), {})
    deal = next(row for row in zoho.truth("Deals") if row.get("Account_Name"))
    (found,) = crmhub(folder, "mapping", "explain", "zoho", "Deals", str(deal["id"]), "--to", "salesforce")
    rows = {str(row["path"]): row for row in cast("list[dict[str, object]]", found["rows"])}
    assert rows["name"]["sent"] == {"Name": deal["Deal_Name"]}
    assert rows["account"]["note"] == "not synced yet: waits for that record"
    crmhub(folder, "sync", "zoho", "salesforce", "--models", "accounts", "--json")
    (found,) = crmhub(folder, "mapping", "explain", "zoho", "Deals", str(deal["id"]), "--to", "salesforce")
    rows = {str(row["path"]): row for row in cast("list[dict[str, object]]", found["rows"])}
    assert rows["account"]["note"] == "found by its link"
    assert set(cast("dict[str, str]", rows["account"]["sent"])) == {"AccountId"}


def test_a_record_that_is_not_there_is_an_error(folder: Path) -> None:
    done = subprocess.run(
        [*CRMHUB, "mapping", "explain", "zoho", "Deals", "12345678901234567"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "error: no such record · connection zoho, object Deals" in done.stderr


def test_what_a_way_loses_is_named_from_the_mappings_alone(here: Path) -> None:
    found = [
        json.loads(line) for line in run("lossy", "hubspot", "pipedrive", "lofty", "--json").splitlines()
    ]
    short = {(one["model"], one["kind"], one["path"], one["fate"], one["target"]) for one in found}
    assert ("account", "", "description", "lost", "pipedrive") in short
    assert ("account", "", "", "lost", "lofty") in short
    assert ("contact", "lead", "", "lost", "pipedrive") in short
    table = run("lossy", "hubspot", "pipedrive", "--models", "accounts")
    assert json.loads(table.splitlines()[0])["source"] == "hubspot"


def test_a_way_has_two_ends(here: Path) -> None:
    with pytest.raises(ConfigError, match="two ends"):
        run("lossy", "hubspot")
