"""Creating and changing contacts: what is kept of what was sent, and who is the same person.

Source: the OpenAPI files; the body of the refusal of duplicates is reported by users.
"""

import re
from collections.abc import Mapping
from typing import cast

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.gohighlevel.call import Call, Endpoint, traced
from crmhub_rest.simulators.gohighlevel.errors import GhlError, invalid, unknown
from crmhub_rest.simulators.gohighlevel.fields import merge_values
from crmhub_rest.simulators.gohighlevel.location import Location
from crmhub_rest.simulators.gohighlevel.shapes import Shape, text_of
from crmhub_rest.simulators.gohighlevel.times import parse_birth_date
from crmhub_rest.simulators.gohighlevel.views import contact_full, full_name, values_of

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PLAIN = (
    *("firstName", "lastName", "address1", "city", "state", "postalCode", "website", "timezone", "source"),
    *("country", "companyName", "gender"),
)
_COMMON: Shape = {
    **dict.fromkeys((*_PLAIN, "name", "email", "phone", "assignedTo"), "string"),
    "dnd": "boolean",
    "dndSettings": "object",
    "inboundDndSettings": "object",
    "tags": "strings",
    "customFields": "objects",
    "dateOfBirth": "string",
}
CREATE: Shape = {**_COMMON, "locationId": "string!"}
UPSERT: Shape = {**CREATE, "createNewIfDuplicateAllowed": "boolean"}
# The file's UpdateContactDto lacks companyName, the service takes it (issue 314); gender it refuses (313).
UPDATE: Shape = {name: part for name, part in _COMMON.items() if name != "gender"}


def create(call: Call) -> Response:
    """`POST /contacts/`."""
    location = call.location()
    changes = _changes(call, location, {})
    if not call.settings.allow_duplicates:
        _refuse_duplicate(call, location, changes, "")
    return traced(call, {"contact": contact_full(location, _add(location, changes))}, 201)


def update(call: Call) -> Response:
    """`PUT /contacts/{contactId}`: only what is sent changes; tags are replaced as a whole."""
    before = call.contact()
    changes = _changes(call, call.own, before)
    if not call.settings.allow_duplicates:
        _refuse_duplicate(call, call.own, changes, str(before["id"]))
    row = _change(call.own, before, changes)
    return traced(call, {"succeded": True, "contact": contact_full(call.own, row)})


def upsert(call: Call) -> Response:
    """`POST /contacts/upsert`: the first field of the location's setting that matches decides; a second one
    that is another contact's is silently left out, and so is the gender of a known contact.
    """
    location = call.location()
    if not (text_of(call.body, "email") or text_of(call.body, "phone")):
        raise invalid("email or phone should not be empty")
    changes = _changes(call, location, {})
    anew = call.settings.allow_duplicates and call.body.get("createNewIfDuplicateAllowed") is True
    found = None if anew else _twin(call, location, changes, "")
    if found is None:
        row, new = _add(location, changes), True
    else:
        before, _ = found
        changes = _changes(call, location, before)
        changes.pop("gender", None)
        for name in call.settings.match:
            if any(other["id"] != before["id"] for other in _same(location, name, changes)):
                del changes[name]
        row, new = _change(location, before, changes), False
    return traced(call, {"new": new, "contact": contact_full(location, row)})


def delete(call: Call) -> Response:
    """`DELETE /contacts/{contactId}`."""
    call.own.remove("contacts", str(call.contact()["id"]))
    return traced(call, {"succeded": True})


def duplicate(call: Call) -> Response:
    """`GET /contacts/search/duplicate`."""
    location = call.location()
    wanted: Row = {
        "email": text_of(call.query, "email").lower(),
        "phone": _phone(text_of(call.query, "number")),
    }
    found = _twin(call, location, wanted, "")
    return traced(call, {"contact": contact_full(location, found[0]) if found else None})


def _add(location: Location, changes: Row) -> Row:
    row = {name: value for name, value in changes.items() if value is not None}
    location.note_tags(cast("list[str]", row.get("tags", [])))
    return location.add("contacts", {"type": "lead", "dnd": False, "tags": [], "customFields": {}, **row})


