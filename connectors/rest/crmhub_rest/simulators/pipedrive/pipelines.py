"""Pipelines and stages in v2."""

from collections.abc import Mapping
from functools import partial
from typing import Final, cast

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.pipedrive import values
from crmhub_rest.simulators.pipedrive.call import Call, Endpoint, done
from crmhub_rest.simulators.pipedrive.company import PLURAL, Company
from crmhub_rest.simulators.pipedrive.errors import invalid, not_found
from crmhub_rest.simulators.pipedrive.links import check_links
from crmhub_rest.simulators.pipedrive.listing import Wanted, page_of, read_order
from crmhub_rest.simulators.pipedrive.standard import PIPELINES
from crmhub_rest.simulators.pipedrive.values import Rule

_RULES: Final[Mapping[str, Mapping[str, Rule]]] = {
    "pipeline": {"name": values.text(128, filled=True), "is_deal_probability_enabled": values.flag},
    "stage": {
        "name": values.text(128, filled=True),
        "pipeline_id": values.whole,
        "deal_probability": values.whole,
        "is_deal_rot_enabled": values.flag,
        "days_to_rotten": values.nullable(values.whole),
    },
}
_NEEDED: Final = {"pipeline": ("name",), "stage": ("name", "pipeline_id")}


def fill_pipelines(company: Company) -> None:
    """The pipelines and stages that a company begins with."""
    for name, stages in PIPELINES:
        pipeline = company.add("pipeline", _blank(company, "pipeline", {"name": name}), company.admin)
        for place, stage in enumerate(stages):
            given: dict[str, object] = {
                "name": stage,
                "pipeline_id": pipeline["id"],
                "deal_probability": 100 * (place + 1) // len(stages),
            }
            company.add("stage", _blank(company, "stage", given), company.admin)


def _blank(company: Company, kind: str, given: Mapping[str, object]) -> Row:
    now = company.now_text()
    common: Row = {"is_deleted": False, "add_time": now, "update_time": now}
    if kind == "pipeline":
        order = len(company.tables["pipeline"]) + 1
        own: Row = {"name": "", "order_nr": order, "is_deal_probability_enabled": True}
    else:
        siblings = [
            row for row in company.tables["stage"].rows() if row["pipeline_id"] == given["pipeline_id"]
        ]
        own = {
            "order_nr": len(siblings) + 1,
            "name": "",
            "deal_probability": 100,
            "pipeline_id": None,
            "is_deal_rot_enabled": False,
            "days_to_rotten": None,
        }
    return {**own, **common, **given}


def list_them(kind: str, call: Call) -> Response:
    """`GET /pipelines`, `GET /stages`."""
    pipeline = call.whole("pipeline_id") if kind == "stage" else None

    def matches(row: Row) -> bool:
        return pipeline is None or row["pipeline_id"] == pipeline

    order = read_order(call, *(("order_nr",) if kind == "stage" else ()))
    page = page_of(call, Wanted(kind, matches), order)
    return done(page.rows, {"next_cursor": page.next_cursor})


def get_one(kind: str, call: Call) -> Response:
    """`GET /pipelines/{id}`, `GET /stages/{id}`."""
    row = call.company.any(kind, call.id())
    if row is None:
        raise not_found(kind.capitalize())
    return done(row)


def create(kind: str, call: Call) -> Response:
    """`POST /pipelines`, `POST /stages`: at the end of the others."""
    given = values.checked(_RULES[kind], call.body)
    for name in _NEEDED[kind]:
        if name not in given:
            raise invalid(name, "is required")
    check_links(call.company, given)
    return done(call.company.add(kind, _blank(call.company, kind, given), call.user))


def update(kind: str, call: Call) -> Response:
    """`PATCH /pipelines/{id}`, `PATCH /stages/{id}`."""
    company = call.company
    row = company.live(kind, call.id())
    if row is None:
        raise not_found(kind.capitalize())
    given = values.checked(_RULES[kind], call.body)
    check_links(company, given)
    changed = {**row, **given, "update_time": company.now_text()}
    return done(company.change(kind, row, changed, call.user))


def delete(kind: str, call: Call) -> Response:
    """`DELETE /pipelines/{id}`, `DELETE /stages/{id}`; a pipeline's stages go with it."""
    company, ident = call.company, call.id()
    row = company.live(kind, ident)
    if row is None:
        raise not_found(kind.capitalize())
    doomed = [("pipeline", row)] if kind == "pipeline" else [("stage", row)]
    if kind == "pipeline":
        doomed += [("stage", one) for one in company.tables["stage"].rows() if one["pipeline_id"] == ident]
    for name, one in doomed:
        marked: Row = {**one, "is_deleted": True, "update_time": company.now_text()}
        company.delete(name, one, marked, call.user)
    return done({"id": cast("int", row["id"])})


def endpoints() -> list[Endpoint]:
    """What this module answers."""
    read, write = ("deals:read", "deals:full", "admin"), ("admin",)
    found: list[Endpoint] = []
    for kind in ("pipeline", "stage"):
        many = f"/{PLURAL[kind]}"
        one = f"{many}/{{id}}"
        found += [
            Endpoint("v2", "GET", many, partial(list_them, kind), 5, read),
            Endpoint("v2", "POST", many, partial(create, kind), 5, write),
            Endpoint("v2", "GET", one, partial(get_one, kind), 1, read),
            Endpoint("v2", "PATCH", one, partial(update, kind), 5, write),
            Endpoint("v2", "DELETE", one, partial(delete, kind), 3, write),
        ]
    return found
