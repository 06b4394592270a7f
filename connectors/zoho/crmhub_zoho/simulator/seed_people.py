"""Seeded accounts, contacts and leads."""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

from crmhub.testing.simulator.table import Row
from crmhub_zoho.simulator import vocabulary as words
from crmhub_zoho.simulator.picklists import (
    ACCOUNT_TYPE,
    INDUSTRY,
    LEAD_SOURCE,
    LEAD_STATUS,
    OWNERSHIP,
    RATING,
    SALUTATION,
)
from crmhub_zoho.simulator.seed_tools import SeedWorld

_ACCOUNT, _CONTACT, _LEAD = 1, 2, 3
_INDUSTRIES = tuple(choice.value for choice in INDUSTRY[1:])
_SOURCES = tuple(choice.value for choice in LEAD_SOURCE[1:])
_STATUSES = tuple(choice.value for choice in LEAD_STATUS[1:])
_TYPES = tuple(choice.value for choice in ACCOUNT_TYPE[1:])
_OWNERSHIPS = tuple(choice.value for choice in OWNERSHIP[1:])
_RATINGS = tuple(choice.value for choice in RATING[1:])
_SALUTATIONS = tuple(choice.value for choice in SALUTATION[1:])
_COMBINATIONS = len(words.COMPANY_ROOTS) * len(words.COMPANY_NOUNS) * len(words.COMPANY_ENDS)
_STRIDE = 4_001
_EMAIL = re.compile(r"[a-z.\-]*?(\d+)@.*", re.ASCII)


