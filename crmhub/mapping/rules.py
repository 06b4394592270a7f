"""Rules and maps: a mapping file as values, after it has been parsed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Self, TypeAlias, cast

from crmhub.mapping.codecs.base import Codec, Kind, WideCodec
from crmhub.mapping.paths import Path
from crmhub.models import Record
from crmhub.native import Value

__all__ = ["Compare", "CustomRule", "MapSpec", "MappingSpec", "ModelOf", "Policy", "Rule", "TypedId"]

Compare: TypeAlias = Literal["exact", "set", "text", "ignore"]
Policy: TypeAlias = Literal["always", "if_empty", "create_only"]
ModelOf: TypeAlias = "Mapping[str, Sequence[type[Record]]]"
"""Model classes by model name; several where a model is a union told apart by constants."""


class TypedId(str):
    """The id that a reference holds, where the record says of which native object it is."""

    __slots__ = ("object",)
    object: str

    def __new__(cls, id: str, object: str) -> Self:
        """An id like any other, equal to its text."""
        made = super().__new__(cls, id)
        made.object = object
        return made


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a mapping: a canonical path tied to native fields, with the way there and back."""

    path: Path
    kind: Kind
    to: tuple[str, ...]
    codec: Codec | WideCodec | None = None
    given: Value = None
    """The rule as it stands in the file."""
    spelled: str = ""
    """The codec as the file names it."""
    ref: tuple[str, ...] = ()
    """Models that the value points to; empty for an ordinary value."""
    by: str | None = None
    """The field of the referenced record by which the same record is found in another CRM."""
    within: str | None = None
    type: str | None = None
    """The native field that names the object a polymorphic reference points to."""
    prefixes: tuple[tuple[str, str], ...] = ()
    """How ids begin that a polymorphic reference holds, and the model that each beginning stands for."""
    objects: tuple[tuple[str, str], ...] = ()
    """The native objects that ``type`` can name, and the model of each."""
    tells_outcome: bool = False
    """Whether the stages that the value points to say what becomes of a deal in them."""
    reads: bool = True
    writes: bool = True
    policy: Policy = "always"
    pick: bool = False
    default: Value = None
    default_on_create: Value = None
    lossy: bool = False
    compare: Compare = "exact"
    at: str = ""
    derived_from_schema: bool = False

    @property
    def wide(self) -> WideCodec | None:
        """The codec, if it works on several native fields at once."""
        return cast("WideCodec", self.codec) if hasattr(self.codec, "encode_all") else None

    @property
    def narrow(self) -> Codec | None:
        """The codec, if it works on one native value."""
        return None if self.codec is None or self.wide else cast("Codec", self.codec)

    def model_of(self, id: object) -> str | None:
        """The model of the record that an id points to; ``None`` where neither rule nor id tells."""
        if len(self.ref) == 1:
            return self.ref[0]
        if isinstance(id, TypedId):
            return next((model for name, model in self.objects if name == id.object), None)
        return next((model for prefix, model in self.prefixes if str(id).startswith(prefix)), None)

    def tells(self, id: object) -> bool:
        """Whether it is known of which kind the record is that an id points to, be it none that is mapped."""
        return bool(self.prefixes) or isinstance(id, TypedId)

    @property
    def extra(self) -> tuple[str, ...]:
        """Native fields that a wide codec needs besides those of ``to``."""
        wide = self.wide
        return wide.extra if wide else ()


@dataclass(frozen=True, slots=True)
class CustomRule:
    """Custom fields that pass through: those whose native name matches, typed by the CRM's schema."""

    match: re.Pattern[str]
    exclude: frozenset[str] = frozenset()
    split: str | None = None
    """How a multi-select is written as one text; ``None``: as a list."""
    datetime: str | None = None
    """The form in which the CRM takes instants; see the ``datetime`` codec's ``out``."""
    at: str = ""
    every: bool = False
    """Every plain field of the object, under its native name, rather than its custom ones."""


@dataclass(frozen=True, slots=True)
class MapSpec:
    """One object tied to one model."""

    model: str
    record: type[Record]
    object: str
    rules: tuple[Rule, ...]
    constants: Mapping[str, Value] = field(default_factory=dict[str, Value])
    where: Mapping[str, Value] = field(default_factory=dict[str, Value])
    custom: CustomRule | None = None
    at: str = ""
    needs: str | None = None
    """The setting of a connection without which it does not have the object."""


@dataclass(frozen=True, slots=True)
class MappingSpec:
    """A whole mapping file: every map of one CRM."""

    crm: str
    version: int
    maps: tuple[MapSpec, ...]
    name: str = ""

    def having(self, settings: Mapping[str, object]) -> MappingSpec:
        """The mapping for a connection with these settings: without the maps that need others."""
        maps = tuple(each for each in self.maps if each.needs is None or settings.get(each.needs) is not None)
        return self if len(maps) == len(self.maps) else replace(self, maps=maps)
