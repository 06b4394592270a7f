"""What may be written into a lead, and what becomes of it: long names are cut without a word.

Source: Lofty Open API, `LeadRequest` and `EditLeadRequest`.
"""

from collections.abc import Callable, Mapping
from typing import Final, cast

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.lofty import ids, vocabulary
from crmhub_rest.simulators.lofty.errors import LoftyError, invalid
from crmhub_rest.simulators.lofty.rows import rows_in, texts, whole
from crmhub_rest.simulators.lofty.team import Team
from crmhub_rest.simulators.lofty.times import read_birthday
from crmhub_rest.simulators.lofty.typed import FAMILY, INQUIRY, PROPERTY, check_custom, typed

_NAME_LENGTH: Final = 30
_TAG_LENGTH: Final = 64
_STAGE_LENGTH: Final = 20
_PHONE_LENGTH: Final = 20
_MOST_FAMILY: Final = 4
_ADDRESS: Final = ("city", "state", "zipCode", "streetAddress")
_SCOPES: Final = ("TEAM", "OFFICE", "PERSONAL")
_TIMES: Final = dict.fromkeys(("buyingTimeFrame", "sellingTimeFrame"), vocabulary.TIME_FRAMES)
_FLAGS: Final = dict.fromkeys(
    ("preQual", "houseToSell", "fthb", "withBuyerAgent", "mortgage", "buyHouse", "withListingAgent"),
    vocabulary.YES_NO,
)
CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    **_TIMES,
    **_FLAGS,
    "language": vocabulary.LANGUAGES,
    "ownershipScope": _SCOPES,
}
_TEXTS: Final = ("referredBy", "source")
_SWITCHES: Final = ("cannotText", "cannotCall", "cannotEmail", "unsubscription")


def written(team: Team, row: Row, given: Mapping[str, object]) -> Row:
    """The lead `row` after `given` was written into it; raises LoftyError."""
    after = dict(row)
    for key, value in given.items():
        write = _WRITERS.get(key)
        if write is not None:
            write(team, after, key, value)
    _tags(team, after, given)
    for key in _ADDRESS:
        if key in given:
            _flat_address(after, key, as_text(given[key], key))
    return after


def as_text(value: object, name: str) -> str:
    """A text in the body; raises LoftyError."""
    if not isinstance(value, str):
        raise invalid(f"{name} must be text")
    return value


def as_texts(value: object, name: str) -> list[str]:
    """A list of texts in the body; raises LoftyError."""
    if not isinstance(value, list):
        raise invalid(f"{name} must be a list")
    items: list[str] = []
    for item in cast("list[object]", value):
        one = cast("Mapping[str, object]", item).get("tagName") if isinstance(item, dict) else item
        items.append(as_text(one, name))
    return items


def as_row(value: object, name: str) -> Row:
    """An object in the body, without what is null; raises LoftyError."""
    if not isinstance(value, dict):
        raise invalid(f"{name} must be an object")
    given = cast("Row", value)
    return {key: item for key, item in given.items() if item is not None}


def as_rows(value: object, name: str) -> list[Row]:
    """A list of objects in the body; raises LoftyError."""
    if not isinstance(value, list):
        raise invalid(f"{name} must be a list")
    return [as_row(item, name) for item in cast("list[object]", value)]


def property_written(row: Row, given: Row) -> None:
    """Write an address or property into a lead: into the named one, one at the same place, or a new one.

    Raises LoftyError.
    """
    given = typed(given, PROPERTY, "property")
    if not any(str(given.get(key, "")).strip() for key in _ADDRESS):
        raise LoftyError(400, 200057, "PROPERTY_ADDRESS_EMPTY")
    held = [dict(one) for one in rows_in(row, "properties")]
    wanted = whole(given, "id")
    if wanted > 0:
        found = next((one for one in held if one["id"] == wanted), None)
        if found is None:
            raise LoftyError(404, 200108, "LEAD_PROPERTY_NOT_EXIST")
    else:
        place = {key: given.get(key) for key in _ADDRESS}
        found = next((one for one in held if {key: one.get(key) for key in _ADDRESS} == place), None)
    if found is None:
        lead = ids.LEADS.place_of(str(row["leadId"])) or 0
        found = _new_property(lead * 100 + len(held))
        held.append(found)
    found.update({key: value for key, value in given.items() if key != "id"})
    row["properties"] = held


def _flat_address(row: Row, key: str, value: str) -> None:
    held = [dict(one) for one in rows_in(row, "properties")]
    if not held:
        lead = ids.LEADS.place_of(str(row["leadId"])) or 0
        held = [{**_new_property(lead * 100), "mailAddress": True}]
    held[0][key] = value
    row["properties"] = held


def _new_property(place: int) -> Row:
    return {"id": ids.PROPERTIES.at(1_000_000 + place)}


def _tags(team: Team, row: Row, given: Mapping[str, object]) -> None:
    before = texts(row, "tags")
    tags = before
    if "tags" in given:
        tags = [tag[:_TAG_LENGTH] for tag in as_texts(given["tags"], "tags")]
    if "tagsAdd" in given:
        tags = [*tags, *(tag[:_TAG_LENGTH] for tag in as_texts(given["tagsAdd"], "tagsAdd"))]
    removed = {tag for tag in as_texts(given.get("tagsRemove", []), "tagsRemove") if tag in before}
    tags = [tag for tag in dict.fromkeys(tags) if tag.strip() and tag not in removed]
    if given.get("clearAllTags") is True:
        tags = []
    for tag in tags:
        team.tag_id(tag)
    row["tags"] = tags


