"""Words from which seeded records are made, beside those that all doubles share."""

CITIES = (
    ("Boston", "MA", "02110", "US"),
    ("Austin", "TX", "78701", "US"),
    ("Denver", "CO", "80202", "US"),
    ("Toronto", "ON", "M5H 2N2", "CA"),
    ("Leeds", "", "LS1 4AP", "GB"),
    ("Köln", "", "50667", "DE"),
    ("Lyon", "", "69002", "FR"),
    ("Pune", "MH", "411001", "IN"),
)
STREETS = (
    "12 Mill Lane",
    "400 Main St Suite 5",
    "7 Rue des Fleurs",
    "Hauptstraße 18",
    "99 Elm Ave",
    "PO Box 12",
)
SOURCES = ("website", "facebook", "referral", "walk in", "google ads", "public api")
TAGS = ("vip", "newsletter", "cold lead", "customer", "webinar", "do not call")
DEALS = ("Starter package", "Annual plan", "Website", "Renovation", "Retainer", "Expansion", "Renewal")
TASKS = ("Call back", "Send proposal", "Check references", "Book a visit", "Chase invoice", "Say thank you")
NOTES = (
    "Asked for a quote by Friday.",
    "Prefers e-mail. Spoke with reception.",
    "Second call, no answer.\nTry again next week.",
    "Wants the annual plan – budget is tight.",
)
MEETINGS = ("Discovery call", "Site visit", "Onboarding", "Quarterly review")
