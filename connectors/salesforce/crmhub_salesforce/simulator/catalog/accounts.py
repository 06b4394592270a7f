"""Account, Contact and Lead (field lists from describes of a real org, API v52 to v62)."""

from crmhub_salesforce.simulator.catalog.fields import Field, field
from crmhub_salesforce.simulator.catalog.sobject import (
    SObject,
    address,
    audit,
    external_id,
    head,
    merged_into,
    owner,
)

INDUSTRIES = (
    "Agriculture",
    "Apparel",
    "Banking",
    "Biotechnology",
    "Chemicals",
    "Communications",
    "Construction",
    "Consulting",
    "Education",
    "Electronics",
    "Energy",
    "Engineering",
    "Entertainment",
    "Environmental",
    "Finance",
    "Food & Beverage",
    "Government",
    "Healthcare",
    "Hospitality",
    "Insurance",
    "Machinery",
    "Manufacturing",
    "Media",
    "Not For Profit",
    "Recreation",
    "Retail",
    "Shipping",
    "Technology",
    "Telecommunications",
    "Transportation",
    "Utilities",
    "Other",
)
SOURCES = ("Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other")
RATINGS = ("Hot", "Warm", "Cold")
SALUTATIONS = ("Mr.", "Ms.", "Mrs.", "Dr.", "Prof.")
ACCOUNT_TYPES = (
    "Prospect",
    "Customer - Direct",
    "Customer - Channel",
    "Channel Partner / Reseller",
    "Installation Partner",
    "Technology Partner",
    "Other",
)
LEAD_STATUSES = (
    "Open - Not Contacted",
    "Working - Contacted",
    "Closed - Converted",
    "Closed - Not Converted",
)
_CLEAN = (
    "Matched",
    "Different",
    "Acknowledged",
    "NotFound",
    "Inactive",
    "Pending",
    "SelectMatch",
    "Skipped",
)


def seen() -> tuple[Field, ...]:
    """When somebody last worked with a record or looked at it."""
    return (
        field("LastActivityDate", "Last Activity", "date", "N"),
        field("LastViewedDate", "Last Viewed Date", "datetime", "N"),
        field("LastReferencedDate", "Last Referenced Date", "datetime", "N"),
    )


def _person() -> tuple[Field, ...]:
    return (
        field("LastName", "Last Name", "string", "CU", 80, part_of="Name", extra="personname"),
        field("FirstName", "First Name", "string", "CUN", 40, part_of="Name", extra="personname"),
        field(
            "Salutation",
            "Salutation",
            "picklist",
            "CUN",
            40,
            choices=SALUTATIONS,
            part_of="Name",
            extra="personname",
        ),
        field("Name", "Full Name", "string", "M", 121, extra="personname"),
    )


def _cleaning(key: str) -> tuple[Field, ...]:
    return (
        field("Jigsaw", "Data.com Key", "string", "CUN", 20),
        field(key, f"{key[:6]} {key[6:-2]} ID", "string", "N", 20),
        field("CleanStatus", "Clean Status", "picklist", "CUNR", 40, choices=_CLEAN),
    )


def _long(label: str) -> Field:
    return field("Description", label, "textarea", "CUN", 32000, extra="plaintextarea")


_PHOTO = field("PhotoUrl", "Photo URL", "url", "N", 255, extra="imageurl")

ACCOUNT = SObject(
    "Account",
    "Account",
    "Accounts",
    "001",
    mergeable=True,
    fields=(
        *head("Account"),
        merged_into("Account"),
        field("Name", "Account Name", "string", "CUM", 255, extra="switchablepersonname"),
        field("Type", "Account Type", "picklist", "CUN", 40, choices=ACCOUNT_TYPES),
        field(
            "ParentId",
            "Parent Account ID",
            "reference",
            "CUN",
            to=["Account"],
            via="Parent",
            children="ChildAccounts",
        ),
        *address("Billing", "Billing"),
        *address("Shipping", "Shipping"),
        field("Phone", "Account Phone", "phone", "CUN", 40),
        field("Fax", "Account Fax", "phone", "CUN", 40),
        field("AccountNumber", "Account Number", "string", "CUN", 40),
        field("Website", "Website", "url", "CUN", 255),
        _PHOTO,
        field("Sic", "SIC Code", "string", "CUN", 20),
        field("Industry", "Industry", "picklist", "CUN", 40, choices=INDUSTRIES),
        field("AnnualRevenue", "Annual Revenue", "currency", "CUN", numeric=(18, 0)),
        field("NumberOfEmployees", "Employees", "int", "CUN", digits=8),
        field(
            "Ownership",
            "Ownership",
            "picklist",
            "CUN",
            40,
            choices=("Public", "Private", "Subsidiary", "Other"),
        ),
        field("TickerSymbol", "Ticker Symbol", "string", "CUN", 20),
        _long("Account Description"),
        field("Rating", "Account Rating", "picklist", "CUN", 40, choices=RATINGS),
        field("Site", "Account Site", "string", "CUN", 80),
        owner(),
        *audit(),
        *seen(),
        *_cleaning("JigsawCompanyId"),
        field("AccountSource", "Account Source", "picklist", "CUN", 40, choices=SOURCES),
        field("DunsNumber", "D-U-N-S Number", "string", "CUN", 9),
        field("Tradestyle", "Tradestyle", "string", "CUN", 255),
        field("NaicsCode", "NAICS Code", "string", "CUN", 8),
        field("NaicsDesc", "NAICS Description", "string", "CUN", 120),
        field("YearStarted", "Year Started", "string", "CUN", 4),
        field("SicDesc", "SIC Description", "string", "CUN", 80),
        external_id(),
    ),
)

