"""Money: an exact amount and the currency beside it."""

from __future__ import annotations

from crmhub.mapping.codecs.base import CodecError, Factory, Kind, Parameters, WideCodec
from crmhub.mapping.codecs.numbers import NUMERIC, exact
from crmhub.mapping.codecs.parameters import options, text_option
from crmhub.models import Money
from crmhub.native import Value
from crmhub.schema import FieldType

__all__ = ["MONEY", "MoneyCodec"]


class MoneyCodec:
    """An amount in one native field and, if the CRM has it, its currency code in another.

    ``currency`` names that field; ``default`` says what an amount without a code is in. A codec with
    neither knows amounts in the org's own currency only: to write an amount that names its currency
    there would change what it is worth, so that is an error.
    """

    gives: frozenset[Kind] = frozenset({"money"})
    takes: frozenset[FieldType] | None = NUMERIC
    encodes: bool = True
    lossy: bool = False

    def __init__(self, field: str | None, default: str | None) -> None:
        self.extra: tuple[str, ...] = () if field is None else (field,)
        self._default = default

    def decode_all(self, values: tuple[Value, ...]) -> Money | None:
        """The money of ``(amount,)`` or ``(amount, currency)``; ``None`` without an amount."""
        amount = None if values[0] is None else exact(values[0])
        if amount is None:
            return None
        return Money(amount, self._currency(values))

    def _currency(self, values: tuple[Value, ...]) -> str | None:
        native = values[1] if self.extra else None
        if native is None or native == "":
            return self._default
        if not isinstance(native, str):
            raise CodecError(f"needs a currency code as text in {self.extra[0]}")
        code = native.strip().upper()
        if not code:
            return self._default
        if not _is_code(code):
            raise CodecError(f"needs a three-letter ISO 4217 code in {self.extra[0]}")
        return code

    def encode_all(self, value: object, base: tuple[Value, ...]) -> tuple[Value, ...]:
        """The amount and, where there is a field for it, the currency.

        What says the same already is left as it is; a currency that is not set is not written.
        """
        if value is None:
            return (None, *base[1:])
        if not isinstance(value, Money):
            raise CodecError("needs a Money")
        amount = base[0] if self._says(base[0], value) else value.amount
        if self.extra:
            return amount, self._encoded_currency(value.currency, base[1])
        if value.currency is not None and value.currency != self._default:
            raise CodecError(
                "has a currency and no field for it: name one as {money: {currency: FIELD}}, "
                "or say what the org's own is as {money: {default: USD}}"
            )
        return (amount,)

    def _says(self, native: Value, value: Money) -> bool:
        try:
            return native is not None and exact(native) == value.amount
        except CodecError:  # what stands there now is no amount: it is replaced
            return False

    def _encoded_currency(self, currency: str | None, base: Value) -> Value:
        if currency is None:
            return base
        return base if isinstance(base, str) and base.strip().upper() == currency else currency


def _is_code(code: str) -> bool:
    return len(code) == 3 and code.isascii() and code.isalpha()


def _money(parameters: Parameters) -> WideCodec:
    given = options("money", parameters, ("currency", "default"))
    field = (
        text_option("money", "currency, a native field,", given["currency"]) if "currency" in given else None
    )
    if "default" not in given:
        return MoneyCodec(field, None)
    default = text_option("money", "default", given["default"])
    if not (_is_code(default) and default.isupper()):
        raise CodecError("money: default is a three-letter ISO 4217 code such as USD")
    return MoneyCodec(field, default)


MONEY: dict[str, Factory] = {"money": _money}
"""``money``, ``{money: {currency: CurrencyIsoCode}}``, ``{money: {default: USD}}``, or both."""
