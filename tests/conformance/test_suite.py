"""The suite that authors inherit: skips have reasons and end with them; the runner tells all."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest
import typer

from crmhub.cli.conformance import conformance
from crmhub.errors import ConfigError, PluginError, UnknownConnector
from crmhub.plugins import connector_names
from crmhub.testing.conformance.catalog import all_checks
from crmhub.testing.conformance.check import check
from crmhub.testing.conformance.finding import find_target
from crmhub.testing.conformance.run import run
from crmhub.testing.conformance.suite import Conformance
from crmhub.testing.conformance.target import Org, Sample, Target
from crmhub.testing.memory.conformance import MemoryTarget
from tests.conformance.mutants_reading import StopsAfterPageOne
from tests.support import CRMHUB, crmhub

CHECKS = {check.number: check for check in all_checks()}


class Whole(Conformance):
    target: ClassVar[Target] = MemoryTarget()


class Mistaken(Conformance):
    target: ClassVar[Target] = MemoryTarget(StopsAfterPageOne)
    skips: ClassVar[Mapping[int, str]] = {16: "the next page is not written yet"}


class Late(Conformance):
    target: ClassVar[Target] = MemoryTarget()
    skips: ClassVar[Mapping[int, str]] = {16: "was not written yet", 31: "changes are numbered"}


def test_a_check_that_fails_is_skipped_with_its_reason() -> None:
    with pytest.raises(pytest.skip.Exception, match=r"the next page is not written yet \(now: .* missing"):
        Mistaken().test_check(CHECKS[16], "asyncio")


def test_a_check_that_fails_and_is_not_skipped_fails() -> None:
    with pytest.raises(AssertionError, match="9 of 13 records are missing"):
        type("Strict", (Mistaken,), {"skips": {}})().test_check(CHECKS[16], "asyncio")


def test_a_skip_that_outlives_its_reason_fails() -> None:
    with pytest.raises(pytest.fail.Exception, match="check 16 passes now: take it out of skips"):
        Late().test_check(CHECKS[16], "asyncio")


def test_a_skip_of_a_check_that_does_not_apply_fails() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"check 31 does not apply .*: take it out of skips"):
        Late().test_check(CHECKS[31], "asyncio")


def test_a_check_that_does_not_apply_is_skipped_with_the_reason() -> None:
    with pytest.raises(pytest.skip.Exception, match="declares that no change shows late"):
        Whole().test_check(CHECKS[31], "asyncio")


@pytest.mark.parametrize(("number", "reason"), [(16, " "), (999, "never heard of")])
def test_a_skip_without_a_reason_or_a_check_is_an_error(number: int, reason: str) -> None:
    with pytest.raises(ValueError, match=rf"skips: .*check {number}"):
        type("Wrong", (Conformance,), {"target": MemoryTarget(), "skips": {number: reason}})


def test_a_number_is_given_once() -> None:
    async def again(org: Org, sample: Sample) -> None:
        """Demands nothing."""

    with pytest.raises(ValueError, match="check 16 is there twice: count equals truth and other"):
        check(16, "other")(again)


@pytest.mark.anyio
async def test_the_runner_tells_each_result_and_goes_on_after_a_failure() -> None:
    told: list[int] = []
    report = await run(MemoryTarget(StopsAfterPageOne), tell=lambda result: told.append(result.number))
    by_number = {result.number: result for result in report.results}
    assert told == sorted(CHECKS)
    assert not report.ok
    assert by_number[16].status == "fail"
    assert "records are missing" in by_number[16].detail
    assert by_number[1].status == "pass"
    assert by_number[31].status == "skip"
    assert report.count("pass") + report.count("fail") + report.count("skip") == len(CHECKS)


def test_a_target_is_found_by_the_connectors_name() -> None:
    assert isinstance(find_target("memory"), MemoryTarget)


@pytest.mark.parametrize("name", connector_names())
def test_every_connector_of_this_project_brings_a_target(name: str) -> None:
    assert find_target(name).connector == name


SHOP = "from crmhub.testing.memory import MemoryConnector as Shop\n"


def installed(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, **files: str) -> None:
    """A distribution with a connector ``name`` in the module ``connector`` of a package of that name."""
    package, about = folder / name, folder / f"{name}-1.dist-info"
    package.mkdir()
    about.mkdir()
    (package / "__init__.py").write_text("")
    (about / "METADATA").write_text(f"Name: {name}\nVersion: 1\n")
    (about / "entry_points.txt").write_text(f"[crmhub.connectors]\n{name} = {name}.connector:Shop\n")
    for file, source in {"connector": SHOP, **files}.items():
        (package / f"{file}.py").write_text(source)
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])


def test_a_target_stands_beside_the_connectors_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "from crmhub.testing.memory.conformance import MemoryTarget\ntarget = MemoryTarget()\n"
    installed(tmp_path, monkeypatch, "kit_shop", conformance=source)
    assert isinstance(find_target("kit_shop"), MemoryTarget)


def test_a_connector_without_a_target_says_where_to_write_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(tmp_path, monkeypatch, "kit_bare")
    with pytest.raises(ConfigError, match=r"brings no conformance target.*write kit_bare\.conformance"):
        find_target("kit_bare")
    with pytest.raises(UnknownConnector, match="did you mean 'memory'"):
        find_target("memry")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import no_such_module_anywhere\n", "cannot be imported: ModuleNotFoundError"),
        ("target = 3\n", r"kit_\w+\.conformance has no target"),
    ],
    ids=["broken", "empty"],
)
def test_a_target_that_cannot_be_used_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, said: str, request: pytest.FixtureRequest
) -> None:
    name = f"kit_{request.node.callspec.id}"
    installed(tmp_path, monkeypatch, name, conformance=source)
    with pytest.raises(PluginError, match=said):
        find_target(name)


@pytest.mark.slow
def test_the_command_prints_a_line_for_each_check(tmp_path: Path) -> None:
    done = subprocess.run(
        [*CRMHUB, "conformance", "memory"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    *lines, last = done.stdout.splitlines()
    assert [int(line.split()[0]) for line in lines] == sorted(CHECKS)
    assert "skip  the connector declares that no change shows late" in done.stdout
    assert re.fullmatch(r"memory: \d+ passed, 0 failed, \d+ skipped", last)


@pytest.mark.slow
def test_the_command_prints_json_for_machines(tmp_path: Path) -> None:
    *results, last = crmhub(tmp_path, "conformance", "memory", "--json")
    assert [result["number"] for result in results] == sorted(CHECKS)
    assert {result["status"] for result in results} == {"pass", "skip"}
    assert last["ok"] is True


def test_the_command_fails_when_a_check_does(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crmhub.testing.memory.conformance.target", MemoryTarget(StopsAfterPageOne))
    with pytest.raises(typer.Exit) as stopped:
        conformance("memory", as_json=False)
    assert stopped.value.exit_code == 1
    assert re.search(
        r"^16 count equals truth +FAIL  .* records are missing", capsys.readouterr().out, re.MULTILINE
    )


def test_the_page_lists_every_check() -> None:
    page = (Path(__file__).parents[2] / "docs" / "conformance.md").read_text("utf-8")
    told = re.findall(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \|$", page, re.MULTILINE)
    rows = [(int(number), name.strip(), about.strip()) for number, name, about in told]
    assert rows == [(one.number, one.name, one.about.replace("``", "`")) for one in all_checks()]
