"""The command line: what a person meets first, and at two in the morning."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.support import CRMHUB, EXAMPLE, Simulated, crmhub, simulator, summary, write_config


@pytest.fixture(scope="module")
def zoho() -> Generator[Simulated]:
    with simulator("zoho", "--rows", "Accounts=5") as running:
        yield running


def fails(folder: Path, *arguments: str, code: int = 1, mistakes: int = 1) -> str:
    """Run a command that must fail: a line for each mistake, no traceback; gives the lines."""
    done = subprocess.run(
        [*CRMHUB, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("note: made")]
    assert len(lines) == mistakes, done.stderr
    return "\n".join(lines)


def test_without_a_configuration_it_says_how_to_begin(tmp_path: Path) -> None:
    said = fails(tmp_path, "sync", "zoho", "salesforce")
    assert "crmhub.yaml: no such file" in said
    assert "crmhub demo" in said


def test_a_malformed_file_is_named_with_line_and_column(tmp_path: Path) -> None:
    (tmp_path / "crmhub.yaml").write_text("connections:\n  zoho: {connector: zoho\n")
    assert "crmhub.yaml:3:1: not YAML" in fails(tmp_path, "sync", "zoho", "sf")


def test_an_unknown_connection_and_job_are_named_with_a_suggestion(tmp_path: Path, zoho: Simulated) -> None:
    write_config(tmp_path, zoho)
    assert "no connection 'zohoo'; did" in fails(tmp_path, "sync", "zohoo", "zoho").replace(" · ", "; ")
    assert "no job 'nightly'" in fails(tmp_path, "sync", "nightly")


def test_a_misspelt_setting_is_named(tmp_path: Path, zoho: Simulated) -> None:
    path = write_config(tmp_path, zoho)
    path.write_text(path.read_text().replace("client_id", "client_ID"))
    said = fails(tmp_path, "mapping", "explain", "zoho", "Accounts", "1", mistakes=2)
    assert "client_id: missing; connector zoho needs it" in said
    assert "client_ID: unknown setting; did you mean 'client_id'?" in said


def test_a_dead_refresh_token_asks_for_a_new_one_and_shows_none(tmp_path: Path, zoho: Simulated) -> None:
    path = write_config(tmp_path, zoho)
    dead = "1000.0000000000000000dead0000000000000000"
    path.write_text(path.read_text().replace(zoho.credentials["refresh_token"], dead))
    said = fails(tmp_path, "mapping", "explain", "zoho", "Accounts", "1", code=4)
    assert "refresh token" in said
    assert dead not in said
    assert zoho.credentials["client_secret"] not in said


def test_a_secret_that_is_not_set_is_named(tmp_path: Path, zoho: Simulated) -> None:
    path = write_config(tmp_path, zoho)
    text = path.read_text().replace(f'"{zoho.credentials["client_secret"]}"', "env:CRMHUB_TEST_NOT_SET")
    path.write_text(text)
    said = fails(tmp_path, "mapping", "explain", "zoho", "Accounts", "1")
    assert "environment variable CRMHUB_TEST_NOT_SET is not set" in said


def test_a_server_that_is_not_there_is_named(tmp_path: Path, zoho: Simulated) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = write_config(tmp_path, zoho)
    path.write_text(path.read_text().replace(zoho.url, f"http://127.0.0.1:{port}"))
    said = fails(tmp_path, "mapping", "explain", "zoho", "Accounts", "1")
    assert "zoho" in said
    assert "connect" in said.lower()


def test_a_port_in_use_says_so(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        said = fails(tmp_path, "simulate", "zoho", "--port", str(taken.getsockname()[1]))
    assert "in use" in said


def test_an_unknown_simulator_says_what_there_is(tmp_path: Path) -> None:
    said = fails(tmp_path, "simulate", "zohoo")
    assert "did you mean 'zoho'?" in said
    assert "salesforce" in said


def test_a_bad_fault_rule_and_a_bad_schema_file_are_named(tmp_path: Path) -> None:
    assert "429:lots" in fails(tmp_path, "simulate", "zoho", "--fault", "429:lots")
    (tmp_path / "schema.yaml").write_text("Accounts: [{data_type: integer}]\n")
    assert "schema.yaml" in fails(tmp_path, "simulate", "zoho", "--schema", "schema.yaml")


def test_a_database_that_is_not_one_says_so(tmp_path: Path, zoho: Simulated) -> None:
    path = write_config(tmp_path, zoho)
    path.write_text(path.read_text().replace("crmhub.db", "notes.txt"))
    (tmp_path / "notes.txt").write_text("these are my notes, not a database\n" * 100)
    assert "notes.txt" in fails(tmp_path, "dead-letters")


def test_a_load_reports_as_json_and_lists_what_was_set_aside(tmp_path: Path) -> None:
    """A sector that the mapping does not know is set aside with its reason; the rest arrives."""
    data = tmp_path / "data"
    data.mkdir()
    header = "account,sector,year_established,revenue,employees,office_location,subsidiary_of\n"
    good = "Acme,retail,1999,1.5,10,Kenya,\n"
    (data / "accounts.csv").write_text(header + good + "Odd,alchemy,1999,1.5,10,Kenya,\n")
    with simulator("zoho", "--schema", str(EXAMPLE / "zoho-schema.yaml")) as zoho:
        write_config(tmp_path, zoho)
        mapping = str(EXAMPLE / "mapping.yaml")
        options = ("--from", "data", "--mapping", mapping, "--models", "accounts", "--json")
        lines = crmhub(tmp_path, "load", "zoho", *options, code=3)
        assert summary(lines)["dead_letters"] == {"mapping": 1}
        (letter,) = crmhub(tmp_path, "dead-letters", "--json")
        assert (letter["record"], letter["field"]) == (["csv-data", "accounts", "Odd"], "sector")
        assert "alchemy" not in json.dumps(letter)
        assert crmhub(tmp_path, "dead-letters", "--drop", str(letter["id"])) == []
        assert crmhub(tmp_path, "dead-letters", "--json") == []
        fails(tmp_path, "dead-letters", "--drop", "0000000000000000")
        assert [row["Account_Name"] for row in zoho.truth("Accounts")] == ["Acme"]


def test_an_unknown_connector_is_named_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "crmhub.yaml").write_text("connections:\n  a: {connector: zohoo}\n  b: {connector: memory}\n")
    said = fails(tmp_path, "sync", "a", "b")
    assert "crmhub.yaml:2:7: no connector 'zohoo'" in said
    assert "installed:" in said


def test_the_demo_leaves_the_files_of_others_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    assert "holds files that are not the demo's" in fails(tmp_path, "demo", "--folder", ".")
    assert "cannot be written" in fails(tmp_path, "demo", "--folder", "letter.txt")
    assert (tmp_path / "letter.txt").read_text() == "mine"


def test_models_may_be_listed_with_spaces(tmp_path: Path, zoho: Simulated) -> None:
    path = write_config(tmp_path, zoho)
    path.write_text(path.read_text() + "  mine: {connector: memory}\n")
    assert "no model 'deels' is mapped" in fails(
        tmp_path, "sync", "zoho", "mine", "--models", "accounts, deels"
    )
