"""Amounts of an org with several currencies."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from crmhub.config import load_config
from crmhub.errors import InvalidRecord
from crmhub.http import asgi_transport
from crmhub.hub import Hub
from crmhub.models import Account, Money
from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.finding import make_double
from crmhub.testing.simulator.options import Options

pytestmark = pytest.mark.anyio

_CONFIG = """\
plain_secrets: true
store: "sqlite:///:memory:"
connections:
  salesforce:
    connector: salesforce
    instance_url: http://localhost
    client_id: {client_id}
    client_secret: {client_secret}
    mapping:
      Account:
        annual_revenue: {{to: AnnualRevenue, as: {{money: {{currency: CurrencyIsoCode}}}}}}
      Lead:
        annual_revenue: {{to: AnnualRevenue, as: {{money: {{currency: CurrencyIsoCode}}}}}}
      Opportunity:
        amount: {{to: Amount, as: {{money: {{currency: CurrencyIsoCode}}}}}}
        expected_revenue: {{to: ExpectedRevenue, as: {{money: {{currency: CurrencyIsoCode}}}}, dir: read}}
"""


async def test_amounts_are_read_and_written_with_the_currency_of_their_record(tmp_path: Path) -> None:
    options = Options(rows=3, base_url="http://localhost", settings={"currencies": "USD,EUR"})
    double = make_double("salesforce", options)
    path = tmp_path / "crmhub.yaml"
    path.write_text(_CONFIG.format(**double.credentials))
    transports = {"salesforce": asgi_transport(double.app)}
    async with Hub(load_config(path), transports=transports) as hub:
        accounts, deals = hub["salesforce"].accounts, hub["salesforce"].deals
        euros = Money(Decimal("12.50"), "EUR")
        made = await accounts.create(Account(name="In euros", annual_revenue=euros))
        assert (await accounts.get(made.id)).annual_revenue == euros
        revenues = {row["Name"]: row.get("CurrencyIsoCode") for row in double.truth("Account")}
        assert revenues.pop("In euros") == "EUR"
        assert {*revenues.values()} == {"USD"}
        for deal in await deals.list():
            assert deal.amount is None or deal.amount.currency == "USD"
            assert deal.expected_revenue is None or deal.expected_revenue.currency == "USD"
        with pytest.raises(InvalidRecord) as refused:
            await accounts.update(made.id, Account(annual_revenue=Money(Decimal(1), "CHF")))
        assert "CurrencyIsoCode" in str(refused.value)


@pytest.mark.parametrize("codes", ["usd", "USD,", "USD,USD", "USD;EUR"])
def test_currencies_that_are_no_codes_are_refused_by_the_simulator(codes: str) -> None:
    with pytest.raises(SimulatorError, match="currencies"):
        make_double("salesforce", Options(settings={"currencies": codes}))
