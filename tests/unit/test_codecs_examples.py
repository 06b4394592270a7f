"""What single codecs read and write, by example."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import cast

import pytest

from crmhub.connector import Value
from crmhub.mapping.codecs import Codec, CodecError, is_wide, make


def narrow(spec: Value) -> Codec:
    codec = make(spec)
    assert not is_wide(codec)
    return cast("Codec", codec)


READS: list[tuple[Value, Value, object]] = [
    ("int", " 42 ", 42),
    ("int", "+7", 7),
    ("int", Decimal("2822.0"), 2822),
    ("int", "", None),
    ("decimal", "1100.04", Decimal("1100.04")),
    ("decimal", Decimal("12345678901234567890.123456789"), Decimal("12345678901234567890.123456789")),
    ("decimal", Decimal("0E+999"), Decimal(0)),
    ("percent", 40, Decimal("0.4")),
    ("percent", Decimal("12.5"), Decimal("0.125")),
    ("percent", "40 %", Decimal("0.4")),
    ("percent", "", None),
    ("ratio", Decimal("0.4"), Decimal("0.4")),
    ({"unit": {"scale": 1000000}}, Decimal("1100.04"), Decimal(1100040000)),
    ({"unit": {"scale": "0.01"}}, 1999, Decimal("19.99")),
    ("text", 5, "5"),
    ("text", True, "true"),
    ("trim", " \u00a0Ada \n", "Ada"),
    ("trim", "  ", None),
    ("email_lower", " Ada.Lovelace@Example.COM ", "ada.lovelace@example.com"),
    ({"prefix": "crm:"}, "crm:12", "12"),
    ({"const": True}, "anything", True),
    ({"split": ";"}, "red; green;;blue ;", ["red", "green", "blue"]),
    ({"split": ";"}, ["red", "green"], ["red", "green"]),
    ("split", "a;b", ["a", "b"]),
    ("split", [], None),
    ("json", '{"rate": 0.10, "tags": ["ü"]}', {"rate": Decimal("0.10"), "tags": ["ü"]}),
    ("json", {"already": "data"}, {"already": "data"}),
    ("bool", "Yes", True),
    ("bool", " FALSE ", False),
    ("bool", 0, False),
    ("bool", "1", True),
    ("bool", "", None),
    ({"bool": {True: ["Active"], False: ["Inactive", "Closed"]}}, "closed", False),
    ({"bool": {"true": [False], "false": [True]}}, False, True),
    ({"enum": {"Closed Won": "won"}}, " closed won", "won"),
    ({"enum": {"Closed Won": "won"}}, "Parked", "Parked"),
    ({"enum": {"-None-": None}}, "-None-", None),
    ({"enum": {"table": "furniture", "chair": "furniture"}}, "table", "furniture"),
    ("date", "2026-01-31", date(2026, 1, 31)),
    ("date", " 2026-01-31 ", date(2026, 1, 31)),
    ({"date": "%m/%d/%Y"}, "3/1/2017", date(2017, 3, 1)),
    ({"date": "%m/%d/%Y"}, "10/20/2016", date(2016, 10, 20)),
    ({"date": "%d.%m.%Y"}, "29.02.2024", date(2024, 2, 29)),
    ({"date": "%d-%b-%Y"}, "31-january-2026", date(2026, 1, 31)),
    ({"date": "epoch_ms"}, "1769817600000", date(2026, 1, 31)),
    ({"date": {"in": "epoch_ms", "tz": "Europe/Berlin"}}, 1769815800000, date(2026, 1, 31)),
    ({"date": {"tz": "America/New_York"}}, "2026-01-31T03:00:00Z", date(2026, 1, 30)),
    ({"duration": "minutes"}, Decimal("1.5"), timedelta(seconds=90)),
    ("duration", "90", timedelta(seconds=90)),
    ({"duration": "mm:ss"}, "125:07", timedelta(minutes=125, seconds=7)),
    ({"duration": "mm:ss"}, "5:30", timedelta(minutes=5, seconds=30)),
    ({"duration": "hh:mm:ss"}, "30:00:01", timedelta(hours=30, seconds=1)),
    ({"duration": "hh:mm"}, "01:15", timedelta(minutes=75)),
    ("phone_e164", "+1 (415) 555-2671", "+14155552671"),
    ("phone_e164", "+44 (0)20 7946 0958", "+442079460958"),
    ("phone_e164", "+39 06 6982", "+39066982"),
    ("phone_e164", "(415) 555-2671", "(415) 555-2671"),
    ("phone_e164", "+1 415 555 2671 ext. 5", "+1 415 555 2671 ext. 5"),
    ("phone_e164", "call the front desk", "call the front desk"),
    ({"phone_e164": {"region": "US"}}, "(415) 555-2671", "+14155552671"),
    ({"phone_e164": {"region": "US"}}, "1-415-555-2671", "+14155552671"),
    ({"phone_e164": {"region": "US"}}, "555-2671", "555-2671"),
    ({"phone_e164": {"region": "US"}}, "011 49 30 901820", "+4930901820"),
    ({"phone_e164": {"region": "DE"}}, "030 / 90 18 20", "+4930901820"),
    ({"phone_e164": {"region": "DE"}}, "90 18 20", "90 18 20"),
    ({"phone_e164": {"region": "FR"}}, "00 33 (0)6 12 34 56 78", "+33612345678"),
    ({"phone_e164": {"region": "FR"}}, "6 12 34 56 78", "+33612345678"),
    ("country", "Germany", "DE"),
    ("country", " the  NETHERLANDS", "NL"),
    ("country", "U.S.A.", "US"),
    ("country", "United States of America", "US"),
    ("country", "UK", "GB"),
    ("country", "Korea", "KR"),
    ("country", "Philipines", "PH"),
    ("country", "Cote d’Ivoire", "CI"),
    ("country", "St. Kitts & Nevis", "KN"),
    ("country", "DEU", "DE"),
    ("country", "Curacao", "CW"),
    ({"country": "code"}, "de", "DE"),
    ("html_text", "<p>Hi&nbsp;<b>Ada</b>,</p><p>5 < 6 &amp; 7 &gt; 6</p>", "Hi Ada,\n5 < 6 & 7 > 6"),
    ("html_text", '<a title="a > b" href=x>link</a><br/>next<!-- <b>no</b> -->', "link\nnext"),
    ("html_text", "<STYLE>p {}</STYLE><script>if (a<b) {}</script>seen", "seen"),
    ("html_text", "a <b", "a <b"),
    ("html_text", "&lt;b&gt; stays", "<b> stays"),
    ("html_text", "<p> </p>", None),
]

REFUSES: list[tuple[Value, Value]] = [
    ("int", "1,234"),
    ("int", "12.5"),
    ("int", True),
    ("int", "1_000"),
    ("int", "٤٢"),
    ("int", "1e1000000000"),
    ("decimal", 0.1),
    ("decimal", "NaN"),
    ("decimal", "€ 12"),
    ("percent", 101),
    ("percent", -1),
    ("ratio", 40),
    ({"prefix": "crm:"}, "12"),
    ("split", [1]),
    ("json", "{"),
    ("json", "[" * 100_000),
    ("bool", "perhaps"),
    ("bool", 2),
    ({"enum": {"table": {"Won": "won"}, "unknown": "error"}}, "Lost"),
    ("date", "2026-1-31"),
    ("date", "2026-02-30"),
    ("date", "20260131"),
    ("date", "2026-01-31T00:00:00Z"),
    ({"date": "%m/%d/%Y"}, "20/10/2016"),
    ({"date": "%m/%d/%Y"}, "10/20/16"),
    ({"date": "%Y%m%d"}, "2026111"),
    ({"date": "epoch_ms"}, 1769815800000),
    ("datetime", "2026-01-31"),
    ("datetime", "2026-01-31T14:30:00"),
    ("datetime", "2026-01-31T25:00:00Z"),
    ("datetime", 1769815800000),
    ("epoch_s", 1769815800000000),
    ("epoch_ms", "1769815800000.5"),
    ("duration", -1),
    ({"duration": "mm:ss"}, "5:60"),
    ({"duration": "mm:ss"}, "1:00:00"),
    ("phone_e164", True),
    ("country", "Congo"),
    ("country", "Virgin Islands"),
    ("country", "Utopia"),
]

MISWRITTEN: list[tuple[Value, str]] = [
    ("dat", "did you mean 'date'?"),
    ({"datetime": {"zone": "UTC"}}, "options: tz, out, days"),
    ({"datetime": {"tz": "Europe/Berln"}}, "did you mean 'Europe/Berlin'?"),
    ({"datetime": {"tz": "Europe"}}, "IANA time zone"),
    ({"datetime": {"tz": "../../etc/passwd"}}, "IANA time zone"),
    ({"datetime": {"out": "milis"}}, "did you mean 'millis'?"),
    ({"datetime": {"out": "local"}}, "needs tz"),
    ({"datetime": {"days": True}}, "needs tz"),
    ({"datetime": {"tz": "UTC", "days": "yes"}}, "true or false"),
    ({"date": "%d.%m.%y"}, "%Y"),
    ({"date": "%d.%m.%Y %d"}, "%Y"),
    ({"date": "epochms"}, "did you mean 'epoch_ms'?"),
    ({"date": {"in": "%Y-%m-%d", "tz": "UTC"}}, "epoch_s or epoch_ms"),
    ({"duration": "minute"}, "did you mean 'minutes'?"),
    ({"int": 5}, "takes no parameters"),
    ({"unit": {"scale": 0}}, "above zero"),
    ({"unit": 5}, "options: scale"),
    ({"prefix": ""}, "not empty"),
    ({"const": None}, "is the constant"),
    ({"enum": ["a"]}, "the table is"),
    ({"enum": {}}, "the table is"),
    ({"enum": {"table": {"a": "b"}, "unknown": "kep"}}, "did you mean 'keep'?"),
    ({"bool": {"true": ["Y"]}}, "{true: [Yes], false: [No]}"),
    ({"bool": {"true": ["Y"], "false": ["y"]}}, "both true and false"),
    ({"money": {"curency": "X"}}, "did you mean 'currency'?"),
    ({"money": {"default": "dollars"}}, "ISO 4217"),
    ({"phone_e164": {"region": "UK"}}, "region is one of"),
    ({"country": "nam"}, "did you mean 'name'?"),
    ({"date": None, "int": None}, "{name: parameters}"),
    ([], "at least one"),
    (5, "{name: parameters}"),
    (["money", "trim"], "cannot follow"),
    (["date", "int"], "cannot follow"),
]


@pytest.mark.parametrize(("spec", "native", "canonical"), READS, ids=str)
def test_reads(spec: Value, native: Value, canonical: object) -> None:
    read = narrow(spec).decode(native)
    assert read == canonical
    assert type(read) is type(canonical)


@pytest.mark.parametrize(("spec", "native"), REFUSES, ids=lambda part: str(part)[:40])
def test_refuses(spec: Value, native: Value) -> None:
    with pytest.raises(CodecError):
        narrow(spec).decode(native)


@pytest.mark.parametrize(("spec", "says"), MISWRITTEN, ids=str)
def test_a_miswritten_codec_is_an_error_that_says_what_is_accepted(spec: Value, says: str) -> None:
    with pytest.raises(CodecError) as caught:
        make(spec)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T14:30:00Z",
        "2026-01-31T14:30:00+00:00",
        "2026-01-31T14:30:00.000+0000",
        "2026-01-31T20:00:00+05:30",
        "2026-01-31T06:30:00.000000-08:00",
        " 2026-01-31 14:30Z ",
    ],
)
def test_an_instant_is_read_in_every_usual_form(text: str) -> None:
    assert narrow("datetime").decode(text) == datetime(2026, 1, 31, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("spec", "written"),
    [
        ("datetime", "2026-01-31T14:30:00.123456+00:00"),
        ({"datetime": {"out": "offset"}}, "2026-01-31T14:30:00+00:00"),
        ({"datetime": {"out": "millis"}}, "2026-01-31T14:30:00.123+0000"),
        ({"datetime": {"out": "z"}}, "2026-01-31T14:30:00Z"),
        ({"datetime": {"tz": "Europe/Berlin"}}, "2026-01-31T15:30:00"),
        ("epoch_s", 1769869800),
        ("epoch_ms", 1769869800123),
    ],
    ids=str,
)
def test_an_instant_is_written_in_the_form_asked_for(spec: Value, written: Value) -> None:
    codec = narrow(spec)
    moment = datetime(2026, 1, 31, 14, 30, 0, 123456, tzinfo=UTC)
    assert codec.encode(moment) == written
    assert codec.encode(moment.astimezone()) == written


def test_an_instant_before_1970_is_counted_back_not_towards_zero() -> None:
    moment = datetime(1969, 12, 31, 23, 59, 59, 500000, tzinfo=UTC)
    assert narrow("epoch_s").encode(moment) == -1
    assert narrow("epoch_ms").decode(-500) == moment


def test_where_the_clock_is_turned_back_the_earlier_of_two_times_is_meant() -> None:
    codec = narrow({"datetime": {"tz": "Europe/Berlin"}})
    assert codec.lossy
    assert codec.decode("2026-10-25T02:30:00") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert codec.encode(datetime(2026, 10, 25, 1, 30, tzinfo=UTC)) == "2026-10-25T02:30:00"


def test_where_the_clock_is_put_forward_the_missing_hour_is_read_as_if_it_were_not() -> None:
    codec = narrow({"datetime": {"tz": "Europe/Berlin"}})
    assert codec.decode("2026-03-29T02:30:00") == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_a_day_alone_can_be_its_beginning_on_the_clock_of_a_zone() -> None:
    codec = narrow({"datetime": {"tz": "Europe/Berlin", "days": True}})
    assert codec.lossy
    assert codec.decode("2026-03-29") == datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert codec.decode("2026-03-29T09:30:00") == datetime(2026, 3, 29, 7, 30, tzinfo=UTC)


def test_a_time_with_an_offset_is_what_it_says_whatever_the_zone() -> None:
    codec = narrow({"datetime": {"tz": "Europe/Berlin"}})
    assert codec.decode("2026-01-31T14:30:00Z") == datetime(2026, 1, 31, 14, 30, tzinfo=UTC)


def test_a_percentage_is_written_as_a_whole_number_where_it_is_one() -> None:
    codec = narrow("percent")
    assert [type(codec.encode(Decimal(share))) for share in ("0.4", "0.125", "1")] == [int, Decimal, int]
    with pytest.raises(CodecError):
        codec.encode(Decimal("1.01"))


def test_a_scale_that_does_not_divide_evenly_is_lossy() -> None:
    assert not narrow({"unit": {"scale": 1000}}).lossy
    thirds = narrow({"unit": {"scale": 3}})
    assert thirds.lossy
    assert thirds.encode(Decimal(1)) == Decimal("0.3333333333333333333333333333")


def test_an_entry_with_the_separator_in_it_is_not_written() -> None:
    with pytest.raises(CodecError):
        narrow({"split": ";"}).encode(["a;b"])


def test_an_empty_list_clears_the_field() -> None:
    assert narrow({"split": ";"}).encode([]) is None


class Outcome(StrEnum):
    WON = "won"


def test_an_enum_table_writes_the_first_literal_and_names_what_is_ambiguous() -> None:
    codec = make({"enum": {"Closed Won": "won", "Signed": "won", "Lost": "lost"}})
    assert codec.lossy
    assert getattr(codec, "ambiguous", None) == ("won",)
    assert cast("Codec", codec).encode(Outcome.WON) == "Closed Won"


def test_an_enum_table_keeps_the_type_of_the_natives_it_lists() -> None:
    codec = narrow(cast("Value", {"enum": {1: "low", 2: "high"}}))
    assert codec.decode(2) == codec.decode("2") == "high"
    assert codec.encode("high") == 2


def test_literals_that_differ_in_case_alone_are_told_apart() -> None:
    codec = narrow({"enum": {"table": {"NEW": "a", "new": "b"}, "unknown": "error"}})
    assert (codec.decode("NEW"), codec.decode("new")) == ("a", "b")
    with pytest.raises(CodecError):
        codec.decode("New")


@pytest.mark.parametrize(
    "piece", ["<a", '<a ="', "<a ='\"", "<!--", "<script>", "</", "<a =", "<a>", '<a title=">"', "= <a"]
)
def test_a_megabyte_of_hostile_html_is_read_at_once(piece: str) -> None:
    # Anything that looked at the rest again for every tag would take minutes here.
    codec = narrow("html_text")
    text = piece * (1_000_000 // len(piece))
    codec.decode(text)
    codec.decode(text + ">")


def test_a_country_is_written_by_its_common_name() -> None:
    codec = narrow("country")
    assert [codec.encode(code) for code in ("US", "KR", "TR", "CZ")] == [
        "United States", "South Korea", "Turkey", "Czechia",
    ]  # fmt: skip
    with pytest.raises(CodecError):
        codec.encode("ZZ")


def test_html_has_no_way_back() -> None:
    codec = narrow("html_text")
    assert not codec.encodes
    with pytest.raises(CodecError):
        codec.encode("text")


def test_a_whole_number_is_written_from_another_crms_decimal_and_a_fraction_is_refused() -> None:
    assert narrow("int").encode(Decimal("1990.0")) == 1990
    with pytest.raises(CodecError, match="whole number"):
        narrow("int").encode(Decimal("1990.5"))
