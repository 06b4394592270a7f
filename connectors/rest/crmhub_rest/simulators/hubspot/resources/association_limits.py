"""How many records one record may be associated with, as the portal sets it for a type of association.

Source: HubSpot "CRM API | Associations v4" (limits; the report of high usage), its interface file of
associations' definitions.
"""

from collections.abc import Iterator

from starlette.responses import Response

from crmhub_rest.simulators.hubspot.call import Body, Call, Endpoint, nothing, reply
from crmhub_rest.simulators.hubspot.catalog.associations import Kind, Pair
from crmhub_rest.simulators.hubspot.errors import HubSpotError, invalid, missing_fields, not_found
from crmhub_rest.simulators.hubspot.resources.batches import batch
from crmhub_rest.simulators.hubspot.times import iso


def list_all(call: Call) -> Response:
    """`GET /associations/definitions/configurations/all`."""
    most = call.portal.links.most
    return reply({"results": [_shown(call, pair, number) for pair, number in most]})


def list_pair(call: Call) -> Response:
    """`GET /associations/definitions/configurations/{type}/{to}`."""
    pair = _pair(call)
    held = [number for other, number in call.portal.links.most if other == pair]
    return reply({"results": [_shown(call, pair, number) for number in held]})


def create(call: Call) -> Response:
    """`POST …/{type}/{to}/batch/create`."""
    return _set(call, 201, labelled=True)


def update(call: Call) -> Response:
    """`POST …/{type}/{to}/batch/update`."""
    return _set(call, 200, labelled=False)


def purge(call: Call) -> Response:
    """`POST …/{type}/{to}/batch/purge`: the limits are no more."""
    pair = _pair(call, write=True)
    for item in call.inputs():
        call.portal.links.most.pop((pair, _kind(call, pair, item).number), None)
    return nothing()


def report(call: Call) -> Response:
    """`POST /associations/usage/high-usage-report/{user}`: it comes by e-mail, which nobody gets here."""
    owner = next((one for one in call.portal.owners.values() if str(one.user_id) == call.path["user"]), None)
    if owner is None:
        raise not_found(f"User {call.path['user']} was not found")
    now = iso(call.portal.now())
    return reply({"userId": owner.user_id, "userEmail": owner.email, "enqueueTime": now})


def _set(call: Call, status: int, *, labelled: bool) -> Response:
    pair = _pair(call, write=True)
    results: list[Body] = []
    errors: list[HubSpotError] = []
    for item in call.inputs():
        try:
            kind, most = _kind(call, pair, item), item.get("maxToObjectIds")
            if isinstance(most, bool) or not isinstance(most, int) or most < 1:
                raise missing_fields("maxToObjectIds")
        except HubSpotError as refusal:
            errors.append(refusal)
            continue
        call.portal.links.most[pair, kind.number] = most
        shown = _shown(call, pair, kind.number)
        results.append(shown if labelled else {key: shown[key] for key in shown if key != "label"})
    return reply(batch(call, results, errors), 207 if errors else status)


def _pair(call: Call, *, write: bool = False) -> Pair:
    pair = (call.store(write=write).name, call.store("to", write=write).name)
    call.portal.links.kinds_of(pair)
    return pair


def _kind(call: Call, pair: Pair, item: Body) -> Kind:
    number = item.get("typeId", item.get("associationTypeId"))
    if not isinstance(number, int):
        raise missing_fields("typeId")
    category = item.get("category", item.get("associationCategory"))
    if not isinstance(category, str):
        raise invalid("category is needed")
    return call.portal.links.kind(pair, number, category)


def _shown(call: Call, pair: Pair, number: int) -> Body:
    links = call.portal.links
    kind = next(one for one in links.kinds_of(pair) if one.number == number)
    return {**kind.spec(), "userEnforcedMaxToObjectIds": links.most[pair, number]}


def endpoints() -> Iterator[Endpoint]:
    """The routes of both forms of paths; they come before those that take any types."""
    for version, prefix in (("v4", "/crm/v4/associations"), ("dated", "/crm/associations/{version}")):
        base = f"{prefix}/definitions/configurations"
        pair = f"{base}/{{type}}/{{to}}"
        yield Endpoint("GET", f"{base}/all", version, list_all)
        yield Endpoint("GET", pair, version, list_pair)
        yield Endpoint("POST", f"{pair}/batch/create", version, create)
        yield Endpoint("POST", f"{pair}/batch/update", version, update)
        yield Endpoint("POST", f"{pair}/batch/purge", version, purge)
        yield Endpoint("POST", f"{prefix}/usage/high-usage-report/{{user}}", version, report)
