"""Pipelines and stages.

Source: HubSpot "CRM API | Pipelines": a pipeline whose stages hold records cannot be deleted where the caller
asks for that check.
"""

from collections.abc import Iterator

from starlette.responses import Response

from crmhub_rest.simulators.hubspot.call import (
    Body,
    Call,
    Endpoint,
    as_object,
    nothing,
    objects_of,
    reply,
    required_text,
    text_or_none,
)
from crmhub_rest.simulators.hubspot.errors import HubSpotError, invalid, missing_fields, not_found
from crmhub_rest.simulators.hubspot.pipelines import Pipeline, Stage, noted
from crmhub_rest.simulators.hubspot.portal import Store
from crmhub_rest.simulators.hubspot.scopes import schema_scopes
from crmhub_rest.simulators.hubspot.times import iso

_CHECKS = ("validateReferencesBeforeDelete", "validateDealStageUsagesBeforeDelete")


def _store_of(call: Call) -> Store:
    store = call.portal.store(call.path["type"])
    if store is None or store.name not in call.portal.pipelines:
        raise invalid(f"Unable to infer object type from: {call.path['type']}")
    reads = call.method == "GET"
    call.require(*schema_scopes(store.name, "read" if reads else "write"))
    store.version += not reads
    return store


def _pipelines(call: Call) -> dict[str, Pipeline]:
    return call.portal.pipelines[_store_of(call).name]


def _pipeline(call: Call) -> Pipeline:
    one = _pipelines(call).get(call.path["id"])
    if one is None or one.archived_at is not None:
        raise not_found(f"Pipeline with id '{call.path['id']}' not found")
    return one


def _stage(call: Call) -> Stage:
    one = _pipeline(call).stages.get(call.path["stage"])
    if one is None or one.archived_at is not None:
        raise not_found(f"Pipeline stage with id '{call.path['stage']}' not found")
    return one


def list_pipelines(call: Call) -> Response:
    """`GET /pipelines/{type}`."""
    live = [one for one in _pipelines(call).values() if one.archived_at is None]
    return reply({"results": [one.shown() for one in sorted(live, key=lambda one: one.order)]})


def get_pipeline(call: Call) -> Response:
    """`GET /pipelines/{type}/{id}`."""
    return reply(_pipeline(call).shown())


def create_pipeline(call: Call) -> Response:
    """`POST /pipelines/{type}`."""
    pipelines = _pipelines(call)
    label = required_text(call.body, "label")
    if any(one.label == label and one.archived_at is None for one in pipelines.values()):
        message = f"A pipeline with label '{label}' already exists."
        raise HubSpotError(409, "CONFLICT", message)
    now = call.portal.now()
    made = Pipeline(_new_id(call), label, _order(call.body), now, now)
    for item in objects_of(call.body, "stages"):
        stage = _made(call, item)
        made.stages[stage.id] = stage
    noted(made, "CREATE", now)
    pipelines[made.id] = made
    return reply(made.shown(), 201)


def update_pipeline(call: Call) -> Response:
    """`PATCH /pipelines/{type}/{id}`."""
    one = _pipeline(call)
    one.label = text_or_none(call.body, "label") or one.label
    one.order = _order(call.body, one.order)
    noted(one, "UPDATE", call.portal.now())
    return reply(one.shown())


def replace_pipeline(call: Call) -> Response:
    """`PUT /pipelines/{type}/{id}`: all of it, with new stages."""
    one = _pipeline(call)
    if any(call.flag(name) for name in _CHECKS):
        for stage in one.live_stages:
            _refuse_used(call, stage)
    stages = [_made(call, item) for item in objects_of(call.body, "stages")]
    one.label, one.order = required_text(call.body, "label"), _order(call.body)
    one.stages = {stage.id: stage for stage in stages}
    noted(one, "UPDATE", call.portal.now())
    return reply(one.shown())


def delete_pipeline(call: Call) -> Response:
    """`DELETE /pipelines/{type}/{id}`."""
    one = _pipeline(call)
    if any(call.flag(name) for name in _CHECKS):
        for stage in one.live_stages:
            _refuse_used(call, stage)
    one.archived_at = call.portal.now()
    noted(one, "DELETE", one.archived_at)
    return nothing()


def audit_pipeline(call: Call) -> Response:
    """`GET /pipelines/{type}/{id}/audit`: what was done to it, the latest first."""
    return _audits(call, _pipeline(call))


def audit_stage(call: Call) -> Response:
    """`GET /pipelines/{type}/{id}/stages/{stage}/audit`."""
    return _audits(call, _stage(call))


def _audits(call: Call, one: Pipeline | Stage) -> Response:
    told: list[Body] = [
        {
            "portalId": call.portal.portal_id,
            "identifier": one.id,
            "action": audit.action,
            "timestamp": iso(audit.at),
            "rawObject": audit.shown,
        }
        for audit in reversed(one.audits)
    ]
    return reply({"results": told})


