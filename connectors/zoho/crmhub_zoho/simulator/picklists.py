"""The stock pick lists of Zoho's standard modules."""

from crmhub.testing.simulator.schema_file import Choice


def _choices(*values: str) -> tuple[Choice, ...]:
    return tuple(Choice(value, value) for value in values)


def with_none(*values: str) -> tuple[Choice, ...]:
    """Choices that begin with Zoho's `-None-` (stored as null)."""
    return _choices("-None-", *values)


SALUTATION = with_none("Mr.", "Mrs.", "Ms.", "Dr.", "Prof.")
LEAD_SOURCE = with_none(
    "Advertisement",
    "Cold Call",
    "Employee Referral",
    "External Referral",
    "Online Store",
    "X (Twitter)",
    "Facebook",
    "Partner",
    "Public Relations",
    "Sales Email Alias",
    "Seminar Partner",
    "Internal Seminar",
    "Trade Show",
    "Web Download",
    "Web Research",
    "Chat",
)
LEAD_STATUS = with_none(
    "Attempted to Contact",
    "Contact in Future",
    "Contacted",
    "Junk Lead",
    "Lost Lead",
    "Not Contacted",
    "Pre-Qualified",
    "Not Qualified",
)
INDUSTRY = with_none(
    "ASP (Application Service Provider)",
    "Data/Telecom OEM",
    "ERP (Enterprise Resource Planning)",
    "Government/Military",
    "Large Enterprise",
    "ManagementISV",
    "MSP (Management Service Provider)",
    "Network Equipment Enterprise",
    "Non-management ISV",
    "Optical Networking",
    "Service Provider",
    "Small/Medium Enterprise",
    "Storage Equipment",
    "Storage Service Provider",
    "Systems Integrator",
    "Wireless Industry",
    "Communications",
    "Consulting",
    "Education",
    "Financial Services",
    "Manufacturing",
    "Real Estate",
    "Technology",
)
RATING = with_none("Acquired", "Active", "Market Failed", "Project Cancelled", "Shut Down")
ACCOUNT_TYPE = with_none(
    "Analyst",
    "Competitor",
    "Customer",
    "Distributor",
    "Integrator",
    "Investor",
    "Other",
    "Partner",
    "Press",
    "Prospect",
    "Reseller",
    "Supplier",
    "Vendor",
)
OWNERSHIP = with_none(
    "Other",
    "Private",
    "Public",
    "Subsidiary",
    "Partnership",
    "Government",
    "Privately Held",
    "Public Company",
)
DEAL_TYPE = with_none("Existing Business", "New Business")
LOSS_REASON = with_none(
    "Expectation Mismatch",
    "Price",
    "Unqualified Customer",
    "Lack of response",
    "Missed Follow Ups",
    "Wrong Target",
    "Competition",
    "Future Interest",
    "Other",
)
TASK_STATUS = _choices("Not Started", "Deferred", "In Progress", "Completed", "Waiting for input")
PRIORITY = _choices("High", "Highest", "Low", "Lowest", "Normal")
CALL_TYPE = _choices("Outbound", "Inbound", "Missed")
CALL_PURPOSE = with_none("Prospecting", "Administrative", "Negotiation", "Demo", "Project", "Desk", "Support")
CALL_RESULT = with_none(
    "Interested",
    "Not interested",
    "No response/Busy",
    "Requested more info",
    "Requested call back",
    "Invalid number",
)
OUTGOING_CALL_STATUS = with_none("Scheduled", "Completed", "Overdue", "Cancelled")
PRODUCT_CATEGORY = with_none("Hardware", "Software", "CRM Applications")
USAGE_UNIT = with_none(
    "Box", "Carton", "Dozen", "Each", "Hours", "Impressions", "Lb", "Pieces", "Unit", "Sq. Ft."
)
VENDOR_ACCOUNT = with_none("Sales-Software", "Sales-Hardware", "Rental Income", "Interest Income", "Other")
CAMPAIGN_TYPE = with_none(
    "Conference",
    "Webinar",
    "Trade Show",
    "Public Relations",
    "Partners",
    "Referral Program",
    "Advertisement",
    "Others",
)
CAMPAIGN_STATUS = with_none("Planning", "Active", "Inactive", "Completed")
