"""Participants of deals, which only v1 has: the contact person and whoever else takes part.

Source: Pipedrive's API v1 file, `/deals/{id}/participants`.
"""

from typing import cast

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.pipedrive.call import Call, Endpoint, done
from crmhub_rest.simulators.pipedrive.company import Company
from crmhub_rest.simulators.pipedrive.errors import ApiError, not_found
from crmhub_rest.simulators.pipedrive.v1_pages import page_v1, v1_time
from crmhub_rest.simulators.pipedrive.v1_shapes import person_v1


class Participants:
    """Who takes part in which deal, beside its contact person."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self._held: dict[int, list[Row]] = {}
        self._last = 0

    def list_them(self, call: Call) -> Response:
        """`GET /v1/deals/{id}/participants`: the contact person first."""
        deal = self._deal(call)
        return page_v1(call, self._of(deal), lambda one: self._shown(deal, one))

    def add(self, call: Call) -> Response:
        """`POST /v1/deals/{id}/participants`; nobody takes part twice."""
        deal = self._deal(call)
        person = call.body.get("person_id")
        if isinstance(person, bool) or not isinstance(person, int):
            raise ApiError(400, "person_id is required")
        if self._company.live("person", person) is None:
            raise not_found("Person")
        if any(one["person_id"] == person for one in self._of(deal)):
            raise ApiError(400, "The person is already a participant")
        self._last += 1
        made: Row = {"id": self._last, "person_id": person, "add_time": v1_time(self._company.now_text())}
        self._held.setdefault(cast("int", deal["id"]), []).append(made)
        return done(self._shown(deal, made))

    def remove(self, call: Call) -> Response:
        """`DELETE /v1/deals/{id}/participants/{deal_participant_id}`."""
        deal, ident = self._deal(call), call.id("deal_participant_id", "Participant")
        held = self._held.get(cast("int", deal["id"]), [])
        found = next((one for one in held if one["id"] == ident), None)
        if found is None:
            raise not_found("Participant")
        held.remove(found)
        return done({"id": ident})

    def _deal(self, call: Call) -> Row:
        deal = self._company.live("deal", call.id(what="Deal"))
        if deal is None:
            raise not_found("Deal")
        return deal

    def _of(self, deal: Row) -> list[Row]:
        others = self._held.get(cast("int", deal["id"]), [])
        if deal["person_id"] is None:
            return others
        contact: Row = {"id": 0, "person_id": deal["person_id"], "add_time": v1_time(deal["add_time"])}
        return [contact, *(one for one in others if one["person_id"] != deal["person_id"])]

    def _shown(self, deal: Row, one: Row) -> Row:
        company = self._company
        found = company.any("person", one["person_id"])
        if found is None:
            raise not_found("Person")
        person = person_v1(company, found)
        owner = company.user(found["owner_id"]) or company.admin
        organization = company.any("organization", found["org_id"])
        brief = {name: person[name] for name in ("active_flag", "name", "email", "phone", "owner_id")}
        person["owner_id"] = {"id": owner.id, "name": owner.name, "email": owner.email, "value": owner.id}
        person["org_id"] = organization and {"name": organization["name"], "value": organization["id"]}
        return {
            "id": one["id"],
            "person_id": {**brief, "company_id": company.id, "value": one["person_id"]},
            "add_time": one["add_time"],
            "active_flag": True,
            "related_item_data": {"deal_id": deal["id"], "title": deal["title"]},
            "person": person,
            "added_by_user_id": {"id": owner.id, "name": owner.name, "email": owner.email},
            "related_item_type": "deal",
            "related_item_id": deal["id"],
        }

    def endpoints(self) -> list[Endpoint]:
        """What this module answers."""
        many, read, write = "/deals/{id}/participants", ("deals:read", "deals:full"), ("deals:full",)
        return [
            Endpoint("v1", "GET", many, self.list_them, 10, read),
            Endpoint("v1", "POST", many, self.add, 10, write),
            Endpoint("v1", "DELETE", f"{many}/{{deal_participant_id}}", self.remove, 6, write),
        ]
