"""Layouts of objects, and the pick list values of each record type (REST API Developer Guide, "sObject
Layouts"; User Interface API Developer Guide, "Get Values for All Picklist Fields of a Record Type").
"""

from collections.abc import Mapping

from crmhub.testing.simulator.table import Row
from crmhub_salesforce.simulator.calls import Call, Reply
from crmhub_salesforce.simulator.catalog.fields import Field
from crmhub_salesforce.simulator.catalog.sobject import SObject
from crmhub_salesforce.simulator.describe import describe_choice, record_types
from crmhub_salesforce.simulator.errors import not_found
from crmhub_salesforce.simulator.ids import ObjectIds, normal_id
from crmhub_salesforce.simulator.record_types import MASTER_ID
from crmhub_salesforce.simulator.service import Service

_LAYOUT = ObjectIds("00h").id_of(0)


def add_layouts(service: Service) -> None:
    """Add the routes of layouts."""
    layouts = _Layouts(service)
    service.router.add("/sobjects/{sobject}/describe/layouts", GET=layouts.all)
    service.router.add("/sobjects/{sobject}/describe/layouts/{type}", GET=layouts.one)
    service.router.add("/ui-api/object-info/{sobject}/picklist-values/{type}", GET=layouts.values)


class _Layouts:
    def __init__(self, service: Service) -> None:
        self._service = service

    def all(self, call: Call) -> Reply:
        sobject = self._service.sobject(call.params["sobject"])
        mappings: list[Row] = [
            {
                **info,
                "layoutId": _LAYOUT,
                "picklistsForRecordType": [
                    {"picklistName": field.name, "picklistValues": values}
                    for field, values in self._lists(sobject, str(info["recordTypeId"]))
                ],
            }
            for info in record_types(self._service.org, sobject, call.version)
        ]
        found: Row = {"layouts": [_layout(sobject)], "recordTypeMappings": mappings}
        return Reply(200, {**found, "recordTypeSelectorRequired": [len(mappings) > 2]})

    def one(self, call: Call) -> Reply:
        sobject = self._service.sobject(call.params["sobject"])
        self._known(sobject, call.params["type"])
        return Reply(200, _layout(sobject))

    def values(self, call: Call) -> Reply:
        sobject = self._service.sobject(call.params["sobject"])
        kind = self._known(sobject, call.params["type"])
        fields: Row = {
            field.name: {
                "controllerValues": {},
                "defaultValue": None,
                "url": f"{call.path}/{field.name}",
                "values": [
                    {"attributes": None, "label": value["label"], "validFor": [], "value": value["value"]}
                    for value in values
                ],
            }
            for field, values in self._lists(sobject, kind)
        }
        return Reply(200, {"picklistFieldValues": fields})

    def _known(self, sobject: SObject, text: str) -> str:
        known = normal_id(text)
        if known != MASTER_ID and known not in self._service.org.types_of(sobject):
            raise not_found()
        return str(known)

    def _lists(self, sobject: SObject, kind: str) -> list[tuple[Field, list[Row]]]:
        known = self._service.org.record_types.get(kind)
        cuts: Mapping[str, tuple[str, ...]] = known[1].values if known else {}
        return [
            (
                field,
                [
                    describe_choice(choice)
                    for choice in field.choices
                    if field.name not in cuts or choice.value in cuts[field.name]
                ],
            )
            for field in sobject.fields
            if field.type in {"picklist", "multipicklist"} and field.choices
        ]


def _layout(sobject: SObject) -> Row:
    """One layout: every field, one on a line."""

    def line(field: Field) -> Row:
        item: Row = {
            "editableForNew": field.createable,
            "editableForUpdate": field.updateable,
            "label": field.label,
            "layoutComponents": [{"displayLines": 1, "tabOrder": 1, "type": "Field", "value": field.name}],
            "placeholder": False,
            "required": field.required,
        }
        return {"layoutItems": [item], "numItems": 1}

    section: Row = {
        "columns": 1,
        "heading": f"{sobject.label} Information",
        "layoutRows": [line(field) for field in sobject.fields],
        "rows": len(sobject.fields),
        "useCollapsibleSection": False,
        "useHeading": True,
    }
    return {
        "buttonLayoutSection": {"detailButtons": []},
        "detailLayoutSections": [section],
        "editLayoutSections": [section],
        "id": _LAYOUT,
        "multirowEditLayoutSections": [],
        "quickActionList": {"quickActionListItems": []},
        "relatedLists": [],
    }
