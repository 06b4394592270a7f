"""Checks 22 to 26: values come through as they are, and records by their ids."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from crmhub.connector import Missing, Value
from crmhub.testing.conformance.check import able_of, check, has
from crmhub.testing.conformance.expect import expect
from crmhub.testing.conformance.mirror import Mirror
from crmhub.testing.conformance.target import NotHere, Org, Sample

__all__ = ["TEXTS", "long_words"]

TEXTS = (
    "Zoë Ångström",
    "e\u0301 decomposed",
    "日本語 한국어",
    "שלום مرحبا",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f1ea\U0001f1fa",  # emoji of joined code points
    'O\'Brien "&" <b>',
    "100 % \\ ;,|",
    "NA",  # nothing, to readers of tables that guess
    "#N/A",
    "null",
    "=1+1",
    "007.10",
)
_LONG = 64_000
_INSTANTS = (
    "2026-03-29T00:59:59+00:00",
    "2026-03-29T03:00:00+02:00",
    "2026-10-25T02:30:00+02:00",
    "2026-10-25T02:30:00+01:00",
    "2025-12-31T23:30:00-08:00",
)
_DAYS = ("2026-01-01", "2026-03-29", "2028-02-29", "2026-12-31")
_AMOUNTS = (Decimal("0.10"), Decimal("1234567.89"), Decimal("99999999999.99"), Decimal("-12.50"))


@check(22, "text comes through")
async def text_comes_through(org: Org, sample: Sample) -> None:
    """Accents, other scripts, emoji, quotes and long text come as the CRM has them, by read and by get."""
    schema = await org.connect().describe(sample.object)
    rows = [sample.row(number, {sample.text: text}) for number, text in enumerate(TEXTS)]
    fields = [sample.text]
    if sample.long_text is not None:
        fields.append(sample.long_text)
        words = long_words(schema.fields[sample.long_text].max_length)
        rows.append(sample.row(90, {sample.long_text: words}))
    ids = await org.insert(sample.object, rows)
    connector, mirror = org.connect(), await Mirror.of(org, sample, fields)
    await mirror.follow(connector)
    got = await connector.get(sample.object, ids, fields)
    for id_, row, other in zip(ids, rows, got, strict=True):
        for name in fields:
            wanted = row.get(name)
            for how, found in (("read()", mirror.row(id_)), ("get()", other)):
                came = found.get(name) if isinstance(found, dict) else None
                expect(came == wanted, f"{name} by {how}: {_shown(wanted)} expected, {_shown(came)} came")


def long_words(most: int | None) -> str:
    """Text in several scripts and lines, as long as a field of ``most`` characters takes."""
    return ("Line one\nÜber 日本 👍 " * _LONG)[: min(most or _LONG, _LONG)].strip()


@check(23, "null is not empty nor missing")
async def null_is_not_empty(org: Org, sample: Sample) -> None:
    """A field without a value comes as null and not left out; empty text stays what it is in the CRM."""
    name = sample.long_text or sample.number
    if name is None:
        raise NotHere("the sample has no long_text and no number")
    ids = await org.insert(sample.object, [sample.row(1), sample.row(2, {name: None})])
    if name == sample.long_text:
        ids = [*ids, *await org.insert(sample.object, [sample.row(3, {name: ""})])]
    connector, mirror = org.connect(), await Mirror.of(org, sample, (sample.text, name))
    await mirror.follow(connector)
    key = (await able_of(org, sample)).key
    truth = {str(row[key]): row.get(name) for row in await org.truth(sample.object)}
    got = dict(zip(ids, await connector.get(sample.object, ids, [name]), strict=True))
    for id_ in ids:
        for how, found in (("read()", mirror.row(id_)), ("get()", got[id_])):
            row = found if isinstance(found, dict) else {}
            expect(name in row, f"{name} was asked for and is left out by {how} where it is empty")
            expect(row[name] == truth[id_], f"{name} is {truth[id_]!r} in the CRM and {row[name]!r} by {how}")


@check(24, "times keep their instant")
async def times_keep_their_instant(org: Org, sample: Sample) -> None:
    """Instants come with a zone and are the same instants, around clock changes too; days stay days."""
    able = await able_of(org, sample)
    names = [name for name in (sample.instant, sample.date) if name]
    stamps = [name for name in (able.modified, able.created) if name]
    if not names and not stamps:
        raise NotHere("the object has no times")
    rows = [_timed(sample, number) for number in range(len(_INSTANTS))]
    ids = await org.insert(sample.object, rows)
    made = org.clock.now()
    mirror = await Mirror.of(org, sample, names + stamps)
    await mirror.follow(org.connect())
    for id_, row in zip(ids, rows, strict=True):
        came = mirror.row(id_)
        if sample.instant:
            wanted = datetime.fromisoformat(str(row[sample.instant])).astimezone(UTC)
            expect(
                _instant(came.get(sample.instant), sample.instant) == wanted,
                f"{sample.instant}: {row[sample.instant]} expected, {came.get(sample.instant)} came",
            )
        if sample.date:
            expect(
                came.get(sample.date) == row[sample.date],
                f"{sample.date}: {row[sample.date]} expected, {came.get(sample.date)!r} came",
            )
        for name in stamps:
            stamp = _instant(came.get(name), name)
            expect(abs(stamp - made) < timedelta(seconds=2), f"{name}: made at {made}, {stamp} came")


@check(25, "money keeps its cents", has("money"))
async def money_keeps_its_cents(org: Org, sample: Sample) -> None:
    """Amounts come to the cent and never as floats, with their currency if each record has its own."""
    name = sample.money or ""
    amounts: list[dict[str, Value]] = [{name: amount} for amount in _AMOUNTS]
    if sample.currency:
        amounts = [{**amount, sample.currency: "EUR"} for amount in amounts]
    ids = await org.insert(
        sample.object, [sample.row(number, amount) for number, amount in enumerate(amounts)]
    )
    fields = [name, *([sample.currency] if sample.currency else [])]
    connector, mirror = org.connect(), await Mirror.of(org, sample, fields)
    await mirror.follow(connector)
    got = await connector.get(sample.object, ids, fields)
    for id_, wanted, other in zip(ids, _AMOUNTS, got, strict=True):
        for how, row in (("read()", mirror.row(id_)), ("get()", other)):
            came = row.get(name) if isinstance(row, dict) else None
            expect(not isinstance(came, float), f"{name} by {how} is a float: {came!r}")
            exact = isinstance(came, int | str | Decimal) and Decimal(came) == wanted
            expect(exact, f"{name} by {how}: {wanted} expected, {came} came")
            if sample.currency and isinstance(row, dict):
                currency = row.get(sample.currency)
                expect(currency == "EUR", f"{sample.currency} by {how}: EUR expected, {currency} came")


@check(26, "get by id")
async def get_by_id(org: Org, sample: Sample) -> None:
    """``get`` answers each id in order, more than a batch of them, those that are gone as ``Missing``."""
    able = await able_of(org, sample)
    count = min(able.get_batch, 250) + 2
    ids = list(await org.insert(sample.object, sample.rows(count)))
    await org.remove(sample.object, ids[1])
    asked = [ids[2], ids[1], *reversed(ids[3:]), ids[0]]
    got = await org.connect().get(sample.object, asked, [sample.text])
    expect(len(got) == len(asked), f"get() of {len(asked)} ids gives {len(got)} answers")
    for id_, found in zip(asked, got, strict=True):
        if id_ == ids[1]:
            expect(isinstance(found, Missing) and found.id == id_, f"a deleted record by get(): {found!r}")
            continue
        expect(isinstance(found, dict), f"get() does not find {id_}, which is there")
        key = str(found.get(able.key)) if isinstance(found, dict) else ""
        expect(key == id_, f"get() answers {key} where {id_} was asked for: the order is not kept")
        name = f"Check {ids.index(id_):05d}"
        came = found.get(sample.text) if isinstance(found, dict) else None
        expect(came == name, f"{sample.text} of {id_} by get(): {name!r} expected, {came!r} came")
    expect(not await org.connect().get(sample.object, [], [sample.text]), "get() of no ids gives answers")


def _timed(sample: Sample, number: int) -> dict[str, Value]:
    times: dict[str, Value] = {}
    if sample.instant:
        times[sample.instant] = _INSTANTS[number]
    if sample.date:
        times[sample.date] = _DAYS[number % len(_DAYS)]
    return sample.row(number, times)


def _instant(value: Value, name: str) -> datetime:
    expect(isinstance(value, str), f"{name}: an ISO 8601 text was expected, {value!r} came")
    instant = datetime.fromisoformat(str(value))
    expect(instant.tzinfo is not None, f"{name}: {value} has no zone")
    return instant.astimezone(UTC)


def _shown(value: Value) -> str:
    text = repr(value)
    return text if len(text) < 60 else f"{text[:50]}… ({len(str(value))} characters)"
