"""The measurements run, in tiny numbers; and what is no matter of speed: calls, and what is loaded."""

from __future__ import annotations

import math
from dataclasses import replace

import anyio
import httpx
import pytest

from bench.__main__ import SECTIONS, main
from bench.byhand import account_of
from bench.doubles import config_of, double
from bench.measuring import Figure, Section, show
from bench.pull import listed
from bench.salesforce import salesforce
from bench.sizes import TINY
from bench.start import loaded_by
from bench.tiers import tiers
from crmhub.hub import Hub


@pytest.mark.parametrize("name", [name for name in SECTIONS if name not in {"tiers", "salesforce"}])
def test_every_section_runs_and_shows_its_figures(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    main([name], replace(TINY, rounds=0) if name == "start" else TINY)
    assert capsys.readouterr().out.strip()


def test_an_unknown_section_is_named() -> None:
    with pytest.raises(SystemExit, match="no section speed; there are pull, mapping"):
        main(["speed"])


def test_a_figure_above_its_aim_is_over_and_one_at_it_is_not() -> None:
    figures = [Figure("a", 1.2, "x", 1.2), Figure("b", 1.3, "x", 1.2), Figure("c", 9, "s")]
    assert [figure.verdict for figure in figures] == ["ok", "over", ""]
    assert [line.split()[-1] for line in show(Section("t", figures)).splitlines()[2:]] == ["ok", "over", "s"]


@pytest.mark.parametrize("rows", [0, 1, 2_000, 2_001, 5_000])
def test_a_list_makes_one_call_for_each_page_of_the_largest_size(rows: int) -> None:
    with double("zoho", "--rows", f"Accounts={rows}") as zoho:
        assert anyio.run(listed, config_of(zoho)) == rows
        calls = httpx.get(f"{zoho.url}/_stats").json()["calls"]
    assert calls["POST /crm/{version}/coql"] == max(1, math.ceil(rows / 2_000))


def test_every_tier_makes_the_same_calls_for_the_same_job() -> None:
    sections = tiers(TINY)  # waits for jobs, so it is run once
    full_read = sections.pop(4)
    for section in sections:
        figures = {figure.name: figure.value for figure in section.figures}
        price = "calls of the org" if "salesforce" in section.title else "credits"
        for cost in ("API calls per 1,000 records", f"{price} per 1,000 records"):
            found = {name: value for name, value in figures.items() if name.endswith(f", {cost}")}
            assert found.get(f"rest, {cost}")
            assert len(set(found.values())) == 1, (section.title, found)
    assert full_read["rest, API calls per 1,000 records"] == 4 / 60 * 1_000
    assert full_read["rest, bulk read jobs, credits per 1,000 records"] > 50 / 60 * 1_000
    assert [show(section) for section in (*sections, full_read)]


@pytest.mark.slow
def test_what_reads_and_writes_of_salesforce_cost_in_calls() -> None:
    queries, jobs, writes = salesforce(TINY)  # starts a process for each way, so it is run once
    ready = 3  # a token, the describe and the first record
    calls = ": API calls, those to get ready included"
    assert queries[f"simple-salesforce, dicts{calls}"] == 1 + 60 / 15
    assert queries[f"crmhub, dicts{calls}"] == queries[f"crmhub, models{calls}"] == ready + 60 / 15 + 1
    assert jobs[f"simple-salesforce, dicts{calls}"] == 1 + 3
    assert jobs[f"crmhub, dicts{calls}"] == jobs[f"crmhub, models{calls}"] == ready + 5
    made = {
        figure.name.partition(":")[0]: figure.value for figure in writes.figures if "calls" in figure.name
    }
    assert made["crmhub, collections"] == pytest.approx(1 / 30 * 1_000)
    assert made["crmhub, ingest job"] == pytest.approx(7 / 30 * 1_000)
    assert made["simple-salesforce, ingest job"] == pytest.approx(8 / 30 * 1_000)
    assert made["simple-salesforce, one by one"] == 1_000
    assert [show(section) for section in (queries, jobs, writes)]


def test_by_hand_and_by_crmhub_is_the_same_job() -> None:
    with double("zoho", "--rows", "Accounts=50") as zoho:

        async def compare() -> int:
            async with Hub(config_of(zoho)) as hub:
                found = [each async for each in hub["zoho"].accounts.list(raw=True)]
            for each in found:
                assert each.raw is not None
                assert each.model_copy(update={"raw": None}) == account_of(dict(each.raw))  # pyright: ignore[reportArgumentType]
            return len(found)

        assert anyio.run(compare) == 50


@pytest.mark.parametrize("statement", ["import crmhub", "from crmhub import Account", "import crmhub.hub"])
def test_imports_load_no_database_no_http_no_terminal_and_no_connector(statement: str) -> None:
    assert loaded_by(statement) == []
