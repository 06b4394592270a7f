"""Describes: of the org, of an object, of a field (keys as in describes of a real org, v52 to v62)."""

from collections.abc import Mapping

from crmhub.testing.simulator.table import Row
from crmhub_salesforce.simulator.catalog.fields import Choice, Field
from crmhub_salesforce.simulator.catalog.objects import Catalog
from crmhub_salesforce.simulator.catalog.sobject import SObject
from crmhub_salesforce.simulator.org import Org
from crmhub_salesforce.simulator.record_types import MASTER_ID

_SOAP: Mapping[str, str] = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "address": "urn:address",
    "base64": "xsd:base64Binary",
}


def global_describe(catalog: Catalog, version: str) -> Row:
    """`GET /sobjects`."""
    return {
        "encoding": "UTF-8",
        "maxBatchSize": 200,
        "sobjects": [summary(sobject, version) for sobject in catalog],
    }


def summary(sobject: SObject, version: str) -> Row:
    """What a global describe says of an object."""
    return {
        "activateable": False,
        "associateEntityType": None,
        "associateParentEntity": None,
        "createable": sobject.createable,
        "custom": sobject.name.endswith("__c"),
        "customSetting": False,
        "deepCloneable": False,
        "deletable": sobject.deletable,
        "deprecatedAndHidden": False,
        "feedEnabled": sobject.searchable,
        "hasSubtypes": False,
        "isInterface": False,
        "isSubtype": False,
        "keyPrefix": sobject.prefix,
        "label": sobject.label,
        "labelPlural": sobject.label_plural,
        "layoutable": sobject.createable,
        "mergeable": sobject.mergeable,
        "mruEnabled": sobject.searchable,
        "name": sobject.name,
        "queryable": True,
        "replicateable": sobject.replicateable,
        "retrieveable": True,
        "searchable": sobject.searchable,
        "triggerable": sobject.createable,
        "undeletable": sobject.undeletable,
        "updateable": sobject.updateable,
        "urls": _urls(sobject.name, version),
    }


def _base(name: str, version: str) -> str:
    return f"/services/data/v{version}/sobjects/{name}"


def _urls(name: str, version: str) -> Row:
    base = _base(name, version)
    return {"rowTemplate": f"{base}/{{ID}}", "describe": f"{base}/describe", "sobject": base}


def describe(org: Org, sobject: SObject, version: str) -> Row:
    """`GET /sobjects/X/describe`."""
    catalog = org.catalog
    return {
        **summary(sobject, version),
        "actionOverrides": [],
        "childRelationships": [
            {
                "cascadeDelete": child.field.cascade,
                "childSObject": child.sobject,
                "deprecatedAndHidden": False,
                "field": child.field.name,
                "junctionIdListNames": [],
                "junctionReferenceTo": [],
                "relationshipName": child.field.children,
                "restrictedDelete": False,
            }
            for child in catalog.children(sobject.name)
        ],
        "compactLayoutable": sobject.createable,
        "defaultImplementation": None,
        "extendedBy": None,
        "extendsInterfaces": None,
        "fields": [describe_field(field) for field in sobject.fields],
        "implementedBy": None,
        "implementsInterfaces": None,
        "listviewable": None,
        "lookupLayoutable": None,
        "namedLayoutInfos": [],
        "networkScopeFieldName": None,
        "recordTypeInfos": record_types(org, sobject, version),
        "searchLayoutable": sobject.searchable,
        "sobjectDescribeOption": "FULL",
        "supportedScopes": [
            {"label": f"All {sobject.label_plural.lower()}", "name": "everything"},
            {"label": f"My {sobject.label_plural.lower()}", "name": "mine"},
        ],
    }


def record_types(org: Org, sobject: SObject, version: str) -> list[Row]:
    """What a describe says of an object's record types, the default first, the master last."""
    own = [(key, org.record_types[key][1]) for key in org.types_of(sobject)]
    found = [(key, kind.name, kind.developer_name, place == 0) for place, (key, kind) in enumerate(own)]
    base = f"{_base(sobject.name, version)}/describe/layouts"
    return [
        {
            "active": True,
            "available": True,
            "defaultRecordTypeMapping": default,
            "developerName": developer_name,
            "master": key == MASTER_ID,
            "name": name,
            "recordTypeId": key,
            "urls": {"layout": f"{base}/{key}"},
        }
        for key, name, developer_name, default in [*found, (MASTER_ID, "Master", "Master", not own)]
    ]


def describe_field(field: Field) -> Row:
    """The 57 properties of a field."""
    text = not field.type.startswith(("int", "double", "currency", "percent", "date", "boolean", "address"))
    default = next((choice.value for choice in field.choices if choice.default), None)
    return {
        "aggregatable": field.aggregatable,
        "aiPredictionField": False,
        "autoNumber": False,
        "byteLength": (18 if field.length == 18 and field.type in {"id", "reference"} else field.length * 3)
        if text
        else 0,
        "calculated": False,
        "calculatedFormula": None,
        "cascadeDelete": False,
        "caseSensitive": False,
        "compoundFieldName": field.part_of,
        "controllerName": None,
        "createable": field.createable,
        "custom": field.custom,
        "defaultValue": False if field.type == "boolean" else default,
        "defaultValueFormula": None,
        "defaultedOnCreate": field.defaulted,
        "dependentPicklist": False,
        "deprecatedAndHidden": False,
        "digits": field.digits,
        "displayLocationInDecimal": False,
        "encrypted": False,
        "externalId": field.external_id,
        "extraTypeInfo": field.extra,
        "filterable": field.filterable,
        "filteredLookupInfo": None,
        "formulaTreatNullNumberAsZero": False,
        "groupable": field.groupable,
        "highScaleNumber": False,
        "htmlFormatted": False,
        "idLookup": field.id_lookup,
        "inlineHelpText": None,
        "label": field.label,
        "length": field.length,
        "mask": None,
        "maskType": None,
        "name": field.name,
        "nameField": field.name_field,
        "namePointing": field.polymorphic,
        "nillable": field.nillable,
        "permissionable": field.nillable and (field.createable or field.updateable),
        "picklistValues": [describe_choice(choice) for choice in field.choices],
        "polymorphicForeignKey": field.polymorphic,
        "precision": field.precision,
        "queryByDistance": field.type == "address",
        "referenceTargetField": None,
        "referenceTo": list(field.targets),
        "relationshipName": field.relationship,
        "relationshipOrder": None,
        "restrictedDelete": False,
        "restrictedPicklist": field.restricted,
        "scale": field.scale,
        "searchPrefilterable": field.type == "reference" and field.createable,
        "soapType": _SOAP.get(field.type, "xsd:string"),
        "sortable": field.sortable,
        "type": field.type,
        "unique": field.unique,
        "updateable": field.updateable,
        "writeRequiresMasterRead": False,
    }


def describe_choice(choice: Choice) -> Row:
    """A value of a pick list."""
    return {
        "active": True,
        "defaultValue": choice.default,
        "label": choice.label,
        "validFor": None,
        "value": choice.value,
    }
