"""What v1 has beside the records: followers, comments, fields, relationships, changelogs, users' settings."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from crmhub_rest.simulators.pipedrive.double import PipedriveDouble
from tests.integration.pipedrive_double.conftest import V1, V2

pytestmark = pytest.mark.anyio


async def make(pipedrive: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    """What a POST has made."""
    reply = await pipedrive.post(path, json=body)
    assert reply.is_success, reply.text
    return reply.json()["data"]


async def read(pipedrive: httpx.AsyncClient, path: str, **params: Any) -> Any:
    """The data of a GET."""
    reply = await pipedrive.get(path, params=params)
    assert reply.status_code == 200, reply.text
    return reply.json()["data"]


async def test_followers_are_counted_listed_in_both_versions_and_their_changes_kept(
    double: PipedriveDouble, pipedrive: httpx.AsyncClient
) -> None:
    deal = (await make(pipedrive, f"{V2}/deals", title="D"))["id"]
    first, second = (user.id for user in double.company.users[:2])
    made = await make(pipedrive, f"{V1}/deals/{deal}/followers", user_id=first)
    assert (made["user_id"], made["deal_id"]) == (first, deal)
    await make(pipedrive, f"{V2}/deals/{deal}/followers", user_id=second)
    shown = await read(pipedrive, f"{V2}/deals/{deal}", include_fields="followers_count")
    assert shown["followers_count"] == 2
    assert [one["user_id"] for one in await read(pipedrive, f"{V1}/deals/{deal}/followers")] == [
        first,
        second,
    ]
    gone = await pipedrive.delete(f"{V1}/deals/{deal}/followers/{made['id']}")
    assert gone.json()["data"] == {"id": made["id"]}
    log = await read(pipedrive, f"{V2}/deals/{deal}/followers/changelog")
    told = [(one["action"], one["follower_user_id"]) for one in log]
    assert told == [("added", first), ("added", second), ("removed", first)]
    assert await read(pipedrive, f"{V2}/users/{first}/followers") == []


async def test_a_changelog_tells_old_and_new_values_the_latest_first(pipedrive: httpx.AsyncClient) -> None:
    deal = (await make(pipedrive, f"{V2}/deals", title="D", value=5))["id"]
    await pipedrive.patch(f"{V2}/deals/{deal}", json={"value": 7.5})
    await pipedrive.patch(f"{V2}/deals/{deal}", json={"title": "E"})
    log = await read(pipedrive, f"{V1}/deals/{deal}/changelog")
    told = [(one["field_key"], one["old_value"], one["new_value"]) for one in log]
    assert told == [("title", "D", "E"), ("value", "5", "7.5")]


async def test_comments_on_a_note_are_kept_changed_and_removed(pipedrive: httpx.AsyncClient) -> None:
    deal = (await make(pipedrive, f"{V2}/deals", title="D"))["id"]
    note = (await make(pipedrive, f"{V1}/notes", content="x", deal_id=deal))["id"]
    path = f"{V1}/notes/{note}/comments"
    one = await make(pipedrive, path, content="first")
    changed = await pipedrive.put(f"{path}/{one['uuid']}", json={"content": "second"})
    assert changed.json()["data"]["content"] == "second"
    assert [each["content"] for each in await read(pipedrive, path)] == ["second"]
    assert (await pipedrive.delete(f"{path}/{one['uuid']}")).json()["data"] is True
    assert (await pipedrive.get(f"{path}/{one['uuid']}")).status_code == 404


async def test_v1_makes_changes_and_removes_fields_that_v2_knows(pipedrive: httpx.AsyncClient) -> None:
    options = [{"label": "Red"}, {"label": "Blue"}]
    made = await make(pipedrive, f"{V1}/dealFields", name="Colour", field_type="enum", options=options)
    assert len(made["key"]) == 40
    red = made["options"][0]
    body = {"name": "Paint", "options": [{**red, "label": "Crimson"}, {"label": "Green"}]}
    changed = (await pipedrive.put(f"{V1}/dealFields/{made['id']}", json=body)).json()["data"]
    assert [one["label"] for one in changed["options"]] == ["Crimson", "Green"]
    assert (await read(pipedrive, f"{V2}/dealFields/{made['key']}"))["options"][0]["id"] == red["id"]
    gone = await pipedrive.delete(f"{V1}/dealFields", params={"ids": str(made["id"])})
    assert gone.json()["data"] == {"id": [made["id"]]}
    assert (await pipedrive.delete(f"{V1}/dealFields/1")).status_code == 403


async def test_a_duplicate_has_the_same_values_and_an_id_of_its_own(pipedrive: httpx.AsyncClient) -> None:
    deal = (await make(pipedrive, f"{V2}/deals", title="D", value=5))["id"]
    copy = await make(pipedrive, f"{V1}/deals/{deal}/duplicate")
    assert (copy["title"], copy["value"]) == ("D", 5)
    assert copy["id"] != deal


async def test_organizations_are_related_and_each_sees_what_the_other_is(
    pipedrive: httpx.AsyncClient,
) -> None:
    ids = [(await make(pipedrive, f"{V2}/organizations", name=name))["id"] for name in ("A", "B")]
    path = f"{V1}/organizationRelationships"
    ends = {"rel_owner_org_id": ids[0], "rel_linked_org_id": ids[1]}
    made = await make(pipedrive, path, type="parent", **ends)
    assert made["rel_owner_org_id"]["name"] == "A"
    seen = [(await read(pipedrive, path, org_id=ident))[0]["calculated_type"] for ident in ids]
    assert seen == ["daughter", "parent"]
    await pipedrive.delete(f"{path}/{made['id']}")
    assert await read(pipedrive, path, org_id=ids[0]) == []


async def test_users_are_invited_and_lose_their_access(
    double: PipedriveDouble, pipedrive: httpx.AsyncClient
) -> None:
    made = await make(pipedrive, f"{V1}/users", email="New.User@example.com")
    assert (made["email"], made["active_flag"]) == ("new.user@example.com", True)
    again = await pipedrive.post(f"{V1}/users", json={"email": "new.user@example.com"})
    assert again.status_code == 403
    changed = await pipedrive.put(f"{V1}/users/{made['id']}", json={"active_flag": False})
    assert changed.json()["data"]["active_flag"] is False
    rights = await read(pipedrive, f"{V1}/users/{double.company.admin.id}/permissions")
    assert rights["can_edit_custom_fields"] is True
    assert (await read(pipedrive, f"{V1}/users/{made['id']}/roleSettings"))["deal_default_visibility"] == 3


async def test_a_logged_call_is_kept_with_an_activity_that_is_done(pipedrive: httpx.AsyncClient) -> None:
    deal = (await make(pipedrive, f"{V2}/deals", title="D"))["id"]
    times = {"start_time": "2026-01-01T10:00:00Z", "end_time": "2026-01-01T10:01:30Z"}
    body = {"outcome": "connected", "to_phone_number": "+1 617 555 0100", "deal_id": deal, **times}
    made = await make(pipedrive, f"{V1}/callLogs", **body)
    assert (made["duration"], made["has_recording"]) == ("90", False)
    activity = await read(pipedrive, f"{V2}/activities/{made['activity_id']}")
    assert (activity["type"], activity["done"], activity["deal_id"]) == ("call", True, deal)
    assert [one["id"] for one in await read(pipedrive, f"{V1}/callLogs")] == [made["id"]]
    await pipedrive.post(f"{V1}/callLogs/{made['id']}/recordings", content=b"x")
    assert (await read(pipedrive, f"{V1}/callLogs/{made['id']}"))["has_recording"] is True
    assert (await pipedrive.delete(f"{V1}/callLogs/{made['id']}")).json() == {"success": True}
    assert (await pipedrive.get(f"{V1}/callLogs/{made['id']}")).status_code == 404
    wrong = await pipedrive.post(f"{V1}/callLogs", json={**body, "outcome": "sang"})
    assert wrong.status_code == 400
