"""Creating, changing and deleting records, with the checks that the service makes and the errors that it
gives.
"""

from collections.abc import Mapping
from typing import cast

from crmhub.testing.simulator.table import Row
from crmhub_salesforce.simulator import rules
from crmhub_salesforce.simulator.catalog.fields import Field
from crmhub_salesforce.simulator.catalog.sobject import SObject
from crmhub_salesforce.simulator.convert import Locate, convert
from crmhub_salesforce.simulator.errors import ApiError, deleted, no_record, not_found, wrong_id
from crmhub_salesforce.simulator.ids import normal_id
from crmhub_salesforce.simulator.org import Org
from crmhub_salesforce.simulator.uploads import publish


def nowhere(name: str) -> str:
    """The place of a key in a body whose text is not at hand."""
    del name
    return "line:1, column:1"


class SeveralFound(Exception):
    """An external id value belongs to several records; their ids."""

    def __init__(self, ids: list[str]) -> None:
        super().__init__(f"{len(ids)} records")
        self.ids = ids


class Records:
    """Writes to one org."""

    def __init__(self, org: Org) -> None:
        self._org = org

    def find(self, sobject: SObject, text: str, *, in_body: bool = False) -> int:
        """The place of the live record with this id (15 or 18 characters); raises ApiError.

        A malformed or foreign id is MALFORMED_ID where it came in a body, NOT_FOUND where it came in a path.
        """
        known = normal_id(text)
        if known is None or not known.startswith(sobject.prefix):
            raise wrong_id(f"{sobject.label} ID", text, "Id") if in_body else no_record(text)
        place = self._org.tables[sobject.name].place_of(known)
        if place is not None:
            return place
        if self._org.in_bin(known):
            raise deleted()
        if in_body:
            raise ApiError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields=())
        raise no_record(text)

    def create(self, sobject: SObject, body: Mapping[str, object], locate: Locate = nowhere) -> str:
        """Create a record; its id. Raises ApiError."""
        if not sobject.createable:
            message = f"entity type {sobject.name} does not support create"
            raise ApiError("INVALID_TYPE_FOR_OPERATION", message)
        given = self._given(sobject, body, locate, creating=True)
        standard = rules.defaults(self._org, sobject)
        row = {**standard, **{name: value for name, value in given.items() if value is not None}}
        missing = [field.name for field in sobject.fields if field.required and row.get(field.name) is None]
        if missing:
            message = f"Required fields are missing: [{', '.join(missing)}]"
            raise ApiError("REQUIRED_FIELD_MISSING", message, fields=missing)
        self._check(sobject, row, given, None)
        record_id = self._org.insert(sobject, _filled(row))
        if sobject.name == "Opportunity" and row.get("ContactId") is not None:
            self._primary_role(record_id, str(row["ContactId"]))
        if sobject.name == "ContentVersion":
            publish(self._org, sobject, record_id)
        return record_id

    def change(
        self, sobject: SObject, place: int, body: Mapping[str, object], locate: Locate = nowhere
    ) -> None:
        """Change the live record at `place`. Raises ApiError."""
        if not sobject.updateable:
            message = f"entity type {sobject.name} does not support update"
            raise ApiError("INVALID_TYPE_FOR_OPERATION", message)
        given = self._given(sobject, body, locate, creating=False)
        before = self._org.tables[sobject.name].row(place)
        row = {**before, **given}
        emptied = [
            field.name
            for field in sobject.fields
            if field.name != "OwnerId"
            and not field.nillable
            and field.name in given
            and given[field.name] is None
        ]
        if emptied:
            message = f"Required fields are missing: [{', '.join(emptied)}]"
            raise ApiError("REQUIRED_FIELD_MISSING", message, fields=emptied)
        self._check(sobject, row, given, before)
        self._org.update(sobject, place, _filled(row))

    def delete(self, sobject: SObject, place: int) -> None:
        """Move the live record at `place` to the recycle bin, with what belongs to it. Raises ApiError."""
        if not sobject.deletable:
            message = f"entity type {sobject.name} does not support delete"
            raise ApiError("INVALID_TYPE_FOR_OPERATION", message)
        row = self._org.tables[sobject.name].row(place)
        self._org.customs.check_locks(row)
        if sobject.name == "Account":
            self._keep_won(row)
        self._org.delete(sobject, place)
        for child in self._org.catalog.children(sobject.name):
            below = self._org.catalog.get(child.sobject)
            if below is not None:
                self._release(below, child.field, str(row["Id"]))

    def _release(self, below: SObject, reference: Field, parent_id: str) -> None:
        """Delete the children that go with their parent; let the others forget it."""
        table = self._org.tables[below.name]
        for place in table.find(reference.name, parent_id):
            if not table.is_live(place):
                continue
            if reference.cascade:
                self.delete(below, place)
            else:
                row = {name: value for name, value in table.row(place).items() if name != reference.name}
                self._org.update(below, place, row)

    def _keep_won(self, account: Row) -> None:
        table = self._org.tables["Opportunity"]
        won = [
            str(table.row(place)["Name"])
            for place in table.find("AccountId", account["Id"])
            if table.row(place).get("IsWon")
        ]
        if won:
            message = (
                f"Your attempt to delete {account.get('Name')} could not be completed because it is "
                f"associated with the following closed won opportunities.: {', '.join(won[:5])}\n"
            )
            raise ApiError("DELETE_FAILED", message, fields=())

    def by_key(self, sobject: SObject, field: Field, text: object) -> int | None:
        """The place of the live record with this external id value, None if there is none.

        Raises SeveralFound, ApiError.
        """
        value = convert(field, text, nowhere)
        if value is None:
            name = field.name
            raise ApiError("MISSING_ARGUMENT", f"{name} not specified", fields=())
        places = self._org.tables[sobject.name].find(field.name, value)
        if len(places) > 1:
            table = self._org.tables[sobject.name]
            raise SeveralFound([table.id_at(place) for place in places])
        return places[0] if places else None

    def key_field(self, sobject: SObject, name: str) -> Field:
        """The field of that name, if records can be addressed by it; raises ApiError (NOT_FOUND)."""
        field = sobject.field(name)
        if field is None or not (field.external_id or field.id_lookup):
            raise no_record(name)
        return field

    def _given(self, sobject: SObject, body: Mapping[str, object], locate: Locate, *, creating: bool) -> Row:
        """The body's fields under their own names, converted; references by external id resolved."""
        found: dict[str, tuple[Field, object]] = {}
        closed: list[str] = []
        for key, said in body.items():
            if key.lower() == "attributes":
                continue
            field, value = self._addressed(sobject, key, said)
            if field.type == "id":
                message = f"The {field.name} field should not be specified in the sobject data."
                raise ApiError("INVALID_FIELD", message)
            if not (field.createable if creating else field.updateable):
                closed.append(field.name)
            found[field.name] = (field, value)
        if closed:
            names = ", ".join(closed)
            message = (
                f"Unable to create/update fields: {names}. Please check the security settings of this field "
                "and verify that it is read/write for your profile or permission set."
            )
            raise ApiError("INVALID_FIELD_FOR_INSERT_UPDATE", message, fields=closed)
        return {name: convert(field, value, locate) for name, (field, value) in found.items()}

    def _addressed(self, sobject: SObject, key: str, value: object) -> tuple[Field, object]:
        """The field that a key names, and its value; `{"Account": {"Ext__c": "k"}}` names AccountId by
        external id.
        """
        field = sobject.field(key)
        if field is not None:
            return field, value
        reference = sobject.parent(key)
        if reference is None:
            message = f"No such column '{key}' on sobject of type {sobject.name}"
            raise ApiError("INVALID_FIELD", message)
        if value is None:
            return reference, None
        inner = {name: item for name, item in _mapping(value).items() if name.lower() != "attributes"}
        if len(inner) != 1:
            message = (
                f"Cannot deserialize instance of {reference.name} from {key}: one external id field is needed"
            )
            raise ApiError("JSON_PARSER_ERROR", message)
        return reference, self._foreign(reference, value, *next(iter(inner.items())))

    def _foreign(self, reference: Field, value: object, name: str, key: object) -> str:
        wanted = _mapping(_mapping(value).get("attributes")).get("type")
        target = self._org.catalog.get(str(wanted or reference.targets[0]))
        if target is None or target.name not in reference.targets:
            raise ApiError("INVALID_FIELD", f"No such column '{reference.relationship}' of type {wanted}")
        field = target.field(name)
        if field is None or not (field.external_id or field.id_lookup):
            message = f"Field name provided, {name} is not an External ID or indexed field for {target.name}"
            raise ApiError("INVALID_FIELD", message)
        try:
            place = self._by_any_key(target, field, key)
        except SeveralFound as several:
            message = (
                f"Foreign key external ID: {key} matches {len(several.ids)} records in entity {target.name}"
            )
            raise ApiError("INVALID_FIELD", message) from None
        if place is None:
            message = (
                f"Foreign key external ID: {key} not found for field {field.name} in entity {target.name}"
            )
            raise ApiError("INVALID_FIELD", message)
        return self._org.tables[target.name].id_at(place)

    def _by_any_key(self, target: SObject, field: Field, key: object) -> int | None:
        if field.type != "id":
            return self.by_key(target, field, key)
        known = normal_id(str(key))
        return None if known is None else self._org.tables[target.name].place_of(known)

    def _check(self, sobject: SObject, row: Row, given: Row, before: Row | None) -> None:
        for field in sobject.fields:
            value = given.get(field.name)
            if field.type == "reference" and field.name in given:
                self._check_reference(sobject, field, value)
        rules.complete(self._org, sobject, row, given, before)
        for field in sobject.fields:
            if field.unique and given.get(field.name) is not None:
                self._check_unique(sobject, field, row)
        self._org.customs.check(sobject, row, before, self._org.tables[sobject.name].rows)

    def _check_reference(self, sobject: SObject, field: Field, value: object) -> None:
        if value is None:
            if field.name == "OwnerId":
                message = "Owner ID: owner cannot be blank"
                raise ApiError("INVALID_CROSS_REFERENCE_KEY", message, fields=["OwnerId"])
            return
        key = str(value)
        target = self._org.catalog.of_id(key)
        if target is None or target.name not in field.targets:
            message = f"{field.label}: id value of incorrect type: {key}"
            raise ApiError("FIELD_INTEGRITY_EXCEPTION", message, fields=[field.name])
        parent = self._org.live(key)
        if parent is None:
            if self._org.in_bin(key):
                raise ApiError("ENTITY_IS_DELETED", "entity is deleted", fields=())
            raise ApiError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields=())
        if field.name == "OwnerId" and not parent.get("IsActive"):
            message = (
                f"operation performed with inactive user [{key[:15]}] as owner of {sobject.label.lower()}"
            )
            raise ApiError("INACTIVE_OWNER_OR_USER", message, fields=["OwnerId"])

    def _check_unique(self, sobject: SObject, field: Field, row: Row) -> None:
        table = self._org.tables[sobject.name]
        for place in table.find(field.name, row[field.name]):
            if table.id_at(place) != row.get("Id"):
                holder = table.id_at(place)[:15]
                message = f"duplicate value found: {field.name} duplicates value on record with id: {holder}"
                raise ApiError("DUPLICATE_VALUE", message, fields=())

    def _primary_role(self, opportunity: str, contact: str) -> None:
        role = self._org.catalog.get("OpportunityContactRole")
        if role is None:
            raise not_found()
        row = rules.defaults(self._org, role)
        self._org.insert(role, {**row, "OpportunityId": opportunity, "ContactId": contact, "IsPrimary": True})


def _filled(row: Row) -> Row:
    return {name: value for name, value in row.items() if value is not None}


def _mapping(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}
