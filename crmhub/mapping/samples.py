"""Canonical values to try a rule with: edge cases first, then random ones, the same for the same seed.

Values are in the form that the rule's codec gives when it reads (an address without blanks around
it, a time no finer than the codec's grain): what a codec does with others is its own affair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from random import Random
from typing import Literal, cast, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from crmhub.mapping.codecs.base import Codec, Kind, WideCodec
from crmhub.mapping.codecs.chains import ChainCodec, WideChainCodec
from crmhub.mapping.codecs.choice import EnumCodec
from crmhub.mapping.codecs.countries import CountryCodec
from crmhub.mapping.codecs.names import JoinCodec
from crmhub.mapping.codecs.phones import PhoneCodec
from crmhub.mapping.codecs.text import EmailCodec, SplitCodec
from crmhub.mapping.paths import Path
from crmhub.mapping.rules import Rule
from crmhub.models import Money, Record

__all__ = ["Samples", "samples_of", "simpler"]

_TEXTS = (
    "a", "Straße 1", "O'Brien \"Bob\" & Söhne <x>", "日本語 テスト", "👩‍💻 café e\u0301", "50% \\ {x}",
    "null", "true", "0", "-None-", "line one\nline two\ttab", "x" * 3000,
)  # fmt: skip
_PADDED = (" ", "  around  ", "\n")
_WORDS = ("a", "b c", "Straße", "日本語", "x/y", "👩‍💻")
_ALPHABET = "abcXYZ 019.,-_'\"&<>%/\\äßéøñ日本語кир👍"
_INTS = (0, 1, -1, 42, 2**31, -(2**63), 10**18)
_DECIMALS = tuple(
    Decimal(text)
    for text in ("0", "1", "-1", "0.01", "1.50", "-1234567.891", "99999999999999.99", "1e-9", "12e20")
)
_RATIOS = tuple(Decimal(text) for text in ("0", "1", "0.5", "0.1", "0.125", "0.333333", "0.001"))
_DATES = (
    date(2026, 1, 31), date(1970, 1, 1), date(2024, 2, 29), date(1899, 12, 31), date(2100, 2, 28),
    date(1, 1, 1), date(9999, 12, 31),
)  # fmt: skip
_INSTANTS = tuple(
    moment.replace(tzinfo=UTC)
    for moment in (
        datetime(2026, 1, 31, 14, 30), datetime(1970, 1, 1), datetime(1969, 12, 31, 23, 59, 59, 999999),  # noqa: DTZ001 - made aware above
        datetime(2026, 3, 29, 1, 0), datetime(2026, 3, 8, 7, 0),  # noqa: DTZ001 - clocks go forward
        datetime(2026, 10, 25, 0, 30), datetime(2026, 10, 25, 1, 30), datetime(2026, 11, 1, 5, 30),  # noqa: DTZ001 - and back
        datetime(2024, 2, 29, 23, 59, 59, 123456), datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59),  # noqa: DTZ001
    )
)  # fmt: skip
_DURATIONS = tuple(timedelta(seconds=count) for count in (0, 1, 59, 60, 61, 3599, 3600, 90061, 0.25))
_IDS = ("1", "554023000000123456", "0015g00000AbCdEFGH", "a-b_c.d")
_COUNTRIES = ("DE", "US", "GB", "JP", "BR", "CI", "BA")
_PHONES = ("+4930123456", "+12125550123", "+1 (212) 555-0123 ext. 4", "030 / 12 34", "call me")
_NAMES = ("Silva", "Ana Silva", "Ana Maria Silva", "Van der Berg")
_JSON: tuple[object, ...] = ({"a": [1, None, "x"], "b": {"c": Decimal("1.5")}}, [1, 2], "text", 7, True)


class Samples:
    """Values for one rule: ``edges`` are tried each on its own, ``draw`` gives random ones."""

    def __init__(self, edges: Sequence[object], make: Callable[[Random], object] | None = None) -> None:
        self.edges = tuple(edges)
        self._make = make

    def draw(self, random: Random) -> object:
        """A value, one time in four an edge case."""
        if self._make is None or random.random() < 0.25:
            return random.choice(self.edges)
        return self._make(random)


def samples_of(rule: Rule, record: type[Record]) -> Samples:
    """The values to try ``rule`` with.

    A plugin's codec that takes only values of its own kind names some of them in an attribute
    ``samples``; without it, values of the kinds that it ``gives`` are tried.
    """
    codec = rule.codec
    last = codec.parts[-1] if isinstance(codec, ChainCodec | WideChainCodec) else codec
    own = cast("Sequence[object] | None", getattr(last, "samples", None))
    if own is not None:
        return Samples(own)
    if rule.ref:
        return Samples(_IDS)
    for kind, made in _BY_CODEC:
        if isinstance(last, kind):
            return made
    if isinstance(last, SplitCodec):
        return Samples([["a"], list(_WORDS), ["b", "a", "b"]], _words)
    if isinstance(last, EnumCodec):
        return _choices(last, rule.path, record)
    kind = _kind(rule)
    if kind == "enum":
        return _choices(None, rule.path, record)
    if kind == "money" and codec is not None:
        return _money(codec)
    if kind in {"datetime", "duration"}:
        return _grained(_BY_KIND[kind], _grain(codec))
    if kind == "text" and codec is None:
        return Samples((*_TEXTS, *_PADDED), _text)
    return _BY_KIND[kind]


def simpler(value: object) -> Iterator[object]:
    """Values like ``value`` but simpler, the simplest first; they keep what makes it a valid one."""
    if isinstance(value, Enum):
        return
    if isinstance(value, str):
        yield from _simpler_text(value)
    elif isinstance(value, bool):
        return
    elif isinstance(value, int):
        yield from (each for each in (0, 1, value // 2) if abs(each) < abs(value))
    elif isinstance(value, Decimal):
        yield from (each for each in (Decimal(0), Decimal(1), Decimal("0.5")) if each < value)
    elif isinstance(value, Money):
        yield from (
            Money(amount, value.currency) for amount in cast("Iterator[Decimal]", simpler(value.amount))
        )
    elif isinstance(value, datetime):
        start = value.replace(hour=0, minute=0, second=0, microsecond=0)
        yield from (
            each for each in (start.replace(day=1), start, value.replace(microsecond=0)) if each != value
        )
    elif isinstance(value, timedelta):
        yield from (each for each in (timedelta(), timedelta(hours=1)) if each < value)
    elif isinstance(value, list):
        items = cast("list[object]", value)
        yield from ([item] for item in items if len(items) > 1)


def _simpler_text(value: str) -> Iterator[str]:
    half = len(value) // 2
    for part in (value[:1], value[:half], value[half:], value[1:], value[:-1]):
        if part and part != value and part.strip() == part:
            yield part


# ── by codec and by kind ─────────────────────────────────────────────────────────────────────────


def _text(random: Random) -> str:
    return "".join(random.choices(_ALPHABET, k=random.randint(1, 40))).strip() or "x"


def _email(random: Random) -> str:
    name = "".join(random.choices("abcdefghij.0123456789+ß", k=random.randint(1, 12)))
    return f"x{name}@{random.choice(('example.com', 'beispiel.example', 'xn--bcher-kva.example'))}"


def _words(random: Random) -> list[str]:
    return random.sample(_WORDS, random.randint(1, len(_WORDS)))


def _decimal(random: Random) -> Decimal:
    return Decimal(random.randint(-(10**12), 10**12)).scaleb(-random.randint(0, 6))


def _ratio(random: Random) -> Decimal:
    return Decimal(random.randint(0, 10**6)).scaleb(-6)


def _date(random: Random) -> date:
    return date(1900, 1, 1) + timedelta(days=random.randrange(80_000))


def _instant(random: Random) -> datetime:
    return datetime(1950, 1, 1, tzinfo=UTC) + timedelta(microseconds=random.randrange(4 * 10**15))


def _duration(random: Random) -> timedelta:
    return timedelta(microseconds=random.randrange(10**12))


_PLAIN_TEXTS = Samples(_TEXTS, _text)
_BY_CODEC: tuple[tuple[type, Samples], ...] = (
    (EmailCodec, Samples(("ana@example.com", "o'brien+tag@sub.example.com", "ü@beispiel.example"), _email)),
    (CountryCodec, Samples(_COUNTRIES)),
    (PhoneCodec, Samples(_PHONES)),
    (JoinCodec, Samples(_NAMES)),
)
_BY_KIND: dict[Kind, Samples] = {
    "text": _PLAIN_TEXTS,
    "enum": _PLAIN_TEXTS,
    "int": Samples(_INTS, lambda random: random.randint(-(10**9), 10**9)),
    "decimal": Samples(_DECIMALS, _decimal),
    "ratio": Samples(_RATIOS, _ratio),
    "money": Samples([Money(amount) for amount in _DECIMALS], lambda random: Money(_decimal(random))),
    "bool": Samples((True, False)),
    "date": Samples(_DATES, _date),
    "datetime": Samples(_INSTANTS, _instant),
    "duration": Samples(_DURATIONS, _duration),
    "texts": Samples([["a"], list(_WORDS), ["b", "a", "b"]], _words),
    "ref": Samples(_IDS),
    "user": Samples(_IDS),
    "json": Samples(_JSON),
}


def _kind(rule: Rule) -> Kind:
    """What the rule's values are; a field without a type of its own has its codec's."""
    if rule.kind != "json":
        return rule.kind
    if rule.codec is None:
        return "text"
    gives = rule.codec.gives
    return "json" if "json" in gives else min(gives)


def _money(codec: Codec | WideCodec) -> Samples:
    """Amounts in the currencies that the codec can tell apart."""
    wide = cast("WideCodec", codec)
    without = (None,) * (len(wide.extra))
    implied = wide.decode_all((1, *without))
    default = implied.currency if isinstance(implied, Money) else None
    currencies = ("EUR", "USD", "JPY") if wide.extra else (default,)
    edges = [Money(amount, currency) for amount in _DECIMALS for currency in currencies]
    return Samples(edges, lambda random: Money(_decimal(random), random.choice(currencies)))


def _grain(codec: Codec | WideCodec | None) -> timedelta:
    """The coarsest grain of the codec's parts; a microsecond where none is declared."""
    parts = codec.parts if isinstance(codec, ChainCodec | WideChainCodec) else (codec,)
    grains = [cast("object", getattr(part, "grain", None)) for part in parts]
    return max((grain for grain in grains if isinstance(grain, timedelta)), default=timedelta(microseconds=1))


