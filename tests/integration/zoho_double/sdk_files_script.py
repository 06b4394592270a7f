"""Drives a served double with Zoho's own Python SDK: notes, attachments, tags, related records, bulk jobs.

Arguments: the JSON line of `crmhub simulate --json`, and an empty folder. Prints what it saw as JSON.
"""
# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

import io
import json
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

os.environ["NO_PROXY"] = "127.0.0.1"

from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zohocrmsdk.src.com.zoho.api.authenticator.store.file_store import FileStore
from zohocrmsdk.src.com.zoho.api.logger import Logger
from zohocrmsdk.src.com.zoho.crm.api import HeaderMap, ParameterMap
from zohocrmsdk.src.com.zoho.crm.api.attachments import (
    AttachmentsOperations,
    GetAttachmentsParam,
    UploadUrlAttachmentsParam,
)
from zohocrmsdk.src.com.zoho.crm.api.attachments import FileBodyWrapper as Attached
from zohocrmsdk.src.com.zoho.crm.api.blueprint import BluePrint, BlueprintOperations
from zohocrmsdk.src.com.zoho.crm.api.blueprint import BodyWrapper as Moves
from zohocrmsdk.src.com.zoho.crm.api.bulk_read import BodyWrapper as Reading
from zohocrmsdk.src.com.zoho.crm.api.bulk_read import BulkReadOperations, Query
from zohocrmsdk.src.com.zoho.crm.api.bulk_write import (
    BulkWriteOperations,
    FieldMapping,
    RequestWrapper,
    Resource,
    UploadFileHeader,
)
from zohocrmsdk.src.com.zoho.crm.api.bulk_write import FileBodyWrapper as Uploaded
from zohocrmsdk.src.com.zoho.crm.api.convert_lead import BodyWrapper as Conversion
from zohocrmsdk.src.com.zoho.crm.api.convert_lead import ConvertLeadOperations, LeadConverter
from zohocrmsdk.src.com.zoho.crm.api.dc.data_center import DataCenter
from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer
from zohocrmsdk.src.com.zoho.crm.api.modules import MinifiedModule
from zohocrmsdk.src.com.zoho.crm.api.notes import BodyWrapper as Notes
from zohocrmsdk.src.com.zoho.crm.api.notes import GetNotesParam, Note, NotesOperations, ParentId
from zohocrmsdk.src.com.zoho.crm.api.notifications import BodyWrapper as Watch
from zohocrmsdk.src.com.zoho.crm.api.notifications import (
    DeleteNotificationParam,
    Notification,
    NotificationsOperations,
)
from zohocrmsdk.src.com.zoho.crm.api.org import OrgOperations
from zohocrmsdk.src.com.zoho.crm.api.record import BodyWrapper as Records
from zohocrmsdk.src.com.zoho.crm.api.record import FileBodyWrapper as Photo
from zohocrmsdk.src.com.zoho.crm.api.record import Record, RecordOperations
from zohocrmsdk.src.com.zoho.crm.api.recycle_bin import RecycleBinOperations
from zohocrmsdk.src.com.zoho.crm.api.related_records import BodyWrapper as Related
from zohocrmsdk.src.com.zoho.crm.api.related_records import GetRelatedRecordsParam, RelatedRecordsOperations
from zohocrmsdk.src.com.zoho.crm.api.sdk_config import SDKConfig
from zohocrmsdk.src.com.zoho.crm.api.tags import (
    BodyWrapper as Tags,
)
from zohocrmsdk.src.com.zoho.crm.api.tags import (
    CreateTagsParam,
    ExistingTag,
    ExistingTagRequestWrapper,
    GetTagsParam,
    NewTagRequestWrapper,
    Tag,
    TagsOperations,
)
from zohocrmsdk.src.com.zoho.crm.api.util import Choice, StreamWrapper

state, folder = json.loads(sys.argv[1]), sys.argv[2]
base, credentials = state["url"], state["credentials"]
names = ("client_id", "client_secret", "refresh_token")
Initializer.initialize(
    environment=DataCenter.Environment(base, f"{base}/oauth/v2/token", base),
    token=OAuthToken(**{name: credentials[name] for name in names}, find_user=False),
    store=FileStore(f"{folder}/tokens.txt"),
    sdk_config=SDKConfig(auto_refresh_fields=False, pick_list_validation=False),
    resource_path=folder,
    logger=Logger.get_instance(level=Logger.Levels.ERROR, file_path=f"{folder}/sdk.log"),
)
seen: dict[str, object] = {}


def params(*pairs: tuple[object, object]) -> ParameterMap:
    made = ParameterMap()
    for param, value in pairs:
        made.add(param, value)
    return made


