"""Users and deal stages as read-only objects beside the modules.

``users`` are Zoho's own user records ("Get Users"). ``stages`` are the stages of all deal pipelines
("Get Pipelines"): ``id`` is what a deal's ``Stage`` holds, ``label`` what people see, ``order`` the place
in the first pipeline that has it, ``outcome`` whether a deal in it is open, won or lost.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence

from crmhub.connector import (
    Checkpoint,
    Choice,
    FieldSpec,
    FieldType,
    Missing,
    Native,
    ObjectCapabilities,
    ObjectSchema,
    Page,
    ReadRequest,
    Value,
)  # fmt: skip
from crmhub.errors import BadResponse, NotFound, PermissionDenied, Unsupported, Where
from crmhub_zoho.records import ID, distinct, is_record_id
from crmhub_zoho.schema import Schemas
from crmhub_zoho.tiers.rest import PAGE, Rest

__all__ = ["DEALS", "STAGES", "USERS", "Lists"]

USERS = "users"
STAGES = "stages"
DEALS = "Deals"

_TYPES: Mapping[str, Mapping[str, FieldType]] = {
    USERS: {
        "id": "text", "full_name": "text", "first_name": "text", "last_name": "text", "email": "email",
        "status": "text", "role": "json", "profile": "json", "time_zone": "text", "locale": "text",
        "language": "text", "country": "text", "phone": "phone", "mobile": "phone",
        "created_time": "datetime", "Modified_Time": "datetime", "confirm": "bool", "zuid": "text",
    },
    STAGES: {
        "id": "text", "label": "text", "pipeline": "json", "pipelines": "json", "order": "int",
        "probability": "percent", "outcome": "enum",
    },
}  # fmt: skip
_OUTCOMES = (Choice("open", "Open"), Choice("won", "Won"), Choice("lost", "Lost"))
_FORECAST_TYPES = {"open": "open", "closed won": "won", "closed lost": "lost"}
_FORECAST_CATEGORIES = {"closed": "won", "omitted": "lost"}
_STOCK_OUTCOMES = {"closed won": "won", "closed lost": "lost", "closed lost to competition": "lost"}


class Lists:
    """Reads ``users`` and ``stages``: short lists, always whole."""

    def __init__(self, rest: Rest, schemas: Schemas) -> None:
        self._rest = rest
        self._schemas = schemas

    def has(self, name: str) -> bool:
        """Whether the object is one of these."""
        return name in _TYPES

    def capabilities(self) -> dict[str, ObjectCapabilities]:
        """They can be read; nothing else."""
        return {
            USERS: ObjectCapabilities(name="full_name", created="created_time", page_size=PAGE),
            STAGES: ObjectCapabilities(name="label", page_size=PAGE),
        }

    def describe(self, name: str) -> ObjectSchema:
        """Their fields."""
        fields = {
            field: FieldSpec(
                field, kind, label=field, creatable=False, updatable=False, unique=field == ID,
                choices=_OUTCOMES if field == "outcome" else (), restricted=field == "outcome",
            )
            for field, kind in _TYPES[name].items()
        }  # fmt: skip
        return ObjectSchema(name, fields, name.capitalize())

    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        """All of them, whatever ``since`` is."""
        if request.filter:
            raise Unsupported(
                f"{request.object} cannot be filtered", hint="read them all: it is a short list"
            )
        done: Checkpoint = {"v": 1, "object": request.object, "mode": "list"}
        if request.object == STAGES:
            yield Page(await self._stages(), (), done)
            return
        previous: set[str] = set()
        page, more = 1, True
        while more:
            answer = await self._rest.users(page)
            rows = _users(answer.rows)
            ids = {str(row[ID]) for row in rows}
            if ids and ids <= previous:
                raise BadResponse("the list of users is not advancing: a page holds nothing new")
            previous |= ids
            page, more = page + 1, answer.goes_on(PAGE)
            yield Page(rows, (), None if more else done)

    async def get(self, name: str, ids: Sequence[str]) -> list[Native | Missing]:
        """The users or stages of those ids, in order."""
        if name == STAGES:
            known = {str(stage[ID]): stage for stage in await self._stages()}
            return [known.get(one) or Missing(one) for one in ids]
        found: list[Native | Missing] = []
        for one in ids:
            row = await self._rest.user(one) if is_record_id(one) else None
            if row is not None:
                row[ID] = str(row.get(ID, one))
            found.append(row or Missing(one))
        return found

    async def _stages(self) -> list[Native]:
        """From the pipelines; from the choices of the Stage field where there are no pipelines to read."""
        try:
            layouts = await self._rest.layouts(DEALS)
            pipelines = [
                pipeline
                for layout in layouts
                if isinstance(layout.get(ID), str | int)
                for pipeline in await self._rest.pipelines(str(layout[ID]))
            ]
        except (PermissionDenied, NotFound):
            pipelines = []
        stages = _from_pipelines(pipelines)
        return stages or await self._from_choices()

    async def _from_choices(self) -> list[Native]:
        spec = (await self._schemas.of(DEALS)).schema.fields.get("Stage")
        if spec is None:
            raise NotFound("deals have no field Stage", where=Where(object=DEALS, field="Stage"))
        return [
            {
                "id": choice.value,
                "label": choice.label,
                "pipeline": None,
                "pipelines": [],
                "order": order,
                "probability": None,
                "outcome": _STOCK_OUTCOMES.get(choice.value.casefold(), "open"),
            }
            for order, choice in enumerate(spec.choices, 1)
        ]


def _users(rows: Sequence[Native]) -> list[Native]:
    for row in rows:
        if not isinstance(row.get(ID), str | int):
            raise BadResponse(f"a user came without {ID}; it has {', '.join(sorted(row))}")
        row[ID] = str(row[ID])
    return distinct(rows, USERS)


def _from_pipelines(pipelines: Sequence[Native]) -> list[Native]:
    """One entry for each stage, in the order of the pipelines, the default one first."""
    stages: dict[str, Native] = {}
    for pipeline in sorted(pipelines, key=lambda one: one.get("default") is not True):
        entry: Native = {"id": _text(pipeline, "id"), "name": _text(pipeline, "display_value")}
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
