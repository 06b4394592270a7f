"""The double's replies fit Zoho's own OpenAPI files, where these are at hand.

`CRMHUB_ZOHO_SPECS` names the folder with the files of github.com/zoho/crm-oas (v8.0, OpenAPI 3.1).
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest

from tests.integration.zoho_double.conftest import Make
from tests.integration.zoho_double.test_writing import create

FOLDER = os.environ.get("CRMHUB_ZOHO_SPECS", "")
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not FOLDER, reason="CRMHUB_ZOHO_SPECS names no folder with Zoho's OpenAPI files"),
]
CRM, BULK = "/crm/v8", "/crm/bulk/v8"
ORG = {"feature": "bulk-write", "X-CRM-ORG": "60001234567"}


def check(reply: httpx.Response, spec: str, path: str) -> Any:
    """The body of a reply, once it fits what `spec` says of it.

    Keys that the files do not name are let through: replies of the documentation have more of them.
    """
    document = json.loads((Path(FOLDER) / f"{spec}.json").read_text())
    operation = document["paths"][path][reply.request.method.lower()]
    content = operation["responses"][str(reply.status_code)].get("content", {})
    if not reply.content or "application/json" not in reply.headers.get("content-type", ""):
        assert not reply.content or content
        return None
    schema = {**content["application/json"]["schema"], "components": document.get("components", {})}
    problems = [
        f"{list(one.instance_path)}: {one.message}"
        for one in jsonschema_rs.validator_for(schema).iter_errors(reply.json())
        if not one.message.startswith("Additional properties")
    ]
    assert problems == [], f"{reply.request.method} {path} {reply.status_code}: {reply.text[:400]}"
    return reply.json()


async def test_attachments_fit(zoho: httpx.AsyncClient) -> None:
    account = await create(zoho, "Accounts", Account_Name="Acme")
    fields = {"fields": "File_Name,Size,Owner,Parent_Id,Created_Time,Created_By,Modified_Time,Modified_By"}
    url, spec = f"{CRM}/Accounts/{account}/Attachments", "/{moduleApiName}/{recordId}/Attachments"
    sent = check(await zoho.post(url, files={"file": ("a.txt", b"x")}), "attachments", spec)
    file = sent["data"][0]["details"]["id"]
    check(await zoho.get(url, params=fields), "attachments", spec)
    check(await zoho.get(f"{url}/{file}"), "attachments", f"{spec}/{{id}}")
    check(await zoho.get(f"{url}/5"), "attachments", f"{spec}/{{id}}")
    check(await zoho.delete(f"{url}/{file}"), "attachments", f"{spec}/{{id}}")


async def test_bulk_jobs_fit(make_zoho: Make) -> None:
    double, zoho = make_zoho(rows=3, settings={"bulk_page": "2"})
    query = {"query": {"module": {"api_name": "Leads"}, "fields": ["Last_Name"]}}
    added = check(await zoho.post(f"{BULK}/read", json=query), "bulk_read", "/read")
    job = added["data"][0]["details"]["id"]
    double.clock.advance(1)
    check(await zoho.get(f"{BULK}/read/{job}/result"), "bulk_read", "/read/{jobId}/result")
    check(await zoho.get(f"{BULK}/read/5"), "bulk_read", "/read/{jobId}")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.csv", "Last_Name\nA\n")
    sent = await zoho.post(f"{CRM}/upload", headers=ORG, files={"file": ("a.zip", packed.getvalue())})
    file = check(sent, "upload", "/upload")["details"]["file_id"]
    resource = {
        "type": "data",
        "module": {"api_name": "Leads"},
        "file_id": file,
        "field_mappings": [{"api_name": "Last_Name", "index": 0}],
    }
    body = {"operation": "insert", "resource": [resource]}
    check(await zoho.post(f"{BULK}/write", json=body), "bulk_write", "/write")


async def test_tags_fit(zoho: httpx.AsyncClient) -> None:
    leads = {"module": "Leads"}
    tags = {"tags": [{"name": "hot"}]}
    made = check(await zoho.post(f"{CRM}/settings/tags", params=leads, json=tags), "tags", "/settings/tags")
    check(await zoho.get(f"{CRM}/settings/tags", params=leads), "tags", "/settings/tags")
    lead = await create(zoho, "Leads", Last_Name="L")
    for action in ("add_tags", "remove_tags"):
        reply = await zoho.post(f"{CRM}/Leads/{lead}/actions/{action}", json=tags)
        check(reply, "tags_actions", f"/{{module}}/{{id}}/actions/{action}")
    tag = made["tags"][0]["details"]["id"]
    check(await zoho.delete(f"{CRM}/settings/tags/{tag}"), "tags", "/settings/tags/{id}")


async def test_notifications_fit(zoho: httpx.AsyncClient) -> None:
    path = "/actions/watch"
    channel = {"channel_id": "5", "events": ["Deals.all"], "notify_url": "https://example.com"}
    body = {"watch": [channel]}
    check(await zoho.post(f"{CRM}{path}", json=body), "notifications", path)
    check(await zoho.get(f"{CRM}{path}"), "notifications", path)
    check(await zoho.put(f"{CRM}{path}", json=body), "notifications", path)
    check(await zoho.patch(f"{CRM}{path}", json=body), "notifications", path)
    check(await zoho.delete(f"{CRM}{path}", params={"channel_ids": "5"}), "notifications", path)


async def test_the_recycle_bin_fits(zoho: httpx.AsyncClient) -> None:
    path = "/settings/recycle_bin"
    check(await zoho.get(f"{CRM}{path}"), "recycle_bin", path)
    leads = [await create(zoho, "Leads", Last_Name=name) for name in "ABC"]
    await zoho.delete(f"{CRM}/Leads", params={"ids": ",".join(leads)})
    check(await zoho.get(f"{CRM}{path}/{leads[0]}"), "recycle_bin", f"{path}/{{recordId}}")
    check(await zoho.get(f"{CRM}{path}/actions/count"), "recycle_bin", f"{path}/actions/count")
    restored = await zoho.post(f"{CRM}{path}/actions/restore", json={"ids": leads[:1]})
    check(restored, "recycle_bin", f"{path}/actions/restore")
    check(await zoho.delete(f"{CRM}{path}/{leads[1]}"), "recycle_bin", f"{path}/{{recordId}}")
    check(await zoho.post(f"{CRM}{path}/actions/empty"), "recycle_bin", f"{path}/actions/empty")


async def test_conversion_mass_operations_and_composites_fit(zoho: httpx.AsyncClient) -> None:
    lead, other = [await create(zoho, "Leads", Last_Name=name, Company="C") for name in "AB"]
    deal = {"Deal_Name": "D", "Stage": "Qualification", "Closing_Date": "2026-12-31"}
    converted = await zoho.post(f"{CRM}/Leads/{lead}/actions/convert", json={"data": [{"Deals": deal}]})
    check(converted, "convert", "/Leads/{leadId}/actions/convert")
    mass = {"data": [{"Fax": "1"}], "ids": [other]}
    path = "/{module}/actions/mass_update"
    check(await zoho.post(f"{CRM}/Leads/actions/mass_update", json=mass), "mass_update", path)
    part = {"method": "GET", "uri": f"{CRM}/Leads/{other}", "sub_request_id": "1"}
    for parts in ([part], [part, {"method": "GET", "uri": "none"}]):
        reply = await zoho.post(f"{CRM}/__composite_requests", json={"__composite_requests": parts})
        check(reply, "composite_requests", "/__composite_requests")


async def test_records_notes_and_queries_fit(make_zoho: Make) -> None:
    _, zoho = make_zoho(rows=5)
    query = {"select_query": "select Last_Name from Leads where id > 0"}
    check(await zoho.post(f"{CRM}/coql", json=query), "coql", "/coql")
    check(await zoho.get(f"{CRM}/Leads/actions/count"), "record_count", "/{moduleApiName}/actions/count")
    account = await create(zoho, "Accounts", Account_Name="Acme")
    url = f"{CRM}/Accounts/{account}/Notes"
    path = "/{parentRecordModule}/{parentRecordId}/Notes"
    check(await zoho.post(url, json={"data": [{"Note_Content": "n"}]}), "related_notes", path)
