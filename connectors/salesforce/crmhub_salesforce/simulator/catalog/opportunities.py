"""Opportunity, OpportunityContactRole and OpportunityStage."""

from collections.abc import Sequence
from dataclasses import dataclass

from crmhub_salesforce.simulator.catalog.accounts import SOURCES, seen
from crmhub_salesforce.simulator.catalog.fields import field
from crmhub_salesforce.simulator.catalog.sobject import SObject, audit, external_id, head, owner


@dataclass(frozen=True)
class Stage:
    """A sales stage: what an opportunity in it counts as. `forecast` is the API name of the forecast
    category.
    """

    label: str
    probability: int
    forecast: str
    closed: bool = False
    won: bool = False


STANDARD_STAGES: Sequence[Stage] = (
    Stage("Prospecting", 10, "Pipeline"),
    Stage("Qualification", 10, "Pipeline"),
    Stage("Needs Analysis", 20, "Pipeline"),
    Stage("Value Proposition", 50, "Pipeline"),
    Stage("Id. Decision Makers", 60, "Pipeline"),
    Stage("Perception Analysis", 70, "Pipeline"),
    Stage("Proposal/Price Quote", 75, "Pipeline"),
    Stage("Negotiation/Review", 90, "Pipeline"),
    Stage("Closed Won", 100, "Closed", closed=True, won=True),
    Stage("Closed Lost", 0, "Omitted", closed=True),
)
FORECAST_NAMES = {
    "Omitted": "Omitted",
    "Pipeline": "Pipeline",
    "BestCase": "Best Case",
    "MostLikely": "Most Likely",
    "Forecast": "Commit",
    "Closed": "Closed",
}
_OPPORTUNITY_TYPES = (
    "Existing Customer - Upgrade",
    "Existing Customer - Replacement",
    "Existing Customer - Downgrade",
    "New Customer",
)
_ROLES = (
    "Business User",
    "Decision Maker",
    "Economic Buyer",
    "Economic Decision Maker",
    "Evaluator",
    "Executive Sponsor",
    "Influencer",
    "Technical Buyer",
    "Other",
)

OPPORTUNITY = SObject(
    "Opportunity",
    "Opportunity",
    "Opportunities",
    "006",
    fields=(
        *head("Opportunity"),
        field(
            "AccountId",
            "Account ID",
            "reference",
            "CUNX",
            to=["Account"],
            via="Account",
            children="Opportunities",
        ),
        field("IsPrivate", "Private", "boolean", "CUD"),
        field("Name", "Name", "string", "CULM", 120),
        field("Description", "Description", "textarea", "CUN", 32000, extra="plaintextarea"),
        field(
            "StageName",
            "Stage",
            "picklist",
            "CU",
            255,
            choices=[stage.label for stage in STANDARD_STAGES],
        ),
        field("Amount", "Amount", "currency", "CUN", numeric=(18, 2)),
        field("Probability", "Probability (%)", "percent", "CUND", numeric=(3, 0)),
        field("ExpectedRevenue", "Expected Amount", "currency", "N", numeric=(18, 2)),
        field("TotalOpportunityQuantity", "Quantity", "double", "CUN", numeric=(18, 2)),
        field("CloseDate", "Close Date", "date", "CU"),
        field("Type", "Opportunity Type", "picklist", "CUN", 255, choices=_OPPORTUNITY_TYPES),
        field("NextStep", "Next Step", "string", "CUN", 255),
        field("LeadSource", "Lead Source", "picklist", "CUN", 255, choices=SOURCES),
        field("IsClosed", "Closed", "boolean", "D"),
        field("IsWon", "Won", "boolean", "D"),
        field("ForecastCategory", "Forecast Category", "picklist", "R", 40, choices=tuple(FORECAST_NAMES)),
        field(
            "ForecastCategoryName",
            "Forecast Category",
            "picklist",
            "CUNDR",
            255,
            choices=("Omitted", "Pipeline", "Best Case", "Commit", "Closed"),
        ),
        field(
            "CampaignId",
            "Campaign ID",
            "reference",
            "CUN",
            to=["Campaign"],
            via="Campaign",
            children="Opportunities",
        ),
        field("HasOpportunityLineItem", "Has Line Item", "boolean", "D"),
        owner(),
        *audit(),
        field("LastActivityDate", "Last Activity", "date", "N"),
        field("LastStageChangeDate", "Last Stage Change Date", "datetime", "N"),
        field("FiscalQuarter", "Fiscal Quarter", "int", "N", digits=8, part_of="Fiscal"),
        field("FiscalYear", "Fiscal Year", "int", "N", digits=8, part_of="Fiscal"),
        field("Fiscal", "Fiscal Period", "string", "N", 6),
        # Settable on create, where it makes the contact the primary contact role; shown from there.
        field("ContactId", "Contact ID", "reference", "CN", to=["Contact"], children="Opportunities"),
        *seen()[1:],
        external_id(),
    ),
)

CONTACT_ROLE = SObject(
    "OpportunityContactRole",
    "Opportunity Contact Role",
    "Opportunity Contact Role",
    "00K",
    undeletable=False,
    searchable=False,
    fields=(
        *head("Contact Role")[:1],
        field(
            "OpportunityId",
            "Opportunity ID",
            "reference",
            "CX",
            to=["Opportunity"],
            via="Opportunity",
            children="OpportunityContactRoles",
        ),
        field(
            "ContactId",
            "Contact ID",
            "reference",
            "CUX",
            to=["Contact"],
            via="Contact",
            children="OpportunityContactRoles",
        ),
        field("Role", "Role", "picklist", "CUN", 40, choices=_ROLES),
        field("IsPrimary", "Primary", "boolean", "CUD"),
        *audit(),
        *head("Contact Role")[1:],
    ),
)

STAGE = SObject(
    "OpportunityStage",
    "Opportunity Stage",
    "Opportunity Stage",
    "01J",
    createable=False,
    updateable=False,
    deletable=False,
    undeletable=False,
    searchable=False,
    replicateable=False,
    customizable=False,
    fields=(
        *head("Opportunity Stage")[:1],
        field("MasterLabel", "Master Label", "string", "NM", 255),
        field("ApiName", "API Name", "string", "N", 255),
        field("IsActive", "Is Active", "boolean", "D"),
        field("SortOrder", "Sort Order", "int", "N", digits=9),
        field("IsClosed", "Closed", "boolean", "D"),
        field("IsWon", "Won", "boolean", "D"),
        field("ForecastCategory", "Forecast Category", "picklist", "R", 40, choices=tuple(FORECAST_NAMES)),
        field(
            "ForecastCategoryName",
            "Forecast Category Name",
            "picklist",
            "R",
            255,
            choices=tuple(FORECAST_NAMES.values()),
        ),
        field("DefaultProbability", "Probability (%)", "percent", "N", numeric=(3, 0)),
        field("Description", "Description", "string", "N", 255),
        *audit(),
    ),
)
