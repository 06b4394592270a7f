"""Persons and organizations: what may be written, and what follows from it.

Source: Pipedrive's API v2 file and "API v2 migration guide": a person has a name, or a first and a last name,
each of which gives the other.
"""

from collections.abc import Mapping
from typing import Final, cast

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.pipedrive import values
from crmhub_rest.simulators.pipedrive.company import Company
from crmhub_rest.simulators.pipedrive.custom import read_custom
from crmhub_rest.simulators.pipedrive.deals import VISIBLE
from crmhub_rest.simulators.pipedrive.errors import ApiError, invalid
from crmhub_rest.simulators.pipedrive.links import check_labels, check_links
from crmhub_rest.simulators.pipedrive.people import User
from crmhub_rest.simulators.pipedrive.shapes import CONTACT_SYNC
from crmhub_rest.simulators.pipedrive.values import Rule, nullable

_COMMON: Final[Mapping[str, Rule]] = {
    "owner_id": values.whole,
    "visible_to": VISIBLE,
    "label_ids": values.list_of(values.whole),
    "custom_fields": values.as_object,
}
_PERSON: Final[Mapping[str, Rule]] = {
    **_COMMON,
    "name": values.text(255, filled=True),
    "first_name": nullable(values.text(255)),
    "last_name": nullable(values.text(255)),
    "org_id": nullable(values.whole),
    "emails": values.channels,
    "phones": values.channels,
    "postal_address": nullable(values.address),
    "notes": nullable(values.text(10_000)),
    "im": values.channels,
    "birthday": nullable(values.day),
    "job_title": nullable(values.text(255)),
    "marketing_status": values.one_of("no_consent", "unsubscribed", "subscribed", "archived"),
}
_ORGANIZATION: Final[Mapping[str, Rule]] = {
    **_COMMON,
    "name": values.text(255, filled=True),
    "address": nullable(values.address),
    "website": nullable(values.text(255)),
    "linkedin": nullable(values.text(255)),
    "industry": nullable(values.whole),
    "annual_revenue": nullable(values.whole),
    "employee_count": nullable(values.whole),
}
_AT_BIRTH: Final[Mapping[str, Rule]] = {"add_time": values.moment}


def blank_person(company: Company, user: User) -> Row:
    """A person as nothing but its making says."""
    now = company.now_text()
    return {
        "name": "",
        "first_name": None,
        "last_name": None,
        "owner_id": user.id,
        "org_id": None,
        "add_time": now,
        "update_time": now,
        "emails": [],
        "phones": [],
        "is_deleted": False,
        "visible_to": 3,
        "label_ids": [],
        "picture_id": None,
        "custom_fields": {},
        "notes": None,
        "im": [],
        "birthday": None,
        "job_title": None,
        "postal_address": None,
    }


def blank_organization(company: Company, user: User) -> Row:
    """An organization as nothing but its making says."""
    now = company.now_text()
    return {
        "name": "",
        "owner_id": user.id,
        "add_time": now,
        "update_time": now,
        "address": None,
        "is_deleted": False,
        "visible_to": 3,
        "label_ids": [],
        "website": None,
        "linkedin": None,
        "industry": None,
        "annual_revenue": None,
        "employee_count": None,
        "custom_fields": {},
    }


def make_person(company: Company, body: Mapping[str, object], user: User) -> Row:
    """The person that a body of `POST` describes; raises ApiError."""
    given = _read(company, "person", {**_PERSON, **_AT_BIRTH}, body)
    names = _names(given, None)
    if not names:
        raise invalid("name", "is required")
    return {**blank_person(company, user), **given, **names}


def change_person(company: Company, before: Row, body: Mapping[str, object], user: User) -> Row:
    """What a person becomes by a body of `PATCH`; raises ApiError."""
    del user
    given = _read(company, "person", _PERSON, body)
    return _merged(company, before, {**given, **_names(given, before)})


def make_organization(company: Company, body: Mapping[str, object], user: User) -> Row:
    """The organization that a body of `POST` describes; raises ApiError."""
    given = _read(company, "organization", {**_ORGANIZATION, **_AT_BIRTH}, body)
    if "name" not in given:
        raise invalid("name", "is required")
    return {**blank_organization(company, user), **given}


def change_organization(company: Company, before: Row, body: Mapping[str, object], user: User) -> Row:
    """What an organization becomes by a body of `PATCH`; raises ApiError."""
    del user
    return _merged(company, before, _read(company, "organization", _ORGANIZATION, body))


def _read(
    company: Company, kind: str, rules: Mapping[str, Rule], body: Mapping[str, object]
) -> dict[str, object]:
    given = values.checked(rules, body)
    if "custom_fields" in given:
        given["custom_fields"] = read_custom(company, kind, given["custom_fields"])
    if not company.settings.contact_sync:
        # Not refused, and not kept: there is no place for them.
        for name in CONTACT_SYNC:
            given.pop(name, None)
    given.pop("marketing_status", None)
    check_links(company, given)
    check_labels(company, kind, given)
    _check_industry(company, kind, given)
    return given


def _check_industry(company: Company, kind: str, given: Mapping[str, object]) -> None:
    industry = given.get("industry")
    field = company.fields[kind].get("industry")
    if industry is not None and (field is None or field.option(industry) is None):
        raise ApiError(400, f"Industry {industry} is not an option", "ERR_BAD_REQUEST")


def _merged(company: Company, before: Row, given: Mapping[str, object]) -> Row:
    custom = cast("dict[str, object]", given.get("custom_fields", {}))
    kept = {**cast("dict[str, object]", before["custom_fields"]), **custom}
    return {**before, **given, "custom_fields": kept, "update_time": company.now_text()}


def _names(given: Mapping[str, object], before: Row | None) -> dict[str, object]:
    """Name, first and last name of what was given; nothing if no name was."""
    if "name" in given:
        first, _, last = str(given["name"]).strip().partition(" ")
        return {"first_name": first, "last_name": last.strip() or None}
    parts = [name for name in ("first_name", "last_name") if name in given]
    if not parts:
        return {}
    if len(parts) == 1:
        missing = "last_name" if parts == ["first_name"] else "first_name"
        raise invalid(
            missing, "is required when the other part of the name is given" if before else "is required"
        )
    name = " ".join(str(given[part]) for part in parts if given[part]).strip()
    if not name:
        raise invalid("name", "first_name and last_name can not both be empty")
    return {"name": name}
