"""Properties of contacts, companies, deals, tickets and leads.

Source: HubSpot knowledge base, "HubSpot's default contact properties" and its sisters for each object; the
guides of the objects' APIs.
"""

from crmhub_rest.simulators.hubspot.catalog.properties import (
    choice,
    day,
    external,
    fixed,
    flag,
    moment,
    number,
    phone,
    same,
    text,
)

_STAGES = [
    ("subscriber", "Subscriber"),
    ("lead", "Lead"),
    ("marketingqualifiedlead", "Marketing Qualified Lead"),
    ("salesqualifiedlead", "Sales Qualified Lead"),
    ("opportunity", "Opportunity"),
    ("customer", "Customer"),
    ("evangelist", "Evangelist"),
    ("other", "Other"),
]
_LEAD_STATUS = same(
    "NEW",
    "OPEN",
    "IN_PROGRESS",
    "OPEN_DEAL",
    "UNQUALIFIED",
    "ATTEMPTED_TO_CONTACT",
    "CONNECTED",
    "BAD_TIMING",
)
_INDUSTRIES = same(
    *("ACCOUNTING", "AIRLINES_AVIATION", "APPAREL_FASHION", "AUTOMOTIVE", "BANKING", "BIOTECHNOLOGY"),
    *("CHEMICALS", "COMPUTER_SOFTWARE", "CONSTRUCTION", "CONSUMER_GOODS", "EDUCATION_MANAGEMENT"),
    *(
        "FINANCIAL_SERVICES",
        "ENTERTAINMENT",
        "ENVIRONMENTAL_SERVICES",
        "GOVERNMENT_ADMINISTRATION",
        "MEDIA_PRODUCTION",
    ),
    *(
        "OIL_ENERGY",
        "FOOD_BEVERAGES",
        "HOSPITAL_HEALTH_CARE",
        "HOSPITALITY",
        "INFORMATION_TECHNOLOGY_AND_SERVICES",
    ),
    *("INSURANCE", "INTERNET", "MACHINERY", "MANAGEMENT_CONSULTING", "MARKETING_AND_ADVERTISING"),
    *("NON_PROFIT_ORGANIZATION_MANAGEMENT", "REAL_ESTATE", "RETAIL", "TELECOMMUNICATIONS"),
    *("TRANSPORTATION_TRUCKING_RAILROAD", "UTILITIES", "WHOLESALE"),
)
_ADDRESS = (
    text("address", "Street Address"),
    text("city", "City"),
    text("state", "State/Region"),
    text("zip", "Postal Code"),
    text("country", "Country/Region"),
)

CONTACT = (
    text("email", "Email"),
    text("firstname", "First Name"),
    text("lastname", "Last Name"),
    phone("phone", "Phone Number"),
    phone("mobilephone", "Mobile Phone Number"),
    phone("fax", "Fax Number"),
    text("company", "Company Name"),
    text("jobtitle", "Job Title"),
    text("salutation", "Salutation"),
    text("website", "Website URL"),
    *_ADDRESS,
    text("industry", "Industry"),
    number("annualrevenue", "Annual Revenue"),
    text("numemployees", "Number of Employees"),
    text("message", "Message", area=True),
    day("date_of_birth", "Date of birth"),
    choice("lifecyclestage", "Lifecycle Stage", _STAGES),
    choice("hs_lead_status", "Lead Status", _LEAD_STATUS),
    choice("hs_language", "Preferred language", [("de", "German"), ("en", "English"), ("fr", "French")]),
    choice(
        "hs_buying_role",
        "Buying Role",
        same("BLOCKER", "BUDGET_HOLDER", "CHAMPION", "DECISION_MAKER"),
        many=True,
    ),
    flag("hs_email_optout", "Unsubscribed from all email"),
    text("work_email", "Work email"),
    text("twitterhandle", "X Username"),
    text("hs_linkedin_url", "LinkedIn URL"),
    text("job_function", "Job function"),
    text("seniority", "Seniority"),
    text("degree", "Degree"),
    text("school", "School"),
    text("gender", "Gender"),
    text("marital_status", "Marital Status"),
    moment("closedate", "Close Date"),
    number("num_associated_deals", "Number of Associated Deals", calculated=True),
    fixed(number("associatedcompanyid", "Primary Associated Company ID")),
    fixed(text("hs_additional_emails", "Additional email addresses")),
    fixed(text("hs_email_domain", "Email Domain")),
    fixed(text("hs_full_name_or_email", "Full name or email")),
)

