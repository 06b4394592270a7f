"""The values of seeded records, from numbers that look random."""

from collections.abc import Callable, Mapping

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.hubspot.times import iso

Draw = Callable[[int], int]
Make = Callable[[Draw, int, int], Row]
"""Makes a row from numbers by salt, its place, and its time of creation in epoch milliseconds."""

_DAY = 86_400_000
_FIRST = (
    "Amara",
    "Bo",
    "Chloé",
    "Dev",
    "Elena",
    "Finn",
    "Grace",
    "Hiro",
    "Ines",
    "Jörg",
    "Kemi",
    "Liam",
    "Mei",
    "Noor",
    "Oskar",
    "Priya",
)
_LAST = (
    "Abara",
    "Brandt",
    "Costa",
    "D'Angelo",
    "Eriksen",
    "Fofana",
    "García",
    "Hughes",
    "Ito",
    "Jensen",
    "Kaur",
    "López",
    "Müller",
    "Nguyen",
    "O'Brien",
    "Park",
)
_WORDS = (
    "Alder",
    "Beacon",
    "Cobalt",
    "Drift",
    "Ember",
    "Fern",
    "Granite",
    "Harbor",
    "Iris",
    "Juniper",
    "Kestrel",
    "Linden",
)
_KINDS = ("Foods", "Labs", "Logistics", "Media", "Partners", "Robotics", "Studios", "Systems")
_CITIES = (
    ("Boston", "MA", "United States"),
    ("Dublin", "Leinster", "Ireland"),
    ("Berlin", "BE", "Germany"),
    ("Bogotá", "DC", "Colombia"),
    ("Sydney", "NSW", "Australia"),
)
_INDUSTRIES = ("COMPUTER_SOFTWARE", "RETAIL", "REAL_ESTATE", "BANKING", "INSURANCE", "CONSTRUCTION")
_STAGES = ("lead", "marketingqualifiedlead", "opportunity", "customer", "subscriber")
_JOBS = ("Buyer", "Chief Financial Officer", "Office Manager", "Head of Sales", "Engineer")
_DEAL_STAGES = (
    "appointmentscheduled",
    "qualifiedtobuy",
    "presentationscheduled",
    "decisionmakerboughtin",
    "contractsent",
    "closedwon",
    "closedlost",
)


def _company(draw: Draw, place: int, created: int) -> Row:
    city, state, country = _CITIES[draw(1) % len(_CITIES)]
    name = f"{_WORDS[draw(2) % len(_WORDS)]} {_KINDS[draw(3) % len(_KINDS)]} {place}"
    domain = f"{name.split(maxsplit=1)[0].lower()}{place}.example.com"
    row: Row = {
        "name": name,
        "domain": domain,
        "website": f"https://{domain}",
        "phone": f"+1 555 {draw(4) % 1000:03} {draw(5) % 10000:04}",
        "city": city,
        "state": state,
        "country": country,
        "industry": _INDUSTRIES[draw(6) % len(_INDUSTRIES)],
        "lifecyclestage": _STAGES[draw(7) % len(_STAGES)],
    }
    if draw(8) % 3:
        row["numberofemployees"] = str(1 + draw(9) % 4000)
        row["annualrevenue"] = str(draw(10) % 10**8)
    if draw(11) % 4 == 0:
        row["description"] = f"Known since {iso(created)[:4]}.\nSells to {country}."
    return row


def _contact(draw: Draw, place: int, created: int) -> Row:
    del created
    first, last = _FIRST[draw(1) % len(_FIRST)], _LAST[draw(2) % len(_LAST)]
    row: Row = {
        "firstname": first,
        "lastname": last,
        "email": f"contact{place}@example.com",
        "jobtitle": _JOBS[draw(3) % len(_JOBS)],
        "lifecyclestage": _STAGES[draw(4) % len(_STAGES)],
        "hs_email_domain": "example.com",
        "hs_full_name_or_email": f"{first} {last}",
    }
    if draw(5) % 4:
        row["phone"] = f"+49 30 {draw(6) % 10**7:07}"
    if draw(7) % 3 == 0:
        row["city"], row["state"], row["country"] = _CITIES[draw(8) % len(_CITIES)]
    if draw(9) % 5 == 0:
        row["date_of_birth"] = iso((draw(10) % 12000) * _DAY)[:10]
    return row


