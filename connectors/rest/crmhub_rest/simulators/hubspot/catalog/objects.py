"""The object types that are played.

Source: HubSpot "Understanding the CRM" (object type ids), "CRM search" (properties returned by default),
the guides of each object and engagement (required properties), "Scopes".
"""

from dataclasses import dataclass

from crmhub_rest.simulators.hubspot.catalog import crm, engagements
from crmhub_rest.simulators.hubspot.catalog.properties import Property, external, fixed, moment, number, text


@dataclass(frozen=True)
class ObjectType:
    """One type of record.

    `name` is the plural in paths; `modified` and `created` are the properties with those times; `shown` are
    returned where none are asked for; `required` must be given on create; `ids` are properties by which
    records can be found, updated and upserted besides unique ones of the portal's own.
    """

    name: str
    singular: str
    type_id: str
    read_scope: str
    write_scope: str
    properties: tuple[Property, ...]
    shown: tuple[str, ...]
    group: str
    modified: str = "hs_lastmodifieddate"
    created: str = "createdate"
    required: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    merges: bool = False
    pipeline: str = ""
    stage: str = ""
    searched: tuple[str, ...] = ()

    @property
    def event_name(self) -> str:
        """What the subscription types of webhooks call it."""
        return self.singular

    @property
    def always(self) -> tuple[str, str, str]:
        """What every reply has."""
        return (self.created, self.modified, "hs_object_id")


def _common(created: str, modified: str) -> tuple[Property, ...]:
    return (
        moment(created, "Create Date", read_only=True),
        moment(modified, "Last Modified Date", read_only=True),
        fixed(number("hs_object_id", "Record ID")),
        external("hubspot_owner_id", "Owner"),
        fixed(moment("hubspot_owner_assigneddate", "Owner Assigned Date")),
        fixed(text("hs_merged_object_ids", "Merged Record IDs")),
    )


def _sales(
    name: str,
    singular: str,
    type_id: str,
    properties: tuple[Property, ...],
    shown: tuple[str, ...],
    *,
    group: str,
    modified: str = "hs_lastmodifieddate",
    scope: tuple[str, str] | None = None,
    ids: tuple[str, ...] = (),
    required: tuple[str, ...] = (),
    pipeline: tuple[str, str] = ("", ""),
    merges: bool = True,
    searched: tuple[str, ...] = (),
) -> ObjectType:
    read, write = scope or (f"crm.objects.{name}.read", f"crm.objects.{name}.write")
    return ObjectType(
        name,
        singular,
        type_id,
        read,
        write,
        tuple(one.in_group(group) for one in (*properties, *_common("createdate", modified))),
        tuple(sorted((*shown, "createdate", modified, "hs_object_id"))),
        group,
        modified=modified,
        ids=ids,
        required=required,
        pipeline=pipeline[0],
        stage=pipeline[1],
        merges=merges,
        searched=searched,
    )


def _engagement(name: str, singular: str, type_id: str, properties: tuple[Property, ...]) -> ObjectType:
    group = "engagement"
    own = (
        *properties,
        moment("hs_timestamp", "Activity date"),
        *_common("hs_createdate", "hs_lastmodifieddate"),
    )
    return ObjectType(
        name,
        singular,
        type_id,
        "crm.objects.contacts.read",
        "crm.objects.contacts.write",
        tuple(one.in_group(group) for one in own),
        ("hs_createdate", "hs_lastmodifieddate", "hs_object_id"),
        group,
        created="hs_createdate",
        required=("hs_timestamp",),
        searched=tuple(one.name for one in properties if one.name.endswith(("_body", "_title", "_subject"))),
    )


TYPES: tuple[ObjectType, ...] = (
    _sales(
        "contacts",
        "contact",
        "0-1",
        crm.CONTACT,
        ("email", "firstname", "lastname"),
        group="contactinformation",
        modified="lastmodifieddate",
        ids=("email",),
        searched=("firstname", "lastname", "email", "phone", "company", "hs_additional_emails"),
    ),
    _sales(
        "companies",
        "company",
        "0-2",
        crm.COMPANY,
        ("name", "domain"),
        group="companyinformation",
        searched=("name", "website", "phone", "domain"),
    ),
    _sales(
        "deals",
        "deal",
        "0-3",
        crm.DEAL,
        ("dealname", "amount", "closedate", "pipeline", "dealstage"),
        group="dealinformation",
        pipeline=("pipeline", "dealstage"),
        searched=("dealname", "pipeline", "dealstage", "description", "dealtype"),
    ),
    _sales(
        "tickets",
        "ticket",
        "0-5",
        crm.TICKET,
        (
            "content",
            "hs_pipeline",
            "hs_pipeline_stage",
            "hs_ticket_category",
            "hs_ticket_priority",
            "subject",
        ),
        group="ticketinformation",
        scope=("tickets", "tickets"),
        required=("hs_pipeline_stage",),
        pipeline=("hs_pipeline", "hs_pipeline_stage"),
        searched=("subject", "content"),
    ),
    _sales(
        "leads",
        "lead",
        "0-136",
        crm.LEAD,
        (),
        group="leadinformation",
        required=("hs_lead_name",),
        pipeline=("hs_pipeline", "hs_pipeline_stage"),
        merges=False,
        searched=("hs_lead_name",),
    ),
    _engagement("notes", "note", "0-46", engagements.NOTE),
    _engagement("tasks", "task", "0-27", engagements.TASK),
    _engagement("calls", "call", "0-48", engagements.CALL),
    _engagement("meetings", "meeting", "0-47", engagements.MEETING),
    _engagement("emails", "email", "0-49", engagements.EMAIL),
    _engagement("communications", "communication", "0-18", engagements.COMMUNICATION),
)
"""All standard object types that are played, those that others are about first."""

SEEDED = ("companies", "contacts", "deals", "notes", "tasks", "calls", "meetings")
"""The objects that a plain number of rows fills."""


def custom_type(name: str, type_id: str, required: tuple[str, ...], searched: tuple[str, ...]) -> ObjectType:
    """A type of the portal's own, with the properties that every record has."""
    group = f"{name.lower()}_information"
    return ObjectType(
        name,
        name,
        type_id,
        "crm.objects.custom.read",
        "crm.objects.custom.write",
        tuple(one.in_group(group) for one in _common("hs_createdate", "hs_lastmodifieddate")),
        ("hs_createdate", "hs_lastmodifieddate", "hs_object_id"),
        group,
        created="hs_createdate",
        required=required,
        merges=True,
        searched=searched,
    )