CONTACT = SObject(
    "Contact",
    "Contact",
    "Contacts",
    "003",
    mergeable=True,
    fields=(
        *head("Contact"),
        merged_into("Contact"),
        field(
            "AccountId",
            "Account ID",
            "reference",
            "CUNX",
            to=["Account"],
            via="Account",
            children="Contacts",
        ),
        *_person(),
        *address("Other", "Other"),
        *address("Mailing", "Mailing"),
        field("Phone", "Business Phone", "phone", "CUN", 40),
        field("Fax", "Business Fax", "phone", "CUN", 40),
        field("MobilePhone", "Mobile Phone", "phone", "CUN", 40),
        field("HomePhone", "Home Phone", "phone", "CUN", 40),
        field("OtherPhone", "Other Phone", "phone", "CUN", 40),
        field("AssistantPhone", "Asst. Phone", "phone", "CUN", 40),
        field("ReportsToId", "Reports To ID", "reference", "CUN", to=["Contact"], via="ReportsTo"),
        field("Email", "Email", "email", "CUNL", 80),
        field("Title", "Title", "string", "CUN", 128),
        field("Department", "Department", "string", "CUN", 80),
        field("AssistantName", "Assistant's Name", "string", "CUN", 40),
        field("LeadSource", "Lead Source", "picklist", "CUN", 255, choices=SOURCES),
        field("Birthdate", "Birthdate", "date", "CUN"),
        _long("Contact Description"),
        owner(),
        *audit(),
        field("LastActivityDate", "Last Activity", "date", "N"),
        field("LastCURequestDate", "Last Stay-in-Touch Request Date", "datetime", "N"),
        field("LastCUUpdateDate", "Last Stay-in-Touch Save Date", "datetime", "N"),
        *seen()[1:],
        field("EmailBouncedReason", "Email Bounced Reason", "string", "CUN", 255),
        field("EmailBouncedDate", "Email Bounced Date", "datetime", "CUN"),
        field("IsEmailBounced", "Is Email Bounced", "boolean", "D"),
        _PHOTO,
        *_cleaning("JigsawContactId"),
        external_id(),
    ),
)

LEAD = SObject(
    "Lead",
    "Lead",
    "Leads",
    "00Q",
    mergeable=True,
    fields=(
        *head("Lead"),
        merged_into("Lead"),
        *_person(),
        field("Title", "Title", "string", "CUN", 128),
        field("Company", "Company", "string", "CU", 255),
        *address("", ""),
        field("Phone", "Phone", "phone", "CUN", 40),
        field("MobilePhone", "Mobile Phone", "phone", "CUN", 40),
        field("Fax", "Fax", "phone", "CUN", 40),
        field("Email", "Email", "email", "CUNL", 80),
        field("Website", "Website", "url", "CUN", 255),
        _PHOTO,
        _long("Description"),
        field("LeadSource", "Lead Source", "picklist", "CUN", 255, choices=SOURCES),
        field(
            "Status", "Status", "picklist", "CUD", 255, choices=LEAD_STATUSES, default="Open - Not Contacted"
        ),
        field("Industry", "Industry", "picklist", "CUN", 255, choices=INDUSTRIES),
        field("Rating", "Rating", "picklist", "CUN", 255, choices=RATINGS),
        field("AnnualRevenue", "Annual Revenue", "currency", "CUN", numeric=(18, 0)),
        field("NumberOfEmployees", "Employees", "int", "CUN", digits=8),
        owner("Group", "User"),
        # Createable in an org with special permissions only; conversion is not part of REST.
        field("IsConverted", "Converted", "boolean", "D"),
        field("ConvertedDate", "Converted Date", "date", "N"),
        field(
            "ConvertedAccountId",
            "Converted Account ID",
            "reference",
            "N",
            to=["Account"],
            via="ConvertedAccount",
        ),
        field(
            "ConvertedContactId",
            "Converted Contact ID",
            "reference",
            "N",
            to=["Contact"],
            via="ConvertedContact",
        ),
        field(
            "ConvertedOpportunityId",
            "Converted Opportunity ID",
            "reference",
            "N",
            to=["Opportunity"],
            via="ConvertedOpportunity",
        ),
        field("IsUnreadByOwner", "Unread By Owner", "boolean", "CUD"),
        *audit(),
        *seen(),
        *_cleaning("JigsawContactId"),
        field("CompanyDunsNumber", "Company D-U-N-S Number", "string", "CUN", 9),
        field("EmailBouncedReason", "Email Bounced Reason", "string", "UN", 255),
        field("EmailBouncedDate", "Email Bounced Date", "datetime", "UN"),
        external_id(),
    ),
)
