"""Making, changing and deleting users, and finding them by their addresses. Source: the OpenAPI files."""

from typing import Final, cast

from starlette.responses import Response

from crmhub_rest.simulators.gohighlevel.call import Call, Endpoint, reply, traced
from crmhub_rest.simulators.gohighlevel.errors import GhlError, foreign_location, unknown
from crmhub_rest.simulators.gohighlevel.ids import IdBlock
from crmhub_rest.simulators.gohighlevel.people import User
from crmhub_rest.simulators.gohighlevel.shapes import Shape, text_of
from crmhub_rest.simulators.gohighlevel.webhooks import Webhooks

_WRITE: Final = "users.write"
_UPDATE: Final[Shape] = {
    **dict.fromkeys(
        ("companyId", "firstName", "lastName", "email", "password", "phone", "profilePhoto"), "string"
    ),
    "type": "account|agency",
    "role": "admin|user",
    **dict.fromkeys(("locationIds", "scopes", "scopesAssignedToOnly"), "strings"),
    **dict.fromkeys(("permissions", "twilioPhone"), "object"),
    "platformLanguage": "en_US|es|fr_CA|fr_FR|nl|de|pt_PT|pt_BR|it|sv|da|fi|no",
}
_NEEDED: Final = ("companyId", "firstName", "lastName", "email", "password", "type", "role", "locationIds")
_CREATE: Final[Shape] = {name: f"{part}!" if name in _NEEDED else part for name, part in _UPDATE.items()}
_BY_EMAIL: Final[Shape] = {
    "companyId": "string!",
    "emails": "string!",
    "deleted": "boolean",
    **dict.fromkeys(("skip", "limit", "projection"), "string"),
}
_MOST: Final = 100


class Writing:
    """The endpoints that write users; apps hear of it."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks

    def create(self, call: Call) -> Response:
        """`POST /users/`."""
        if text_of(call.body, "companyId") != call.agency.id:
            raise foreign_location()
        users, email = call.agency.users, text_of(call.body, "email").lower()
        if any(one.email.lower() == email and not one.deleted for one in users):
            raise GhlError(400, f"User with email {email} already exists")
        made = User(IdBlock("made-users", 0).id_of(len(users)), "", "", "", "user")
        _write(call, made)
        users.append(made)
        self._tell("UserCreate", made)
        return reply(made.as_json(), 201)

    def update(self, call: Call) -> Response:
        """`PUT /users/{userId}`: only what is sent changes."""
        found = _found(call)
        _write(call, found)
        self._tell("UserUpdate", found)
        return reply(found.as_json())

    def delete(self, call: Call) -> Response:
        """`DELETE /users/{userId}`: at once here, after some minutes there."""
        found = _found(call)
        found.deleted = True
        self._tell("UserDelete", found)
        who = f"{found.first_name} {found.last_name}".strip()
        text = f"Queued deleting user with e-mail {found.email} and name {who}."
        text += " Will take effect in a few minutes."
        return reply({"succeded": True, "message": text})

    def _tell(self, kind: str, user: User) -> None:
        shown = user.as_json()
        told = {name: shown[name] for name in ("id", "firstName", "lastName", "email", "phone", "extension")}
        roles = cast("dict[str, object]", shown["roles"])
        self._webhooks.send_wanted(kind, {**told, "role": roles["role"], "locations": roles["locationIds"]})

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The routes."""
        one = "/users/{userId}"
        return (
            Endpoint("POST", "/users/", self.create, _WRITE, body=_CREATE, audience="both"),
            Endpoint("PUT", one, self.update, _WRITE, body=_UPDATE, audience="both"),
            Endpoint("DELETE", one, self.delete, _WRITE, audience="both"),
            Endpoint(
                "POST",
                "/users/search/filter-by-email",
                by_email,
                "users.readonly",
                body=_BY_EMAIL,
                audience="agency",
            ),
        )


def by_email(call: Call) -> Response:
    """`POST /users/search/filter-by-email`: addresses separated by commas."""
    if text_of(call.body, "companyId") != call.agency.id:
        raise foreign_location()
    wanted = {one.strip().lower() for one in text_of(call.body, "emails").split(",")}
    deleted = call.body.get("deleted") is True
    found = [
        one.as_json()
        for one in call.agency.users
        if one.email.lower() in wanted and (deleted or not one.deleted)
    ]
    skip, size = _whole(call, "skip", 0), min(_whole(call, "limit", 25), _MOST)
    return traced(call, {"users": found[skip : skip + size], "count": len(found)})


def _whole(call: Call, name: str, default: int) -> int:
    text = text_of(call.body, name)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else default


def _found(call: Call) -> User:
    found = call.agency.user(call.path["userId"])
    if found is None:
        raise unknown("User", call.path["userId"])
    return found


def _write(call: Call, user: User) -> None:
    body = call.body
    locations = cast("list[str]", body.get("locationIds") or user.locations)
    for one in locations:
        if one not in call.agency.locations:
            raise unknown("Location", one)
    user.first_name = text_of(body, "firstName", user.first_name)
    user.last_name = text_of(body, "lastName", user.last_name)
    user.email = text_of(body, "email", user.email).lower()
    user.phone = text_of(body, "phone", user.phone)
    user.role, user.kind = text_of(body, "role", user.role), text_of(body, "type", user.kind)
    user.locations = list(locations)