COMPANY = (
    text("name", "Company name"),
    text("domain", "Company Domain Name"),
    phone("phone", "Phone Number"),
    text("website", "Website URL"),
    *_ADDRESS,
    text("address2", "Street Address 2"),
    choice("industry", "Industry", _INDUSTRIES),
    number("annualrevenue", "Annual Revenue"),
    number("numberofemployees", "Number of Employees"),
    text("description", "Description", area=True),
    text("founded_year", "Year Founded"),
    choice("lifecyclestage", "Lifecycle Stage", _STAGES),
    choice("hs_lead_status", "Lead Status", _LEAD_STATUS),
    choice("type", "Type", same("PROSPECT", "PARTNER", "RESELLER", "VENDOR", "OTHER")),
    text("timezone", "Time Zone"),
    text("linkedin_company_page", "LinkedIn Company Page"),
    flag("is_public", "Is Public"),
    text("about_us", "About Us", area=True),
    text("twitterhandle", "X Handle"),
    text("facebook_company_page", "Facebook Company Page"),
    text("total_money_raised", "Total Money Raised"),
    moment("closedate", "Close Date"),
    number("num_associated_contacts", "Number of Associated Contacts", calculated=True),
    number("num_associated_deals", "Number of Associated Deals", calculated=True),
)

DEAL = (
    text("dealname", "Deal Name"),
    number("amount", "Amount"),
    choice("deal_currency_code", "Currency", [(code, code) for code in ("USD", "EUR", "GBP", "CAD")]),
    moment("closedate", "Close Date"),
    external("pipeline", "Pipeline"),
    external("dealstage", "Deal Stage"),
    choice(
        "dealtype", "Deal Type", [("newbusiness", "New Business"), ("existingbusiness", "Existing Business")]
    ),
    text("description", "Deal Description", area=True),
    choice("hs_priority", "Priority", [(word, word.capitalize()) for word in ("low", "medium", "high")]),
    text("hs_next_step", "Next step"),
    text("closed_lost_reason", "Closed Lost Reason", area=True),
    text("closed_won_reason", "Closed Won Reason", area=True),
    number("hs_deal_stage_probability", "Deal probability", calculated=True),
    number("amount_in_home_currency", "Amount in company currency", calculated=True),
    flag("hs_is_closed", "Is Deal Closed?", calculated=True),
    flag("hs_is_closed_won", "Is Closed Won", calculated=True),
    flag("hs_is_closed_lost", "Is Closed Lost", calculated=True),
    number("hs_closed_amount", "Closed Deal Amount", calculated=True),
    number("num_associated_contacts", "Number of Associated Contacts", calculated=True),
    choice(
        "hs_manual_forecast_category",
        "Forecast category",
        same("OMIT", "PIPELINE", "BEST_CASE", "COMMIT", "CLOSED"),
    ),
    number("hs_forecast_probability", "Forecast probability"),
)

TICKET = (
    text("subject", "Ticket name"),
    text("content", "Ticket description", area=True),
    external("hs_pipeline", "Pipeline"),
    external("hs_pipeline_stage", "Ticket status"),
    choice("hs_ticket_priority", "Priority", same("LOW", "MEDIUM", "HIGH", "URGENT")),
    choice(
        "hs_ticket_category",
        "Category",
        same("PRODUCT_ISSUE", "BILLING_ISSUE", "FEATURE_REQUEST", "GENERAL_INQUIRY"),
        many=True,
    ),
    moment("closed_date", "Close date"),
)

LEAD = (
    text("hs_lead_name", "Lead Name"),
    choice("hs_lead_type", "Lead Type", [("NEW_BUSINESS", "New business"), ("UPSELL", "Upsell")]),
    choice("hs_lead_label", "Lead Label", same("WARM", "HOT", "COLD")),
    external("hs_pipeline", "Pipeline"),
    external("hs_pipeline_stage", "Lead stage"),
)
