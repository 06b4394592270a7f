"""Attachments and photos: what goes up comes down, and what cannot be is refused."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from crmhub_zoho.simulator.double import ZohoDouble
from tests.integration.zoho_double.test_writing import create

pytestmark = pytest.mark.anyio
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
FIELDS = {"fields": "id,File_Name,Size,Parent_Id,Created_Time,Owner"}


async def attach(zoho: httpx.AsyncClient, url: str, name: str, content: bytes) -> str:
    reply = await zoho.post(f"{url}/Attachments", files={"file": (name, content)})
    assert reply.status_code == 200, reply.text
    item = reply.json()["data"][0]
    assert (item["code"], item["message"]) == ("SUCCESS", "attachment uploaded successfully")
    return item["details"]["id"]


@pytest.fixture
async def url(zoho: httpx.AsyncClient) -> str:
    """The address of an account."""
    return f"/crm/v8/Accounts/{await create(zoho, 'Accounts', Account_Name='Acme')}"


@pytest.mark.parametrize("content", [b"", b"\r\n--x\r\n\r\n", bytes(range(256)) * 40])
async def test_every_byte_comes_back(zoho: httpx.AsyncClient, url: str, content: bytes) -> None:
    file = await attach(zoho, url, "offer.bin", content)
    reply = await zoho.get(f"{url}/Attachments/{file}")
    assert reply.content == content
    assert reply.headers["content-disposition"] == 'attachment;filename="offer.bin"'
    assert reply.headers["content-type"] == "application/x-download"


async def test_attachments_are_listed_newest_first(zoho: httpx.AsyncClient, url: str) -> None:
    assert (await zoho.get(f"{url}/Attachments", params=FIELDS)).status_code == 204
    for name in ("a.txt", "b.txt", "c.txt"):
        await attach(zoho, url, name, name.encode() * 2)
    page = (await zoho.get(f"{url}/Attachments", params=FIELDS | {"per_page": "2"})).json()
    assert [one["File_Name"] for one in page["data"]] == ["c.txt", "b.txt"]
    assert page["info"]["more_records"] is True
    first: dict[str, Any] = page["data"][0]
    assert (first["Size"], first["$type"], first["$se_module"]) == ("10", "Attachment", "Accounts")
    assert first["Parent_Id"]["name"] == "Acme"
    assert "Modified_Time" not in first
    refused = await zoho.get(f"{url}/Attachments")
    assert refused.json()["code"] == "REQUIRED_PARAM_MISSING"


async def test_names_are_kept_as_they_were_sent(zoho: httpx.AsyncClient, url: str) -> None:
    for name in ("../../etc/passwd", "Größe \N{SNOWMAN}.pdf"):
        file = await attach(zoho, url, name, b"x")
        (listed,) = (await zoho.get(f"{url}/Attachments", params=FIELDS | {"ids": file})).json()["data"]
        assert listed["File_Name"] == name
    disposition = (await zoho.get(f"{url}/Attachments/{file}")).headers["content-disposition"]
    assert disposition.endswith(";filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%E2%98%83.pdf")


async def test_a_file_belongs_to_its_record(zoho: httpx.AsyncClient, url: str) -> None:
    file = await attach(zoho, url, "a.txt", b"a")
    other = f"/crm/v8/Accounts/{await create(zoho, 'Accounts', Account_Name='Other')}"
    reply = await zoho.get(f"{other}/Attachments/{file}")
    assert (reply.status_code, reply.json()["details"]) == (400, {"resource_path_index": 3})
    gone = await zoho.get("/crm/v8/Accounts/5/Attachments", params=FIELDS)
    assert gone.json()["details"] == {"resource_path_index": 1}


async def test_deleted_files_are_gone(zoho: httpx.AsyncClient, url: str, double: ZohoDouble) -> None:
    first, second = [await attach(zoho, url, name, b"x") for name in ("a", "b")]
    assert (await zoho.delete(f"{url}/Attachments/{first}")).json()["data"][0]["details"] == {"id": first}
    assert (await zoho.get(f"{url}/Attachments/{first}")).status_code == 400
    several = await zoho.delete(f"{url}/Attachments", params={"ids": f"{second},{first}"})
    assert (several.status_code, [one["status"] for one in several.json()["data"]]) == (
        207,
        ["success", "error"],
    )
    assert double.org.contents == {}


async def test_a_link_is_listed_but_not_downloaded(zoho: httpx.AsyncClient, url: str) -> None:
    link = {"attachmentUrl": "https://example.com/a.pdf", "title": "Offer"}
    untitled = await zoho.post(f"{url}/Attachments", params={"attachmentUrl": "https://example.com"})
    assert untitled.json()["details"] == {"param_name": "title"}
    reply = await zoho.post(f"{url}/Attachments", params=link)
    file = reply.json()["data"][0]["details"]["id"]
    (listed,) = (await zoho.get(f"{url}/Attachments", params=FIELDS)).json()["data"]
    assert (listed["$link_url"], listed["File_Name"]) == (link["attachmentUrl"], "Offer")
    refused = await zoho.get(f"{url}/Attachments/{file}")
    assert (refused.status_code, refused.json()["code"]) == (400, "DOWNLOAD_NOT_ALLOWED")


async def test_files_that_are_too_large_or_no_files_are_refused(zoho: httpx.AsyncClient, url: str) -> None:
    large = await zoho.post(f"{url}/Attachments", files={"file": ("a", b"x" * (20 * 1024 * 1024 + 1))})
    assert (large.status_code, large.json()["code"]) == (413, "FILE_SIZE_EXCEEDED")
    for reply in (
        await zoho.post(f"{url}/Attachments", content=b"x"),
        await zoho.post(f"{url}/Attachments", files={"other": ("a", b"x")}),
    ):
        assert (reply.status_code, reply.json()["code"]) == (400, "MANDATORY_NOT_FOUND")


async def test_a_photo_goes_up_and_down(zoho: httpx.AsyncClient, url: str) -> None:
    assert (await zoho.get(f"{url}/photo")).status_code == 204
    done = await zoho.post(f"{url}/photo", files={"file": ("a.png", PNG)})
    assert done.json() == {
        "code": "SUCCESS",
        "details": {},
        "message": "photo uploaded successfully",
        "status": "success",
    }
    assert (await zoho.get(f"{url}/photo")).content == PNG
    assert (await zoho.delete(f"{url}/photo")).json()["message"] == "Photo deleted"
    assert (await zoho.get(f"{url}/photo")).status_code == 204
    assert (await zoho.delete(f"{url}/photo")).json()["code"] == "INVALID_DATA"
    assert (await zoho.post(f"{url}/photo", files={"file": ("a.png", b"text")})).status_code == 400
    deal = await create(zoho, "Deals", Deal_Name="D", Stage="Closed Won")
    refused = await zoho.post(f"/crm/v8/Deals/{deal}/photo", files={"file": ("a.png", PNG)})
    assert refused.json()["code"] == "NOT_SUPPORTED"


async def test_attachments_are_described(zoho: httpx.AsyncClient) -> None:
    fields = (await zoho.get("/crm/v8/settings/fields?module=Attachments")).json()["fields"]
    assert "File_Name" in {one["api_name"] for one in fields}
    lists = (await zoho.get("/crm/v8/settings/related_lists?module=Deals")).json()["related_lists"]
    assert "Deals/{ENTITYID}/Attachments" in {one["href"] for one in lists}
    listed = await zoho.get("/crm/v8/Attachments", params=FIELDS)
    assert listed.json()["code"] == "INVALID_MODULE"