def company(world: SeedWorld, place: int) -> str:
    """A company's name; a few are near doubles of the one before, as real lists have them."""
    number = world.number(_ACCOUNT, place)
    if place and number % 61 == 0:
        name = company_name(place - 1)
        return (name.upper(), f"{name} ", name.replace("Inc", "Incorporated"))[number // 61 % 3]
    return company_name(place)


def company_name(place: int) -> str:
    """The plain name of company `place`."""
    turn, choice = divmod(place, _COMBINATIONS)
    choice = choice * _STRIDE % _COMBINATIONS
    choice, root = divmod(choice, len(words.COMPANY_ROOTS))
    end, noun = divmod(choice, len(words.COMPANY_NOUNS))
    name = f"{words.COMPANY_ROOTS[root]} {words.COMPANY_NOUNS[noun]} {words.COMPANY_ENDS[end]}".strip()
    return f"{name} {turn + 1}" if turn else name


def account(world: SeedWorld, place: int) -> Row:
    """A seeded account, without the system fields."""
    n = world.number(_ACCOUNT, place)
    city, state, code, country = words.CITIES[n % len(words.CITIES)]
    row: Row = {
        "Account_Name": company(world, place),
        "Annual_Revenue": (n >> 8) % 90_000 * 1_000,
        "Employees": (n >> 16) % 5_000 + 1,
        "Billing_Street": words.STREETS[(n >> 4) % len(words.STREETS)],
        "Billing_City": city,
        "Billing_Code": code,
        "Billing_Country": country,
    }
    if state:
        row["Billing_State"] = state
    if n & 7:
        row["Phone"] = phone(n >> 5)
        row["Industry"] = _INDUSTRIES[(n >> 12) % len(_INDUSTRIES)]
    if n & 24:
        row["Website"] = ("https://www.", "http://", "www.", "")[(n >> 9) & 3] + f"company{place}.example.com"
        row["Account_Type"] = _TYPES[(n >> 20) % len(_TYPES)]
    if n & 96 == 0:
        row["Description"] = words.DESCRIPTIONS[(n >> 24) % len(words.DESCRIPTIONS)]
        row["Ownership"] = _OWNERSHIPS[(n >> 28) % len(_OWNERSHIPS)]
        row["Rating"] = _RATINGS[(n >> 32) % len(_RATINGS)]
    if place and n & 480 == 0:
        row["Parent_Account"] = world.id_of("Accounts", n % place)
    return row


def contact(world: SeedWorld, place: int) -> Row:
    """A seeded contact, without the system fields."""
    n = world.number(_CONTACT, place)
    row = _person(world, _CONTACT, n, place)
    owner = world.partner("Accounts", place, world.counts["Contacts"])
    if owner is not None and n % 17:
        row["Account_Name"] = world.id_of("Accounts", owner)
    if n & 3:
        row["Title"] = words.TITLES[(n >> 10) % len(words.TITLES)]
        row["Department"] = words.DEPARTMENTS[(n >> 14) % len(words.DEPARTMENTS)]
    if n & 12:
        city, state, code, country = words.CITIES[(n >> 18) % len(words.CITIES)]
        row |= {"Mailing_City": city, "Mailing_Country": country, "Mailing_Zip": code}
        row["Mailing_Street"] = words.STREETS[(n >> 22) % len(words.STREETS)]
        if state:
            row["Mailing_State"] = state
    if n & 496 == 0:
        row["Date_of_Birth"] = f"{1950 + n % 50}-{n % 12 + 1:02}-{n % 28 + 1:02}"
    return row


def lead(world: SeedWorld, place: int) -> Row:
    """A seeded lead, without the system fields."""
    n = world.number(_LEAD, place)
    row = _person(world, _LEAD, n, place)
    row["Company"] = company(world, (n >> 7) % (place + 1))
    row["Lead_Status"] = _STATUSES[(n >> 11) % len(_STATUSES)]
    if n & 3:
        row["Industry"] = _INDUSTRIES[(n >> 12) % len(_INDUSTRIES)]
        row["Designation"] = words.TITLES[(n >> 10) % len(words.TITLES)]
    if n & 12:
        city, state, code, country = words.CITIES[(n >> 18) % len(words.CITIES)]
        row |= {"City": city, "Country": country, "Zip_Code": code}
        if state:
            row["State"] = state
    if n & 48 == 0:
        row["Annual_Revenue"] = (n >> 8) % 9_000 * 1_000
        row["No_of_Employees"] = (n >> 16) % 900 + 1
    return row


def _person(world: SeedWorld, salt: int, n: int, place: int) -> Row:
    first = words.FIRST_NAMES[(n >> 32) % len(words.FIRST_NAMES)]
    last = words.LAST_NAMES[(n >> 40) % len(words.LAST_NAMES)]
    row: Row = {"Last_Name": last, "Lead_Source": _SOURCES[(n >> 48) % len(_SOURCES)]}
    if n % 23:
        row["First_Name"] = first
        row["Full_Name"] = f"{first} {last}"
    else:
        row["Full_Name"] = last
    if n % 11:
        # Some people share the address of the one before them.
        shared = place > 0 and n % 41 == 0
        row["Email"] = _email(world.number(salt, place - 1), place - 1) if shared else _email(n, place)
    if n & 6:
        row["Phone"] = phone(n >> 3)
    if n & 24:
        row["Mobile"] = phone(n >> 13)
    if n & 96 == 0:
        row["Salutation"] = _SALUTATIONS[(n >> 20) % len(_SALUTATIONS)]
        row["Description"] = words.DESCRIPTIONS[(n >> 24) % len(words.DESCRIPTIONS)]
    if n & 384 == 0:
        row["Email_Opt_Out"] = True
    return row


def _email(n: int, place: int) -> str:
    first = words.FIRST_NAMES[(n >> 32) % len(words.FIRST_NAMES)]
    last = words.LAST_NAMES[(n >> 40) % len(words.LAST_NAMES)]
    address = f"{_ascii(first)}.{_ascii(last)}{place}@{words.DOMAIN_ENDS[n % len(words.DOMAIN_ENDS)]}"
    return address.upper() if n % 29 == 0 else address


def phone(n: int) -> str:
    """A telephone number in one of the ways people write them."""
    last = n % 10_000
    match n >> 14 & 7:
        case 0:
            return f"(617) 555-{last:04}"
        case 1:
            return f"+1 617 555 {last:04}"
        case 2:
            return f"+44 20 7946 {last % 1000:03}0"
        case 3:
            return f"617.555.{last:04}"
        case 4:
            return f"+49 (0)30 901820-{last % 1000}"
        case 5:
            return f"1-617-555-{last:04} x{last % 90 + 10}"
        case 6:
            return f"617555{last:04}"
        case _:
            return f"+91 80 5550 {last:04}"


@cache
def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z]+", "-", plain).strip("-")


def locate_contact(world: SeedWorld, module: str, field: str, value: str) -> Iterable[int] | None:
    """Where contacts with this e-mail address or account may be."""
    if field == "Account_Name":
        return world.partners_of("Accounts", value, world.counts[module])
    return locate_lead(world, module, field, value)


def locate_lead(world: SeedWorld, module: str, field: str, value: str) -> Iterable[int] | None:
    """Where people with this e-mail address may be."""
    del world, module
    if field != "Email":
        return None
    match = _EMAIL.fullmatch(value)
    return (int(match[1]), int(match[1]) + 1) if match else ()
