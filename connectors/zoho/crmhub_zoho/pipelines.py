"""Deal pipelines and their stages, out of what "Get Pipelines" gives.

The ``id`` of a stage is what a deal's ``Stage`` holds, ``outcome`` whether a deal in it is open, won or lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from crmhub.connector import Native, Value

__all__ = ["in_order", "pipelines_of", "stages_of"]

_FORECAST_TYPES = {"open": "open", "closed won": "won", "closed lost": "lost"}
_FORECAST_CATEGORIES = {"closed": "won", "omitted": "lost"}


def in_order(raw: Iterable[Native]) -> list[Native]:
    """Pipelines as Zoho gives them, the default one first."""
    return sorted(raw, key=lambda one: one.get("default") is not True)


def pipelines_of(raw: Sequence[Native]) -> list[Native]:
    """A record for each pipeline."""
    return [
        {**_entry(one), "order": order, "default": one.get("default") is True}
        for order, one in enumerate(raw, 1)
    ]


def stages_of(raw: Sequence[Native]) -> list[Native]:
    """A record for each stage, in the order of the pipelines; the first that has it is its ``pipeline``."""
    stages: dict[str, Native] = {}
    for pipeline in raw:
        entry = _entry(pipeline)
        maps = pipeline.get("maps")
        for stage in maps if isinstance(maps, list) else []:
            if not isinstance(stage, dict) or not (value := _text(stage, "actual_value")):
                continue
            known = stages.setdefault(value, _stage(value, stage, entry))
            among = known["pipelines"]
            if isinstance(among, list) and entry not in among:
                among.append(entry)
    return list(stages.values())


def _stage(value: str, stage: Native, pipeline: Native) -> Native:
    category = stage.get("forecast_category")
    return {
        "id": value,
        "label": _text(stage, "display_value") or value,
        "pipeline": pipeline,
        "pipelines": [],
        "order": stage.get("sequence_number"),
        "probability": stage.get("probability"),
        "outcome": _outcome(_text(stage, "forecast_type"), category if isinstance(category, dict) else {}),
    }


def _outcome(forecast_type: str, category: Mapping[str, Value]) -> str:
    known = _FORECAST_TYPES.get(forecast_type.casefold())
    name = category.get("name")
    return known or _FORECAST_CATEGORIES.get(name.casefold() if isinstance(name, str) else "", "open")


def _text(raw: Native, key: str) -> str:
    value = raw.get(key)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _entry(pipeline: Native) -> Native:
    return {"id": _text(pipeline, "id"), "name": _text(pipeline, "display_value")}