def list_stages(call: Call) -> Response:
    """`GET /pipelines/{type}/{id}/stages`."""
    return reply({"results": [stage.shown() for stage in _pipeline(call).live_stages]})


def get_stage(call: Call) -> Response:
    """`GET /pipelines/{type}/{id}/stages/{stage}`."""
    return reply(_stage(call).shown())


def create_stage(call: Call) -> Response:
    """`POST /pipelines/{type}/{id}/stages`."""
    pipeline, stage = _pipeline(call), _made(call, call.body)
    if any(one.label == stage.label for one in pipeline.live_stages):
        raise HubSpotError(409, "CONFLICT", f"A pipeline stage with label '{stage.label}' already exists.")
    pipeline.stages[stage.id] = stage
    return reply(stage.shown(), 201)


def update_stage(call: Call) -> Response:
    """`PATCH /pipelines/{type}/{id}/stages/{stage}`."""
    one = _stage(call)
    one.label = text_or_none(call.body, "label") or one.label
    one.order = _order(call.body, one.order)
    if "metadata" in call.body:
        one.metadata = _metadata(call, call.body)
    noted(one, "UPDATE", call.portal.now())
    return reply(one.shown())


def replace_stage(call: Call) -> Response:
    """`PUT /pipelines/{type}/{id}/stages/{stage}`: all of it."""
    one = _stage(call)
    label, order, metadata = required_text(call.body, "label"), _order(call.body), _metadata(call, call.body)
    one.label, one.order, one.metadata = label, order, metadata
    noted(one, "UPDATE", call.portal.now())
    return reply(one.shown())


def delete_stage(call: Call) -> Response:
    """`DELETE /pipelines/{type}/{id}/stages/{stage}`: not while records are in it."""
    one = _stage(call)
    _refuse_used(call, one)
    one.archived_at = call.portal.now()
    noted(one, "DELETE", one.archived_at)
    return nothing()


def _refuse_used(call: Call, stage: Stage) -> None:
    store = _store_of(call)
    used = store.table.find(store.type.stage, stage.id)
    if used:
        raise invalid(
            f"Stage IDs: [{stage.id}] are being referenced by object IDs: [{store.table.id_at(used[0])}]",
            stageIds=[stage.id],
        )


def _made(call: Call, item: Body) -> Stage:
    now = call.portal.now()
    made = Stage(_new_id(call), required_text(item, "label"), _order(item), _metadata(call, item), now, now)
    noted(made, "CREATE", now)
    return made


def _metadata(call: Call, item: Body) -> dict[str, str]:
    given = {name: str(value) for name, value in as_object(item.get("metadata") or {}).items()}
    if _store_of(call).name != "deals":
        return {"ticketState": "OPEN", **given}
    if "probability" not in given:
        raise missing_fields("metadata.probability")
    try:
        chance = float(given["probability"])
    except ValueError:
        chance = -1.0
    if not 0 <= chance <= 1:
        raise invalid(f"Invalid probability {given['probability']}: it must be between 0.0 and 1.0")
    return {"isClosed": str(chance in {0.0, 1.0}).lower(), **given}


def _order(item: Body, default: int | None = None) -> int:
    value = item.get("displayOrder", default)
    if not isinstance(value, int):
        raise missing_fields("displayOrder")
    return value


def _new_id(call: Call) -> str:
    call.portal.made_ids += 1
    return str(99_100_000 + call.portal.made_ids)


def endpoints() -> Iterator[Endpoint]:
    """The routes of both forms of paths."""
    for version, prefix in (("v3", "/crm/v3/pipelines"), ("dated", "/crm/pipelines/{version}")):
        all_, one = f"{prefix}/{{type}}", f"{prefix}/{{type}}/{{id}}"
        yield Endpoint("GET", all_, version, list_pipelines)
        yield Endpoint("POST", all_, version, create_pipeline)
        yield Endpoint("GET", one, version, get_pipeline)
        yield Endpoint("PATCH", one, version, update_pipeline)
        yield Endpoint("PUT", one, version, replace_pipeline)
        yield Endpoint("DELETE", one, version, delete_pipeline)
        yield Endpoint("GET", f"{one}/audit", version, audit_pipeline)
        yield Endpoint("GET", f"{one}/stages/{{stage}}/audit", version, audit_stage)
        yield Endpoint("GET", f"{one}/stages", version, list_stages)
        yield Endpoint("POST", f"{one}/stages", version, create_stage)
        yield Endpoint("GET", f"{one}/stages/{{stage}}", version, get_stage)
        yield Endpoint("PATCH", f"{one}/stages/{{stage}}", version, update_stage)
        yield Endpoint("PUT", f"{one}/stages/{{stage}}", version, replace_stage)
        yield Endpoint("DELETE", f"{one}/stages/{{stage}}", version, delete_stage)