def create(module: str, **values: object) -> int:
    record = Record()
    for name, value in values.items():
        record.add_key_value(name, value)
    body = Records()
    body.set_data([record])
    done = RecordOperations(module).create_records(body, HeaderMap())
    return int(done.get_object().get_data()[0].get_details()["id"])


def named(name: str) -> MinifiedModule:
    module = MinifiedModule()
    module.set_api_name(name)
    return module


def stream(name: str, content: bytes) -> StreamWrapper:
    path = Path(folder) / name
    path.write_bytes(content)
    return StreamWrapper(stream=path.open("rb"), name=name)


def table(content: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(archive.namelist()[0]).decode().splitlines()


def saved(reply: Any) -> bytes:
    return reply.get_object().get_file().get_stream().content


account = create("Accounts", Account_Name="Acme")

# notes
note, about = Note(), ParentId()
about.set_id(account)
about.set_module(named("Accounts"))
note.set_parent_id(about)
note.set_note_title("Title")
note.set_note_content("Content")
notes = Notes()
notes.set_data([note])
made = NotesOperations().create_notes(notes)
seen["note"] = made.get_object().get_data()[0].get_code().get_value()
listed = NotesOperations().get_notes(params((GetNotesParam.fields, "Note_Title,Parent_Id")), HeaderMap())
seen["notes"] = [one.get_note_title() for one in listed.get_object().get_data()]

# attachments
attachments = AttachmentsOperations()
body = Attached()
body.set_file(stream("offer.txt", b"an offer"))
reply = attachments.upload_attachments(account, "Accounts", body)
file_id = int(reply.get_object().get_data()[0].get_details()["id"])
attachments.upload_url_attachments(
    account,
    "Accounts",
    params(
        (UploadUrlAttachmentsParam.attachmenturl, "https://example.com/a.pdf"),
        (UploadUrlAttachmentsParam.title, "Link"),
    ),
)
reply = attachments.get_attachments(
    account, "Accounts", params((GetAttachmentsParam.fields, "id,File_Name,Size,Parent_Id"))
)
seen["attachments"] = [one.get_file_name() for one in reply.get_object().get_data()]
seen["downloaded"] = saved(attachments.get_attachment(file_id, account, "Accounts")).decode()
reply = attachments.delete_attachment(file_id, account, "Accounts")
seen["attachment gone"] = reply.get_object().get_data()[0].get_code().get_value()

# photo
photo = Photo()
photo.set_file(stream("face.png", b"\x89PNG\r\n\x1a\n" + bytes(64)))
accounts = RecordOperations("Accounts")
seen["photo"] = accounts.upload_photo(account, photo, ParameterMap()).get_object().get_code().get_value()
seen["photo bytes"] = len(saved(accounts.get_photo(account)))
seen["photo gone"] = accounts.delete_photo(account).get_object().get_code().get_value()

# tags
tag = Tag()
tag.set_name("hot")
tags = Tags()
tags.set_tags([tag])
reply = TagsOperations().create_tags(tags, params((CreateTagsParam.module, "Accounts")))
tag_id = int(reply.get_object().get_tags()[0].get_details()["id"])
other = Tag()
other.set_name("new")
adding = NewTagRequestWrapper()
adding.set_tags([tag, other])
reply = TagsOperations().add_tags("Accounts", account, adding, ParameterMap())
seen["tagged"] = reply.get_object().get_data()[0].get_code().get_value()
removing, known = ExistingTagRequestWrapper(), ExistingTag()
known.set_name("new")
removing.set_tags([known])
reply = TagsOperations().remove_tags("Accounts", account, removing)
seen["untagged"] = reply.get_object().get_data()[0].get_code().get_value()
record = accounts.get_record(account, ParameterMap(), HeaderMap()).get_object().get_data()[0]
seen["tags on it"] = [one.get_name() for one in record.get_tag()]
reply = TagsOperations().get_tags(params((GetTagsParam.module, "Accounts")))
seen["tags"] = [one.get_name() for one in reply.get_object().get_tags()]

# related records
contact = create("Contacts", Last_Name="Lee")
related = RelatedRecordsOperations("Contacts", "Accounts")
link = Record()
link.set_id(contact)
linking = Related()
linking.set_data([link])
reply = related.update_related_records(account, linking, HeaderMap())
seen["linked"] = reply.get_object().get_data()[0].get_code().get_value()
reply = related.get_related_records(
    account, params((GetRelatedRecordsParam.fields, "Last_Name")), HeaderMap()
)
seen["related"] = [one.get_key_value("Last_Name") for one in reply.get_object().get_data()]
reply = related.delink_record(contact, account, HeaderMap())
seen["delinked"] = reply.get_object().get_data()[0].get_code().get_value()

# conversion and recycle bin
lead = create("Leads", Last_Name="Okafor", Company="Acme")
converter, conversion = LeadConverter(), Conversion()
conversion.set_data([converter])
reply = ConvertLeadOperations(lead).convert_lead(conversion)
seen["converted"] = reply.get_object().get_data()[0].get_code().get_value()
RecordOperations("Contacts").delete_record(contact, ParameterMap(), HeaderMap())
reply = RecycleBinOperations().get_recyclebin_record(contact)
seen["in the bin"] = reply.get_object().get_recycle_bin()[0].get_display_name()

# blueprint
deal = create("Deals", Deal_Name="Sale", Stage=Choice("Qualification"))
process = BlueprintOperations(str(deal), "Deals")
shown = process.get_blueprint().get_object().get_blueprint()
step = shown.get_transitions()[0]
seen["process"] = [shown.get_process_info().get_field_value(), step.get_name(), step.get_next_field_value()]
given = Record()
given.add_key_value("Description", "two of them")
move, moves = BluePrint(), Moves()
move.set_transition_id(str(step.get_id()))
move.set_data(given)
moves.set_blueprint([move])
seen["moved"] = process.update_blueprint(moves).get_object().get_code().get_value()
reply = RecordOperations("Deals").get_record(deal, ParameterMap(), HeaderMap())
seen["stage"] = reply.get_object().get_data()[0].get_key_value("Stage").get_value()

# notifications
channel = Notification()
channel.set_channel_id("1006800211")
channel.set_events(["Deals.all"])
channel.set_notify_url("https://example.com/hook")
channel.set_token("secret")
watch = Watch()
watch.set_watch([channel])
reply = NotificationsOperations().enable_notifications(watch)
seen["watched"] = reply.get_object().get_watch()[0].get_code().get_value()
reply = NotificationsOperations().get_notifications(ParameterMap())
seen["watching"] = [one.get_token() for one in reply.get_object().get_watch()]
reply = NotificationsOperations().delete_notification(
    params((DeleteNotificationParam.channel_ids, "1006800211"))
)
seen["unwatched"] = reply.get_object().get_watch()[0].get_code().get_value()

# bulk write
upload = Uploaded()
packed = io.BytesIO()
with zipfile.ZipFile(packed, "w") as archive:
    archive.writestr("leads.csv", "Last_Name,Email\nBulk1,b1@example.com\n,b2@example.com\n")
upload.set_file(stream("leads.zip", packed.getvalue()))
zgid = OrgOperations().get_organization().get_object().get_org()[0].get_zgid()
headers = HeaderMap()
headers.add(UploadFileHeader.feature, "bulk-write")
headers.add(UploadFileHeader.x_crm_org, zgid)
writing = BulkWriteOperations()
file = writing.upload_file(upload, headers).get_object().get_details()["file_id"]
mappings: list[Any] = []
for number, name in enumerate(("Last_Name", "Email")):
    mapping = FieldMapping()
    mapping.set_api_name(name)
    mapping.set_index(number)
    mappings.append(mapping)
resource = Resource()
resource.set_type(Choice("data"))
resource.set_module(named("Leads"))
resource.set_file_id(str(file))
resource.set_field_mappings(mappings)
request = RequestWrapper()
request.set_operation(Choice("insert"))
request.set_character_encoding("UTF-8")
request.set_resource([resource])
job = str(writing.create_bulk_write_job(request).get_object().get_details()["id"])
told = writing.get_bulk_write_job_details(job).get_object()
assert told.get_status() == "COMPLETED"
file_info = told.get_resource()[0].get_file()
seen["written"] = [file_info.get_added_count(), file_info.get_skipped_count()]
seen["outcomes"] = [
    line.split(",")[2]
    for line in table(saved(writing.download_bulk_write_result(told.get_result().get_download_url())))
]

# bulk read
query = Query()
query.set_module(named("Leads"))
query.set_fields(["Last_Name", "Email"])
query.set_page(1)
asking = Reading()
asking.set_query(query)
reading = BulkReadOperations()
job = int(reading.create_bulk_read_job(asking).get_object().get_data()[0].get_details()["id"])
told = reading.get_bulk_read_job_details(job).get_object().get_data()[0]
assert told.get_state().get_value() == "COMPLETED"
seen["read"] = [told.get_result().get_count(), told.get_result().get_more_records()]
seen["rows"] = [line.split(",", 1)[1] for line in table(saved(reading.download_result(job)))]
print(json.dumps(seen))