def _change(location: Location, before: Row, changes: Row) -> Row:
    location.note_tags(cast("list[str]", changes.get("tags", [])))
    return location.change("contacts", str(before["id"]), changes)


def _changes(call: Call, location: Location, before: Row) -> Row:
    body = call.body
    changes: Row = {name: text_of(body, name) or None for name in _PLAIN if name in body}
    if text_of(body, "name"):
        first, _, last = text_of(body, "name").strip().partition(" ")
        changes = {"firstName": first, "lastName": last.strip() or None, **changes}
    if "email" in body:
        changes["email"] = _email(text_of(body, "email"))
    if "phone" in body:
        changes["phone"] = _phone(text_of(body, "phone"))
    if "dateOfBirth" in body:
        changes["dateOfBirth"] = _birth_date(text_of(body, "dateOfBirth"))
    if "assignedTo" in body:
        changes["assignedTo"] = _user(call, text_of(body, "assignedTo"))
    if isinstance(body.get("tags"), list):
        changes["tags"] = clean_tags(cast("list[str]", body["tags"]))
    if isinstance(body.get("customFields"), list):
        items = cast("list[Mapping[str, object]]", body["customFields"])
        changes["customFields"] = merge_values(
            values_of(before), items, location.fields.values(), "contact", v3=call.v3
        )
    changes |= {name: body[name] for name in ("dnd", "dndSettings", "inboundDndSettings") if name in body}
    return changes


def clean_tags(tags: list[str]) -> list[str]:
    """Tags as they are kept: in lower case, each once."""
    return list(dict.fromkeys(tag.strip().lower() for tag in tags if tag.strip()))


def _user(call: Call, user_id: str) -> str | None:
    if user_id and call.agency.user(user_id) is None:
        raise unknown("User", user_id)
    return user_id or None


def _email(text: str) -> str | None:
    if text and _EMAIL.fullmatch(text.strip()) is None:
        raise invalid("email must be an email")
    return text.strip().lower() or None


def _phone(text: str) -> str | None:
    """A telephone number in the form +15551234567; ten digits are taken for an American one."""
    digits = re.sub(r"\D", "", text)
    if not digits:
        return None
    if not text.strip().startswith("+") and len(digits) == 10:
        return f"+1{digits}"
    return f"+{digits}"


def _birth_date(text: str) -> int | None:
    instant = parse_birth_date(text) if text else None
    if text and instant is None:
        raise invalid("dateOfBirth must be a valid date")
    return instant


def _same(location: Location, name: str, wanted: Mapping[str, object]) -> list[Row]:
    value = wanted.get(name)
    return location.find("contacts", name, value) if isinstance(value, str) else []


def _twin(call: Call, location: Location, wanted: Row, except_id: str) -> tuple[Row, str] | None:
    """The contact with the same e-mail address or phone, and by which; in the order of the setting."""
    for name in call.settings.match:
        for row in _same(location, name, wanted):
            if row["id"] != except_id:
                return row, name
    return None


def _refuse_duplicate(call: Call, location: Location, changes: Row, except_id: str) -> None:
    found = _twin(call, location, changes, except_id)
    if found is not None:
        row, name = found
        meta = {"contactId": row["id"], "contactName": full_name(row), "matchingField": name}
        raise GhlError(400, "This location does not allow duplicated contacts.", meta=meta)


READ, WRITE = "contacts.readonly", "contacts.write"
ENDPOINTS = (
    Endpoint(
        "GET",
        "/contacts/search/duplicate",
        duplicate,
        READ,
        {"locationId": "string!", "number": "string", "email": "string"},
    ),
    Endpoint("POST", "/contacts/upsert", upsert, WRITE, body=UPSERT),
    Endpoint("POST", "/contacts/", create, WRITE, body=CREATE),
    Endpoint("PUT", "/contacts/{contactId}", update, WRITE, body=UPDATE),
    Endpoint("DELETE", "/contacts/{contactId}", delete, WRITE),
)
