"""A record as an agent sees it: without what is denied, masks for what is masked, its texts neutral."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Final, TypeVar, cast

from pydantic import BaseModel

from crmhub.agent.policy.decide import ALWAYS, Grant
from crmhub.agent.untrusted import LONG, neutral
from crmhub.models import Participant, Record, Ref, Unknown, UserRef

__all__ = ["STARS", "Veil"]

STARS: Final = "***"
_NAMES: Final = {"contact": "full_name", "activity": "subject"}
"""The field that a reference's name is, where it is not ``name``."""
_LABELS: Final = frozenset({"stage", "pipeline"})
"""Models whose names are the CRM's own labels: nobody's data."""
_PERSON: Final = {
    "contact": {"name": "full_name", "email": "emails", "phone": "phones"},
    "user": {"name": "name", "email": "email", "phone": "email"},
}
"""The fields of a person that a participant's fields tell."""
_KEPT: Final = frozenset({"role", "primary"})
"""What is said of a value in a list, and not the value: ``phones[role=mobile]``."""
_TABLES: Final = frozenset({"custom", "vendor"})
_Model = TypeVar("_Model", bound=Record)


@cache
def _blank(model: type[Record]) -> Record:
    """A record in which nothing is set."""
    return model.model_construct()


class Veil:
    """Puts records of one agent behind its policy. ``masked`` tells which fields were hidden so far."""

    def __init__(self, grant: Grant, key: bytes) -> None:
        self._grant = grant
        self._key = key
        self.masked: set[str] = set()
        """As ``contact.phones``."""

    def seen(self, record: _Model, only: frozenset[str] | None = None) -> _Model:
        """A copy that the agent may have; with ``only``, of these fields."""
        sight = self._grant.sight(record.model)
        shown: dict[str, object] = {}
        for name in record.model_fields_set:
            if only is not None and name not in only and name not in ALWAYS:
                continue
            value = cast("object", getattr(record, name))
            if name == "custom":
                shown[name] = self._custom(record.model, cast("Mapping[str, object]", value))
                continue
            how = sight.seen(name)
            if how == "shown":
                shown[name] = self._clean(value)
            elif how == "masked":
                shown[name] = self._hidden(record.model, name, value)
        tables: dict[str, object] = {name: {} for name in _TABLES - shown.keys()}  # not one for all
        seen = _blank(type(record)).model_copy(update=shown | tables)  # far quicker than to make one
        seen.model_fields_set.difference_update(tables)
        return cast("_Model", seen)

    def _custom(self, model: str, values: Mapping[str, object]) -> dict[str, object]:
        sight = self._grant.sight(model)
        shown: dict[str, object] = {}
        for key, value in values.items():
            how = sight.seen(f"custom.{key}")
            if how == "shown":
                shown[key] = self._clean(value)
            elif how == "masked":
                shown[key] = self._hidden(model, f"custom.{key}", value)
        return shown

    # ── what is shown ────────────────────────────────────────────────────────────────────────────

    def _clean(self, value: object) -> object:
        if value is None or isinstance(value, bool | int):
            return value
        if isinstance(value, str):
            if isinstance(value, Enum):
                return value
            text = neutral(value, LONG)
            return Unknown(text) if isinstance(value, Unknown) else text
        if isinstance(value, Ref):
            return self._ref(value)
        if isinstance(value, UserRef):
            return self._user(value)
        if isinstance(value, Participant):
            return self._participant(value)
        if isinstance(value, BaseModel):
            parts = {name: self._clean(getattr(value, name)) for name in value.model_fields_set}
            if all(part is getattr(value, name) for name, part in parts.items()):
                return value
            return type(value).model_construct(set(parts), **parts)
        if isinstance(value, list | tuple):
            return [self._clean(each) for each in cast("list[object]", value)]
        if isinstance(value, dict):
            table = cast("dict[str, object]", value)
            return {neutral(key, LONG): self._clean(each) for key, each in table.items()}
        return value

    def _ref(self, ref: Ref) -> Ref:
        """A pointer, with the other record's name where that may be seen."""
        if ref.name is None:
            return ref
        known = ref.model in _LABELS or self._grant.sees(ref.model, _NAMES.get(ref.model, "name"))
        return Ref(model=ref.model, id=ref.id, name=neutral(ref.name, LONG) if known else None)

    def _user(self, user: UserRef) -> UserRef:
        """A user; what a rule for users hides is not told by those who own records either."""
        ruled = "user" in self._grant.policy.models
        told = {
            name: neutral(value, LONG)
            for name, value in (("email", user.email), ("name", user.name))
            if value is not None and (not ruled or self._grant.sees("user", name))
        }
        return UserRef(id=user.id, **told)

    def _participant(self, person: Participant) -> Participant:
        """Somebody at a meeting or in a mail: a contact or a user, whose fields are told here too."""
        model = "user" if person.ref is not None and person.ref.model == "user" else "contact"
        shown: dict[str, object] = {}
        for name in person.model_fields_set:
            field = _PERSON[model].get(name)
            free = model == "user" and "user" not in self._grant.policy.models  # as those who own records
            if field is None or free or self._grant.sees(model, field):
                shown[name] = self._clean(getattr(person, name))
        return Participant.model_construct(set(shown), **shown)

    # ── what is hidden ───────────────────────────────────────────────────────────────────────────

    def _hidden(self, model: str, name: str, value: object) -> object:
        self.masked.add(f"{model}.{name}")
        hashed = self._grant.sight(model).rule.fields.masking == "hash"
        return self._mask(value, name if hashed else None)

    def _mask(self, value: object, hashed_as: str | None) -> object:
        """The value's shape with its texts masked; what is not a text is not told at all."""
        if isinstance(value, str):
            return STARS if hashed_as is None else self._hash(value, hashed_as)
        if isinstance(value, Ref):
            return None
        if isinstance(value, BaseModel):
            parts = {
                name: part if name in _KEPT else self._mask(part, hashed_as)
                for name in value.model_fields_set
                if (part := cast("object", getattr(value, name))) is not None
            }
            return type(value).model_construct(set(parts), **parts)
        if isinstance(value, list | tuple):
            return [self._mask(each, hashed_as) for each in cast("list[object]", value)]
        return None

    def _hash(self, value: str, name: str) -> str:
        """A keyed hash of 64 bits: equal for equal values of one field, case and spacing aside."""
        said = " ".join(value.split()).casefold()
        text = f"{name}\0{said}".encode("utf-8", "surrogatepass")
        return f"#{hmac.new(self._key, text, hashlib.sha256).hexdigest()[:16]}"
