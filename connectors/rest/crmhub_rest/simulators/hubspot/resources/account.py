"""Owners, and what the account tells of itself.

Source: HubSpot "CRM API | Owners", "Account information" (details, API usage of private apps).
"""

from collections.abc import Iterator
from functools import partial

from starlette.responses import Response

from crmhub_rest.simulators.hubspot.call import Body, Call, Endpoint, page_of, reply
from crmhub_rest.simulators.hubspot.errors import invalid, not_found
from crmhub_rest.simulators.hubspot.limits import Limits
from crmhub_rest.simulators.hubspot.scopes import OWNERS
from crmhub_rest.simulators.hubspot.times import iso

_MOST = 500
_DEFAULT = 100


def list_owners(call: Call) -> Response:
    """`GET /owners`; `after` is the id that the last page ended with."""
    call.require(OWNERS)
    archived, mail = call.flag("archived"), call.params.get("email", "").lower()
    limit = call.number("limit", _DEFAULT, _MOST)
    after = call.params.get("after", "")
    if after and not after.isdigit():
        raise invalid(f"Invalid value for after: {after}")
    owners = [
        owner
        for owner in sorted(call.portal.owners.values(), key=lambda one: int(one.id))
        if owner.archived == archived
        and (not mail or owner.email == mail)
        and int(owner.id) > int(after or -1)
    ]
    page = owners[:limit]
    next_page: Body | None = None
    if len(owners) > limit:
        next_page = {"after": page[-1].id, "link": call.link(page[-1].id)}
    return reply(page_of([owner.shown() for owner in page], next_page))


def get_owner(call: Call) -> Response:
    """`GET /owners/{id}`; `idProperty=userId` finds by the user's id."""
    call.require(OWNERS)
    by, wanted, archived = call.params.get("idProperty", "id"), call.path["id"], call.flag("archived")
    if by not in {"id", "userId"}:
        raise invalid(f"Invalid value for idProperty: {by}")
    for owner in call.portal.owners.values():
        if owner.archived == archived and wanted == (owner.id if by == "id" else str(owner.user_id)):
            return reply(owner.shown())
    raise not_found(f"Owner {wanted} was not found")


def details(call: Call) -> Response:
    """`GET /account-info/v3/details`."""
    portal = call.portal
    zone = portal.time_zone
    offset = portal.clock.moment(zone).utcoffset()
    milliseconds = int(offset.total_seconds() * 1000) if offset else 0
    return reply(
        {
            "portalId": portal.portal_id,
            "accountType": "STANDARD",
            "timeZone": str(zone),
            "companyCurrency": "USD",
            "additionalCurrencies": [],
            "utcOffset": portal.clock.moment(zone).isoformat()[-6:],
            "utcOffsetMilliseconds": milliseconds,
            "uiDomain": "app.hubspot.com",
            "dataHostingLocation": "na1",
        }
    )


def usage(limits: Limits, call: Call) -> Response:
    """`GET /account-info/v3/api-usage/daily/private-apps`: what the private apps have called today."""
    told: Body = {
        "name": "private-apps-api-calls-daily",
        "usageLimit": limits.daily,
        "currentUsage": limits.used_today,
        "collectedAt": iso(call.portal.now()),
        "fetchStatus": "SUCCESS",
        "resetsAt": iso(int(limits.resets_at().timestamp() * 1000)),
    }
    return reply({"results": [told]})


def endpoints(limits: Limits) -> Iterator[Endpoint]:
    """The routes of both forms of paths."""
    for version, prefix in (("v3", "/crm/v3/owners"), ("dated", "/crm/owners/{version}")):
        yield Endpoint("GET", prefix, version, list_owners)
        yield Endpoint("GET", f"{prefix}/{{id}}", version, get_owner)
    for version, prefix in (("v3", "/account-info/v3"), ("dated", "/account-info/{version}")):
        yield Endpoint("GET", f"{prefix}/details", version, details)
        path = f"{prefix}/api-usage/daily/private-apps"
        yield Endpoint("GET", path, version, partial(usage, limits))
