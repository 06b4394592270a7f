"""Laws that every codec keeps, on generated values."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import cast
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmhub.connector import Value
from crmhub.mapping.codecs import CODECS, Codec, CodecError, WideCodec, is_wide, make
from crmhub.mapping.codecs.country_data import COUNTRIES
from crmhub.models import Money

laws = settings(max_examples=40, deadline=None)

CODES = [line.split()[0] for line in COUNTRIES.splitlines() if not line.startswith(" ")]
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1)
TRIMMED = st.text(min_size=1).map(str.strip).filter(bool)
DECIMALS = st.decimals(
    allow_nan=False, allow_infinity=False, min_value=Decimal("-1e40"), max_value=Decimal("1e40")
)
RATIOS = st.decimals(min_value=0, max_value=1, allow_nan=False)
INSTANTS = st.datetimes(timezones=st.just(UTC))
SECONDS = INSTANTS.map(lambda moment: moment.replace(microsecond=0))
MILLIS = INSTANTS.map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))
TABLE: Value = {"Open": "open", "Closed Won": "won", "Verloren – ß": "lost", "-None-": None}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])) | DECIMALS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=8,
)


def durations(grain: timedelta, most: timedelta) -> st.SearchStrategy[timedelta]:
    return st.integers(0, most // grain).map(lambda count: count * grain)


CANONICAL: list[tuple[Value, st.SearchStrategy[object]]] = [
    ("int", st.integers(-(10**90), 10**90)),
    ("decimal", DECIMALS),
    ("percent", RATIOS),
    ("ratio", RATIOS),
    ({"unit": {"scale": 1000000}}, DECIMALS),
    ({"unit": {"scale": 0.25}}, DECIMALS),
    ("text", st.text(min_size=1)),
    ("trim", TRIMMED),
    ("email_lower", TRIMMED.map(str.lower).map(str.strip).filter(bool)),
    ({"prefix": "crm:"}, st.text(min_size=1)),
    ({"const": "crmhub"}, st.just("crmhub")),
    ("split", st.lists(WORDS.filter(lambda word: ";" not in word), min_size=1)),
    ({"split": ";"}, st.lists(WORDS.filter(lambda word: ";" not in word), min_size=1)),
    ("json", JSON.filter(lambda value: value is not None)),
    ("bool", st.booleans()),
    ({"bool": {"true": "Ja", "false": "Nein"}}, st.booleans()),
    ({"enum": TABLE}, st.sampled_from(["open", "won", "lost"])),
    ({"enum": {"table": TABLE, "unknown": "error"}}, st.sampled_from(["open", "won", "lost"])),
    ("datetime", INSTANTS),
    ({"datetime": {"out": "offset"}}, SECONDS),
    ({"datetime": {"out": "z"}}, SECONDS),
    ({"datetime": {"out": "millis"}}, MILLIS),
    ({"datetime": {"tz": "UTC"}}, SECONDS),
    ({"datetime": {"tz": "Asia/Kolkata", "out": "iso"}}, INSTANTS),
    ("epoch_s", SECONDS),
    ("epoch_ms", MILLIS),
    ("date", st.dates()),
    ({"date": "%m/%d/%Y"}, st.dates()),
    ({"date": "%d-%b-%Y"}, st.dates()),
    ({"date": "%Y%m%d"}, st.dates()),
    ({"date": "%B %d, %Y"}, st.dates()),
    ({"date": "epoch_ms"}, st.dates()),
    ({"date": "epoch_s"}, st.dates()),
    ({"date": {"in": "iso", "tz": "America/Sao_Paulo"}}, st.dates(date(1, 1, 3), date(9999, 12, 29))),
    ({"date": {"in": "epoch_ms", "tz": "Pacific/Kiritimati"}}, st.dates(date(1, 1, 3), date(9999, 12, 29))),
    ("duration", durations(timedelta(seconds=1), timedelta(days=999))),
    ({"duration": "minutes"}, durations(timedelta(minutes=1), timedelta(days=999))),
    ({"duration": "mm:ss"}, durations(timedelta(seconds=1), timedelta(days=999))),
    ({"duration": "hh:mm:ss"}, durations(timedelta(seconds=1), timedelta(days=999))),
    ("phone_e164", st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True)),
    ("country", st.sampled_from(CODES)),
    ({"country": "code"}, st.sampled_from(CODES)),
    (["trim", {"prefix": "id-"}, "int"], st.integers(0, 10**9)),
]

NATIVE: list[tuple[Value, st.SearchStrategy[Value]]] = [
    ("int", st.integers(-(10**90), 10**90)),
    ("decimal", DECIMALS),
    ("percent", st.integers(0, 100) | st.decimals(min_value=0, max_value=100, places=2)),
    ({"unit": {"scale": 1000}}, DECIMALS),
    ("text", st.text(min_size=1)),
    ("trim", TRIMMED),
    ({"prefix": "crm:"}, st.text(min_size=1).map(lambda text: f"crm:{text}")),
    ({"split": "\n"}, st.lists(WORDS, min_size=1).map("\n".join)),
    ("bool", st.booleans()),
    ({"bool": {"true": "Ja", "false": "Nein"}}, st.sampled_from(["Ja", "Nein"])),
    ({"enum": TABLE}, st.sampled_from(["Open", "Closed Won", "Verloren – ß", "Something else"])),
    ({"datetime": {"out": "offset"}}, SECONDS.map(lambda moment: moment.isoformat())),
    ("epoch_s", st.integers(-(10**9), 10**10)),
    ("epoch_ms", st.integers(-(10**12), 10**13)),
    ("date", st.dates().map(date.isoformat)),
    ("duration", st.integers(0, 10**9)),
    (
        {"duration": "mm:ss"},
        st.tuples(st.integers(0, 500), st.integers(0, 59)).map(lambda t: f"{t[0]:02}:{t[1]:02}"),
    ),
    ({"country": "code"}, st.sampled_from(CODES)),
]

SPECS: list[Value] = [spec for spec, _ in CANONICAL] + ["html_text", {"phone_e164": {"region": "DE"}}]
WIDE: list[Value] = [
    "money",
    {"money": {"currency": "Currency"}},
    {"money": {"currency": "Currency", "default": "EUR"}},
    "join",
    [{"unit": {"scale": 1000}}, "money"],
    ["trim", "join", "email_lower"],
]
ANYTHING: st.SearchStrategy[Value] = st.recursive(
    st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.decimals()
    | st.text("0123456789+-.:/TZ eE%<>", max_size=24)
    | st.datetimes().map(datetime.isoformat),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


def named(spec: object) -> str:
    return str(spec)


def narrow(spec: Value) -> Codec:
    codec = make(spec)
    assert not is_wide(codec)
    return cast("Codec", codec)


def wide(spec: Value) -> WideCodec:
    codec = make(spec)
    assert is_wide(codec)
    return codec


def error_of(codec: Codec, value: Value) -> CodecError | None:
    try:
        codec.decode(value)
    except CodecError as error:
        return error
    return None


def test_every_codec_has_its_laws_checked_here() -> None:
    written = [part for spec in SPECS + WIDE for part in (spec if isinstance(spec, list) else [spec])]
    assert {next(iter(part)) if isinstance(part, dict) else str(part) for part in written} == set(CODECS)


@pytest.mark.parametrize(("spec", "values"), CANONICAL, ids=named)
def test_what_is_written_is_read_back_the_same(spec: Value, values: st.SearchStrategy[object]) -> None:
    codec = narrow(spec)
    assert codec.encodes

    @laws
    @given(values)
    def law(value: object) -> None:
        assert codec.decode(codec.encode(value)) == value

    law()


@pytest.mark.parametrize(("spec", "values"), NATIVE, ids=named)
def test_what_is_read_and_written_back_is_as_it_was(spec: Value, values: st.SearchStrategy[Value]) -> None:
    codec = narrow(spec)
    assert not codec.lossy

    @laws
    @given(values)
    def law(value: Value) -> None:
        assert codec.encode(codec.decode(value)) == value

    law()


@pytest.mark.parametrize("spec", SPECS, ids=named)
def test_whatever_a_crm_sends_is_read_or_refused_by_a_codec_error(spec: Value) -> None:
    codec = narrow(spec)

    @laws
    @given(ANYTHING)
    def law(value: Value) -> None:
        try:
            codec.decode(value)
        except CodecError:
            return

    law()


@pytest.mark.parametrize("spec", SPECS, ids=named)
def test_whatever_a_caller_writes_is_written_or_refused_by_a_codec_error(spec: Value) -> None:
    codec = narrow(spec)

    @laws
    @given(ANYTHING | INSTANTS | st.datetimes() | st.dates() | st.timedeltas())
    def law(value: object) -> None:
        try:
            codec.encode(value)
        except CodecError:
            return

    law()


@pytest.mark.parametrize("spec", WIDE, ids=named)
def test_whatever_stands_in_several_fields_is_read_or_refused_by_a_codec_error(spec: Value) -> None:
    codec = wide(spec)

    @laws
    @given(st.none() | ANYTHING, st.none() | ANYTHING)
    def law(first: Value, second: Value) -> None:
        values = (first, second) if codec.extra or "join" in str(spec) else (first,)
        try:
            read = codec.decode_all(values)
            written = codec.encode_all(read, values)
        except CodecError:
            return
        assert codec.decode_all(written) == read

    law()


@pytest.mark.parametrize("spec", SPECS, ids=named)
def test_an_error_never_tells_the_value(spec: Value) -> None:
    codec = narrow(spec)
    for value in (
        "ada.lovelace-private",
        ["ada.lovelace-private"],
        {"ada.lovelace-private": 1},
        "31.02.1234567",
    ):
        refused = error_of(codec, cast("Value", value))
        if refused is None:
            continue
        assert "lovelace" not in str(refused)
        assert "1234567" not in str(refused)
        assert refused.__cause__ is None
        assert refused.__context__ is None or refused.__suppress_context__


@laws
@given(DECIMALS, st.sampled_from([None, "EUR", "JPY"]))
def test_money_is_read_back_as_it_was_written(amount: Decimal, currency: str | None) -> None:
    codec = wide({"money": {"currency": "Currency"}})
    money = Money(amount, currency)
    assert codec.decode_all(codec.encode_all(money, (None, None))) == money


@laws
@given(st.lists(WORDS, min_size=1, max_size=5), st.tuples(*[st.none() | WORDS] * 3))
def test_a_joined_text_is_read_back_as_it_was_written_whatever_stood_there(
    words: list[str], base: tuple[Value, ...]
) -> None:
    codec = wide("join")
    text = " ".join(words)
    assert codec.decode_all(codec.encode_all(text, base)) == text


@laws
@given(st.tuples(*[st.none() | st.text()] * 2))
def test_an_unchanged_joined_text_leaves_its_fields_as_they_are(base: tuple[Value, ...]) -> None:
    codec = wide("join")
    text = codec.decode_all(base)
    assert text is None or codec.encode_all(text, base) == base


@laws
@given(st.datetimes(datetime.fromisoformat("1950-01-01"), datetime.fromisoformat("2060-01-01")))
def test_a_wall_clock_time_is_read_as_its_zone_has_it(clock: datetime) -> None:
    codec = narrow({"datetime": {"tz": "Europe/Berlin"}})
    read = codec.decode(clock.isoformat())
    assert read == clock.replace(tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)
