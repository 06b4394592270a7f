"""Files attached to records, and records' photos.

Source: Zoho CRM API v8, "Attachments" (20 MB a file; a link needs a title; links cannot be downloaded) and
"Photos" (Leads, Contacts, Accounts, Products, Vendors and custom modules; PNG, JPEG, GIF and BMP).
"""

from typing import cast
from urllib.parse import parse_qsl, quote

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_zoho.simulator.call import Call, Endpoint, nothing, reply
from crmhub_zoho.simulator.errors import (
    Details,
    ZohoError,
    invalid_related_id,
    not_supported,
    required_param,
)
from crmhub_zoho.simulator.multipart import Part, parse_multipart
from crmhub_zoho.simulator.org import SE_MODULE, Module
from crmhub_zoho.simulator.rendering import full_record
from crmhub_zoho.simulator.writing import answer

MOST_BYTES = 20 * 1024 * 1024
MOST_PHOTO_BYTES = 10 * 1024 * 1024
_IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"BM")
_WITH_PHOTO = frozenset({"Leads", "Contacts", "Accounts", "Products", "Vendors"})
_LISTED = ("id", "$editable", "$file_id", "$type", "$se_module", "$state", "$link_url", "$attachment_type")


def attach(call: Call) -> Response:
    """`POST /{module}/{id}/Attachments`: a file, or the address of one."""
    parent = _parent(call)
    url, title = _link(call)
    if url:
        if not title:
            raise required_param("title")
        row = _keep(call, parent, title, None, url)
    else:
        part = _file(call, MOST_BYTES)
        row = _keep(call, parent, part.filename or "", part.content, None)
    details = {**call.records.details(row), "id": row["id"]}
    details.pop("$approval_state", None)
    item = {"code": "SUCCESS", "details": details, "message": "attachment uploaded successfully"}
    return reply({"data": [{**item, "status": "success"}]})


def list_attachments(call: Call) -> Response:
    """`GET /{module}/{id}/Attachments`, newest first."""
    parent = _parent(call)
    fields = call.fields()
    wanted = set(call.params.get("ids", "").split(",")) - {""}
    page = call.numbered()
    rows = [row for row in _rows(call, parent) if not wanted or row["id"] in wanted]
    shown, info = page.of(rows)
    if not shown:
        return nothing()
    tokens = {"next_page_token": None, "previous_page_token": None, "page_token_expiry": None}
    return reply({"data": [_shown(call, row, fields) for row in shown], "info": {**info, **tokens}})


def download_attachment(call: Call) -> Response:
    """`GET /{module}/{id}/Attachments/{file}`."""
    row = _attachment(call, _parent(call))
    content = call.org.contents.get(str(row["id"]))
    if content is None:
        message = "As it is a linked attachment, you can not download it"
        raise ZohoError(400, "DOWNLOAD_NOT_ALLOWED", message, {"param_name": "id"})
    return _download(str(row["File_Name"]), content)


def delete_attachment(call: Call) -> Response:
    """`DELETE /{module}/{id}/Attachments/{file}`."""
    parent = _parent(call)
    _attachment(call, parent)
    return _deleted(call, parent, [call.path["file"]])


def delete_attachments(call: Call) -> Response:
    """`DELETE /{module}/{id}/Attachments?ids=`."""
    parent = _parent(call)
    ids = [one for one in call.params.get("ids", "").split(",") if one]
    if not ids:
        raise required_param("ids")
    return _deleted(call, parent, ids)


def upload_photo(call: Call) -> Response:
    """`POST /{module}/{id}/photo`."""
    key = _photo_key(call)
    part = _file(call, MOST_PHOTO_BYTES)
    if not part.content.startswith(_IMAGES):
        raise ZohoError(400, "INVALID_DATA", "invalid data", {"expected_data_type": "image"})
    call.org.photos[key] = part.filename or "photo", part.content
    return _done("photo uploaded successfully")


def download_photo(call: Call) -> Response:
    """`GET /{module}/{id}/photo`."""
    photo = call.org.photos.get(_photo_key(call))
    return nothing() if photo is None else _download(*photo)


def delete_photo(call: Call) -> Response:
    """`DELETE /{module}/{id}/photo`."""
    if call.org.photos.pop(_photo_key(call), None) is None:
        raise ZohoError(400, "INVALID_DATA", "the record has no photo", {"resource_path_index": 1})
    return _done("Photo deleted")


def _done(message: str) -> Response:
    return reply({"code": "SUCCESS", "details": {}, "message": message, "status": "success"})


def _photo_key(call: Call) -> str:
    module = _parent(call)
    if not module.custom and module.name not in _WITH_PHOTO:
        raise not_supported(resource_path_index=0)
    return call.path["id"]


