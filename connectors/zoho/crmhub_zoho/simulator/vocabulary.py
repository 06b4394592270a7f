"""Words from which seeded records are made."""

FIRST_NAMES = (
    *("Ada", "Bruno", "Chen", "Dana", "Élodie", "Farid", "Grace", "Hiro", "Ingrid", "João", "Kavya", "Liam"),
    *(
        "Mei",
        "Noor",
        "Oluwaseun",
        "Priya",
        "Quentin",
        "Rosa",
        "Søren",
        "Tara",
        "Umar",
        "Vera",
        "Wanjiru",
        "Ximena",
    ),
    *("Yusuf", "Zoë", "Anne-Marie", "José", "Mary Ann", "Łukasz", "Siobhán", "Björn"),
)
LAST_NAMES = (
    *(
        "Okafor",
        "Salvatore",
        "Wei",
        "O'Neill",
        "Martin",
        "Haddad",
        "Hopper",
        "Tanaka",
        "Lindqvist",
        "da Silva",
    ),
    *(
        "Iyer",
        "Walsh",
        "Zhang",
        "Rahman",
        "Adeyemi",
        "Sharma",
        "Dubois",
        "Moreno",
        "Kierkegaard",
        "Gupta",
        "Farooq",
    ),
    *(
        "Novák",
        "Kamau",
        "Reyes",
        "Demir",
        "van der Berg",
        "Smith",
        "Smith-Jones",
        "García",
        "Müller",
        "D'Angelo",
    ),
    *("Kowalski", "Lee", "Nguyễn", "MacLeod", "Österberg", "Ivanova", "Cohen", "St. John"),
)
COMPANY_ROOTS = (
    *(
        "Acme",
        "Northwind",
        "Blue Harbor",
        "Cedar & Stone",
        "Delphi",
        "Evergreen",
        "Falcon",
        "Granite",
        "Horizon",
    ),
    *(
        "Ironwood",
        "Juniper",
        "Kestrel",
        "Lakeside",
        "Meridian",
        "Nimbus",
        "Orchard",
        "Pioneer",
        "Quarry",
        "Redwood",
    ),
    *(
        "Summit",
        "Tidewater",
        "Umbra",
        "Vanguard",
        "Westfield",
        "Xenon",
        "Yarrow",
        "Zephyr",
        "Ölberg",
        "São Tomé",
    ),
    *(
        "O'Hara",
        "Three Rivers",
        "Bright Path",
        "Copperfield",
        "Silverline",
        "Old Mill",
        "Newgate",
        "Kingsway",
    ),
)
COMPANY_NOUNS = (
    *(
        "Logistics",
        "Foods",
        "Textiles",
        "Systems",
        "Medical",
        "Energy",
        "Software",
        "Retail",
        "Partners",
        "Studios",
    ),
    *("Manufacturing", "Consulting", "Media", "Robotics", "Pharma", "Insurance", "Marine", "Travel", "Labs"),
    *("Agriculture", "Telecom", "Security", "Education"),
)
COMPANY_ENDS = ("Inc", "Inc.", "LLC", "Ltd", "GmbH", "S.A.", "Co.", "", "Group", "Corporation", "PLC")
DOMAIN_ENDS = ("example.com", "example.org", "example.net")
CITIES = (
    ("Boston", "MA", "02110", "United States"),
    ("Austin", "TX", "78701", "USA"),
    ("San Francisco", "CA", "94105", "U.S.A."),
    ("London", "", "EC1A 1BB", "United Kingdom"),
    ("Manchester", "Greater Manchester", "M1 1AE", "UK"),
    ("Lyon", "Auvergne-Rhône-Alpes", "69002", "France"),
    ("München", "Bayern", "80331", "Germany"),
    ("Berlin", "", "10115", "Deutschland"),
    ("Bengaluru", "Karnataka", "560001", "India"),
    ("São Paulo", "SP", "01310-100", "Brazil"),
    ("Toronto", "ON", "M5H 2N2", "Canada"),
    ("Sydney", "NSW", "2000", "Australia"),
    ("Tokyo", "", "100-0001", "Japan"),
    ("Nairobi", "", "00100", "Kenya"),
)
STREETS = (
    "12 Main St",
    "400 Market Street",
    "7 Rue de la Paix",
    "221B Baker St.",
    "Unit 5, Dock Road",
    "PO Box 88",
)
TITLES = (
    *(
        "CEO",
        "VP Sales",
        "Head of Purchasing",
        "IT Manager",
        "Chief Financial Officer",
        "Buyer",
        "Office manager",
    ),
    *("cto", "Director, Operations"),
)
DEPARTMENTS = ("Sales", "Finance", "IT", "Operations", "Purchasing", "R&D", "HR")
DEAL_SUBJECTS = (
    *(
        "Annual licence",
        "Pilot",
        "Renewal",
        "Hardware refresh",
        "Support contract",
        "Expansion",
        "Migration project",
    ),
    *("Starter package", "Framework agreement", "Training days"),
)
NEXT_STEPS = ("Send quote", "Call back Monday", "waiting for legal", "Demo booked", "Budget approval")
TASK_SUBJECTS = (
    *("Follow up", "Send proposal", "Prepare demo", "Check invoice", "Call back", "Update contact data"),
    *("Contract to legal", "follow-up!!", "Renewal reminder"),
)
MEETING_SUBJECTS = ("Kick-off", "Quarterly review", "Demo", "Negotiation", "Site visit", "Lunch")
CALL_SUBJECTS = ("Intro call", "Price question", "Support request", "Missed call", "Check in")
NOTE_TITLES = ("Call summary", "Background", "Pricing", "Competitors", "To remember")
DESCRIPTIONS = (
    "Met at the trade show; wants a quote by the end of the quarter.",
    'Said: "call me in spring".\nPrefers e-mail.',
    "Long-standing customer. Pays late, <always> pays.",
    "Budget 50% approved, rest pending — ask Ana.",
    "  imported from spreadsheet  ",
)
PRODUCTS = (
    "Basic Plan",
    "Plus Plan",
    "Enterprise Plan",
    "Gateway X1",
    "Gateway X2",
    "Onboarding day",
    "Spare part kit",
)
