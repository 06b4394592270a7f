"""What a sales dataset must look like once it is loaded, worked out from the files on a way of its own."""

from __future__ import annotations

import csv
from datetime import datetime
from decimal import Decimal
from pathlib import Path

__all__ = ["accounts", "deals", "table"]

SECTORS = {"technolgy": "Technology"}
COUNTRIES = {"Philipines": "Philippines"}
PRODUCTS = {"NimbusPro": "Nimbus Pro", "GTXPro": "GTX Pro"}
STAGES = {
    "Won": "Closed Won",
    "Lost": "Closed Lost",
    "Engaging": "Needs Analysis",
    "Prospecting": "Qualification",
}


def table(path: Path) -> list[dict[str, str]]:
    """The rows of a file."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def accounts(folder: Path) -> dict[str, tuple[object, ...]]:
    """Industry, revenue, employees, country, parent's name and year of foundation, by name."""
    return {
        row["account"]: (
            SECTORS.get(row["sector"], row["sector"].capitalize()),
            Decimal(row["revenue"]) * 1_000_000,
            int(row["employees"]),
            COUNTRIES.get(row["office_location"], row["office_location"]),
            row["subsidiary_of"] or None,
            int(row["year_established"]),
        )
        for row in table(folder / "accounts.csv")
    }


def deals(folder: Path) -> dict[str, tuple[object, ...]]:
    """Name, agent, product, account's name, stage, both dates and amount, by opportunity id."""
    return {
        row["opportunity_id"]: (
            f"{PRODUCTS.get(row['product'], row['product'])} {row['opportunity_id']}",
            row["sales_agent"],
            PRODUCTS.get(row["product"], row["product"]),
            row["account"] or None,
            STAGES[row["deal_stage"]],
            _iso(row["engage_date"]),
            _iso(row["close_date"]),
            Decimal(row["close_value"]) if row["close_value"] else None,
        )
        for row in table(folder / "sales_pipeline.csv")
    }


def _iso(day: str) -> str | None:
    return datetime.strptime(day, "%m/%d/%Y").date().isoformat() if day else None  # noqa: DTZ007 - a day alone
