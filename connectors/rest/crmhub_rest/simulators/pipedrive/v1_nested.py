"""Deals of v1 whose people and organization are objects and not ids, as v1's own lists of deals show them."""

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.pipedrive.company import Company
from crmhub_rest.simulators.pipedrive.v1_shapes import organization_v1, person_v1, whole_deal_v1


def nested_deal_v1(company: Company, row: Row) -> Row:
    """A deal with the user, the creator, the person and the organization in it."""
    return whole_deal_v1(company, row) | {
        "creator_user_id": _user(company, row["creator_user_id"]),
        "user_id": _user(company, row["owner_id"]),
        "person_id": _person(company, row["person_id"]),
        "org_id": organization_brief(company, row["org_id"]),
    }


def _user(company: Company, ident: object) -> Row | None:
    user = company.user(ident)
    return user and {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "has_pic": False,
        "pic_hash": None,
        "active_flag": user.active,
        "value": user.id,
    }


def _person(company: Company, ident: object) -> Row | None:
    found = company.any("person", ident)
    if found is None:
        return None
    told = person_v1(company, found)
    return {name: told[name] for name in ("active_flag", "name", "email", "phone", "owner_id")} | {
        "value": ident
    }


def organization_brief(company: Company, ident: object) -> Row | None:
    """An organization as it stands in another record of v1; None if there is none."""
    found = company.any("organization", ident)
    if found is None:
        return None
    told = organization_v1(company, found)
    brief = {name: told[name] for name in ("name", "owner_id", "address", "active_flag", "cc_email")}
    people = len(company.tables["person"].find("org_id", ident))
    return brief | {"people_count": people, "value": ident}
