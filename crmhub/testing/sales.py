"""A made-up sales dataset, the same for the same seed, and messy in the ways that real ones are.

Four CSV files: accounts, products, agents with their teams, and a pipeline of deals. Sectors and
countries are misspelt, a product is written in two ways, deals lack accounts, open ones lack dates
and values, dates are American without leading zeros, revenue is in millions, subsidiaries name
accounts of later rows, and cells hold commas, quotes, line breaks and letters of many languages.

Run as ``python -m crmhub.testing.sales generate FOLDER``, or ``… users sales_teams.csv users.csv``
to turn the agents of such a dataset into a users file for a simulator.
"""

from __future__ import annotations

import argparse
import csv
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple

__all__ = ["Agent", "agents_of", "generate", "main", "write_users"]

_FIRST = (
    "Ada", "Björn", "Carmen", "Dmitri", "Élodie", "Farah", "Gwen", "Hiro", "Ingrid", "Jorge", "Kwame",
    "Léa", "Marta", "Nadia", "Øystein", "Priya", "Quentin", "Rosa", "Søren", "Tomás", "Uma", "Viktor",
    "Wanjiru", "Zoë",
)  # fmt: skip
_LAST = (
    "Abara", "Bélanger", "Castellanos", "Dvořák", "Eriksen", "Fontaine", "García", "Haugen", "Ivanova",
    "Jansen", "Kowalczyk", "Lindqvist", "Moreau", "Nakagawa", "O'Shea", "Pereira", "Quiroga", "Rossi",
    "Śliwa", "Thapa",
)  # fmt: skip
_BEGINNINGS = (
    "Alder", "Brightwater", "Cobalt", "Dunmore", "Eastgate", "Fernhill", "Granite", "Harbour", "Ironwood",
    "Juniper", "Kestrel", "Larkspur", "Münsterland", "Nordlicht", "Oakridge", "Pêche", "Quarry", "Rīga",
    "Sørvik", "Tundra", "Umbra", "Vega", "Willow", "Łódź",
)  # fmt: skip
_ENDINGS = (
    "Analytics", "Bakeries", "Clinics", "Devices", "Energy", "Freight", "Galleries", "Holdings", "Imports",
    "Journals", "Kitchens", "Labs", "Media", "Networks", "Optics", "Partners", "Robotics", "Studios",
    "Textiles",
)  # fmt: skip
_SECTORS = (
    "employment", "entertainment", "finance", "marketing", "medical", "retail", "services", "software",
    "technolgy", "technology", "telecommunications",
)  # fmt: skip
_COUNTRIES = (
    "United States", "United States", "United States", "Brazil", "Germany", "Japan", "Kenya", "Norway",
    "Philipines", "Poland",
)  # fmt: skip
_PRODUCTS = (
    ("Nimbus Basic", "Nimbus", 480),
    ("Nimbus Pro", "Nimbus", 4150),
    ("Tarn 200", "Tarn", 95),
    ("Tarn 900", "Tarn", 2890),
    ("Ridge Max", "Ridge", 23400),
)
_SPELLINGS = ("Nimbus Basic", "NimbusPro", "Nimbus Pro", "Tarn 200", "Tarn 900", "Ridge Max")
_STAGES = (("Won", 48), ("Lost", 28), ("Engaging", 18), ("Prospecting", 6))
_OFFICES = ("North", "South", "Head Office,\nAnnex B")
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BEGIN = date(2024, 1, 2)
_DAYS = 400


class Agent(NamedTuple):
    """A sales agent as a user: ``first.last@example.com``."""

    first_name: str
    last_name: str
    email: str


def generate(folder: Path, *, accounts: int = 85, deals: int = 880, agents: int = 12, seed: int = 0) -> None:
    """Write the four CSV files and ``users.csv``.

    The folder is made if it is not there. Raises ``ValueError`` for deals without an account or an
    agent to belong to.
    """
    if deals and not (accounts and agents):
        raise ValueError("deals need at least one account and one agent")
    random = Random(f"sales {seed}")
    folder.mkdir(parents=True, exist_ok=True)
    companies = list(_companies(random, accounts))
    people = list(_people(random, agents))
    _write(
        folder / "accounts.csv",
        ("account", "sector", "year_established", "revenue", "employees", "office_location", "subsidiary_of"),
        _accounts(random, companies),
    )
    _write(folder / "products.csv", ("product", "series", "sales_price"), _PRODUCTS)
    _write(
        folder / "sales_teams.csv",
        ("sales_agent", "manager", "regional_office"),
        (
            (name, people[-1 - number % 3 % len(people)], _OFFICES[number % 3])
            for number, name in enumerate(people)
        ),
    )
    _write(
        folder / "sales_pipeline.csv",
        ("opportunity_id", "sales_agent", "product", "account", "deal_stage", "engage_date", "close_date",
         "close_value"),
        _deals(random, companies, people, deals),
    )  # fmt: skip
    write_users(folder / "sales_teams.csv", folder / "users.csv")


