"""Users and the organisation itself.

Source: Zoho CRM API v8, "Get Users" and "Get Organization Data".
"""

from collections.abc import Callable

from starlette.responses import Response

from crmhub_zoho.simulator.call import Call, Endpoint, nothing, reply
from crmhub_zoho.simulator.errors import ZohoError
from crmhub_zoho.simulator.people import User, name_id

ZGID = "60001234567"
_TYPES: dict[str, Callable[[User], bool]] = {
    "AllUsers": lambda _: True,
    "ActiveUsers": lambda user: user.active,
    "DeactiveUsers": lambda user: not user.active,
    "ConfirmedUsers": lambda _: True,
    "NotConfirmedUsers": lambda _: False,
    "DeletedUsers": lambda _: False,
    "ActiveConfirmedUsers": lambda user: user.active,
    "AdminUsers": lambda user: user.profile == "Administrator",
    "ActiveConfirmedAdmins": lambda user: user.active and user.profile == "Administrator",
}


def list_users(call: Call) -> Response:
    """`GET /users`."""
    kind = call.choice("type", "AllUsers", "CurrentUser", *_TYPES)
    page = call.numbered()
    if kind == "CurrentUser":
        users = [call.user]
    else:
        users = [user for user in call.org.users.values() if _TYPES[kind](user)]
    shown, info = page.of(users)
    if not shown:
        return nothing()
    return reply({"users": [user_json(call, user) for user in shown], "info": info})


def get_user(call: Call) -> Response:
    """`GET /users/{id}`."""
    if not call.path["id"].isdigit():
        raise ZohoError(400, "INVALID_DATA", "the id given seems to be invalid", {"resource_path_index": 1})
    user = call.org.users.get(call.path["id"])
    return nothing() if user is None else reply({"users": [user_json(call, user)]})


def user_json(call: Call, user: User) -> dict[str, object]:
    """A user as the API describes one."""
    return {
        "id": user.id,
        "first_name": user.first_name or None,
        "last_name": user.last_name,
        "full_name": user.full_name,
        "email": user.email,
        "status": "active" if user.active else "disabled",
        "confirm": True,
        "role": {"name": user.role, "id": name_id("role", user.role)},
        "profile": {"name": user.profile, "id": name_id("profile", user.profile)},
        "type__s": "Regular User",
        "zuid": user.id[-9:],
        "alias": None,
        "country": "US",
        "country_locale": "en_US",
        "language": "en_US",
        "locale": "en_US",
        "time_zone": _zone_name(call),
        "date_format": "MM-dd-yyyy",
        "time_format": "hh:mm a",
        "phone": None,
        "mobile": None,
        "website": None,
        "Isonline": False,
        "microsoft": False,
        "personal_account": False,
        "created_time": None,
        "Modified_Time": None,
        "Reporting_To": None,
    }


def get_org(call: Call) -> Response:
    """`GET /org`."""
    org = call.org
    return reply(
        {
            "org": [
                {
                    "id": str(int(org.modules["Leads"].id) - 1),
                    "zgid": ZGID,
                    "company_name": "Example Trading",
                    "domain_name": "org" + ZGID,
                    "type": "production",
                    "primary_email": org.admin.email,
                    "primary_zuid": org.admin.id[-9:],
                    "currency": "US Dollar - USD",
                    "iso_code": "USD",
                    "currency_symbol": "$",
                    "currency_locale": "en_US",
                    "time_zone": _zone_name(call),
                    "country_code": "US",
                    "country": None,
                    "created_time": None,
                    "mc_status": False,
                    "privacy_settings": False,
                    "license_details": {
                        "paid": call.edition != "free",
                        "paid_type": call.edition,
                        "paid_expiry": None,
                        "trial_type": None,
                        "trial_expiry": None,
                        "users_license_purchased": call.licences,
                        "portal_users_license_purchased": 0,
                    },
                }
            ]
        }
    )


def _zone_name(call: Call) -> str:
    offset = call.org.stamp(0)[-6:]
    known = {
        "+05:30": "Asia/Kolkata",
        "-08:00": "America/Los_Angeles",
        "-05:00": "America/New_York",
        "+00:00": "GMT",
    }
    return known.get(offset, f"GMT{offset}")


ENDPOINTS = (
    Endpoint("GET", "/users", list_users, ("users.READ",)),
    Endpoint("GET", "/users/{id}", get_user, ("users.READ",)),
    Endpoint("GET", "/org", get_org, ("org.READ",)),
)