def _name(team: Team, row: Row, key: str, value: object) -> None:
    del team
    name = as_text(value, key)
    if key == "firstName" and not name.strip():
        raise invalid("firstName must not be blank")
    row[key] = name[:_NAME_LENGTH]


def _plain(team: Team, row: Row, key: str, value: object) -> None:
    del team
    row[key] = as_text(value, key)


def _switch(team: Team, row: Row, key: str, value: object) -> None:
    del team
    if not isinstance(value, bool):
        raise invalid(f"{key} must be true or false")
    row["hiddenFlag" if key == "isHidden" else key] = value


def _choice(team: Team, row: Row, key: str, value: object) -> None:
    del team
    chosen = as_text(value, key)
    if chosen and chosen not in CHOICES[key]:
        raise invalid(f"{key} must be one of {', '.join(CHOICES[key])}")
    row[key] = chosen or None


def _addresses(team: Team, row: Row, key: str, value: object) -> None:
    del team
    items = [item.strip() for item in as_texts(value, key) if item.strip()]
    if key == "phones" and any(len(item) > _PHONE_LENGTH for item in items):
        raise invalid("a phone must not be longer than 20 characters")
    if key == "emails" and any("@" not in item for item in items):
        raise invalid("an email is not valid")
    row[key] = list(dict.fromkeys(items))


def _lead_types(team: Team, row: Row, key: str, value: object) -> None:
    del team
    kinds = cast("list[object]", value) if isinstance(value, list) else [None]
    if any(not isinstance(kind, int) or kind not in vocabulary.LEAD_TYPES for kind in kinds):
        raise invalid("leadTypes are -1, 1, 2, 5, 6, 7, 8, 9")
    row[key] = kinds


def _owner(team: Team, row: Row, key: str, value: object) -> None:
    member = team.member(value)
    if member is None or not member.user.active:
        raise invalid("assignedUserId is no member of the team")
    if row.get(key) != member.id:
        row["assignTime"] = team.now()
    row[key] = member.id


def _stage(team: Team, row: Row, key: str, value: object) -> None:
    name = as_text(value, key)
    stage = team.stage(name)
    if stage is None or len(name) > _STAGE_LENGTH:
        raise invalid("stage is none of the team's")
    row["stageId"] = stage.id


def _segments(team: Team, row: Row, key: str, value: object) -> None:
    del team
    row["segments"] = list(
        dict.fromkeys(item[:_NAME_LENGTH] for item in as_texts(value, key) if item.strip())
    )


def _birthday(team: Team, row: Row, key: str, value: object) -> None:
    del team
    day = as_text(value, key)
    if day and read_birthday(day) is None:
        raise invalid("birthday must be like Jun 5, 2001")
    row[key] = day or None


def _property(team: Team, row: Row, key: str, value: object) -> None:
    del team
    property_written(row, as_row(value, key))


def _inquiry(team: Team, row: Row, key: str, value: object) -> None:
    held = cast("Row", row.get(key) or {"createTime": team.now()})
    row[key] = {**held, **typed(as_row(value, key), INQUIRY, key), "updateTime": team.now()}


def _family(team: Team, row: Row, key: str, value: object) -> None:
    del team
    people = [typed(one, FAMILY, key) for one in as_rows(value, key)]
    if len(people) > _MOST_FAMILY or any(not str(one.get("firstName", "")).strip() for one in people):
        raise invalid("up to 4 family members, each with a firstName")
    row[key] = people


def _custom(team: Team, row: Row, key: str, value: object) -> None:
    held = dict(cast("Mapping[str, object]", row.get("custom") or {}))
    for item in as_rows(value, key):
        name = as_text(item.get("attributeName"), "attributeName")
        declared = next((one for one in team.lead_fields if one.name == name), None)
        if declared is None:
            raise invalid(f"there is no custom field {name!r}")
        if item.get("attributeType", declared.type) != declared.type:
            raise invalid(f"the custom field {name!r} is of type {declared.type}")
        content = as_text(item.get("value", ""), "value")
        check_custom(declared.type, declared.choices, content)
        held[name] = content
    row["custom"] = {name: content for name, content in held.items() if content}


def _ownership(team: Team, row: Row, key: str, value: object) -> None:
    del team
    if isinstance(value, bool) or not isinstance(value, int):
        raise invalid("ownershipId must be a whole number")
    row[key] = value


_Writer = Callable[[Team, Row, str, object], None]
_WRITERS: Final[Mapping[str, _Writer]] = {
    "firstName": _name,
    "lastName": _name,
    "emails": _addresses,
    "phones": _addresses,
    "leadTypes": _lead_types,
    "assignedUserId": _owner,
    "stage": _stage,
    "groups": _segments,
    "segments": _segments,
    "birthday": _birthday,
    "property": _property,
    "inquiry": _inquiry,
    "leadFamilyMemberList": _family,
    "customAttributeList": _custom,
    "ownershipId": _ownership,
    "isHidden": _switch,
    **dict.fromkeys(_TEXTS, _plain),
    **dict.fromkeys(_SWITCHES, _switch),
    **dict.fromkeys(CHOICES, _choice),
}
