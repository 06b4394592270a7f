from __future__ import annotations

import csv
from pathlib import Path

import pytest

from crmhub.testing.sales import agents_of, generate, main, write_users
from crmhub.testing.simulator.users_file import load_users

FILES = ("accounts.csv", "products.csv", "sales_pipeline.csv", "sales_teams.csv", "users.csv")


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("sales")
    generate(made, accounts=60, deals=600, agents=8, seed=4)
    return made


def test_the_same_seed_gives_the_same_files_and_another_seed_others(folder: Path, tmp_path: Path) -> None:
    generate(tmp_path / "same", accounts=60, deals=600, agents=8, seed=4)
    generate(tmp_path / "other", accounts=60, deals=600, agents=8, seed=5)

    for name in FILES:
        assert (tmp_path / "same" / name).read_bytes() == (folder / name).read_bytes()
    assert (tmp_path / "other" / "accounts.csv").read_bytes() != (folder / "accounts.csv").read_bytes()


def test_sizes_are_as_asked_and_keys_are_unique(folder: Path) -> None:
    for name, key, size in (
        ("accounts.csv", "account", 60),
        ("sales_pipeline.csv", "opportunity_id", 600),
        ("sales_teams.csv", "sales_agent", 8),
    ):
        keys = [row[key] for row in table(folder / name)]
        assert (len(keys), len(set(keys))) == (size, size)


def test_every_account_and_agent_that_is_named_is_there(folder: Path) -> None:
    accounts = {row["account"]: row for row in table(folder / "accounts.csv")}
    agents = {row["sales_agent"] for row in table(folder / "sales_teams.csv")}

    for deal in table(folder / "sales_pipeline.csv"):
        assert deal["account"] in {"", *accounts}
        assert deal["sales_agent"] in agents
    for row in accounts.values():
        chain = [row["account"]]
        while parent := accounts[chain[-1]]["subsidiary_of"]:
            assert parent not in chain
            chain.append(parent)


def test_the_data_is_messy_in_every_promised_way(folder: Path) -> None:
    accounts, deals = table(folder / "accounts.csv"), table(folder / "sales_pipeline.csv")
    names = [row["account"] for row in accounts]

    assert {"technolgy", "technology"} <= {row["sector"] for row in accounts}
    assert "Philipines" in {row["office_location"] for row in accounts}
    assert {"NimbusPro", "Nimbus Pro"} <= {deal["product"] for deal in deals}
    assert any(row["subsidiary_of"] in names[number + 1 :] for number, row in enumerate(accounts))
    assert all(any(mark in name for name in names) for mark in (",", '"'))
    assert any(not name.isascii() for name in names)
    assert any("\n" in row["regional_office"] for row in table(folder / "sales_teams.csv"))
    assert any(not deal["account"] for deal in deals)
    for deal in deals:
        closed = deal["deal_stage"] in {"Won", "Lost"}
        assert bool(deal["close_date"]) == bool(deal["close_value"]) == closed
        assert bool(deal["engage_date"]) == (deal["deal_stage"] != "Prospecting")
    assert {deal["deal_stage"] for deal in deals} == {"Won", "Lost", "Engaging", "Prospecting"}
    dates = [deal["close_date"] for deal in deals if deal["close_date"]]
    assert not any(part.startswith("0") for day in dates for part in day.split("/"))


def test_agents_become_users_that_a_simulator_takes(folder: Path) -> None:
    users = load_users(folder / "users.csv")

    assert [user.full_name for user in users] == [
        row["sales_agent"] for row in table(folder / "sales_teams.csv")
    ]
    assert all(user.email.isascii() and user.email.endswith("@example.com") for user in users)


def test_addresses_are_plain_and_unique() -> None:
    agents = agents_of(["Søren O'Shea", "Soren Oshea", "Ana Maria Łuczak", "Plato", "東 光"])

    assert [agent.email for agent in agents] == [
        "soren.oshea@example.com",
        "soren.oshea2@example.com",
        "ana.maria.luczak@example.com",
        "plato@example.com",
        "agent@example.com",
    ]
    assert agents[2][:2] == ("Ana Maria", "Łuczak")


def test_users_of_another_dataset_are_written_once_each(tmp_path: Path) -> None:
    teams = tmp_path / "sales_teams.csv"
    teams.write_text("\ufeffsales_agent,manager\nAnna Berg,X\nAnna Berg,Y\nBo Lind,X\n", encoding="utf-8")

    write_users(teams, tmp_path / "users.csv")

    assert [row["email"] for row in table(tmp_path / "users.csv")] == [
        "anna.berg@example.com",
        "bo.lind@example.com",
    ]


def test_both_commands_write_files(tmp_path: Path) -> None:
    main(["generate", str(tmp_path), "--accounts", "3", "--deals", "4", "--agents", "2", "--seed", "9"])
    main(["users", str(tmp_path / "sales_teams.csv"), str(tmp_path / "again.csv")])

    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "users.csv").read_bytes()
    assert len(table(tmp_path / "sales_pipeline.csv")) == 4


def test_deals_need_an_account_and_an_agent(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one"):
        generate(tmp_path, accounts=0, deals=1)


def test_small_and_odd_sizes_work(tmp_path: Path) -> None:
    generate(tmp_path / "none", accounts=0, deals=0, agents=0)
    generate(tmp_path / "many", accounts=1000, deals=1, agents=500)

    assert len({row["account"] for row in table(tmp_path / "many" / "accounts.csv")}) == 1000
    assert len({row["email"] for row in table(tmp_path / "many" / "users.csv")}) == 500
