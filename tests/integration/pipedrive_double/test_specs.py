"""The double's replies fit Pipedrive's own API files, where these are at hand.

`CRMHUB_PIPEDRIVE_SPECS` names the folder with them, as JSON (`v1.json`, `v2.json`, OpenAPI 3.0).
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any, cast

import httpx
import jsonschema_rs
import pytest

from tests.integration.pipedrive_double.conftest import V1, V2, Made, Make

FOLDER = os.environ.get("CRMHUB_PIPEDRIVE_SPECS", "")
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(
        not FOLDER, reason="CRMHUB_PIPEDRIVE_SPECS names no folder with Pipedrive's API files"
    ),
]
HOOK = {"subscription_url": "https://x.example.com", "event_action": "*", "event_object": "*", "name": "n"}
TOO_NARROW = (
    "/dealFields",
    "/dealFields/{id}",
    "/personFields",
    "/leadFields",
    "/deals/search",
    "/itemSearch",
)
"""Where the files say less than Pipedrive does: v1's types of fields are those of custom fields alone,
and the value of a deal that was found is whole.
"""


@cache
def spec(version: str) -> dict[str, Any]:
    """The API file of a version."""
    return json.loads((Path(FOLDER) / f"{version}.json").read_text())


def loose(schema: Any) -> Any:
    """The schema for JSON Schema: null passes where OpenAPI does not say it (the file forgets it nearly
    everywhere).
    """
    if isinstance(schema, list):
        return [loose(one) for one in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    kept = {key: loose(value) for key, value in cast("dict[str, Any]", schema).items()}
    if isinstance(kept.get("type"), str):
        kept["type"] = [kept["type"], "null"]
    if "enum" in kept and isinstance(kept["enum"], list):
        kept["enum"] = [*kept["enum"], None]
    return kept


def names(schema: Any) -> set[str]:
    """The properties that a schema of an object names."""
    found = set(schema.get("properties", {}))
    for part in schema.get("allOf", ()):
        found |= names(part)
    return found


def data_of(schema: Any) -> Any:
    """The schema of `data`, or of the members of `data`."""
    for part in (schema, *schema.get("allOf", ())):
        held = part.get("properties", {}).get("data")
        if held is not None:
            return held.get("items", held)
    return {}


def check(reply: httpx.Response, version: str, path: str) -> Any:
    """The data of a reply, once the reply fits what the file says of it and lacks none of its properties."""
    operation = spec(version)["paths"][path][reply.request.method.lower()]
    schema = operation["responses"][str(reply.status_code)]["content"]["application/json"]["schema"]
    problems = [
        f"{list(one.instance_path)}: {one.message}"
        for one in jsonschema_rs.validator_for(loose(schema)).iter_errors(reply.json())
        if path not in TOO_NARROW or list(one.instance_path)[-1] not in {"field_type", "value"}
    ]
    where = f"{reply.request.method} {version} {path} {reply.status_code}"
    assert problems == [], f"{where}: {reply.text[:600]}"
    data: Any = reply.json().get("data")
    for row in cast("list[Any]", data) if isinstance(data, list) else [data]:
        if isinstance(row, dict):
            missing = names(data_of(schema)) - set(cast("dict[str, Any]", row)) - OPTIONAL.get(path, set())
            assert missing == set(), f"{where} lacks {missing}"
    return cast("Any", data)


V1_FIELD = {"subfields", "is_subfield", "options_deleted"}
FIELD = {"ui_visibility", "important_fields", "required_fields"}
OPTIONAL: dict[str, set[str]] = {
    **{path: {"attendees"} for path in ("/activities", "/activities/{id}")},
    **{
        f"/{kind}Fields": {*FIELD, *V1_FIELD}
        for kind in ("deal", "person", "organization", "activity", "lead")
    },
    **{f"/{kind}Fields/{{field_code}}": FIELD for kind in ("deal", "person", "organization", "activity")},
    **{f"/{kind}Fields/{{id}}": V1_FIELD for kind in ("deal", "person", "organization")},
    "/itemSearch": {"related_items"},
    "/leads/{id}/convert/status/{conversion_id}": {"lead_id"},
    **{f"/notes{one}": {"project", "task", "pinned_to_task_flag"} for one in ("", "/{id}")},
    "/noteFields": {"options"},
}
"""What comes only when it is asked for, or not for every record."""


async def test_records_fit(make_pipedrive: Make) -> None:
    _, client = make_pipedrive(rows=12, settings={"contact_sync": "true"})
    bodies: dict[str, dict[str, Any]] = {
        "deals": {"title": "d", "value": 1.5},
        "persons": {"name": "A B", "emails": [{"value": "a@x.io"}]},
        "organizations": {"name": "A", "address": {"value": "Main Street 1"}},
        "activities": {"type": "call", "due_date": "2026-01-31", "due_time": "10:00"},
    }
    for path, body in bodies.items():
        check(await client.get(f"{V2}/{path}"), "v2", f"/{path}")
        made = check(await client.post(f"{V2}/{path}", json=body), "v2", f"/{path}")
        one, pattern = f"{V2}/{path}/{made['id']}", f"/{path}/{{id}}"
        check(await client.get(one), "v2", pattern)
        check(await client.patch(one, json=body), "v2", pattern)
        check(await client.delete(one), "v2", pattern)
    await client.patch(f"{V2}/deals/1", json={"is_archived": True})
    assert check(await client.get(f"{V2}/deals/archived"), "v2", "/deals/archived")


async def test_pipelines_and_stages_fit(pipedrive: httpx.AsyncClient) -> None:
    for path, body in (("pipelines", {"name": "P"}), ("stages", {"name": "S", "pipeline_id": 1})):
        check(await pipedrive.get(f"{V2}/{path}"), "v2", f"/{path}")
        made = check(await pipedrive.post(f"{V2}/{path}", json=body), "v2", f"/{path}")
        one, pattern = f"{V2}/{path}/{made['id']}", f"/{path}/{{id}}"
        check(await pipedrive.get(one), "v2", pattern)
        check(await pipedrive.patch(one, json=body), "v2", pattern)
        check(await pipedrive.delete(one), "v2", pattern)


async def test_searches_fit(make_pipedrive: Make) -> None:
    _, client = make_pipedrive(rows=40)
    for kind in ("deals", "persons", "organizations", "leads"):
        reply = await client.get(f"{V2}/{kind}/search", params={"term": "an"})
        assert reply.json()["data"]["items"], kind
        check(reply, "v2", f"/{kind}/search")
    check(await client.get(f"{V2}/itemSearch", params={"term": "an"}), "v2", "/itemSearch")
    params = {"term": "Fern", "entity_type": "organization", "field": "name", "match": "beginning"}
    check(await client.get(f"{V2}/itemSearch/field", params=params), "v2", "/itemSearch/field")


async def test_fields_fit(empty: Made) -> None:
    double, client = empty
    for kind in ("deal", "person", "organization", "activity"):
        path = f"/{kind}Fields"
        check(await client.get(V2 + path), "v2", path)
        if kind != "activity":
            body = {"field_name": "F", "field_type": "enum", "options": [{"label": "a"}]}
            made = check(await client.post(V2 + path, json=body), "v2", path)
            one, pattern = f"{V2}{path}/{made['field_code']}", f"{path}/{{field_code}}"
            check(await client.get(one), "v2", pattern)
            check(await client.post(f"{one}/options", json=[{"label": "b"}]), "v2", f"{pattern}/options")
            check(await client.patch(one, json={"field_name": "G"}), "v2", pattern)
            check(await client.delete(one), "v2", pattern)
    for path in ("/dealFields", "/personFields", "/leadFields", "/noteFields"):
        check(await client.get(V1 + path), "v1", path)
    del double


async def test_notes_and_leads_fit(make_pipedrive: Make) -> None:
    _, client = make_pipedrive(rows=12)
    lead = {"title": "l", "person_id": 1, "value": {"amount": 5, "currency": "EUR"}}
    for path, body, change in (
        ("notes", {"content": "n", "deal_id": 1}, client.put),
        ("leads", lead, client.patch),
    ):
        check(await client.get(f"{V1}/{path}"), "v1", f"/{path}")
        made = check(await client.post(f"{V1}/{path}", json=body), "v1", f"/{path}")
        one, pattern = f"{V1}/{path}/{made['id']}", f"/{path}/{{id}}"
        check(await client.get(one), "v1", pattern)
        check(await change(one, json=body), "v1", pattern)
        check(await client.delete(one), "v1", pattern)
    check(await client.get(f"{V1}/leads/archived"), "v1", "/leads/archived")
    check(await client.get(f"{V1}/leads/adf21080-0e10-11eb-879b-05d71fb426ec"), "v1", "/leads/{id}")
    check(await client.get(f"{V1}/leadLabels"), "v1", "/leadLabels")


async def test_users_lists_and_webhooks_fit(empty: Made) -> None:
    double, client = empty
    for path in ("/users", "/users/me", "/activityTypes", "/currencies"):
        check(await client.get(V1 + path), "v1", path)
    check(await client.get(f"{V1}/users/find", params={"term": "ada"}), "v1", "/users/find")
    check(await client.get(f"{V1}/users/{double.company.admin.id}"), "v1", "/users/{id}")
    check(await client.get(f"{V1}/users/1"), "v1", "/users/{id}")
    check(await client.post(f"{V1}/webhooks", json=HOOK), "v1", "/webhooks")
    check(await client.get(f"{V1}/webhooks"), "v1", "/webhooks")
    check(await client.post(f"{V1}/webhooks", json={}), "v1", "/webhooks")
    check(await client.delete(f"{V1}/webhooks/1"), "v1", "/webhooks/{id}")
    check(await client.delete(f"{V1}/webhooks/1"), "v1", "/webhooks/{id}")


async def test_tokens_fit(empty: Made) -> None:
    double, client = empty
    held = double.credentials
    form = {"grant_type": "refresh_token", "refresh_token": held["refresh_token"]}
    auth = (held["client_id"], held["client_secret"])
    check(await client.post("/oauth/token", data=form, auth=auth), "v1", "/oauth/token")


async def test_recents_merges_and_conversions_fit(empty: Made) -> None:
    _, client = empty
    for title in ("a", "b"):
        await client.post(f"{V2}/deals", json={"title": title})
    await client.post(f"{V2}/persons", json={"name": "P"})
    await client.post(f"{V2}/activities", json={"due_date": "2026-01-02"})
    await client.post(f"{V1}/notes", json={"content": "n", "person_id": 1})
    reply = await client.get(f"{V1}/recents", params={"since_timestamp": "2026-01-01 00:00:00"})
    assert len(reply.json()["data"]) == 15
    check(reply, "v1", "/recents")
    check(await client.get(f"{V1}/stages/1/deals"), "v1", "/stages/{id}/deals")
    check(await client.put(f"{V1}/deals/1/merge", json={"merge_with_id": 2}), "v1", "/deals/{id}/merge")
    lead = (await client.post(f"{V1}/leads", json={"title": "l", "person_id": 1})).json()["data"]["id"]
    convert = await client.post(f"{V2}/leads/{lead}/convert/deal")
    made = check(convert, "v2", "/leads/{id}/convert/deal")["conversion_id"]
    path = "/leads/{id}/convert/status/{conversion_id}"
    check(await client.get(f"{V2}/leads/{lead}/convert/status/{made}"), "v2", path)
    follow = {"user_id": 23_000_001}
    check(await client.post(f"{V2}/deals/2/followers", json=follow), "v2", "/deals/{id}/followers")
    check(await client.get(f"{V2}/deals/2/followers"), "v2", "/deals/{id}/followers")
    check(
        await client.delete(f"{V2}/deals/2/followers/23000001"), "v2", "/deals/{id}/followers/{follower_id}"
    )
    body = {"name": "Visit", "icon_key": "car"}
    check(await client.post(f"{V1}/activityTypes", json=body), "v1", "/activityTypes")
    check(await client.delete(f"{V1}/activityTypes/7"), "v1", "/activityTypes/{id}")
    for path in ("/deals/2/participants", "/deals/9/participants"):
        await client.post(V1 + path, json={"person_id": 1})
    reply = await client.get(f"{V1}/deals/2/participants")
    assert len(reply.json()["data"]) == 1
    check(reply, "v1", "/deals/{id}/participants")
    label = (await client.get(f"{V1}/leadLabels")).json()["data"][0]["id"]
    path = "/leadLabels/{id}"
    check(await client.patch(f"{V1}/leadLabels/{label}", json={"name": "x"}), "v1", path)
    check(await client.delete(f"{V1}/leadLabels/{label}"), "v1", path)
    check(await client.delete(f"{V1}/leadLabels/{label}"), "v1", path)


async def test_what_else_v1_lists_fits(empty: Made) -> None:
    _, client = empty
    await client.post(f"{V2}/organizations", json={"name": "A", "address": {"value": "1 Main St"}})
    await client.post(f"{V2}/persons", json={"name": "P", "org_id": 1})
    deal = {"title": "d", "is_archived": True, "person_id": 1, "org_id": 1}
    await client.post(f"{V2}/deals", json=deal)
    reply = await client.get(f"{V1}/deals/archived")
    assert len(reply.json()["data"]) == 1
    check(reply, "v1", "/deals/archived")
    check(await client.get(f"{V1}/dealFields/5"), "v1", "/dealFields/{id}")
    check(await client.get(f"{V1}/deals/1/permittedUsers"), "v1", "/deals/{id}/permittedUsers")
    assert (await client.get(f"{V1}/dealFields/900")).status_code == 404
    assert (await client.get(f"{V1}/persons/9/permittedUsers")).status_code == 404


async def test_what_v1_has_beside_the_records_fits(pipedrive: httpx.AsyncClient) -> None:
    one, two = "/v1", f"{V2}"
    deal = (await pipedrive.post(f"{two}/deals", json={"title": "D"})).json()["data"]["id"]
    note = (await pipedrive.post(f"{one}/notes", json={"content": "x", "deal_id": deal})).json()["data"]["id"]
    user = (await pipedrive.get(f"{one}/users/me")).json()["data"]["id"]
    ends = [
        (await pipedrive.post(f"{two}/organizations", json={"name": "O"})).json()["data"]["id"] for _ in "ab"
    ]
    await pipedrive.patch(f"{two}/deals/{deal}", json={"value": 5})
    check(await pipedrive.post(f"{one}/deals/{deal}/duplicate"), "v1", "/deals/{id}/duplicate")
    check(await pipedrive.get(f"{one}/deals/{deal}/changelog"), "v1", "/deals/{id}/changelog")
    path = f"{one}/deals/{deal}/followers"
    follower = check(await pipedrive.post(path, json={"user_id": user}), "v1", "/deals/{id}/followers")["id"]
    check(await pipedrive.get(path), "v1", "/deals/{id}/followers")
    log = await pipedrive.get(f"{two}/deals/{deal}/followers/changelog")
    check(log, "v2", "/deals/{id}/followers/changelog")
    check(await pipedrive.delete(f"{path}/{follower}"), "v1", "/deals/{id}/followers/{follower_id}")
    path = f"{one}/notes/{note}/comments"
    comment = check(await pipedrive.post(path, json={"content": "x"}), "v1", "/notes/{id}/comments")["uuid"]
    check(await pipedrive.get(path), "v1", "/notes/{id}/comments")
    pattern = "/notes/{id}/comments/{commentId}"
    check(await pipedrive.put(f"{path}/{comment}", json={"content": "y"}), "v1", pattern)
    check(await pipedrive.delete(f"{path}/{comment}"), "v1", pattern)
    for kind in ("deal", "person", "organization"):
        body = {"name": "F", "field_type": "varchar"}
        made = check(await pipedrive.post(f"{one}/{kind}Fields", json=body), "v1", f"/{kind}Fields")["id"]
        path, pattern = f"{one}/{kind}Fields/{made}", f"/{kind}Fields/{{id}}"
        check(await pipedrive.put(path, json={"name": "G"}), "v1", pattern)
        check(await pipedrive.delete(path), "v1", pattern)
    path, pattern = f"{one}/organizationRelationships", "/organizationRelationships"
    body = {"type": "parent", "rel_owner_org_id": ends[0], "rel_linked_org_id": ends[1]}
    made = check(await pipedrive.post(path, json=body), "v1", pattern)["id"]
    check(await pipedrive.get(path, params={"org_id": ends[0]}), "v1", pattern)
    for method in ("GET", "PUT", "DELETE"):
        reply = await pipedrive.request(method, f"{path}/{made}", json=body if method == "PUT" else None)
        check(reply, "v1", f"{pattern}/{{id}}")
    check(await pipedrive.post(f"{one}/users", json={"email": "n@x.io"}), "v1", "/users")
    check(await pipedrive.put(f"{one}/users/{user}", json={"active_flag": True}), "v1", "/users/{id}")
    for part in ("followers", "permissions", "roleAssignments", "roleSettings"):
        check(await pipedrive.get(f"{one}/users/{user}/{part}"), "v1", f"/users/{{id}}/{part}")
    check(await pipedrive.get(f"{one}/userSettings"), "v1", "/userSettings")
    times = {"start_time": "2026-01-01T10:00:00Z", "end_time": "2026-01-01T10:01:30Z"}
    body = {"outcome": "busy", "to_phone_number": "1", **times}
    logged = check(await pipedrive.post(f"{one}/callLogs", json=body), "v1", "/callLogs")["id"]
    check(await pipedrive.get(f"{one}/callLogs"), "v1", "/callLogs")
    check(await pipedrive.get(f"{one}/callLogs/{logged}"), "v1", "/callLogs/{id}")
    check(await pipedrive.delete(f"{one}/callLogs/{logged}"), "v1", "/callLogs/{id}")