def _deal(draw: Draw, place: int, created: int) -> Row:
    stage = _DEAL_STAGES[draw(1) % len(_DEAL_STAGES)]
    row: Row = {
        "dealname": f"{_WORDS[draw(2) % len(_WORDS)]} order {place}",
        "pipeline": "default",
        "dealstage": stage,
        "closedate": iso(created + (10 + draw(3) % 90) * _DAY),
        "dealtype": "newbusiness" if draw(4) % 2 else "existingbusiness",
        "deal_currency_code": "USD",
    }
    if draw(5) % 8:
        cents = draw(6) % 10_000_000
        row["amount"] = f"{cents / 100:.2f}".rstrip("0").rstrip(".")
    return row


def _ticket(draw: Draw, place: int, created: int) -> Row:
    del created
    return {
        "subject": f"Question {place}",
        "content": "It does not start.",
        "hs_pipeline": "0",
        "hs_pipeline_stage": str(1 + draw(1) % 4),
        "hs_ticket_priority": ("LOW", "MEDIUM", "HIGH")[draw(2) % 3],
    }


def _note(draw: Draw, place: int, created: int) -> Row:
    return {
        "hs_note_body": f"<p>Spoke about offer {place}: {_WORDS[draw(1) % len(_WORDS)]}.</p>",
        "hs_timestamp": iso(created),
    }


def _task(draw: Draw, place: int, created: int) -> Row:
    status = ("NOT_STARTED", "IN_PROGRESS", "COMPLETED", "DEFERRED")[draw(1) % 4]
    row: Row = {
        "hs_task_subject": f"Call back {place}",
        "hs_task_status": status,
        "hs_task_priority": ("LOW", "MEDIUM", "HIGH")[draw(2) % 3],
        "hs_task_type": ("TODO", "CALL", "EMAIL")[draw(3) % 3],
        "hs_timestamp": iso(created + (1 + draw(4) % 30) * _DAY),
    }
    if status == "COMPLETED":
        row["hs_task_completion_date"] = iso(created + _DAY)
    return row


def _call(draw: Draw, place: int, created: int) -> Row:
    return {
        "hs_call_title": f"Call {place}",
        "hs_call_body": "Agreed on next steps.",
        "hs_call_direction": "OUTBOUND" if draw(1) % 2 else "INBOUND",
        "hs_call_duration": str(1000 * (30 + draw(2) % 1800)),
        "hs_call_status": "COMPLETED",
        "hs_timestamp": iso(created),
    }


def _meeting(draw: Draw, place: int, created: int) -> Row:
    start = created + (1 + draw(1) % 14) * _DAY
    return {
        "hs_meeting_title": f"Review {place}",
        "hs_meeting_location": "Room 4" if draw(2) % 2 else "Online",
        "hs_meeting_start_time": iso(start),
        "hs_meeting_end_time": iso(start + 1_800_000 * (1 + draw(3) % 3)),
        "hs_meeting_outcome": ("SCHEDULED", "COMPLETED", "NO_SHOW")[draw(4) % 3],
        "hs_timestamp": iso(start),
    }


def _email(draw: Draw, place: int, created: int) -> Row:
    return {
        "hs_email_subject": f"Offer {place}",
        "hs_email_text": "Please find the offer attached.",
        "hs_email_direction": "EMAIL" if draw(1) % 2 else "INCOMING_EMAIL",
        "hs_email_status": "SENT",
        "hs_timestamp": iso(created),
    }


MAKERS: Mapping[str, Make] = {
    "companies": _company,
    "contacts": _contact,
    "deals": _deal,
    "tickets": _ticket,
    "notes": _note,
    "tasks": _task,
    "calls": _call,
    "meetings": _meeting,
    "emails": _email,
}
