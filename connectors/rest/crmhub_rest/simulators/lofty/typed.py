"""The types of what is nested in a lead (properties, inquiries, family members) and of custom fields.

Source: Lofty Open API, `LeadProperty`, `LeadInquiry`, `Location`, `LeadFamilyMember`.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Final, cast

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.lofty.errors import invalid

_TEXT, _WHOLE, _NUMBER, _FLAG, _TEXTS, _PLACES = "text", "whole", "number", "flag", "texts", "places"
Types = Mapping[str, str]
PROPERTY: Final[Types] = {
    **dict.fromkeys(("state", "city", "streetAddress", "zipCode", "county", "propertyType"), _TEXT),
    **dict.fromkeys(("listingId", "label", "note", "listingStatus", "labelList", "labelType"), _TEXT),
    **dict.fromkeys(("pictureUrl", "siteListingUrl"), _TEXT),
    **dict.fromkeys(("price", "priceMin", "priceMax", "bedrooms", "squareFeet", "parkingSpace"), _WHOLE),
    **dict.fromkeys(("floors", "autoListingId", "id"), _WHOLE),
    **dict.fromkeys(("bathrooms", "lotSize"), _NUMBER),
    "mailAddress": _FLAG,
}
INQUIRY: Final[Types] = {
    **dict.fromkeys(("priceMin", "priceMax", "bedroomsMin", "bedroomsMax"), _WHOLE),
    **dict.fromkeys(("bathroomsMin", "bathroomsMax"), _TEXT),
    "propertyType": _TEXTS,
    "locations": _PLACES,
}
FAMILY: Final[Types] = {
    **dict.fromkeys(("relationship", "firstName", "lastName", "birthday"), _TEXT),
    "phones": _TEXTS,
    "emails": _TEXTS,
}
_PLACE: Final[Types] = dict.fromkeys(
    ("stateCode", "city", "zipCode", "county", "streetAddress", "description"), _TEXT
)


def typed(given: Mapping[str, object], types: Types, name: str) -> Row:
    """What of `given` is known, each of its type; raises LoftyError."""
    kept = {key: given[key] for key in types if given.get(key) is not None}
    for key, value in kept.items():
        if not _fits(types[key], value):
            raise invalid(f"{name}.{key} is of another type")
    return kept


def check_custom(kind: str, choices: tuple[str, ...], content: str) -> None:
    """Raise LoftyError unless a custom field of this type can hold the text."""
    if not content:
        return
    match kind:
        case "number" | "percentage" | "currency":
            fits = content.removeprefix("-").replace(".", "", 1).isdigit()
        case "single_select":
            fits = content in choices
        case "multi_select":
            try:
                chosen = cast("object", json.loads(content))
            except ValueError:
                chosen = None
            fits = isinstance(chosen, list) and all(one in choices for one in cast("list[object]", chosen))
        case _:
            fits = True
    if not fits:
        raise invalid(f"{content!r} is no value of a custom field of type {kind}")


def _fits(kind: str, value: object) -> bool:
    match kind:
        case "text":
            return isinstance(value, str)
        case "whole":
            return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
        case "number":
            return isinstance(value, int | Decimal) and not isinstance(value, bool)
        case "flag":
            return isinstance(value, bool)
        case "texts":
            return isinstance(value, list) and all(
                isinstance(one, str) for one in cast("list[object]", value)
            )
        case _:
            return isinstance(value, list) and all(_is_place(one) for one in cast("list[object]", value))


def _is_place(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    place = cast("Row", value)
    return all(key in _PLACE and isinstance(one, str | None) for key, one in place.items())
