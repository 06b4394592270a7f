"""User and Organization. Users come from the users file; they can be changed, but not created or deleted
here.
"""

from crmhub_salesforce.simulator.catalog.fields import Field, field
from crmhub_salesforce.simulator.catalog.sobject import SObject, address, audit, head

_ZONES = ("America/Los_Angeles", "America/New_York", "Asia/Kolkata", "Europe/London", "Europe/Paris", "GMT")
_LOCALES = ("en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "ja_JP")


def _settings() -> tuple[Field, ...]:
    return (
        field("TimeZoneSidKey", "Time Zone", "picklist", "UR", 40, choices=_ZONES),
        field("LocaleSidKey", "Locale", "picklist", "UR", 40, choices=_LOCALES),
        field("EmailEncodingKey", "Email Encoding", "picklist", "UR", 40, choices=("UTF-8", "ISO-8859-1")),
        field(
            "LanguageLocaleKey", "Language", "picklist", "UR", 40, choices=("en_US", "de", "fr", "es", "ja")
        ),
    )


USER = SObject(
    "User",
    "User",
    "Users",
    "005",
    createable=False,
    deletable=False,
    undeletable=False,
    fields=(
        *head("User")[:1],
        field("Username", "Username", "string", "UL", 80),
        field("LastName", "Last Name", "string", "U", 80, part_of="Name", extra="personname"),
        field("FirstName", "First Name", "string", "UN", 40, part_of="Name", extra="personname"),
        field("Name", "Full Name", "string", "M", 121, extra="personname"),
        field("CompanyName", "Company Name", "string", "UN", 80),
        field("Division", "Division", "string", "UN", 80),
        field("Department", "Department", "string", "UN", 80),
        field("Title", "Title", "string", "UN", 80),
        *address("", ""),
        field("Email", "Email", "email", "UL", 128),
        field("Phone", "Phone", "phone", "UN", 40),
        field("Fax", "Fax", "phone", "UN", 40),
        field("MobilePhone", "Mobile", "phone", "UN", 40),
        field("Alias", "Alias", "string", "U", 8),
        field("CommunityNickname", "Nickname", "string", "UL", 40),
        field("IsActive", "Active", "boolean", "UD"),
        *_settings(),
        field(
            "UserType",
            "User Type",
            "picklist",
            "NR",
            40,
            choices=("Standard", "PowerPartner", "CspLitePortal", "Guest", "AutomatedProcess"),
        ),
        field("EmployeeNumber", "Employee Number", "string", "UN", 20),
        field("ManagerId", "Manager ID", "reference", "UN", to=["User"], via="Manager"),
        field("LastLoginDate", "Last Login", "datetime", "N"),
        *audit(),
        field("FederationIdentifier", "SAML Federation ID", "string", "UNL", 512),
        field("AboutMe", "About Me", "textarea", "UN", 1000, extra="plaintextarea"),
    ),
)

ORGANIZATION = SObject(
    "Organization",
    "Organization",
    "Organizations",
    "00D",
    createable=False,
    updateable=False,
    deletable=False,
    undeletable=False,
    searchable=False,
    customizable=False,
    fields=(
        *head("Organization")[:1],
        field("Name", "Name", "string", "M", 80),
        field("Division", "Division", "string", "N", 80),
        *address("", ""),
        field("Phone", "Phone", "phone", "N", 40),
        field("Fax", "Fax", "phone", "N", 40),
        field("PrimaryContact", "Primary Contact", "string", "N", 80),
        field("DefaultLocaleSidKey", "Locale", "picklist", "R", 40, choices=_LOCALES),
        field("TimeZoneSidKey", "Time Zone", "picklist", "R", 40, choices=_ZONES),
        field(
            "LanguageLocaleKey", "Language", "picklist", "R", 40, choices=("en_US", "de", "fr", "es", "ja")
        ),
        field("FiscalYearStartMonth", "Fiscal Year Starts In", "int", "N", digits=9),
        field("UsesStartDateAsFiscalYearName", "Fiscal Year Name by Start", "boolean", "D"),
        field("SignupCountryIsoCode", "Signup Country", "string", "N", 2),
        field("TrialExpirationDate", "Trial Expiration Date", "datetime", "N"),
        field(
            "OrganizationType",
            "Edition",
            "picklist",
            "NR",
            40,
            choices=("Developer Edition", "Enterprise Edition", "Professional Edition", "Unlimited Edition"),
        ),
        field("NamespacePrefix", "Namespace Prefix", "string", "N", 15),
        field("InstanceName", "Instance Name", "string", "N", 5),
        field("IsSandbox", "Is Sandbox", "boolean", "D"),
        *audit(),
    ),
)
