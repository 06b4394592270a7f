"""Users and the company's small lists, which only v1 has; none of them is paged."""

from starlette.responses import Response

from crmhub_rest.simulators.pipedrive import values
from crmhub_rest.simulators.pipedrive.call import Call, Endpoint, done
from crmhub_rest.simulators.pipedrive.errors import ApiError
from crmhub_rest.simulators.pipedrive.people import User
from crmhub_rest.simulators.pipedrive.standard import CURRENCIES
from crmhub_rest.simulators.pipedrive.v1_pages import page_v1

_CREATED = "2023-01-02 08:00:00"
_CREATE = {
    "email": values.text(255, filled=True),
    "access": values.list_of(values.as_object),
    "active_flag": values.flag,
}
_CHANGE = {"active_flag": values.flag}
_ADMINS_ONLY = (
    *("can_see_security_dashboard", "can_add_custom_fields", "can_delete_custom_fields"),
    *("can_edit_custom_fields", "can_see_company_wide_statistics", "can_delete_deals", "can_bulk_edit_items"),
)
_PERMISSIONS = (
    *_ADMINS_ONLY,
    *("can_add_products", "can_add_prospects_as_leads", "can_change_visibility_of_items"),
    *("can_convert_deals_to_leads", "can_create_own_workflow", "can_delete_activities", "can_edit_products"),
    *("can_edit_deals_closed_date", "can_edit_shared_filters", "can_export_data_from_lists"),
    *("can_follow_other_users", "can_merge_deals", "can_merge_organizations", "can_merge_people"),
    *("can_modify_labels", "can_see_deals_list_summary", "can_see_hidden_items_names"),
    *("can_see_other_users", "can_see_other_users_statistics", "can_share_filters", "can_share_insights"),
    *("can_use_api", "can_use_email_tracking", "can_use_import"),
)


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
    return done(_shown(call, _user(call)))


def _user(call: Call) -> User:
    user = call.company.user(call.id(what="User"))
    if user is None:
        raise ApiError(404, "User not found")
    return user


def add_user(call: Call) -> Response:
    """`POST /v1/users`: invites somebody, whose name is not known yet."""
    given = values.checked(_CREATE, call.body)
    if "email" not in given:
        raise ApiError(400, "email is required")
    mail, users = str(given["email"]).lower(), call.company.users
    if any(one.email.lower() == mail for one in users):
        raise ApiError(403, "A user with this email exists")
    active = given.get("active_flag") is not False
    made = User(max(one.id for one in users) + 1, mail.partition("@")[0], mail, active, admin=False)
    users.append(made)
    return done(_shown(call, made))


def change_user(call: Call) -> Response:
    """`PUT /v1/users/{id}`: takes access away, or gives it back."""
    user, given = _user(call), values.checked(_CHANGE, call.body)
    if "active_flag" not in given:
        raise ApiError(400, "active_flag is required")
    user.active = given["active_flag"] is True
    return done(_shown(call, user))


def permissions(call: Call) -> Response:
    """`GET /v1/users/{id}/permissions`: an administrator may do everything."""
    user = _user(call)
    return done({name: user.admin or name not in _ADMINS_ONLY for name in _PERMISSIONS})


def roles(call: Call) -> Response:
    """`GET /v1/users/{id}/roleAssignments`: everybody has the one role that there is."""
    user = _user(call)
    role = {"parent_role_id": None, "name": "(Unassigned users)", "role_id": 1, "active_flag": True}
    return page_v1(call, [{**role, "user_id": user.id, "type": "1"}], lambda one: one)


def role_settings(call: Call) -> Response:
    """`GET /v1/users/{id}/roleSettings`."""
    _user(call)
    visible = {f"{kind}_default_visibility": 3 for kind in ("deal", "lead", "org", "person", "product")}
    return done(visible | {f"{kind}_access_level": 1 for kind in ("deal", "org", "person", "product")})


def connections(call: Call) -> Response:
    """`GET /v1/userConnections`: no account of another service is connected."""
    del call
    return done({})


def user_settings(call: Call) -> Response:
    """`GET /v1/userSettings`: of who calls."""
    del call
    return done(
        {
            "marketplace_team": False,
            "list_limit": 100,
            "beta_app": False,
            "prevent_salesphone_callto_override": False,
            "file_upload_destination": "s3",
            "callto_link_syntax": "callto:",
            "autofill_deal_expected_close_date": False,
            "person_duplicate_condition": "name_or_email",
        }
    )


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
    Endpoint("v1", "POST", "/users", add_user, 10, ("admin",)),
    Endpoint("v1", "PUT", "/users/{id}", change_user, 10, ("admin",)),
    Endpoint("v1", "GET", "/users/{id}/permissions", permissions, 2, _READ),
    Endpoint("v1", "GET", "/users/{id}/roleAssignments", roles, 20, _READ),
    Endpoint("v1", "GET", "/users/{id}/roleSettings", role_settings, 2, _READ),
    Endpoint("v1", "GET", "/userConnections", connections, 2, ("base",)),
    Endpoint("v1", "GET", "/userSettings", user_settings, 2, ("base",)),
    Endpoint("v1", "GET", "/currencies", list_currencies, 20, ("base",)),
)
