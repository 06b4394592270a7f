"""From what an agent says to records: values by the names of canonical fields, references by typed ids."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final, TypeAlias, TypeVar, cast

from pydantic import ValidationError

from crmhub.agent.answers import Refused, parse_id
from crmhub.agent.drafting import Draft
from crmhub.agent.tool import Call
from crmhub.models import (
    Account,
    ActivityBase,
    Contact,
    Deal,
    Email,
    Meeting,
    Money,
    Note,
    Phone,
    Record,
    Ref,
    Task,
    UserRef,
)
from crmhub.models import Call as PhoneCall

__all__ = ["KINDS", "Given", "attached", "connection_of", "record_of", "target_of"]

Given: TypeAlias = str | bool | float | None
_Activity = TypeVar("_Activity", bound=ActivityBase)

KINDS: Final[Mapping[str, type[Record]]] = {
    "contact": Contact, "account": Account, "deal": Deal,
    "task": Task, "meeting": Meeting, "call": PhoneCall, "note": Note,
}  # fmt: skip
"""What can be written, as agents call it."""
_REFS: Final = frozenset({"account", "contact", "parent", "primary_contact", "regarding", "reports_to"})
_MONEY: Final = frozenset({"amount", "annual_revenue"})


def connection_of(call: Call, given: str | None) -> str:
    """The one connection that is meant. Raises :class:`Refused` where it could be several."""
    names = call.reach.named(given)
    if len(names) != 1:
        raise Refused(
            "connection_needed", "say which connection is meant", hint=f"one of: {', '.join(names)}"
        )
    return names[0]


def target_of(call: Call, given: str, model: str, connection: str | None) -> tuple[str, str]:
    """Connection and own id of a record that is told by a typed id, or by the CRM's own."""
    if ":" in given:
        _, named, own = parse_id(given, model)
        if connection is not None and named not in call.reach.named(connection):
            raise Refused("invalid_id", "the record is of another connection", hint="leave connection out")
        return connection_of(call, named), own
    return connection_of(call, connection), given


async def attached(draft: Draft, connection: str, activity: _Activity, *refs: Ref) -> _Activity:
    """The activity as this CRM has a place for it, attached to the records.

    Raises :class:`Refused` where it cannot be attached.
    """
    kind = type(activity)
    for ref in refs:
        name = await draft.place_for(
            connection, kind, ref.model if ref.model == "contact" else "regarding", ref.model
        )
        if name is None or name in activity.changes():
            raise Refused(
                "unsupported",
                f"connection {connection} has no place for this {ref.model} in such an activity",
                hint="attach it to another record, or to one record only",
            )
        setattr(activity, name, ref)
    return await _fitted(draft, connection, activity)


async def _fitted(draft: Draft, connection: str, activity: _Activity) -> _Activity:
    """The activity without what this CRM has no place for: a text joins the other, a time becomes a day."""
    kind = type(activity)
    values = {name: cast("object", getattr(activity, name)) for name in activity.changes()}
    lacking = [name for name in values if name != "type" and not await draft.takes(connection, kind, name)]
    for name in lacking:
        value = values.pop(name)
        if name in {"subject", "body"}:
            texts = [text for text in (activity.subject, activity.body) if text]
            values["body" if name == "subject" else "subject"] = "\n".join(texts)
        elif isinstance(value, datetime) and await draft.takes(connection, kind, "due_at"):
            values["due_at"] = value.date()
        else:
            draft.left_out.append(name)
    return kind.model_validate(values) if lacking else activity


async def record_of(
    draft: Draft,
    connection: str,
    kind: str,
    given: Mapping[str, Given],
    *,
    new: bool,
    pipeline: str | None,
) -> Record:
    """The record that sets what is given. Raises :class:`Refused` that names the field, never its value."""
    model = KINDS[kind]
    values: dict[str, object] = {}
    custom: dict[str, object] = {}
    for name, value in given.items():
        if name.startswith("custom."):
            custom[name.removeprefix("custom.")] = value
        elif name in {"email", "phone"} and new and kind in {"contact", "account"}:
            values |= await _reachable(draft, connection, model, name, value)
        elif name not in model.model_fields or name in _ENVELOPE:
            raise _wrong(name, "there is no such field to write")
        else:
            values[name] = await _value(draft, connection, name, value, pipeline)
    if custom:
        values["custom"] = custom
    try:
        return model.model_validate(values)
    except ValidationError as error:
        place = error.errors(include_url=False, include_input=False, include_context=False)[0]["loc"]
        raise _wrong(str(place[0]) if place else "values", "its value is not of the right kind") from None


_ENVELOPE: Final = frozenset(
    {"id", "connection", "object", "url", "version", "life", "vendor", "associations", "raw", "custom"}
)


async def _value(draft: Draft, connection: str, name: str, value: Given, pipeline: str | None) -> object:
    if value is None:
        return None
    if name == "owner":
        return UserRef(email=str(value))
    if name == "stage":
        return await draft.stage(connection, str(value), pipeline)
    if name in _REFS:
        model, of, own = parse_id(str(value), "account", "contact", "deal")
        if of != connection:
            raise _wrong(name, "it points to a record of another connection")
        return Ref(model=model, id=own)
    if name in _MONEY:
        number, _, currency = str(value).strip().partition(" ")
        try:
            return Money(amount=Decimal(number), currency=currency or None)
        except (InvalidOperation, ValidationError):
            raise _wrong(name, "write it as 1250.00 or 1250.00 EUR") from None
    return value


async def _reachable(
    draft: Draft, connection: str, model: type[Record], name: str, value: Given
) -> Mapping[str, object]:
    """An e-mail address or phone number of a new record, in the first place that this CRM has for one."""
    head, leaf = ("emails", "value") if name == "email" else ("phones", "raw")
    for role in ("primary", "work", "main", "mobile", "other"):
        if await draft.takes(connection, model, f"{head}[role={role}].{leaf}"):
            one = Email(role=role, value=str(value)) if name == "email" else Phone(role=role, raw=str(value))
            return {head: [one]}
    raise _wrong(name, "this CRM has no place for it")


def _wrong(name: str, why: str) -> Refused:
    shown = name if name.isidentifier() and len(name) < 40 else "a field"
    return Refused(
        "invalid_arguments", f"values: {shown}: {why}", hint="names are those of get_record's fields"
    )
