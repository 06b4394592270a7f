"""Merging two records of a kind into one, which only v1 does; and leads that become deals, which v2 does.

Sources: Pipedrive's API files (`PUT /v1/deals/{id}/merge`, `POST /v2/leads/{id}/convert/deal`), the tutorials
about merging: the record of the path goes, the one of `merge_with_id` stays and wins where both have a value;
a conversion is a job whose state is asked for, and the lead is gone when it has completed.
"""

from dataclasses import dataclass
from functools import partial
from typing import Final, cast

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.pipedrive import values
from crmhub_rest.simulators.pipedrive.call import Call, Endpoint, done
from crmhub_rest.simulators.pipedrive.company import PLURAL, Company
from crmhub_rest.simulators.pipedrive.deals import make_deal
from crmhub_rest.simulators.pipedrive.errors import ApiError, not_found
from crmhub_rest.simulators.pipedrive.leads import blank_lead
from crmhub_rest.simulators.pipedrive.people import User
from crmhub_rest.simulators.pipedrive.records import remove
from crmhub_rest.simulators.pipedrive.v1_shapes import SHOW, whole_deal_v1

_LINKED: Final = {
    "deal": (("activity", "deal_id"), ("note", "deal_id")),
    "person": (("deal", "person_id"), ("note", "person_id"), ("lead", "person_id")),
    "organization": (
        ("deal", "org_id"),
        ("person", "org_id"),
        ("activity", "org_id"),
        ("note", "org_id"),
        ("lead", "organization_id"),
    ),
}


def merge(kind: str, call: Call) -> Response:
    """`PUT /v1/{deals,persons,organizations}/{id}/merge`."""
    company, what = call.company, kind.capitalize()
    with_id = call.body.get("merge_with_id")
    if isinstance(with_id, bool) or not isinstance(with_id, int):
        raise ApiError(400, "merge_with_id is required")
    ident = call.id(what=what)
    goes, stays = company.live(kind, ident), company.live(kind, with_id)
    if goes is None or stays is None:
        raise not_found(what)
    if ident == with_id:
        raise ApiError(400, "A record cannot be merged with itself")
    custom = {
        **_filled(cast("Row", goes["custom_fields"])),
        **_filled(cast("Row", stays["custom_fields"])),
    }
    now = company.now_text()
    merged = {**goes, **_filled(stays), "id": with_id, "custom_fields": custom, "update_time": now}
    _relink(company, kind, ident, with_id, call.user)
    remove(company, kind, goes, call.user, merged=with_id)
    row = company.change(kind, stays, merged, call.user, merged=ident)
    show = whole_deal_v1 if kind == "deal" else SHOW[kind]
    return done({**show(company, row), "merge_what_id": ident})


def duplicate(call: Call) -> Response:
    """`POST /v1/deals/{id}/duplicate`: a new deal with the same values."""
    company, now = call.company, call.company.now_text()
    deal = company.live("deal", call.id(what="Deal"))
    if deal is None:
        raise not_found("Deal")
    fresh = {"add_time": now, "update_time": now, "creator_user_id": call.user.id, "stage_change_time": None}
    row = {**{key: value for key, value in deal.items() if key != "id"}, **fresh}
    return done(whole_deal_v1(company, company.add("deal", row, call.user)))


def _filled(row: Row) -> Row:
    return {key: value for key, value in row.items() if value is not None and value != []}


def _relink(company: Company, kind: str, old: int, new: int, user: User) -> None:
    for other, key in _LINKED[kind]:
        table = company.tables[other]
        for place in table.find(key, old):
            row = table.row(place)
            company.change(other, row, {**row, key: new, "update_time": company.now_text()}, user)


@dataclass(frozen=True)
class Conversion:
    """A conversion that has completed."""

    lead_id: str
    deal_id: int


class Conversions:
    """The conversions of a company; each completes at once."""

    def __init__(self) -> None:
        self._held: dict[str, Conversion] = {}

    def lead_to_deal(self, call: Call) -> Response:
        """`POST /leads/{id}/convert/deal`."""
        company = call.company
        lead = company.live("lead", call.path["id"])
        if lead is None:
            raise not_found("Lead")
        rules = {"stage_id": values.whole, "pipeline_id": values.whole}
        given = values.checked(rules, call.body)
        amount = cast("Row", lead["value"] or {})
        body: Row = {
            "title": lead["title"],
            "owner_id": lead["owner_id"],
            "person_id": lead["person_id"],
            "org_id": lead["organization_id"],
            "value": amount.get("amount", 0),
            "expected_close_date": lead["expected_close_date"],
            "custom_fields": lead["custom_fields"],
            **({"currency": amount["currency"]} if amount else {}),
            **given,
        }
        row = {**make_deal(company, body, call.user), "source_lead_id": lead["id"]}
        deal = company.add("deal", row, call.user)
        company.delete("lead", lead, lead, call.user)
        return self._started(company, str(lead["id"]), cast("int", deal["id"]))

    def deal_to_lead(self, call: Call) -> Response:
        """`POST /deals/{id}/convert/lead`."""
        company = call.company
        deal = company.live("deal", call.id())
        if deal is None:
            raise not_found("Deal")
        row: Row = {
            **blank_lead(company, call.user),
            **{name: deal[name] for name in ("title", "owner_id", "person_id", "expected_close_date")},
            "organization_id": deal["org_id"],
            "value": {"amount": deal["value"], "currency": deal["currency"]},
            "source_deal_id": deal["id"],
            "custom_fields": deal["custom_fields"],
        }
        lead = company.add("lead", row, call.user)
        remove(company, "deal", deal, call.user)
        return self._started(company, str(lead["id"]), cast("int", deal["id"]))

    def status(self, key: str, call: Call) -> Response:
        """`GET /leads/{id}/convert/status/{conversion_id}` and that of deals."""
        ident = call.path["conversion_id"]
        values.uuid("conversion_id", ident)
        found = self._held.get(ident)
        asked = call.path["id"]
        if found is None or str(found.lead_id if key == "lead_id" else found.deal_id) != asked:
            raise not_found("Conversion")
        result = {"deal_id": found.deal_id} if key == "lead_id" else {"lead_id": found.lead_id}
        return done({**result, "conversion_id": ident, "status": "completed"})

    def _started(self, company: Company, lead: str, deal: int) -> Response:
        ident = company.uuid()
        self._held[ident] = Conversion(lead, deal)
        return done({"conversion_id": ident})


def endpoints() -> list[Endpoint]:
    """What this module answers."""
    conversions = Conversions()
    deals, leads = ("deals:full",), ("leads:full",)
    found = [
        Endpoint("v2", "POST", "/leads/{id}/convert/deal", conversions.lead_to_deal, 40, leads),
        Endpoint("v2", "POST", "/deals/{id}/convert/lead", conversions.deal_to_lead, 40, deals),
    ]
    for kind, key in (("lead", "lead_id"), ("deal", "deal_id")):
        pattern = f"/{PLURAL[kind]}/{{id}}/convert/status/{{conversion_id}}"
        read = (f"{PLURAL[kind]}:full", f"{PLURAL[kind]}:read")
        found.append(Endpoint("v2", "GET", pattern, partial(conversions.status, key), 1, read))
    found.append(Endpoint("v1", "POST", "/deals/{id}/duplicate", duplicate, 10, deals))
    for kind in ("deal", "person", "organization"):
        write = deals if kind == "deal" else ("contacts:full",)
        found.append(Endpoint("v1", "PUT", f"/{PLURAL[kind]}/{{id}}/merge", partial(merge, kind), 40, write))
    return found
