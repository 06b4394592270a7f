"""The same job by hand: httpx, msgspec, and a mapping written out for Zoho's accounts.

It gives the models that crmhub gives, field for field, and does nothing besides: no retries, no limits,
no checks of order, no other CRM.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import cast

import httpx
import msgspec

from crmhub.models import Account, Money
from crmhub.native import Native

__all__ = ["account_of", "pull"]

_decode = msgspec.json.Decoder(dict[str, object], float_hook=Decimal).decode
_TYPES = {
    "Prospect": "prospect", "Customer": "customer", "Partner": "partner", "Vendor": "vendor",
    "Competitor": "competitor", "Investor": "investor", "Other": "other",
}  # fmt: skip
_validate = Account.model_validate


async def pull(url: str, token: str, fields: list[str], page: int, build: Callable[[Native], object]) -> int:
    """One COQL call after the other, and what ``build`` makes of each record; how many there were."""
    count, last = 0, "0"
    headers = {"authorization": f"Zoho-oauthtoken {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
        while True:
            query = f"select {','.join(fields)} from Accounts where id > {last} order by id limit {page}"
            reply = await client.post("/crm/v8/coql", json={"select_query": query})
            if reply.status_code == 204:
                return count
            answer = _decode(reply.content)
            rows = cast("list[Native]", answer["data"])
            for row in rows:
                build(row)
            count += len(rows)
            last = str(rows[-1]["id"])
            if not cast("dict[str, object]", answer["info"])["more_records"]:
                return count


def account_of(row: Native) -> Account:
    """A row of Zoho's Accounts as the model."""
    get = row.get
    type_ = cast("str | None", get("Account_Type"))
    revenue = get("Annual_Revenue")
    owner = cast("Native | None", get("Owner"))
    parent = cast("Native | None", get("Parent_Account"))
    phones = [
        {"role": role, "raw": raw} for role, raw in (("main", get("Phone")), ("fax", get("Fax"))) if raw
    ]
    billing = {
        "line1": get("Billing_Street"),
        "city": get("Billing_City"),
        "region": get("Billing_State"),
        "postal_code": get("Billing_Code"),
        "country": get("Billing_Country"),
    }
    shipping = {
        "line1": get("Shipping_Street"),
        "city": get("Shipping_City"),
        "region": get("Shipping_State"),
        "postal_code": get("Shipping_Code"),
        "country": get("Shipping_Country"),
    }
    addresses: list[dict[str, object]] = []
    for role, parts in (("billing", billing), ("shipping", shipping)):
        filled = {name: part for name, part in parts.items() if part is not None}
        if filled:
            addresses.append({"role": role, **filled})
    data: dict[str, object] = {
        "id": get("id"),
        "connection": "zoho",
        "object": "Accounts",
        "version": get("Modified_Time"),
        "vendor": {} if type_ is None else {"type": type_},
        "name": get("Account_Name"),
        "number": get("Account_Number"),
        "site": get("Account_Site"),
        "type": None if type_ is None else _TYPES.get(type_, type_),
        "industry": get("Industry"),
        "rating": get("Rating"),
        "employees": get("Employees"),
        "annual_revenue": None if revenue is None else Money(Decimal(cast("int", revenue))),
        "website": get("Website"),
        "description": get("Description"),
        "phones": phones,
        "addresses": addresses,
        "parent": None if parent is None else {"model": "account", "id": parent["id"]},
        "owner": None if owner is None else {"id": owner["id"]},
        "created_at": _instant(get("Created_Time")),
        "updated_at": _instant(get("Modified_Time")),
        "last_activity_at": _instant(get("Last_Activity_Time")),
    }
    return _validate(data)


def _instant(text: object) -> datetime | None:
    return None if text is None else datetime.fromisoformat(cast("str", text)).astimezone(UTC)
