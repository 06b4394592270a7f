"""Users and the company's small lists, which only v1 has; none of them is paged."""

from starlette.responses import Response

from crmhub_rest.simulators.pipedrive.call import Call, Endpoint, done
from crmhub_rest.simulators.pipedrive.errors import ApiError
from crmhub_rest.simulators.pipedrive.people import User
from crmhub_rest.simulators.pipedrive.standard import CURRENCIES

_CREATED = "2023-01-02 08:00:00"


def _shown(call: Call, user: User) -> dict[str, object]:
    return user.shown(call.user, _CREATED, _CREATED)


def list_users(call: Call) -> Response:
    """`GET /v1/users`: all of them, deactivated ones too."""
    return done([_shown(call, user) for user in call.company.users])


def find_users(call: Call) -> Response:
    """`GET /v1/users/find`: by a part of the name, or of the address if `search_by_email` is 1."""
    term = call.params.get("term", "").casefold()
    if not term:
        raise ApiError(400, "term is required")
    by_email = call.flag("search_by_email")
    found = [one for one in call.company.users if term in (one.email if by_email else one.name).casefold()]
    return done([_shown(call, user) for user in found])


def get_me(call: Call) -> Response:
    """`GET /v1/users/me`: who calls, and the company."""
    company = call.company
    return done(
        {
            **_shown(call, call.user),
            "company_id": company.id,
            "company_name": company.name,
            "company_domain": company.domain,
            "company_country": "US",
            "company_industry": "IT Services",
            "language": {"language_code": "en", "country_code": "US"},
        }
    )


def get_user(call: Call) -> Response:
    """`GET /v1/users/{id}`."""
    user = call.company.user(call.id(what="User"))
    if user is None:
        raise ApiError(404, "User not found")
    return done(_shown(call, user))


def list_currencies(call: Call) -> Response:
    """`GET /v1/currencies`: those whose code or name holds `term`."""
    term = call.params.get("term", "").casefold()
    return done(
        [
            {
                "id": place + 1,
                "code": code,
                "name": name,
                "decimal_points": points,
                "symbol": symbol,
                "active_flag": True,
                "is_custom_flag": False,
            }
            for place, (code, name, points, symbol) in enumerate(CURRENCIES)
            if term in code.casefold() or term in name.casefold()
        ]
    )


_READ = ("users:read",)
ENDPOINTS = (
    Endpoint("v1", "GET", "/users/me", get_me, 2, ("base",)),
    Endpoint("v1", "GET", "/users/find", find_users, 40, _READ),
    Endpoint("v1", "GET", "/users", list_users, 20, _READ),
    Endpoint("v1", "GET", "/users/{id}", get_user, 2, _READ),
    Endpoint("v1", "GET", "/currencies", list_currencies, 20, ("base",)),
)