def _grained(samples: Samples, grain: timedelta) -> Samples:
    def cut(value: object) -> object:
        if isinstance(value, timedelta):
            return value - value % grain
        if isinstance(value, datetime):
            return value - (value - datetime(1970, 1, 1, tzinfo=UTC)) % grain
        return value

    return Samples(
        list(dict.fromkeys(cut(edge) for edge in samples.edges)), lambda random: cut(samples.draw(random))
    )


def _choices(codec: EnumCodec | None, path: Path, record: type[Record]) -> Samples:
    """The model's choices and the table's, and words of neither where both let them pass."""
    members, is_open = _members(record, path)
    words = list(dict.fromkeys((*(codec.canonicals if codec else ()), *members)))
    foreign = ["Something else ⚡", "x"] if is_open else []
    return Samples([word for word in (*words, *foreign) if is_open or word in members])


def _members(record: type[Record], path: Path) -> tuple[tuple[str, ...], bool]:
    """The choices of the model's field, and whether it takes others too."""
    part: type[BaseModel] = record
    name = path.head
    hints = cast("dict[str, object]", get_type_hints(part, include_extras=True))
    hint = hints.get(name)
    for inner in _flat(hint):
        if path.leaf and isinstance(inner, type) and issubclass(inner, BaseModel):
            leaf = cast("dict[str, object]", get_type_hints(inner, include_extras=True)).get(path.leaf)
            return _literals(leaf)
    return _literals(hint)


def _literals(hint: object) -> tuple[tuple[str, ...], bool]:
    for inner in _flat(hint):
        if get_origin(inner) is Literal:
            return tuple(str(word) for word in cast("tuple[object, ...]", get_args(inner))), False
        if isinstance(inner, type) and issubclass(inner, Enum):
            return _values(inner), False
        for kind in cast("tuple[object, ...]", get_args(inner)):
            if isinstance(kind, type) and issubclass(kind, Enum):
                return _values(kind), True
    return (), True


def _values(kind: type[Enum]) -> tuple[str, ...]:
    return tuple(str(cast("object", member.value)) for member in kind)


def _flat(hint: object) -> Iterator[object]:
    """The alternatives of an annotation, lists opened."""
    arguments = cast("tuple[object, ...]", get_args(hint))
    if get_origin(hint) is Literal or not arguments or getattr(get_origin(hint), "__name__", "") == "Open":
        yield hint
        return
    for argument in arguments:
        yield from _flat(argument)
