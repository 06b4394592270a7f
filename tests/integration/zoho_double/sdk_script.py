"""Drives a served double with Zoho's own Python SDK; run in a process of its own, since the SDK is global
state.

Arguments: the JSON line of `crmhub simulate --json`, and an empty folder. Prints what it saw as JSON.
"""
# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

import json
import os
import sys

os.environ["NO_PROXY"] = "127.0.0.1"

from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zohocrmsdk.src.com.zoho.api.authenticator.store.file_store import FileStore
from zohocrmsdk.src.com.zoho.api.logger import Logger
from zohocrmsdk.src.com.zoho.crm.api import HeaderMap, ParameterMap
from zohocrmsdk.src.com.zoho.crm.api.coql import BodyWrapper as Query
from zohocrmsdk.src.com.zoho.crm.api.coql import CoqlOperations
from zohocrmsdk.src.com.zoho.crm.api.dc.data_center import DataCenter
from zohocrmsdk.src.com.zoho.crm.api.fields import FieldsOperations, GetFieldsParam
from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer
from zohocrmsdk.src.com.zoho.crm.api.record import (
    BodyWrapper,
    DeleteRecordsParam,
    GetRecordsParam,
    Record,
    RecordOperations,
    SearchRecordsParam,
)
from zohocrmsdk.src.com.zoho.crm.api.sdk_config import SDKConfig
from zohocrmsdk.src.com.zoho.crm.api.users import GetUsersParam, UsersOperations
from zohocrmsdk.src.com.zoho.crm.api.util import Choice

state, folder = json.loads(sys.argv[1]), sys.argv[2]
base, credentials = state["url"], state["credentials"]
names = ("client_id", "client_secret", "refresh_token")
Initializer.initialize(
    environment=DataCenter.Environment(base, f"{base}/oauth/v2/token", base),
    token=OAuthToken(**{name: credentials[name] for name in names}, find_user=True),
    store=FileStore(f"{folder}/tokens.txt"),
    sdk_config=SDKConfig(auto_refresh_fields=False, pick_list_validation=False),
    resource_path=folder,
    logger=Logger.get_instance(level=Logger.Levels.ERROR, file_path=f"{folder}/sdk.log"),
)
contacts = RecordOperations("Contacts")


def params(*pairs: tuple[object, object]) -> ParameterMap:
    made = ParameterMap()
    for param, value in pairs:
        made.add(param, value)
    return made


def person(number: int) -> Record:
    record = Record()
    record.add_key_value("Last_Name", f"Sdk{number}")
    record.add_key_value("Email", f"sdk{number}@example.com")
    record.add_key_value("Lead_Source", Choice("Chat"))
    return record


def body(*records: Record) -> BodyWrapper:
    made = BodyWrapper()
    made.set_data(list(records))
    made.set_trigger([])
    return made


def query(text: str) -> Query:
    made = Query()
    made.set_select_query(text)
    return made


seen: dict[str, object] = {}
seen["fields"] = FieldsOperations().get_fields(params((GetFieldsParam.module, "Deals"))).get_status_code()

created = contacts.create_records(body(*map(person, range(100))), HeaderMap())
ids = [item.get_details()["id"] for item in created.get_object().get_data()]
seen["created"] = [created.get_status_code(), len(ids)]
refused = contacts.create_records(body(*map(person, range(101))), HeaderMap())
seen["refused"] = refused.get_object().get_code().get_value()

listed, token = 0, None
while listed == 0 or token:
    more = [(GetRecordsParam.page_token, token)] if token else []
    page = contacts.get_records(
        params((GetRecordsParam.fields, "Last_Name,Account_Name"), *more), HeaderMap()
    )
    listed += len(page.get_object().get_data())
    token = page.get_object().get_info().get_next_page_token()
seen["listed"] = listed

got = contacts.get_record(int(ids[0]), ParameterMap(), HeaderMap()).get_object().get_data()[0]
seen["got"] = [got.get_key_value("Last_Name"), got.get_key_value("Lead_Source").get_value()]

changed = Record()
changed.set_id(int(ids[0]))
changed.add_key_value("Last_Name", "Changed")
seen["updated"] = contacts.update_records(body(changed), HeaderMap()).get_status_code()

upserted = contacts.upsert_records(body(person(5), person(500)), HeaderMap())
seen["upserted"] = [item.get_action().get_value() for item in upserted.get_object().get_data()]

found = contacts.search_records(
    params((SearchRecordsParam.criteria, "(Email:equals:sdk7@example.com)")), HeaderMap()
)
seen["searched"] = [record.get_key_value("Last_Name") for record in found.get_object().get_data()]

asked = CoqlOperations().get_records(
    query("select Last_Name from Contacts where Last_Name like 'Sdk1%' order by id limit 3")
)
seen["queried"] = [record.get_key_value("Last_Name") for record in asked.get_object().get_data()]

users = UsersOperations().get_users(params((GetUsersParam.type, "ActiveUsers")), HeaderMap())
seen["users"] = len(users.get_object().get_users())

gone = contacts.delete_records(
    params(
        (DeleteRecordsParam.ids, ids[0]),
        (DeleteRecordsParam.ids, ids[1]),
        (DeleteRecordsParam.wf_trigger, False),
    ),
    HeaderMap(),
)
seen["deleted"] = gone.get_status_code()
print(json.dumps(seen))
