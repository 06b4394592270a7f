"""Followers of deals, persons and organizations in v2."""

from typing import Final

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.pipedrive import values
from crmhub_rest.simulators.pipedrive.call import Call, Endpoint, done
from crmhub_rest.simulators.pipedrive.company import PLURAL
from crmhub_rest.simulators.pipedrive.errors import ApiError, not_found
from crmhub_rest.simulators.pipedrive.listing import simple_page

_RULE: Final = values.shape({"user_id": values.whole}, "user_id")


class Followers:
    """Who follows which record of a kind, and since when."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._held: dict[int, list[Row]] = {}

    def _of(self, call: Call) -> list[Row]:
        ident = call.id()
        if call.company.live(self._kind, ident) is None:
            raise not_found(self._kind.capitalize())
        return self._held.setdefault(ident, [])

    def list_them(self, call: Call) -> Response:
        """`GET /deals/{id}/followers` and the like."""
        page = simple_page(call, self._of(call))
        return done(page.rows, {"next_cursor": page.next_cursor})

    def add(self, call: Call) -> Response:
        """`POST /deals/{id}/followers` and the like; nobody follows twice."""
        held = self._of(call)
        _RULE("", call.body)
        user = call.body["user_id"]
        if call.company.user(user) is None:
            raise ApiError(400, f"User not found: user_id {user}", "ERR_BAD_REQUEST")
        if any(one["user_id"] == user for one in held):
            raise ApiError(400, "User is already a follower", "ERR_BAD_REQUEST")
        made: Row = {"user_id": user, "add_time": call.company.now_text()}
        held.append(made)
        return done(made, status=201)

    def remove(self, call: Call) -> Response:
        """`DELETE /deals/{id}/followers/{follower_id}` and the like: the follower is a user."""
        held, user = self._of(call), call.id("follower_id")
        found = next((one for one in held if one["user_id"] == user), None)
        if found is None:
            raise not_found("Follower")
        held.remove(found)
        return done({"user_id": user})


def endpoints() -> list[Endpoint]:
    """What this module answers."""
    found: list[Endpoint] = []
    for kind in ("deal", "person", "organization"):
        followers, scope = Followers(kind), "deals" if kind == "deal" else "contacts"
        read, write = (f"{scope}:read", f"{scope}:full"), (f"{scope}:full",)
        many = f"/{PLURAL[kind]}/{{id}}/followers"
        found += [
            Endpoint("v2", "GET", many, followers.list_them, 10, read),
            Endpoint("v2", "POST", many, followers.add, 5, write),
            Endpoint("v2", "DELETE", f"{many}/{{follower_id}}", followers.remove, 3, write),
        ]
    return found
