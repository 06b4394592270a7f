"""Users, deal pipelines and their stages as read-only objects beside the modules.

``users`` are Zoho's own user records ("Get Users"). ``pipelines`` and ``stages`` are those of all layouts of
deals ("Get Pipelines"): ``id`` of a stage is what a deal's ``Stage`` holds, ``label`` what people see,
``order`` the place in the first pipeline that has it, ``outcome`` whether a deal in it is open, won or lost.
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
)  # fmt: skip
from crmhub.errors import (
    BadRequest,
    BadResponse,
    InvalidRecord,
    NotFound,
    PermissionDenied,
    Unsupported,
    Where,
)
from crmhub_zoho.pipelines import in_order, pipelines_of, stages_of
from crmhub_zoho.records import ID, distinct, is_record_id
from crmhub_zoho.schema import Schemas
from crmhub_zoho.tiers.rest import PAGE, Rest

__all__ = ["DEALS", "PIPELINES", "STAGES", "USERS", "Lists"]

USERS = "users"
STAGES = "stages"
PIPELINES = "pipelines"
DEALS = "Deals"

_TYPES: Mapping[str, Mapping[str, FieldType]] = {
    USERS: {
        "id": "text", "full_name": "text", "first_name": "text", "last_name": "text", "email": "email",
        "status": "text", "role": "json", "profile": "json", "time_zone": "text", "locale": "text",
        "language": "text", "country": "text", "phone": "phone", "mobile": "phone",
        "created_time": "datetime", "Modified_Time": "datetime", "confirm": "bool", "zuid": "text",
    },
    PIPELINES: {"id": "text", "name": "text", "order": "int", "default": "bool"},
    STAGES: {
        "id": "text", "label": "text", "pipeline": "json", "pipelines": "json", "order": "int",
        "probability": "percent", "outcome": "enum",
    },
}  # fmt: skip
_NO_PIPELINES = (BadRequest, InvalidRecord, NotFound, PermissionDenied)
_OUTCOMES = (Choice("open", "Open"), Choice("won", "Won"), Choice("lost", "Lost"))
_STOCK_OUTCOMES = {"closed won": "won", "closed lost": "lost", "closed lost to competition": "lost"}


class Lists:
    """Reads ``users``, ``pipelines`` and ``stages``: short lists, always whole."""

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
            PIPELINES: ObjectCapabilities(name="name", page_size=PAGE),
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
        if request.object != USERS:
            yield Page(await self._of_deals(request.object), (), done)
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
        """The records of those ids, in order."""
        if name != USERS:
            known = {str(row[ID]): row for row in await self._of_deals(name)}
            return [known.get(one) or Missing(one) for one in ids]
        found: list[Native | Missing] = []
        for one in ids:
            row = await self._rest.user(one) if is_record_id(one) else None
            if row is not None:
                row[ID] = str(row.get(ID, one))
            found.append(row or Missing(one))
        return found

    async def _of_deals(self, name: str) -> list[Native]:
        """Pipelines, or stages: from the choices of the Stage field where there are no pipelines to read."""
        if name == PIPELINES:
            return pipelines_of(await self._pipelines())
        try:
            stages = stages_of(await self._pipelines())
        except _NO_PIPELINES:
            stages = []
        return stages or await self._from_choices()

    async def _pipelines(self) -> list[Native]:
        layouts = await self._rest.layouts(DEALS)
        return in_order(
            [
                pipeline
                for layout in layouts
                if isinstance(layout.get(ID), str | int)
                for pipeline in await self._rest.pipelines(str(layout[ID]))
            ]
        )

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
