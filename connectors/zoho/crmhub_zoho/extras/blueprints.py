"""Blueprints: the process that a record is in, and its transitions.

Source: Zoho CRM API v8, "Get Blueprint" and "Update Blueprint".
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

from crmhub.connector import Native, Value
from crmhub.errors import BadRequest, ConnectorError, UnknownOutcome, Where
from crmhub_zoho.extras.checks import module_name, record_id
from crmhub_zoho.extras.results import Blueprint, Transition, TransitionField
from crmhub_zoho.tiers.rest_extras import RestExtras

__all__ = ["Blueprints"]

_NOT_THERE = "RECORD_NOT_IN_PROCESS"
_PARTLY = "transition saved partially"


class Blueprints:
    """Reads processes and makes transitions."""

    def __init__(self, rest: RestExtras) -> None:
        self._rest = rest

    async def of(self, module: str, record: str) -> Blueprint | None:
        """The process of a record; ``None``: it is in none."""
        with _at(module, record):
            try:
                body, response = await self._rest.blueprint(module, record)
            except ConnectorError as error:
                if error.code == _NOT_THERE:
                    return None
                raise
        if body is None:
            return None
        shown = body.get("blueprint") if isinstance(body, dict) else None
        info = shown.get("process_info") if isinstance(shown, dict) else None
        if not isinstance(shown, dict) or not isinstance(info, dict):
            raise response.unreadable("JSON without a blueprint and its process_info")
        return Blueprint(
            id=_text(info.get("id")),
            name=_text(info.get("name")),
            field=_text(info.get("api_name")),
            value=_text(info.get("field_value")),
            transitions=tuple(_transition(one) for one in _objects(shown.get("transitions"))),
        )

    async def move(self, module: str, record: str, transition: str, data: Mapping[str, Value]) -> None:
        """Make a transition."""
        if not (transition.isascii() and transition.isdigit()):
            raise BadRequest(
                "a transition is named by its id, a number",
                hint="give the id of one of blueprint(…).transitions",
                where=Where(object=module, record=record),
            )
        with _at(module, record):
            said = await self._rest.transition(module, record, transition, dict(data))
            if said == _PARTLY:
                raise BadRequest(
                    "Zoho has kept the values, but not made the transition: it asks for more fields",
                    hint="give all mandatory fields of the transition; blueprint(…) names them",
                    code=_PARTLY,
                )


@contextmanager
def _at(module: str, record: str) -> Generator[None]:
    """Errors in the terms of the call."""
    try:
        module_name(module)
        record_id(record, module)
        yield
    except ConnectorError as error:
        if isinstance(error, UnknownOutcome):
            error.hint = "blueprint(…) tells by its value whether the transition was made"
        error.at(object=module, record=record)
        raise


def _transition(raw: Native) -> Transition:
    return Transition(
        id=_text(raw.get("id")),
        name=_text(raw.get("name")),
        to=_text(raw.get("next_field_value")),
        allowed=raw.get("criteria_matched") is not False,
        why_not=_text(raw.get("criteria_message")) or None,
        fields=tuple(_field(one) for one in _objects(raw.get("fields"))),
        next=tuple(_text(one.get("name")) for one in _objects(raw.get("next_transitions"))),
    )


def _field(raw: Native) -> TransitionField:
    return TransitionField(
        name=_text(raw.get("api_name")),
        label=_text(raw.get("display_label")) or _text(raw.get("field_label")),
        data_type=_text(raw.get("data_type")),
        mandatory=raw.get("mandatory") is True,
    )


def _objects(value: Value) -> Sequence[Native]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: Value) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
