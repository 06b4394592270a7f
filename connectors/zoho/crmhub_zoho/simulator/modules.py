"""The standard modules and their fields.

Source: Zoho CRM API v8, "Insert Records" (mandatory fields), "Upsert Records" (duplicate check fields)
and the stock layouts of a new organisation.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from crmhub.testing.simulator.schema_file import Choice
from crmhub_zoho.simulator import picklists as lists
from crmhub_zoho.simulator.fields import ANY_MODULE, Field
from crmhub_zoho.simulator.stages import PIPELINE, STAGE_CHOICES


@dataclass(frozen=True)
class Related:
    """A related list: its API name, the module of its records and the field through which they point back."""

    api_name: str
    module: str
    through: str


@dataclass(frozen=True)
class ModuleSpec:
    """A module: labels, the field that names a record, upsert's system check field, fields and related
    lists.
    """

    api_name: str
    singular: str
    plural: str
    name_field: str
    fields: tuple[Field, ...]
    check_field: str | None = None
    searchable: bool = True
    related: tuple[Related, ...] = ()


def _f(name: str, kind: str = "text", label: str = "", length: int = 0, *, must: bool = False) -> Field:
    return Field(name, kind, label, length, must)


def _pick(name: str, choices: tuple[Choice, ...], label: str = "", *, must: bool = False) -> Field:
    return Field(name, "picklist", label, mandatory=must, choices=choices)


def _to(name: str, module: str, label: str = "") -> Field:
    return Field(name, "lookup", label, target=module)


def _auto(name: str, kind: str, label: str = "") -> Field:
    return Field(name, kind, label, read_only=True)


def _system(owner: str) -> tuple[Field, ...]:
    return (
        Field("Owner", "ownerlookup", owner),
        _auto("Created_By", "ownerlookup"),
        _auto("Modified_By", "ownerlookup"),
        _auto("Created_Time", "datetime"),
        _auto("Modified_Time", "datetime"),
    )


def _address(prefix: str, code: str) -> tuple[Field, ...]:
    lengths = {"Street": 250, "City": 100, "State": 100, code: 30, "Country": 100}
    return tuple(_f(f"{prefix}{part}", "text", "", length) for part, length in lengths.items())


_NOTES = Related("Notes", "Notes", "Parent_Id")
_ABOUT = tuple(Related(name, name, "What_Id") for name in ("Tasks", "Events", "Calls"))
_WITH = tuple(Related(name, name, "Who_Id") for name in ("Tasks", "Events", "Calls"))
_END = (_auto("Tag", "tags"), _f("Description", "textarea"))

_PERSON = (
    _pick("Salutation", lists.SALUTATION),
    _f("First_Name", length=40),
    _f("Last_Name", length=80, must=True),
    Field("Full_Name", "text", length=120, read_only=True),
    _f("Email", "email"),
    _f("Secondary_Email", "email"),
    _f("Phone", "phone"),
    _f("Mobile", "phone"),
    _f("Fax", "phone"),
    _pick("Lead_Source", lists.LEAD_SOURCE),
    _f("Email_Opt_Out", "boolean"),
    _f("Skype_ID", "text", "Skype ID", 50),
    _f("Twitter", "text", "X", 50),
    _auto("Last_Activity_Time", "datetime"),
)

ACCOUNTS = ModuleSpec(
    "Accounts",
    "Account",
    "Accounts",
    "Account_Name",
    (
        *_system("Account Owner"),
        _f("Account_Name", length=200, must=True),
        _f("Account_Site", length=80),
        _to("Parent_Account", "Accounts"),
        _f("Account_Number", "bigint"),
        _pick("Account_Type", lists.ACCOUNT_TYPE),
        _pick("Industry", lists.INDUSTRY),
        _f("Annual_Revenue", "currency"),
        _pick("Rating", lists.RATING),
        _f("Phone", "phone"),
        _f("Fax", "phone"),
        _f("Website", "website"),
        _f("Ticker_Symbol", length=30),
        _pick("Ownership", lists.OWNERSHIP),
        _f("Employees", "integer"),
        _f("SIC_Code", "integer", "SIC Code"),
        *_address("Billing_", "Code"),
        *_address("Shipping_", "Code"),
        _auto("Last_Activity_Time", "datetime"),
        *_END,
    ),
    check_field="Account_Name",
    related=(
        Related("Contacts", "Contacts", "Account_Name"),
        Related("Deals", "Deals", "Account_Name"),
        Related("Member_Accounts", "Accounts", "Parent_Account"),
        *_ABOUT,
        _NOTES,
    ),
)

CONTACTS = ModuleSpec(
    "Contacts",
    "Contact",
    "Contacts",
    "Full_Name",
    (
        *_system("Contact Owner"),
        *_PERSON,
        _to("Account_Name", "Accounts"),
        _to("Vendor_Name", "Vendors"),
        _f("Title", length=100),
        _f("Department", length=50),
        _f("Home_Phone", "phone"),
        _f("Other_Phone", "phone"),
        _f("Assistant", length=50),
        _f("Asst_Phone", "phone"),
        _f("Date_of_Birth", "date"),
        _to("Reporting_To", "Contacts"),
        *_address("Mailing_", "Zip"),
        *_address("Other_", "Zip"),
        *_END,
    ),
    check_field="Email",
    related=(
        Related("Deals", "Deals", "Contact_Name"),
        Related("Reporting_Contacts", "Contacts", "Reporting_To"),
        *_WITH,
        _NOTES,
    ),
)

LEADS = ModuleSpec(
    "Leads",
    "Lead",
    "Leads",
    "Full_Name",
    (
        *_system("Lead Owner"),
        *_PERSON,
        _f("Company", length=200),
        _f("Designation", "text", "Title", 100),
        _f("Website", "website"),
        _pick("Lead_Status", lists.LEAD_STATUS),
        _pick("Industry", lists.INDUSTRY),
        _f("No_of_Employees", "integer", "No. of Employees"),
        _f("Annual_Revenue", "currency"),
        _pick("Rating", lists.RATING),
        *_address("", "Zip_Code"),
        Field("Converted__s", "boolean", "Is Converted", read_only=True),
        *_END,
        *(
            Field(f"Converted_{one}", "lookup", target=f"{one}s", read_only=True)
            for one in ("Account", "Contact", "Deal")
        ),
    ),
    check_field="Email",
    related=(*_ABOUT, _NOTES),
)

DEALS = ModuleSpec(
    "Deals",
    "Deal",
    "Deals",
    "Deal_Name",
    (
        *_system("Deal Owner"),
        _f("Deal_Name", length=120, must=True),
        _to("Account_Name", "Accounts"),
        _to("Contact_Name", "Contacts"),
        _pick("Type", lists.DEAL_TYPE),
        _f("Amount", "currency"),
        _f("Closing_Date", "date"),
        _pick("Pipeline", (Choice(PIPELINE, PIPELINE),)),
        _pick("Stage", STAGE_CHOICES, must=True),
        Field("Probability", "integer", "Probability (%)", 3),
        Field("Expected_Revenue", "currency", read_only=True),
        _f("Next_Step", length=100),
        _pick("Lead_Source", lists.LEAD_SOURCE),
        _to("Campaign_Source", "Campaigns"),
        _pick("Reason_For_Loss__s", lists.LOSS_REASON, "Reason For Loss"),
        _auto("Last_Activity_Time", "datetime"),
        *_END,
    ),
    check_field="Deal_Name",
    related=(*_ABOUT, _NOTES),
)

_LINKS = (_to("Who_Id", "Contacts", "Contact Name"), _to("What_Id", ANY_MODULE, "Related To"))

TASKS = ModuleSpec(
    "Tasks",
    "Task",
    "Tasks",
    "Subject",
    (
        *_system("Task Owner"),
        _f("Subject", length=300, must=True),
        _f("Due_Date", "date"),
        *_LINKS,
        _pick("Status", lists.TASK_STATUS),
        _pick("Priority", lists.PRIORITY),
        _auto("Closed_Time", "datetime"),
        _f("Send_Notification_Email", "boolean"),
        *_END,
    ),
    related=(_NOTES,),
)

EVENTS = ModuleSpec(
    "Events",
    "Meeting",
    "Meetings",
    "Event_Title",
    (
        *_system("Host"),
        _f("Event_Title", "text", "Title", 255, must=True),
        _f("Venue", "text", "Location", 255),
        _f("All_day", "boolean", "All day"),
        _f("Start_DateTime", "datetime", "From", must=True),
        _f("End_DateTime", "datetime", "To", must=True),
        *_LINKS,
        *_END,
    ),
    related=(_NOTES,),
)

CALLS = ModuleSpec(
    "Calls",
    "Call",
    "Calls",
    "Subject",
    (
        *_system("Call Owner"),
        _f("Subject", length=255, must=True),
        _pick("Call_Type", lists.CALL_TYPE, must=True),
        _pick("Call_Purpose", lists.CALL_PURPOSE),
        _f("Call_Start_Time", "datetime", must=True),
        _f("Call_Duration", "text", "Call Duration", 10, must=True),
        Field("Call_Duration_in_seconds", "integer", read_only=True),
        *_LINKS,
        _f("Call_Agenda", "text", "Call Agenda", 255),
        _pick("Call_Result", lists.CALL_RESULT),
        _pick("Outgoing_Call_Status", lists.OUTGOING_CALL_STATUS),
        *_END,
    ),
    related=(_NOTES,),
)

NOTES = ModuleSpec(
    "Notes",
    "Note",
    "Notes",
    "Note_Title",
    (
        *_system("Note Owner"),
        _f("Note_Title", length=120),
        _f("Note_Content", "textarea", length=65535),
        Field("Parent_Id", "lookup", "Parent ID", target=ANY_MODULE, mandatory=True),
    ),
    searchable=False,
)

ATTACHMENTS = ModuleSpec(
    "Attachments",
    "Attachment",
    "Attachments",
    "File_Name",
    (
        *_system("Attachment Owner"),
        _f("File_Name", length=255, must=True),
        _auto("Size", "bigint"),
        Field("Parent_Id", "lookup", "Parent ID", target=ANY_MODULE, mandatory=True),
    ),
    searchable=False,
)
"""Not among the modules whose records are listed: attachments are reached through their records."""

PRODUCTS = ModuleSpec(
    "Products",
    "Product",
    "Products",
    "Product_Name",
    (
        *_system("Product Owner"),
        _f("Product_Name", length=200, must=True),
        _f("Product_Code", length=50),
        _to("Vendor_Name", "Vendors"),
        _f("Product_Active", "boolean"),
        _f("Manufacturer", length=100),
        _pick("Product_Category", lists.PRODUCT_CATEGORY),
        _f("Sales_Start_Date", "date"),
        _f("Sales_End_Date", "date"),
        _f("Unit_Price", "currency"),
        _f("Commission_Rate", "currency"),
        _pick("Usage_Unit", lists.USAGE_UNIT),
        _f("Qty_in_Stock", "double", "Quantity in Stock"),
        _f("Qty_in_Demand", "double", "Quantity in Demand"),
        _f("Taxable", "boolean"),
        *_END,
    ),
    check_field="Product_Name",
    related=(*_ABOUT, _NOTES),
)

VENDORS = ModuleSpec(
    "Vendors",
    "Vendor",
    "Vendors",
    "Vendor_Name",
    (
        *_system("Vendor Owner"),
        _f("Vendor_Name", length=120, must=True),
        _f("Phone", "phone"),
        _f("Email", "email"),
        _f("Website", "website"),
        _pick("GL_Account", lists.VENDOR_ACCOUNT, "GL Account"),
        _f("Category", length=120),
        *_address("", "Zip_Code"),
        *_END,
    ),
    check_field="Vendor_Name",
    related=(
        Related("Products", "Products", "Vendor_Name"),
        Related("Contacts", "Contacts", "Vendor_Name"),
        _NOTES,
    ),
)

CAMPAIGNS = ModuleSpec(
    "Campaigns",
    "Campaign",
    "Campaigns",
    "Campaign_Name",
    (
        *_system("Campaign Owner"),
        _f("Campaign_Name", length=200, must=True),
        _pick("Type", lists.CAMPAIGN_TYPE),
        _pick("Status", lists.CAMPAIGN_STATUS),
        _f("Start_Date", "date"),
        _f("End_Date", "date"),
        _f("Expected_Revenue", "currency"),
        _f("Budgeted_Cost", "currency"),
        _f("Actual_Cost", "currency"),
        _f("Expected_Response", "bigint"),
        *_END,
    ),
    check_field="Campaign_Name",
    related=(Related("Deals", "Deals", "Campaign_Source"), _NOTES),
)

STANDARD: Mapping[str, ModuleSpec] = {
    spec.api_name: spec
    for spec in (
        LEADS,
        ACCOUNTS,
        CONTACTS,
        DEALS,
        TASKS,
        EVENTS,
        CALLS,
        PRODUCTS,
        VENDORS,
        CAMPAIGNS,
        NOTES,
    )
}
ACTIVITIES = frozenset({"Tasks", "Events", "Calls"})
