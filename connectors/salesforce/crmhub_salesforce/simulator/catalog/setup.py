"""What an org's set-up is made of, as objects: record types, currencies and their rates, profiles, roles,
groups.
"""

from crmhub_salesforce.simulator.catalog.fields import field
from crmhub_salesforce.simulator.catalog.sobject import SObject, audit, head


def _setup(name: str, label: str, plural: str, prefix: str, *fields: object) -> SObject:
    """An object that can be read alone."""
    return SObject(
        name,
        label,
        plural,
        prefix,
        createable=False,
        updateable=False,
        deletable=False,
        undeletable=False,
        searchable=False,
        replicateable=False,
        customizable=False,
        fields=(*head(label)[:1], *fields, *audit()),  # pyright: ignore[reportArgumentType]
    )


RECORD_TYPE = _setup(
    "RecordType",
    "Record Type",
    "Record Types",
    "012",
    field("Name", "Name", "string", "M", 80),
    field("DeveloperName", "Record Type Name", "string", "", 80),
    field("NamespacePrefix", "Namespace Prefix", "string", "N", 15),
    field("Description", "Description", "string", "N", 255),
    field("BusinessProcessId", "Business Process ID", "reference", "N", to=["BusinessProcess"]),
    field("SobjectType", "SObject Type Name", "picklist", "R", 40),
    field("IsActive", "Active", "boolean", "D"),
)
CURRENCY_TYPE = _setup(
    "CurrencyType",
    "Currency Type",
    "Currency Type",
    "01L",
    field("IsoCode", "Currency ISO Code", "picklist", "R", 3),
    field("ConversionRate", "Conversion Rate", "double", "", numeric=(18, 6)),
    field("DecimalPlaces", "Decimal Places", "int", "", digits=9),
    field("IsActive", "Active", "boolean", "D"),
    field("IsCorporate", "Corporate Currency", "boolean", "D"),
)
DATED_RATE = _setup(
    "DatedConversionRate",
    "Dated Conversion Rate",
    "Dated Conversion Rates",
    "04w",
    field("IsoCode", "Currency ISO Code", "picklist", "R", 3),
    field("StartDate", "Start Date", "date", ""),
    field("NextStartDate", "Next Start Date", "date", "N"),
    field("ConversionRate", "Conversion Rate", "double", "", numeric=(18, 6)),
)
