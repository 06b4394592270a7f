"""What a record costs in the mapping, in units of one validation by pydantic-core (V)."""

from __future__ import annotations

from collections.abc import Callable

import anyio

from bench.byhand import account_of
from bench.byhand import pull as by_hand
from bench.doubles import double
from bench.measuring import Figure, Section, medians
from bench.pull import native_fields
from bench.sizes import Sizes
from crmhub.mapping.load import ConnectionMapping, load_mapping, shipped_mappings
from crmhub.models import Account
from crmhub.native import Native

__all__ = ["mapping"]

_MOST = 10_000


def mapping(sizes: Sizes) -> list[Section]:
    """Native records to models and values, and values back."""
    (mapped,) = ConnectionMapping(load_mapping(shipped_mappings()["zoho"])).of_object("Accounts")
    rows = sample(min(sizes.accounts, _MOST))
    envelopes = [
        {"id": row["id"], "connection": "zoho", "object": "Accounts", "version": row["Modified_Time"]}
        for row in rows
    ]
    inputs = [mapped.data(row) | envelope for row, envelope in zip(rows, envelopes, strict=True)]
    values = [mapped.read(row) for row in rows]
    validate = Account.model_validate
    for row, envelope in zip(rows, envelopes, strict=True):
        if mapped.model_of(row, envelope) != account_of(row):
            raise AssertionError("by hand and by mapping are not the same job")
    pairs = list(zip(rows, envelopes, strict=True))
    runs: dict[str, Callable[[], int]] = {
        "one validation": lambda: sum(1 for data in inputs if validate(data)),
        "native to model by hand": lambda: sum(1 for row in rows if account_of(row)),
        "native to model": lambda: sum(1 for row, rest in pairs if mapped.model_of(row, rest)),
        "native to values": lambda: sum(1 for row in rows if mapped.read(row)),
        "values to native, changed": lambda: sum(1 for each in values if mapped.write(each)),
        "values to native, created": lambda: sum(1 for each in values if mapped.write(each, create=True)),
        "values to native, over a known record": lambda: sum(
            1 for each, row in zip(values, rows, strict=True) if mapped.write(each, base=row)
        ),
    }
    cpu = medians(runs, 3 * sizes.rounds)
    one = cpu.pop("one validation")
    aims = {"native to model": 1.7, "values to native, changed": 1.5, "values to native, created": 1.5}
    return [
        Section(
            f"mapping: {len(rows):,} Zoho accounts, {len(mapped.rules)} rules, medians",
            [
                Figure("one validation (V)", one, "CPU us"),
                *(Figure(name, value / one, "V", aims.get(name)) for name, value in cpu.items()),
                Figure(
                    "native to model / by hand",
                    cpu["native to model"] / cpu["native to model by hand"],
                    "x",
                    1.05,
                ),
            ],
        )
    ]


def sample(count: int) -> list[Native]:
    """Accounts as a simulated Zoho gives them."""
    rows: list[Native] = []
    with double("zoho", "--rows", f"Accounts={count}") as zoho:
        anyio.run(by_hand, zoho.url, zoho.token, native_fields(), 2_000, rows.append)
    return rows
