"""Words from which seeded records are made."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


FIRST_NAMES = _words(
    "Ada,Bruno,Chen,Dana,Élodie,Farid,Grace,Hiro,Ingrid,João,Kavya,Liam,Mei,Noor,Priya,Quentin,Rosa,Søren,"
    "Tara,Umar,Vera,Wanjiru,Ximena,Yusuf,Zoë,Anne-Marie,José,Mary Ann,Łukasz,Siobhán,Björn,Olga"
)
LAST_NAMES = _words(
    "Okafor,Salvatore,Wei,O'Neill,Martin,Haddad,Hopper,Tanaka,Lindqvist,da Silva,Iyer,Walsh,Zhang,Rahman,"
    "Adeyemi,Sharma,Dubois,Moreno,Gupta,Farooq,Novák,Kamau,Reyes,Demir,van der Berg,Smith,García,Müller,"
    "D'Angelo,Kowalski,Lee,Nguyễn,MacLeod,Ivanova,Cohen,St. John"
)
COMPANY_ROOTS = _words(
    "Acorn,Bluebird,Cedar,Dune,Evergreen,Fernhill,Granite,Harbor,Ironwood,Juniper,Kestrel,Lakeside,Maple,"
    "Northwind,Oakridge,Pinnacle,Quarry,Riverbend,Summit,Thistle"
)
COMPANY_NOUNS = _words(
    "Plumbing,Roofing,Dental,Fitness,Realty,Landscaping,Legal,Motors,Media,Kitchens,Solar,Logistics,"
    "Coaching,Insurance,Cleaning,Travel,Studios"
)
COMPANY_ENDS = ("LLC", "Inc", "", "Group", "Co.", "Ltd", "& Sons")
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