def _parent(call: Call) -> Module:
    module = call.module()
    if module.table.place_of(call.path["id"]) is None:
        raise invalid_related_id()
    return module


def _rows(call: Call, parent: Module) -> list[Row]:
    table = call.org.attachments.table
    rows = [table.row(place) for place in table.find("Parent_Id", call.path["id"])]
    return [row for row in reversed(rows) if row[SE_MODULE] == parent.name]


def _attachment(call: Call, parent: Module) -> Row:
    row = next((one for one in _rows(call, parent) if one["id"] == call.path["file"]), None)
    if row is None:
        raise invalid_related_id(3)
    return row


def _shown(call: Call, row: Row, fields: list[str]) -> Row:
    link = row.get("$link_url")
    record = {
        **full_record(call.org, call.org.attachments, row),
        "$file_id": None if link else f"file{row['id']}",
        "$type": "Link URL" if link else "Attachment",
        "$link_url": link,
        "$attachment_type": 1 if link else 0,
    }
    return {name: value for name, value in record.items() if name in {*_LISTED, *fields}}


def _keep(call: Call, parent: Module, name: str, content: bytes | None, url: str | None) -> Row:
    values: Row = {
        "File_Name": name,
        "Size": str(len(content or b"")),
        "Parent_Id": call.path["id"],
        SE_MODULE: parent.name,
    }
    row = call.records.keep(call.org.attachments, values | ({"$link_url": url} if url else {}), call.user.id)
    if content is not None:
        call.org.contents[str(row["id"])] = content
    return row


def _link(call: Call) -> tuple[str, str]:
    given = dict(call.params)
    if call.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        given |= dict(parse_qsl(call.raw_body.decode("utf-8", "replace")))
    for part in parse_multipart(call.headers.get("content-type", ""), call.raw_body) or []:
        if part.filename is None:
            given[part.name] = part.content.decode("utf-8", "replace")
    return given.get("attachmentUrl", ""), given.get("title", "")


def _file(call: Call, most: int) -> Part:
    parts = parse_multipart(call.headers.get("content-type", ""), call.raw_body)
    part = next((one for one in parts or [] if one.name == "file" and one.filename), None)
    if part is None:
        details: Details = {"api_name": "file", "json_path": "$.file"}
        raise ZohoError(400, "MANDATORY_NOT_FOUND", "required field not found", details)
    if len(part.content) > most:
        message = "The file size exceeds the limit"
        raise ZohoError(413, "FILE_SIZE_EXCEEDED", message, {"limit": most})
    return part


def _deleted(call: Call, parent: Module, ids: list[str]) -> Response:
    known = {row["id"] for row in _rows(call, parent)}

    def one(file_id: object, _: str) -> Details:
        if file_id not in known:
            raise ZohoError(400, "INVALID_DATA", "record not deleted", {"id": file_id})
        attachments = call.org.attachments
        place = cast("int", attachments.table.place_of(str(file_id)))
        attachments.table.delete(place, call.org.clock.seconds(), call.user.id)
        attachments.purge(place)
        call.org.contents.pop(str(file_id), None)
        done = {"code": "SUCCESS", "message": "record deleted", "status": "success"}
        return {**done, "details": {"id": file_id}}

    return answer(list[object](ids), one, 200)


def _download(name: str, content: bytes) -> Response:
    plain = "".join(one if one.isascii() and one.isprintable() and one not in '"\\' else "_" for one in name)
    disposition = f'attachment;filename="{plain}"'
    if plain != name:
        disposition += f";filename*=UTF-8''{quote(name, safe='')}"
    return Response(content, 200, {"Content-Disposition": disposition}, "application/x-download")


_READ, _CREATE, _DELETE = (f"modules.attachments.{one}" for one in ("READ", "CREATE", "DELETE"))
_FILES = "/{module}/{id}/Attachments"
_PHOTO = "/{module}/{id}/photo"
ENDPOINTS = (
    Endpoint("GET", _FILES, list_attachments, (_READ,)),
    Endpoint("POST", _FILES, attach, (_CREATE,)),
    Endpoint("DELETE", _FILES, delete_attachments, (_DELETE,)),
    Endpoint("GET", f"{_FILES}/{{file}}", download_attachment, (_READ,)),
    Endpoint("DELETE", f"{_FILES}/{{file}}", delete_attachment, (_DELETE,)),
    Endpoint("GET", _PHOTO, download_photo, ("modules.{module}.READ",)),
    Endpoint("POST", _PHOTO, upload_photo, ("modules.{module}.CREATE",)),
    Endpoint("DELETE", _PHOTO, delete_photo, ("modules.{module}.DELETE",)),
)
