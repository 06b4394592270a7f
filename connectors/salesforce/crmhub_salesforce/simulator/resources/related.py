"""What hangs on one record: its binary fields, its parents and children by relationship, a user's password.

Source: REST API Developer Guide, "sObject Blob Get", "sObject Relationships", "sObject User Password".
"""

import base64

from crmhub.testing.simulator.table import Row
from crmhub_salesforce.simulator.calls import Call, Reply
from crmhub_salesforce.simulator.catalog.sobject import SObject
from crmhub_salesforce.simulator.errors import ApiError, not_found
from crmhub_salesforce.simulator.ids import normal_id
from crmhub_salesforce.simulator.resources.rows import add_rows, show, shown_fields
from crmhub_salesforce.simulator.service import PREFIX, Service

_PAGE = 2_000


def add_related(service: Service) -> None:
    """Add the routes of single records, and of what hangs on them."""
    service.router.add(
        "/sobjects/User/{id}/password",
        GET=lambda call: _is_expired(service, call),
        POST=lambda call: _set(service, call),
        DELETE=lambda call: _reset(service, call),
    )
    add_rows(service, related)


def related(service: Service, call: Call, sobject: SObject) -> Reply | None:
    """The reply to `/sobjects/X/{id}/{name}`; None where the path names no record of the object."""
    known = normal_id(call.params["field"])
    if known is None or not known.startswith(sobject.prefix):
        return None
    name = call.params["value"]
    row = service.org.tables[sobject.name].row(service.records.find(sobject, known))
    field = sobject.field(name)
    if field is not None and field.type == "base64":
        media = str(row.get("ContentType") or "application/octetstream")
        return Reply(200, base64.b64decode(str(row.get(field.name) or "")), {"Content-Type": media})
    parent, child = sobject.parent(name), service.org.catalog.child(sobject.name, name)
    if parent is not None:
        return _parent(service, call, row.get(parent.name))
    if child is None:
        raise not_found()
    below = service.sobject(child.sobject)
    table = service.org.tables[below.name]
    places = [place for place in table.find(child.field.name, known) if table.is_live(place)]
    names = call.one("fields")
    fields = shown_fields(below, None if names is None else names.split(","))
    shown: list[Row] = [show(below, table.row(place), fields, call.version) for place in places[:_PAGE]]
    return Reply(200, {"done": True, "totalSize": len(places), "records": shown})


def _parent(service: Service, call: Call, key: object) -> Reply:
    found = service.org.live(str(key)) if key is not None else None
    target = service.org.catalog.of_id(str(key))
    if found is None or target is None:
        raise not_found()
    names = call.one("fields")
    fields = shown_fields(target, None if names is None else names.split(","))
    return Reply(200, show(target, found, fields, call.version))


def _user(service: Service, call: Call) -> str:
    users = service.sobject("User")
    return service.org.tables["User"].id_at(service.records.find(users, call.params["id"]))


def _is_expired(service: Service, call: Call) -> Reply:
    _user(service, call)
    return Reply(200, {"isExpired": False})


def _set(service: Service, call: Call) -> Reply:
    user, password = _user(service, call), call.object().get("NewPassword")
    if not isinstance(password, str) or len(password) < 8:
        message = "Your password must be at least 8 characters long."
        raise ApiError("INVALID_NEW_PASSWORD", message)
    _give(service, user, password)
    return Reply(204)


def _give(service: Service, user: str, password: str) -> None:
    if service.new_password is not None:
        service.new_password(user, password)


def _reset(service: Service, call: Call) -> Reply:
    user = _user(service, call)
    password = f"Reset{service.random.randint(10**9, 10**10)}"
    _give(service, user, password)
    return Reply(200, {"NewPassword": password, "url": f"{PREFIX}/v{call.version}/sobjects/User/{user}"})
