"""Seeded deals, activities, notes and products."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

from crmhub.testing.simulator.table import Row
from crmhub_zoho.simulator import vocabulary as words
from crmhub_zoho.simulator.org import SE_MODULE
from crmhub_zoho.simulator.picklists import (
    CALL_PURPOSE,
    CALL_RESULT,
    DEAL_TYPE,
    LEAD_SOURCE,
    LOSS_REASON,
    PRIORITY,
    PRODUCT_CATEGORY,
    TASK_STATUS,
)
from crmhub_zoho.simulator.seed_people import company_name
from crmhub_zoho.simulator.seed_tools import SeedWorld
from crmhub_zoho.simulator.stages import PIPELINE, STAGES

_DEAL, _TASK, _EVENT, _CALL, _NOTE, _PRODUCT = 4, 5, 6, 7, 8, 9
_EPOCH = 1_672_646_400  # 2023-01-02T08:00:00Z, as in `seeding`
_DAY = int(timedelta(days=1).total_seconds())
_SOURCES = tuple(choice.value for choice in LEAD_SOURCE[1:])
_PURPOSES = tuple(choice.value for choice in CALL_PURPOSE[1:])
_RESULTS = tuple(choice.value for choice in CALL_RESULT[1:])
_STATUSES = tuple(choice.value for choice in TASK_STATUS)
_PRIORITIES = tuple(choice.value for choice in PRIORITY)
_CATEGORIES = tuple(choice.value for choice in PRODUCT_CATEGORY[1:])
_LOSSES = tuple(choice.value for choice in LOSS_REASON[1:])


def deal(world: SeedWorld, place: int) -> Row:
    """A seeded deal, without the system fields: some have no account, no date or no amount."""
    n = world.number(_DEAL, place)
    stage = STAGES[(n >> 32) % len(STAGES)]
    owner = world.partner("Accounts", place, world.counts["Deals"])
    subject = words.DEAL_SUBJECTS[n % len(words.DEAL_SUBJECTS)]
    row: Row = {
        "Deal_Name": f"{company_name(owner or place)[:80]} - {subject} {place + 1}",
        "Stage": stage.name,
        "Pipeline": PIPELINE,
        "Probability": stage.probability,
        "Type": DEAL_TYPE[1 + (n >> 40 & 1)].value,
    }
    if n % 19:
        row["Amount"] = Decimal((n >> 10) % 25_000_000) / 100 if n & 1 else (n >> 10) % 250_000
        row["Expected_Revenue"] = (Decimal(str(row["Amount"])) * stage.probability / 100).normalize() + 0
    if n % 9:
        row["Closing_Date"] = world.day(_EPOCH + (n >> 20) % 1_000 * _DAY)
    if owner is not None and n % 13:
        row["Account_Name"] = world.id_of("Accounts", owner)
        mate = world.partner("Contacts", owner, world.counts["Accounts"])
        if mate is not None and n & 6:
            row["Contact_Name"] = world.id_of("Contacts", mate)
    if n & 3:
        row["Lead_Source"] = _SOURCES[(n >> 44) % len(_SOURCES)]
    if n & 24 == 0:
        row["Next_Step"] = words.NEXT_STEPS[(n >> 12) % len(words.NEXT_STEPS)]
        row["Description"] = words.DESCRIPTIONS[(n >> 24) % len(words.DESCRIPTIONS)]
    if stage.forecast_type == "Closed Lost":
        row["Reason_For_Loss__s"] = _LOSSES[(n >> 16) % len(_LOSSES)]
    return row


def task(world: SeedWorld, place: int) -> Row:
    """A seeded task, without the system fields."""
    n = world.number(_TASK, place)
    status = _STATUSES[(n >> 8) % len(_STATUSES)]
    row: Row = {"Subject": words.TASK_SUBJECTS[n % len(words.TASK_SUBJECTS)], "Status": status}
    row["Priority"] = _PRIORITIES[(n >> 12) % len(_PRIORITIES)]
    if n % 7:
        row["Due_Date"] = world.day(_EPOCH + (n >> 20) % 1_000 * _DAY)
    if status == "Completed":
        row["Closed_Time"] = world.stamp(_EPOCH + (n >> 24) % (860 * _DAY))
    if n & 48 == 0:
        row["Description"] = words.DESCRIPTIONS[(n >> 24) % len(words.DESCRIPTIONS)]
    return _linked(world, row, n, place, world.counts["Tasks"])


def event(world: SeedWorld, place: int) -> Row:
    """A seeded meeting, without the system fields."""
    n = world.number(_EVENT, place)
    start = _EPOCH + (n >> 20) % 1_000 * _DAY + (n >> 8) % 20 * 1_800
    row: Row = {
        "Event_Title": words.MEETING_SUBJECTS[n % len(words.MEETING_SUBJECTS)],
        "Start_DateTime": world.stamp(start),
        "End_DateTime": world.stamp(start + (n >> 4 & 3) * 1_800 + 1_800),
    }
    if n & 12:
        row["Venue"] = words.CITIES[(n >> 30) % len(words.CITIES)][0]
    return _linked(world, row, n, place, world.counts["Events"])


def call(world: SeedWorld, place: int) -> Row:
    """A seeded call, without the system fields."""
    n = world.number(_CALL, place)
    seconds = (n >> 16) % 3_600
    row: Row = {
        "Subject": words.CALL_SUBJECTS[n % len(words.CALL_SUBJECTS)],
        "Call_Type": ("Outbound", "Inbound", "Missed")[(n >> 6) % 3],
        "Call_Start_Time": world.stamp(_EPOCH + (n >> 24) % (860 * _DAY)),
        "Call_Duration": f"{seconds // 60:02}:{seconds % 60:02}",
        "Call_Duration_in_seconds": seconds,
        "Call_Purpose": _PURPOSES[(n >> 10) % len(_PURPOSES)],
    }
    if n & 12:
        row["Call_Result"] = _RESULTS[(n >> 14) % len(_RESULTS)]
    return _linked(world, row, n, place, world.counts["Calls"])


def _linked(world: SeedWorld, row: Row, n: int, place: int, count: int) -> Row:
    """Link an activity to a deal or an account, and to a contact; some are linked to nothing."""
    if n % 10 == 0:
        return row
    what = "Deals" if n % 3 else "Accounts"
    about = world.partner(what, place, count)
    if about is not None:
        row["What_Id"] = world.id_of(what, about)
        row[SE_MODULE] = what
    who = world.partner("Contacts", place, count)
    if who is not None and n & 1:
        row["Who_Id"] = world.id_of("Contacts", who)
    return row


def note(world: SeedWorld, place: int) -> Row:
    """A seeded note, without the system fields; notes need something to be about."""
    n = world.number(_NOTE, place)
    row: Row = {"Note_Content": words.DESCRIPTIONS[n % len(words.DESCRIPTIONS)]}
    if n & 1:
        row["Note_Title"] = words.NOTE_TITLES[(n >> 8) % len(words.NOTE_TITLES)]
    for what in ("Deals", "Accounts", "Contacts", "Leads"):
        about = world.partner(what, place, world.counts["Notes"])
        if about is not None:
            return row | {"Parent_Id": world.id_of(what, about), SE_MODULE: what}
    return row


def product(world: SeedWorld, place: int) -> Row:
    """A seeded product, without the system fields."""
    n = world.number(_PRODUCT, place)
    turn, word = divmod(place, len(words.PRODUCTS))
    name = words.PRODUCTS[word]
    return {
        "Product_Name": f"{name} {turn + 1}" if turn else name,
        "Product_Code": f"P-{place + 1:04}",
        "Product_Active": bool(n & 7),
        "Unit_Price": Decimal(n % 500_000) / 100,
        "Product_Category": _CATEGORIES[n % len(_CATEGORIES)],
    }


def locate_deal(world: SeedWorld, module: str, field: str, value: str) -> Iterable[int] | None:
    """Where deals of this account may be."""
    return world.partners_of("Accounts", value, world.counts[module]) if field == "Account_Name" else None


def locate_activity(world: SeedWorld, module: str, field: str, value: str) -> Iterable[int] | None:
    """Where activities about this record or with this contact may be."""
    about = {"What_Id": ("Deals", "Accounts"), "Who_Id": ("Contacts",)}.get(field)
    if about is None:
        return None
    return [place for name in about for place in world.partners_of(name, value, world.counts[module])]


def locate_note(world: SeedWorld, module: str, field: str, value: str) -> Iterable[int] | None:
    """Where notes about this record may be."""
    if field != "Parent_Id":
        return None
    about = ("Deals", "Accounts", "Contacts", "Leads")
    return [place for name in about for place in world.partners_of(name, value, world.counts[module])]
