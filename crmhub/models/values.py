"""Values that records are made of: money, addresses, phones, e-mails, references, open enums."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Generic, Literal, TypeAlias, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import CoreSchema, core_schema

__all__ = [
    "Address",
    "Association",
    "AssociationSet",
    "Email",
    "Life",
    "Money",
    "Open",
    "Part",
    "Phone",
    "Ratio",
    "Ref",
    "Unknown",
    "UserRef",
]


class Part(BaseModel):
    """A piece of a record: compared by value; unset, ``None`` and a value are three different things."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, defer_build=True)


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount and its ISO 4217 currency (``None``: the org's own currency)."""

    amount: Decimal
    currency: str | None = None

    def __post_init__(self) -> None:
        amount = cast("object", self.amount)  # callers without a type checker pass other things
        if amount.__class__ is not Decimal:
            object.__setattr__(self, "amount", _exact(amount))
        if not self.amount.is_finite():
            raise ValueError("money needs a finite amount")
        if self.currency is not None and not (
            len(self.currency) == 3 and self.currency.isascii() and self.currency.isupper()
        ):
            raise ValueError("currency is a three-letter ISO 4217 code such as 'EUR'")

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}" if self.currency else str(self.amount)


def _exact(amount: object) -> Decimal:
    if isinstance(amount, float):
        raise TypeError("money is never a float: write Decimal('1.10') or '1.10'")
    try:
        return amount if isinstance(amount, Decimal) else Decimal(str(amount))
    except InvalidOperation:
        raise ValueError("money needs a decimal amount") from None


Ratio = Annotated[Decimal, Field(ge=0, le=1)]
"""A share as a decimal from 0 to 1: a probability of 40 % is ``Decimal('0.4')``."""


class Unknown(str):
    """A vendor's value that the canonical enum does not have. Compares as its raw text."""

    __slots__ = ()

    @property
    def raw(self) -> str:
        """The vendor's literal."""
        return str(self)

    def __repr__(self) -> str:
        return f"Unknown({str(self)!r})"


_Enum = TypeVar("_Enum", bound=StrEnum)


if TYPE_CHECKING:
    Open: TypeAlias = _Enum | Unknown
else:

    class Open(Generic[_Enum]):
        """An open enum: a member where the value is known, else :class:`Unknown` with the literal kept.

        ``status: Open[DealStatus]`` has the type ``DealStatus | Unknown``.
        """

        @classmethod
        def __get_pydantic_core_schema__(cls, source, handler) -> CoreSchema:
            (enum,) = source.__args__
            members = {member.value: member for member in enum}

            def parse(value: str):
                return members.get(value) or Unknown(value)

            return core_schema.no_info_after_validator_function(
                parse,
                core_schema.str_schema(min_length=1),
                serialization=core_schema.plain_serializer_function_ser_schema(
                    str, return_schema=core_schema.str_schema()
                ),
            )


class Ref(Part):
    """A pointer to another record: its model, and its id in the same connection."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    model: str
    id: str
    name: str | None = None


class UserRef(Part):
    """A pointer to a user of the CRM, with what else is known to find the same person elsewhere."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    id: str | None = None
    email: str | None = Field(default=None, repr=False)
    name: str | None = Field(default=None, repr=False)


class Address(Part):
    """A postal address. ``country_code`` is ISO 3166-1 alpha-2; ``country_raw`` what the CRM holds."""

    role: str = "other"
    line1: str | None = Field(default=None, repr=False)
    line2: str | None = Field(default=None, repr=False)
    line3: str | None = Field(default=None, repr=False)
    city: str | None = Field(default=None, repr=False)
    region: str | None = Field(default=None, repr=False)
    region_code: str | None = Field(default=None, repr=False)
    postal_code: str | None = Field(default=None, repr=False)
    country: str | None = None
    country_code: str | None = None
    country_raw: str | None = Field(default=None, repr=False)
    latitude: Decimal | None = Field(default=None, repr=False)
    longitude: Decimal | None = Field(default=None, repr=False)


class Phone(Part):
    """A phone number: ``raw`` as written, ``e164`` where it could be normalised."""

    role: str = "other"
    raw: str | None = Field(default=None, repr=False)
    e164: str | None = Field(default=None, repr=False)
    extension: str | None = Field(default=None, repr=False)
    primary: bool | None = None
    do_not_call: bool | None = None


class Email(Part):
    """An e-mail address; ``role`` tells ``primary`` from ``secondary`` and further ones."""

    role: str = "primary"
    value: str | None = Field(default=None, repr=False)
    verified: bool | None = None
    opt_out: bool | None = None


class Life(Part):
    """Whether a record lives, and what became of it. ``into`` is the id it was merged or converted into."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    state: Literal["live", "archived", "deleted", "merged", "converted"] = "live"
    into: str | None = None


class Association(Part):
    """One edge between two records."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    source: Ref
    target: Ref
    label: str | None = None
    category: Literal["primary", "system", "user_defined"] = "system"
    type_id: str | None = None


class AssociationSet(Part):
    """The edges of a record. An incomplete set never removes an edge elsewhere; ``next`` reads on."""

    items: tuple[Association, ...] = ()
    complete: bool = False
    next: str | None = None
