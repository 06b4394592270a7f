"""What HubSpot demands of the values of a record besides their form.

Source: HubSpot's guides of the objects' APIs; errors as reported in the trackers of HubSpot's client
libraries.
"""

from collections.abc import Mapping

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.hubspot.errors import HubSpotError, invalid
from crmhub_rest.simulators.hubspot.pipelines import Pipeline
from crmhub_rest.simulators.hubspot.portal import Portal, Store
from crmhub_rest.simulators.hubspot.values import Values

_LIFECYCLE = "lifecyclestage"


def refuse_missing(store: Store, values: Values, *, all_required: bool) -> None:
    """Raise HubSpotError if a new record lacks what HubSpot demands, or (`all_required`) the portal."""
    required = list(store.type.required)
    if all_required:
        required += [one.name for one in store.properties.values() if one.required]
    missing = [name for name in required if not values.get(name)]
    if missing:
        what = store.type.singular.upper()
        raise invalid(f"Error creating {what}.  Some required properties were not set.", properties=missing)


def assume(store: Store, values: Values) -> None:
    """Fill what HubSpot assumes: a meeting is when it starts, a deal is in the first pipeline."""
    if store.name == "meetings" and not values.get("hs_timestamp") and values.get("hs_meeting_start_time"):
        values["hs_timestamp"] = values["hs_meeting_start_time"]
    if store.name == "deals" and not values.get("pipeline") and not values.get("dealstage"):
        values["pipeline"] = "default"


def hold_stage(store: Store, values: Values, current: Row) -> None:
    """The lifecycle stage moves forward alone: an earlier one is passed over without a word, unless the held
    one was cleared before.
    """
    held, wanted = current.get(_LIFECYCLE), values.get(_LIFECYCLE)
    if held is None or wanted is None:
        return
    order = [option.value for option in store.properties[_LIFECYCLE].options]
    if held in order and order.index(wanted) < order.index(str(held)):
        del values[_LIFECYCLE]


def put_into_pipeline(portal: Portal, store: Store, values: Values, current: Row) -> None:
    """A stage belongs to the record's pipeline, which follows from the stage where none is given; raises
    HubSpotError.
    """
    pipeline_name, stage_name = store.type.pipeline, store.type.stage
    stage = values.get(stage_name)
    if not stage_name or (stage is None and not values.get(pipeline_name)):
        return
    pipelines = portal.pipelines.get(store.name, {})
    stage = stage or str(current.get(stage_name, ""))
    chosen = values.get(pipeline_name) or current.get(pipeline_name) or _first_with(pipelines, stage)
    values[pipeline_name] = str(chosen)
    if stage and str(chosen) in pipelines and stage not in pipelines[str(chosen)].stages:
        raise invalid(
            f"Pipeline stage ID {stage} is not valid for pipeline ID {chosen}.", propertyName=[stage_name]
        )


def refuse_taken(portal: Portal, store: Store, values: Values, place: int | None) -> None:
    """Raise HubSpotError if another record than the one at `place` has a value that one alone may have."""
    for name, value in values.items():
        if value is None or not store.is_id(name):
            continue
        owner = next((one for one in store.named(name, value) if one != place), None)
        if owner is None:
            continue
        other_id = store.table.id_at(owner)
        if name in store.type.ids:
            what = store.type.singular.capitalize()
            raise HubSpotError(409, "CONFLICT", f"{what} already exists. Existing ID: {other_id}")
        own = "a new object" if place is None else store.table.id_at(place)
        where = (
            f"portalId={portal.portal_id}, objectTypeId={store.type.type_id}, "
            f"propertyName={name}, value={value}"
        )
        message = (
            f"Cannot set PropertyValueCoordinates{{{where}}} on {own}. {other_id} already has that value."
        )
        raise HubSpotError(
            400,
            "VALIDATION_ERROR",
            message,
            errors=[
                {
                    "message": message,
                    "code": "CONFLICTING_UNIQUE_VALUE",
                    "context": {"propertyName": [name]},
                }
            ],
        )


def _first_with(pipelines: Mapping[str, Pipeline], stage: str) -> str:
    return next((one.id for one in pipelines.values() if stage in one.stages), next(iter(pipelines), ""))
