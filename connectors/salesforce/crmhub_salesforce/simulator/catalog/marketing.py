"""Campaign and its members, Case, Product2, Group."""

from crmhub_salesforce.simulator.catalog.fields import field
from crmhub_salesforce.simulator.catalog.sobject import SObject, audit, external_id, head, owner

_LONG = field("Description", "Description", "textarea", "CUN", 32000, extra="plaintextarea")

CAMPAIGN = SObject(
    "Campaign",
    "Campaign",
    "Campaigns",
    "701",
    fields=(
        *head("Campaign"),
        field("Name", "Name", "string", "CUM", 80),
        field(
            "ParentId",
            "Parent Campaign ID",
            "reference",
            "CUN",
            to=["Campaign"],
            via="Parent",
            children="ChildCampaigns",
        ),
        field(
            "Type",
            "Type",
            "picklist",
            "CUN",
            40,
            choices=("Conference", "Webinar", "Trade Show", "Email", "Other"),
        ),
        field(
            "Status",
            "Status",
            "picklist",
            "CUND",
            40,
            choices=("Planned", "In Progress", "Completed", "Aborted"),
            default="Planned",
        ),
        field("StartDate", "Start Date", "date", "CUN"),
        field("EndDate", "End Date", "date", "CUN"),
        field("ExpectedRevenue", "Expected Revenue", "currency", "CUN", numeric=(18, 0)),
        field("BudgetedCost", "Budgeted Cost", "currency", "CUN", numeric=(18, 0)),
        field("ActualCost", "Actual Cost", "currency", "CUN", numeric=(18, 0)),
        field("IsActive", "Active", "boolean", "CUD"),
        _LONG,
        owner(),
        *audit(),
        external_id(),
    ),
)
CAMPAIGN_MEMBER = SObject(
    "CampaignMember",
    "Campaign Member",
    "Campaign Members",
    "00v",
    undeletable=False,
    searchable=False,
    fields=(
        # Without IsDeleted: what is deleted is gone, and queryAll does not show it.
        *head("Campaign Member")[:1],
        field(
            "CampaignId",
            "Campaign ID",
            "reference",
            "CX",
            to=["Campaign"],
            via="Campaign",
            children="CampaignMembers",
        ),
        field("LeadId", "Lead ID", "reference", "CNX", to=["Lead"], via="Lead", children="CampaignMembers"),
        field(
            "ContactId",
            "Contact ID",
            "reference",
            "CNX",
            to=["Contact"],
            via="Contact",
            children="CampaignMembers",
        ),
        field("Status", "Status", "picklist", "CUND", 40, choices=("Sent", "Responded"), default="Sent"),
        field("HasResponded", "Responded", "boolean", "D"),
        *audit(),
    ),
)
CASE = SObject(
    "Case",
    "Case",
    "Cases",
    "500",
    fields=(
        *head("Case"),
        field("CaseNumber", "Case Number", "string", "DLM", 30),
        field("ContactId", "Contact ID", "reference", "CUN", to=["Contact"], via="Contact", children="Cases"),
        field("AccountId", "Account ID", "reference", "CUN", to=["Account"], via="Account", children="Cases"),
        field("ParentId", "Parent Case ID", "reference", "CUN", to=["Case"], via="Parent", children="Cases"),
        field("SuppliedName", "Name", "string", "CUN", 80),
        field("SuppliedEmail", "Email Address", "email", "CUN", 80),
        field(
            "Type", "Case Type", "picklist", "CUN", 255, choices=("Problem", "Feature Request", "Question")
        ),
        field(
            "Status",
            "Status",
            "picklist",
            "CUND",
            255,
            choices=("New", "Working", "Escalated", "Closed"),
            default="New",
        ),
        field(
            "Reason", "Case Reason", "picklist", "CUN", 255, choices=("Installation", "Performance", "Other")
        ),
        field("Origin", "Case Origin", "picklist", "CUN", 255, choices=("Phone", "Email", "Web")),
        field("Subject", "Subject", "string", "CUN", 255),
        field(
            "Priority",
            "Priority",
            "picklist",
            "CUND",
            255,
            choices=("High", "Medium", "Low"),
            default="Medium",
        ),
        _LONG,
        field("IsClosed", "Closed", "boolean", "D"),
        field("ClosedDate", "Closed Date", "datetime", "N"),
        field("IsEscalated", "Escalated", "boolean", "CUD"),
        owner("Group", "User"),
        *audit(),
        external_id(),
    ),
)
PRODUCT = SObject(
    "Product2",
    "Product",
    "Products",
    "01t",
    fields=(
        *head("Product"),
        field("Name", "Product Name", "string", "CUM", 255),
        field("ProductCode", "Product Code", "string", "CUN", 255),
        field("Description", "Product Description", "textarea", "CUN", 4000, extra="plaintextarea"),
        field("IsActive", "Active", "boolean", "CUD"),
        field("Family", "Product Family", "picklist", "CUN", 40, choices=("None", "Hardware", "Service")),
        field("StockKeepingUnit", "Product SKU", "string", "CUN", 180),
        *audit(),
        external_id(),
    ),
)
GROUP = SObject(
    "Group",
    "Group",
    "Groups",
    "00G",
    searchable=False,
    customizable=False,
    undeletable=False,
    fields=(
        *head("Group")[:1],
        field("Name", "Name", "string", "CUM", 40),
        field("DeveloperName", "Developer Name", "string", "CUN", 80),
        field("Type", "Type", "picklist", "CNR", 40, choices=("Regular", "Queue"), default="Regular"),
        field("Email", "Email", "email", "CUN", 255),
        *audit(),
    ),
)
MARKETING = (CAMPAIGN, CAMPAIGN_MEMBER, CASE, PRODUCT, GROUP)
