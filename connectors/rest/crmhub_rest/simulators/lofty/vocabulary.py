"""The words of a Lofty team, and those from which seeded records are made."""

from collections.abc import Mapping
from typing import Final

LEAD_STAGES: Final = (
    *("New Lead", "Contacted", "Hot", "Nurture", "Active", "Watch", "Pending", "Under Contract"),
    *("Closed", "Past Client", "Sphere", "Archived"),
)
TRANSACTION_STAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "Purchase": ("Pre-contract", "Offer", "Under Contract", "Closed", "Cancelled"),
    "Listing": ("Pre-listing", "Active", "Under Contract", "Sold", "Expired"),
    "Lease": ("Searching", "Application", "Leased", "Cancelled"),
    "Other": ("Open", "Done"),
}
DONE_STAGES: Final = frozenset({"Closed", "Sold", "Leased", "Done", "Cancelled", "Expired"})
LEAD_TYPES: Final = frozenset({-1, 1, 2, 5, 6, 7, 8, 9})
LANGUAGES: Final = ("en", "fr", "de", "es", "zh-CN", "zh-TW", "ja")
TIME_FRAMES: Final = ("1-3", "3-6", "6-12", "12+", "Just Looking", "Refinancing")
YES_NO: Final = ("Yes", "No")
OUTCOMES: Final = ("Talked", "VoiceMessage", "NoAnswer", "BadNumber", "DNCNumber", "DNCContact")
FIELD_TYPES: Final = (
    *("text", "number", "date", "anniversary_date", "single_select", "multi_select", "percentage"),
    "currency",
)
TRANSACTION_FIELD_TYPES: Final = {
    "text": "TEXT",
    "number": "NUMBER",
    "date": "DATE",
    "percentage": "PERCENTAGE",
    "single_select": "Single-Select",
    "multi_select": "Multi-Select",
    "currency": "CURRENCY",
    "html": "HTML",
}
SEEDED_TAGS: Final = ("Hot Lead", "Zillow", "Referral", "Pre-Approved", "VIP", "Open House")
SEGMENTS: Final = ("First-Time Buyers", "Downtown Area", "VIP Clients", "Open House Feb")
SOURCES: Final = ("Website", "Zillow", "Open House", "Referral", "Facebook", "Realtor.com", "Manual")
PLACES: Final = (
    ("Austin", "TX", "78701"),
    ("Phoenix", "AZ", "85004"),
    ("Portland", "OR", "97205"),
    ("Tampa", "FL", "33602"),
    ("Denver", "CO", "80202"),
    ("San José", "CA", "95112"),
)
STREETS: Final = ("Main St", "Oak Ave", "Lake Dr", "Sunset Blvd", "Elm St", "2nd St NW")
PROPERTY_TYPES: Final = ("Single Family Home", "Condo", "Townhouse", "Multi-Family", "Vacant Land")
TASKS: Final = (
    *("Call about the open house", "Send the disclosure", "Ask for the pre-approval", "Book the inspection"),
    "Follow up on the offer",
)
NOTES: Final = (
    "Discussed inventory, will send the pre-approval tomorrow.",
    "Wants a garden; no HOA.",
    "Prefers texts after 6 pm — “no calls at work”.",
    "Second showing booked.\nBring the survey.",
)
