"""sObject Collections: `/composite/sobjects` (up to 200 records a call, each with a result of its own)."""

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from crmhub.testing.simulator.table import Row
from crmhub_salesforce.simulator.calls import Call, Reply
from crmhub_salesforce.simulator.catalog.fields import Field
from crmhub_salesforce.simulator.catalog.sobject import SObject
from crmhub_salesforce.simulator.errors import ApiError
from crmhub_salesforce.simulator.ids import normal_id
from crmhub_salesforce.simulator.records import SeveralFound
from crmhub_salesforce.simulator.resources.rows import saved, show, shown_fields
from crmhub_salesforce.simulator.service import Service

MOST_RECORDS = 200
MOST_CHUNKS = 10
MOST_READ = 2_000
_ROLLED_BACK = (
    "Record rolled back because not all records were valid and the request was using AllOrNone header"
)

Body = Mapping[str, object]


def add_collections(service: Service) -> None:
    """Add the routes of collections."""
    collections = _Collections(service)
    service.router.add(
        "/composite/sobjects", POST=collections.create, PATCH=collections.update, DELETE=collections.delete
    )
    service.router.add("/composite/sobjects/{sobject}", GET=collections.read_listed, POST=collections.read)
    service.router.add("/composite/sobjects/{sobject}/{field}", PATCH=collections.upsert)


class _Collections:
    def __init__(self, service: Service) -> None:
        self._service = service
        self._org = service.org
        self._records = service.records

    def create(self, call: Call) -> Reply:
        records, together = _records(call)
        objects = [self._type_of(record) for record in records]
        _few_chunks([sobject.name for sobject in objects])

        def one(place: int) -> Row:
            body = {
                key: value
                for key, value in records[place].items()
                if key.lower() != "id" or value is not None
            }
            if any(key.lower() == "id" for key in body):
                raise ApiError(
                    "INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", fields=["Id"]
                )
            return saved(self._records.create(objects[place], body))

        return self._each(len(records), one, together=together)

    def update(self, call: Call) -> Reply:
        records, together = _records(call)
        objects = [self._type_of(record) for record in records]
        _few_chunks([sobject.name for sobject in objects])
        keys = [_id_of(record) for record in records]

        def one(place: int) -> Row:
            key = keys[place]
            if key is None:
                raise ApiError("MISSING_ARGUMENT", "Id not specified in an update call")
            found = self._records.find(objects[place], key, in_body=True)
            body = {name: value for name, value in records[place].items() if name.lower() != "id"}
            self._records.change(objects[place], found, body)
            return saved(self._org.tables[objects[place].name].id_at(found))

        return self._each(len(records), one, together=together, keys=keys)

    def upsert(self, call: Call) -> Reply:
        sobject = self._service.sobject(call.params["sobject"])
        field = self._records.key_field(sobject, call.params["field"])
        records, together = _records(call)
        for record in records:
            if self._type_of(record) is not sobject:
                message = f"The type attribute of each record must be {sobject.name}"
                raise ApiError("INVALID_TYPE", message)
        seen: set[str] = set()

        def one(place: int) -> Row:
            return self._upsert_one(sobject, field, records[place], seen)

        return self._each(len(records), one, together=together)

    def _upsert_one(self, sobject: SObject, field: Field, record: Body, seen: set[str]) -> Row:
        key = next((value for name, value in record.items() if name.lower() == field.name.lower()), None)
        if field.type != "id" and (key is None or key == ""):
            raise ApiError("MISSING_ARGUMENT", f"{field.name} not specified", fields=())
        if key is not None:
            folded = str(key).strip().casefold()
            if folded in seen:
                message = f"Duplicate external id specified: {key}"
                raise ApiError("DUPLICATE_VALUE", message, fields=[field.name])
            seen.add(folded)
        body = {
            name: value for name, value in record.items() if name.lower() not in {"id", field.name.lower()}
        }
        place = self._target(sobject, field, key)
        if place is None:
            keyed = body if field.type == "id" else {**body, field.name: key}
            return {**saved(self._records.create(sobject, keyed)), "created": True}
        self._records.change(sobject, place, body)
        return {**saved(self._org.tables[sobject.name].id_at(place)), "created": False}

    def _target(self, sobject: SObject, field: Field, key: object) -> int | None:
        if field.type == "id":
            return None if key is None else self._records.find(sobject, str(key), in_body=True)
        try:
            return self._records.by_key(sobject, field, key)
        except SeveralFound as several:
            ids = ", ".join(several.ids[:5])
            message = f"{field.name}: more than one record found for external id field: [{ids}]"
            raise ApiError("DUPLICATE_EXTERNAL_ID", message, fields=()) from None

    def delete(self, call: Call) -> Reply:
        listed = call.one("ids")
        if not listed:
            raise ApiError("MISSING_ARGUMENT", "ids not specified")
        keys = [key.strip() for key in listed.split(",")]
        _few(len(keys), MOST_RECORDS)
        _few_chunks([key[:3] for key in keys])

        def one(place: int) -> Row:
            known = normal_id(keys[place])
            sobject = None if known is None else self._org.catalog.of_id(known)
            if known is None or sobject is None:
                raise ApiError("MALFORMED_ID", f"malformed id {keys[place]}", fields=())
            self._records.delete(sobject, self._records.find(sobject, known, in_body=True))
            return saved(known)

        return self._each(len(keys), one, together=call.flag("allOrNone"), keys=keys)

    def read(self, call: Call) -> Reply:
        body = call.object()
        ids, names = _texts(body, "ids"), _texts(body, "fields")
        _few(len(ids), MOST_READ)
        return self._read(call, ids, names)

    def read_listed(self, call: Call) -> Reply:
        ids, names = call.one("ids"), call.one("fields")
        if not ids or not names:
            raise ApiError("MISSING_ARGUMENT", "ids and fields must be specified")
        return self._read(call, ids.split(","), names.split(","))

    def _read(self, call: Call, ids: Sequence[str], names: Sequence[str]) -> Reply:
        sobject = self._service.sobject(call.params["sobject"])
        fields = shown_fields(sobject, list(names))
        table = self._org.tables[sobject.name]
        rows = [table.get(normal_id(key.strip()) or "") for key in ids]
        return Reply(200, [None if row is None else show(sobject, row, fields, call.version) for row in rows])

    def _type_of(self, record: Body) -> SObject:
        attributes = record.get("attributes")
        name = cast("Body", attributes).get("type") if isinstance(attributes, Mapping) else None
        if not isinstance(name, str):
            message = "Missing entity type information. sObject requires a separate 'attributes' field map."
            raise ApiError("INVALID_FIELD", message)
        found = self._org.catalog.get(name)
        if found is None:
            raise ApiError("INVALID_TYPE", f"sObject type '{name}' is not supported.")
        return found

    def _each(
        self,
        count: int,
        one: Callable[[int], Row],
        *,
        together: bool,
        keys: Sequence[str | None] | None = None,
    ) -> Reply:
        """Do each record, undoing what a failed one began; `together`: undo all if one fails."""
        results: list[Row] = []
        with self._org.transaction() as whole:
            for place in range(count):
                with self._org.transaction() as single:
                    try:
                        results.append(one(place))
                    except ApiError as refusal:
                        single.undo()
                        results.append(_failed(keys[place] if keys else None, refusal))
            if together and not all(result["success"] for result in results):
                whole.undo()
                rolled_back = ApiError("ALL_OR_NONE_OPERATION_ROLLED_BACK", _ROLLED_BACK)
                results = [
                    _failed(keys[place] if keys else None, rolled_back) if result["success"] else result
                    for place, result in enumerate(results)
                ]
        return Reply(200, results)


