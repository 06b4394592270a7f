"""Followers of deals, persons and organizations, in v2 by user and in v1 by a number of their own."""

from functools import partial
from typing import Final

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.pipedrive import values
from crmhub_rest.simulators.pipedrive.call import Call, Endpoint, done
from crmhub_rest.simulators.pipedrive.company import PLURAL
from crmhub_rest.simulators.pipedrive.errors import ApiError, not_found
from crmhub_rest.simulators.pipedrive.listing import simple_page
from crmhub_rest.simulators.pipedrive.v1_pages import v1_time

_RULE: Final = values.shape({"user_id": values.whole}, "user_id")
_FOLLOWED: Final = {"deal": "deal_id", "person": "person_id", "organization": "org_id"}


def list_them(kind: str, call: Call) -> Response:
    """`GET /deals/{id}/followers` and the like; v1 gives all at once."""
    held = _of(kind, call)
    if call.version == "v1":
        page = {"start": 0, "limit": 100, "more_items_in_collection": False}
        return done([_shown(kind, call, one) for one in held], page)
    page = simple_page(call, [_shown(kind, call, one) for one in held])
    return done(page.rows, {"next_cursor": page.next_cursor})


def add(kind: str, call: Call) -> Response:
    """`POST /deals/{id}/followers` and the like; nobody follows twice."""
    held = _of(kind, call)
    _RULE("", call.body)
    user = call.body["user_id"]
    if call.company.user(user) is None:
        raise ApiError(400, f"User not found: user_id {user}", "ERR_BAD_REQUEST")
    if any(one["user_id"] == user for one in held):
        raise ApiError(400, "User is already a follower", "ERR_BAD_REQUEST")
    log = call.company.follower_log.setdefault((kind, call.id()), [])
    made: Row = {"id": call.company.next_follower(), "user_id": user, "add_time": call.company.now_text()}
    held.append(made)
    log.append(_noted(call, "added", user))
    return done(_shown(kind, call, made), status=200 if call.version == "v1" else 201)


def remove(kind: str, call: Call) -> Response:
    """`DELETE /deals/{id}/followers/{follower_id}`: in v2 the follower is a user."""
    held, wanted = _of(kind, call), call.id("follower_id", "Follower")
    key = "id" if call.version == "v1" else "user_id"
    found = next((one for one in held if one[key] == wanted), None)
    if found is None:
        raise not_found("Follower")
    held.remove(found)
    call.company.follower_log[kind, call.id()].append(_noted(call, "removed", found["user_id"]))
    return done({key: wanted})


def changelog(kind: str, call: Call) -> Response:
    """`GET /deals/{id}/followers/changelog` and the like: who began and who ceased to follow."""
    _of(kind, call)
    page = simple_page(call, call.company.follower_log.get((kind, call.id()), []))
    return done(page.rows, {"next_cursor": page.next_cursor})


def of_user(call: Call) -> Response:
    """`GET /users/{id}/followers`: users are followed in Pipedrive's pages alone, and here by nobody."""
    if call.company.user(call.id(what="User")) is None:
        raise not_found("User")
    return done([]) if call.version == "v1" else done([], {"next_cursor": None})


def _of(kind: str, call: Call) -> list[Row]:
    ident = call.id(what=kind.capitalize())
    if call.company.live(kind, ident) is None:
        raise not_found(kind.capitalize())
    return call.company.followers.setdefault((kind, ident), [])


def _shown(kind: str, call: Call, one: Row) -> Row:
    if call.version == "v2":
        return {"user_id": one["user_id"], "add_time": one["add_time"]}
    return {**one, "add_time": v1_time(one["add_time"]), _FOLLOWED[kind]: call.id()}


def _noted(call: Call, action: str, user: object) -> Row:
    return {
        "action": action,
        "actor_user_id": call.user.id,
        "follower_user_id": user,
        "time": call.company.now_text(),
    }


def endpoints() -> list[Endpoint]:
    """What this module answers."""
    found = [
        Endpoint(version, "GET", "/users/{id}/followers", of_user, cost, ("users:read",))
        for version, cost in (("v1", 20), ("v2", 10))
    ]
    for kind in _FOLLOWED:
        scope = "deals" if kind == "deal" else "contacts"
        read, write = (f"{scope}:read", f"{scope}:full"), (f"{scope}:full",)
        many = f"/{PLURAL[kind]}/{{id}}/followers"
        found.append(Endpoint("v2", "GET", f"{many}/changelog", partial(changelog, kind), 10, read))
        for version, costs in (("v1", (20, 10, 6)), ("v2", (10, 5, 3))):
            found += [
                Endpoint(version, "GET", many, partial(list_them, kind), costs[0], read),
                Endpoint(version, "POST", many, partial(add, kind), costs[1], write),
                Endpoint(
                    version, "DELETE", f"{many}/{{follower_id}}", partial(remove, kind), costs[2], write
                ),
            ]
    return found
