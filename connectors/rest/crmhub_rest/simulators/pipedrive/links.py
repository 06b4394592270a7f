"""Properties of a body that point at other records: these must exist."""

from collections.abc import Mapping
from typing import cast

from crmhub_rest.simulators.pipedrive.company import Company
from crmhub_rest.simulators.pipedrive.errors import ApiError, invalid

LINKS: Mapping[str, str] = {
    "person_id": "person",
    "org_id": "organization",
    "organization_id": "organization",
    "deal_id": "deal",
    "lead_id": "lead",
    "stage_id": "stage",
    "pipeline_id": "pipeline",
}
_WORDS = {"organization": "Organization", "person": "Person", "deal": "Deal", "lead": "Lead"}


def check_links(company: Company, given: Mapping[str, object]) -> None:
    """Raise ApiError for a record or a user that is pointed at and does not exist (or is deleted)."""
    for name, kind in LINKS.items():
        ident = given.get(name)
        if ident is not None and company.live(kind, ident) is None:
            raise ApiError(
                400, f"{_WORDS.get(kind, kind.capitalize())} not found: {name} {ident}", "ERR_BAD_REQUEST"
            )
    for name in ("owner_id", "user_id"):
        if given.get(name) is not None and company.user(given[name]) is None:
            raise ApiError(400, f"User not found: {name} {given[name]}", "ERR_BAD_REQUEST")


def check_labels(company: Company, kind: str, given: Mapping[str, object]) -> None:
    """Raise ApiError for a label that the kind does not have."""
    field = company.fields[kind].get("label_ids")
    labels = given.get("label_ids")
    for ident in cast("list[object]", labels) if isinstance(labels, list) else ():
        if field is None or field.option(ident) is None:
            raise invalid("label_ids", f"{ident} is not a label")
