"""Members of the team.

Source: Lofty Open API, "Members".
"""

from typing import Final

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.lofty import ids
from crmhub_rest.simulators.lofty.call import Call, Endpoint, reply
from crmhub_rest.simulators.lofty.errors import LoftyError, invalid, no_user
from crmhub_rest.simulators.lofty.team import Member, Team

_DEFAULT_LIMIT: Final = 25
_MOST: Final = 1_000


def endpoints() -> list[Endpoint]:
    """The routes."""
    return [
        Endpoint("GET", "/v1.0/members", _list, "members"),
        Endpoint("GET", "/v1.0/members/{account}", _by_account, "members"),
        Endpoint("GET", "/v1.0/users/{userId}", _by_id, "members"),
        Endpoint("GET", "/v1.0/me", _me, "members"),
    ]


def member_json(team: Team, member: Member) -> Row:
    """A member as Lofty shows it: its `id` is that of the membership, `memberUserId` that of the user."""
    user = member.user
    return {
        "id": member.number + 11,
        "teamId": ids.TEAM,
        "invitorUserId": team.members[0].id,
        "memberUserId": member.id,
        "role": 1 if member.admin else 0,
        "roleName": user.role or ("Company Owner" if member.admin else "Agent"),
        "firstLetter": (user.first_name or user.last_name)[:1].upper(),
        "email": user.email,
        "firstName": user.first_name,
        "lastName": user.last_name,
        "phoneNumber": f"+1415555{member.number:04}",
        "status": 1 if user.active else 0,
        "virtualNumber": "",
        "isAdmin": member.admin,
        "timeZoneId": team.timezone,
        "groupId": ids.OFFICE,
        "groupName": "Main Office",
        "accountStatus": "ACTIVE" if user.active else "INACTIVE",
    }


def _list(call: Call) -> Response:
    limit, offset = call.number("limit", _DEFAULT_LIMIT), max(call.number("offset", 0), 0)
    if limit > _MOST:
        raise LoftyError(400, "LIMIT_PARAM_OVERSIZE", "limit is too large")
    if limit < 1:
        raise invalid("limit must be positive")
    groups = {one.strip() for one in call.query.get("groupIds", "").strip("[]").split(",") if one.strip()}
    members = call.team.members if not groups or str(ids.OFFICE) in groups else []
    if not members:
        raise no_user()
    page = [member_json(call.team, one) for one in members[offset : offset + limit]]
    return reply({**call.metadata("member", limit, offset, len(members)), "members": page})


def _by_account(call: Call) -> Response:
    account = call.path["account"].strip().lower()
    for one in call.team.members:
        if one.user.email.lower() == account:
            return reply(member_json(call.team, one))
    raise no_user()


def _by_id(call: Call) -> Response:
    member = call.team.member(call.id("userId", no_user))
    if member is None:
        raise no_user()
    return reply(member_json(call.team, member))


def _me(call: Call) -> Response:
    return reply(member_json(call.team, call.team.caller))
