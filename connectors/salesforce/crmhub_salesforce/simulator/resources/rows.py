"""Single records: `/sobjects/X`, `/sobjects/X/{id}`, `/sobjects/X/{external id field}/{value}`."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import sha256

from crmhub.testing.simulator.table import Row
from crmhub_salesforce.simulator.calls import Call, Reply
from crmhub_salesforce.simulator.catalog.fields import Field
from crmhub_salesforce.simulator.catalog.sobject import SObject
from crmhub_salesforce.simulator.errors import ApiError, no_record
from crmhub_salesforce.simulator.records import SeveralFound
from crmhub_salesforce.simulator.service import Service
from crmhub_salesforce.simulator.soql.columns import reader
from crmhub_salesforce.simulator.soql.selection import record_url

_CREATED_FLAG_SINCE = 46
"""Since this version an upsert that updates answers 200 with a body, before it 204."""

Below = Callable[[Service, Call, SObject], Reply | None]


def add_rows(service: Service, below: Below) -> None:
    """Add the routes of single records; `below` answers for what hangs on one, by a path of the same form."""
    rows = _Rows(service, below)
    # `POST /sobjects/X/Id` is a create (since v37).
    service.router.add("/sobjects/{sobject}/Id", POST=lambda call: create_row(service, call))
    service.router.add("/sobjects/{sobject}/{id}", GET=rows.get, PATCH=rows.patch, DELETE=rows.delete)
    keyed = "/sobjects/{sobject}/{field}/{value}"
    service.router.add(keyed, GET=rows.get_by_key, PATCH=rows.upsert, DELETE=rows.delete_by_key)


def http_date(seconds: int) -> str:
    """Epoch seconds as an HTTP date."""
    return format_datetime(datetime.fromtimestamp(seconds, UTC), usegmt=True)


def read_http_date(text: str | None) -> int | None:
    """An HTTP date in epoch seconds; None if it is absent or malformed."""
    if text is None:
        return None
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except ValueError:
        return None


def shown_fields(sobject: SObject, names: list[str] | None) -> list[Field]:
    """The named fields (all of them if None); raises ApiError (INVALID_FIELD)."""
    if names is None:
        return list(sobject.fields)
    found: list[Field] = []
    for name in names:
        field = sobject.field(name.strip())
        if field is None:
            message = f"No such column '{name.strip()}' on sobject of type {sobject.name}"
            raise ApiError("INVALID_FIELD", message)
        found.append(field)
    return found


def show(sobject: SObject, row: Row, fields: list[Field], version: str) -> Row:
    """A record as single reads show it."""
    shown: Row = {"attributes": {"type": sobject.name, "url": record_url(version, sobject.name, row["Id"])}}
    for field in fields:
        shown[field.name] = reader(field, sobject, version)(row)
    return shown


def saved(record_id: str) -> Row:
    """The body after a create."""
    return {"id": record_id, "success": True, "errors": []}


class _Rows:
    def __init__(self, service: Service, below: Below) -> None:
        self._service = service
        self._below = below
        self._records = service.records

    def get(self, call: Call) -> Reply:
        sobject = self._service.sobject(call.params["sobject"])
        return self._show(call, sobject, self._records.find(sobject, call.params["id"]))

    def _show(self, call: Call, sobject: SObject, place: int) -> Reply:
        names = call.one("fields")
        fields = shown_fields(sobject, None if names is None else names.split(","))
        headers = self._stamps(sobject, place)
        refused = self._precondition(call, sobject, place, headers)
        if refused is not None:
            return refused
        row = self._service.org.tables[sobject.name].row(place)
        return Reply(200, show(sobject, row, fields, call.version), headers)

    def _stamps(self, sobject: SObject, place: int) -> dict[str, str]:
        table = self._service.org.tables[sobject.name]
        changed = table.modified(place)
        headers = {"Last-Modified": http_date(changed)}
        if sobject.name == "Account":
            # Only account rows carry entity tags.
            digest = sha256(
                repr(sorted(table.row(place).items(), key=lambda item: item[0])).encode()
            ).hexdigest()
            headers["ETag"] = f'"{digest[:32]}"'
        return headers

    def _precondition(
        self, call: Call, sobject: SObject, place: int, headers: dict[str, str]
    ) -> Reply | None:
        """304 or 412, if the call's conditions say so."""
        changed = self._service.org.tables[sobject.name].modified(place)
        reading = call.method in {"GET", "HEAD"}
        tag = headers.get("ETag")
        if tag is not None:
            wanted = _tags(call.headers.get("if-match"))
            if wanted and "*" not in wanted and tag not in wanted:
                return _failed()
            unwanted = _tags(call.headers.get("if-none-match"))
            if unwanted and (tag in unwanted or "*" in unwanted):
                return Reply(304, None, headers) if reading else _failed()
        unmodified = read_http_date(call.headers.get("if-unmodified-since"))
        if unmodified is not None and changed > unmodified:
            return _failed()
        modified = read_http_date(call.headers.get("if-modified-since"))
        if modified is not None and changed <= modified:
            return Reply(304, None, headers) if reading else _failed()
        return None

    def patch(self, call: Call) -> Reply:
        sobject = self._service.sobject(call.params["sobject"])
        place = self._records.find(sobject, call.params["id"])
        refused = self._precondition(call, sobject, place, self._stamps(sobject, place))
        if refused is not None:
            return refused
        self._records.change(sobject, place, call.object(), call.locate)
        return Reply(204)

    def delete(self, call: Call) -> Reply:
        sobject = self._service.sobject(call.params["sobject"])
        self._delete(sobject, self._records.find(sobject, call.params["id"]))
        return Reply(204)

    def _delete(self, sobject: SObject, place: int) -> None:
        with self._service.org.transaction() as done:
            try:
                self._records.delete(sobject, place)
            except ApiError:
                done.undo()
                raise

    def _by_key(self, call: Call) -> tuple[SObject, Field, int | None]:
        sobject = self._service.sobject(call.params["sobject"])
        field = self._records.key_field(sobject, call.params["field"])
        if field.type == "id":
            return sobject, field, self._records.find(sobject, call.params["value"])
        return sobject, field, self._records.by_key(sobject, field, call.params["value"])

    def get_by_key(self, call: Call) -> Reply:
        found = self._below(self._service, call, self._service.sobject(call.params["sobject"]))
        if found is not None:
            return found
        try:
            sobject, _, place = self._by_key(call)
        except SeveralFound as several:
            return self._several(call, several)
        if place is None:
            raise no_record(call.params["value"])
        return self._show(call, sobject, place)

    def delete_by_key(self, call: Call) -> Reply:
        try:
            sobject, _, place = self._by_key(call)
        except SeveralFound as several:
            return self._several(call, several)
        if place is None:
            raise no_record(call.params["value"])
        self._delete(sobject, place)
        return Reply(204)

    def _several(self, call: Call, several: SeveralFound) -> Reply:
        name = self._service.sobject(call.params["sobject"]).name
        return Reply(300, [record_url(call.version, name, record_id) for record_id in several.ids])

    def upsert(self, call: Call) -> Reply:
        try:
            sobject, field, place = self._by_key(call)
        except SeveralFound as several:
            return self._several(call, several)
        body = call.object()
        if any(key.lower() == field.name.lower() for key in body):
            message = f"The {field.name} field should not be specified in the sobject data."
            raise ApiError("INVALID_FIELD", message)
        if place is None:
            if call.flag("updateOnly"):
                raise no_record(call.params["value"])
            record_id = self._records.create(sobject, {**body, field.name: call.params["value"]}, call.locate)
            headers = {"Location": record_url(call.version, sobject.name, record_id)}
            return Reply(201, {**saved(record_id), "created": True}, headers)
        refused = self._precondition(call, sobject, place, self._stamps(sobject, place))
        if refused is not None:
            return refused
        self._records.change(sobject, place, body, call.locate)
        if int(call.version.partition(".")[0]) < _CREATED_FLAG_SINCE:
            return Reply(204)
        record_id = self._service.org.tables[sobject.name].id_at(place)
        return Reply(200, {**saved(record_id), "created": False})


def create_row(service: Service, call: Call) -> Reply:
    """`POST /sobjects/X`."""
    sobject = service.sobject(call.params["sobject"])
    record_id = service.records.create(sobject, call.object(), call.locate)
    return Reply(201, saved(record_id), {"Location": record_url(call.version, sobject.name, record_id)})


def _tags(header: str | None) -> set[str]:
    """The entity tags of a condition, quoted, without the marks of weakness and compression."""
    if header is None:
        return set()
    tags = (tag.strip().removeprefix("W/").replace("--gzip", "") for tag in header.split(","))
    return {tag if tag == "*" or tag.startswith('"') else f'"{tag}"' for tag in tags}


def _failed() -> Reply:
    message = "The resource does not meet the condition of the request"
    return Reply(412, ApiError("PRECONDITION_FAILED", message).rest())