def agents_of(names: Iterable[str]) -> list[Agent]:
    """Users for agents' full names; addresses are plain ASCII, and unique."""
    agents: list[Agent] = []
    taken: set[str] = set()
    for name in names:
        first, _, last = " ".join(name.split()).rpartition(" ")
        mailbox = ".".join(word for word in (_ascii(first), _ascii(last)) if word) or "agent"
        free, number = mailbox, 1
        while free in taken:
            number += 1
            free = f"{mailbox}{number}"
        taken.add(free)
        agents.append(Agent(first, last, f"{free}@example.com"))
    return agents


def write_users(teams: Path, users: Path) -> None:
    """Turn the ``sales_agent`` column of a teams file into a users file, as simulators take it."""
    with teams.open(encoding="utf-8-sig", newline="") as file:
        names = list(dict.fromkeys(row["sales_agent"] for row in csv.DictReader(file)))
    _write(users, Agent._fields, agents_of(names))


def main(arguments: Sequence[str] | None = None) -> None:
    """The two commands that the module's text shows."""
    parser = argparse.ArgumentParser(prog="python -m crmhub.testing.sales", description="Sample sales data.")
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("generate", help="write a made-up dataset into a folder")
    making.add_argument("folder", type=Path)
    for name, size in (("accounts", 85), ("deals", 880), ("agents", 12), ("seed", 0)):
        making.add_argument(f"--{name}", type=int, default=size)
    turning = commands.add_parser("users", help="turn the agents of sales_teams.csv into a users file")
    turning.add_argument("teams", type=Path)
    turning.add_argument("users", type=Path)
    given = parser.parse_args(arguments)
    if given.command == "users":
        write_users(given.teams, given.users)
    else:
        generate(
            given.folder, accounts=given.accounts, deals=given.deals, agents=given.agents, seed=given.seed
        )


def _companies(random: Random, count: int) -> Iterator[str]:
    """Unique names, some with commas, quotes and letters beyond ASCII."""
    pairs = [(beginning, ending) for beginning in _BEGINNINGS for ending in _ENDINGS]
    random.shuffle(pairs)
    for number in range(count):
        again, place = divmod(number, len(pairs))
        beginning, ending = pairs[place]
        ending = f"{ending} {again + 1}" if again else ending
        if number % 11 == 3:
            yield f"{beginning}, {ending} & Co"
        elif number % 13 == 5:
            yield f'{beginning} "{ending}"'
        else:
            yield f"{beginning} {ending}"


def _people(random: Random, count: int) -> Iterator[str]:
    pairs = [f"{first} {last}" for first in _FIRST for last in _LAST]
    random.shuffle(pairs)
    for number in range(count):
        again, place = divmod(number, len(pairs))
        yield f"{pairs[place]} {'I' * (again + 1)}" if again else pairs[place]


def _accounts(random: Random, companies: Sequence[str]) -> Iterator[tuple[object, ...]]:
    # Owners are taken from one fixed order of all, so that a chain never closes; rows come in another.
    order = random.sample(range(len(companies)), len(companies))
    rank = {company: place for place, company in enumerate(order)}
    for number, name in enumerate(companies):
        above = rank[number]
        parent = companies[order[random.randrange(above)]] if above and random.random() < 0.2 else None
        cents = random.randrange(450, 250_000)
        yield (
            name,
            _SECTORS[number % len(_SECTORS)],
            random.randrange(1975, 2021),
            f"{cents // 100}.{cents % 100:02}",
            random.randrange(9, 34_000),
            _COUNTRIES[number % len(_COUNTRIES)],
            parent,
        )


def _deals(
    random: Random, companies: Sequence[str], people: Sequence[str], count: int
) -> Iterator[tuple[object, ...]]:
    stages = [stage for stage, share in _STAGES for _ in range(share)]
    for number in range(count):
        stage = random.choice(stages)
        opened = _BEGIN + timedelta(days=random.randrange(_DAYS))
        product = _SPELLINGS[number % len(_SPELLINGS)]
        closed = opened + timedelta(days=random.randrange(1, 130)) if stage in {"Won", "Lost"} else None
        homeless = closed is None and random.random() < 0.6
        value = {"Won": random.randrange(40, 25_000), "Lost": 0}.get(stage)
        yield (
            _opportunity(random, number),
            random.choice(people),
            product,
            None if homeless else random.choice(companies),
            stage,
            None if stage == "Prospecting" else _american(opened),
            None if closed is None else _american(closed),
            value,
        )


def _opportunity(random: Random, number: int) -> str:
    """Eight letters and digits or more: four are noise, the others say the number, so none comes twice."""
    code = random.choices(_LETTERS, k=4)
    while number or len(code) < 8:
        number, digit = divmod(number, len(_LETTERS))
        code.append(_LETTERS[digit])
    return "".join(code)


def _american(day: date) -> str:
    return f"{day.month}/{day.day}/{day.year}"


def _ascii(name: str) -> str:
    """A name as part of an address: ``Søren`` is ``soren``, ``O'Shea`` is ``oshea``."""
    plain = unicodedata.normalize("NFKD", name.translate(_PLAIN)).encode("ascii", "ignore").decode().lower()
    return ".".join("".join(char for char in word if char.isalnum() or char == "-") for word in plain.split())


_PLAIN = str.maketrans(
    {"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "ß": "ss", "đ": "d", "Đ": "D", "æ": "ae", "Æ": "Ae"}
)


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


if __name__ == "__main__":
    main()