def _failed(key: str | None, refusal: ApiError) -> Row:
    start: Row = {} if key is None else {"id": normal_id(key) or key}
    return {**start, "success": False, "errors": [refusal.in_result()]}


def _id_of(record: Body) -> str | None:
    found = next((value for name, value in record.items() if name.lower() == "id"), None)
    return found if isinstance(found, str) and found else None


def _records(call: Call) -> tuple[list[Body], bool]:
    body = call.object()
    records = body.get("records")
    if not isinstance(records, list) or not all(
        isinstance(record, Mapping) for record in cast("list[object]", records)
    ):
        raise ApiError(
            "JSON_PARSER_ERROR", "The body needs a list of objects named records at [line:1, column:1]"
        )
    found = cast("list[Body]", records)
    _few(len(found), MOST_RECORDS)
    return found, body.get("allOrNone") is True


def _texts(body: Body, name: str) -> list[str]:
    values = body.get(name)
    if not isinstance(values, list) or not values:
        raise ApiError("MISSING_ARGUMENT", f"{name} not specified")
    return [str(value) for value in cast("list[object]", values)]


def _few(count: int, most: int) -> None:
    if count > most:
        message = f"record limit reached. cannot submit more than {most} records into this call"
        raise ApiError("EXCEEDED_ID_LIMIT", message)


def _few_chunks(kinds: Sequence[str]) -> None:
    chunks = sum(1 for place, kind in enumerate(kinds) if place == 0 or kind != kinds[place - 1])
    if chunks > MOST_CHUNKS:
        message = (
            f"Cannot have more than {MOST_CHUNKS} chunks in a single operation. "
            "Please rearrange the data to reduce chunking."
        )
        raise ApiError("LIMIT_EXCEEDED", message)
