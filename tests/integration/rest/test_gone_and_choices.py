"""Records that are gone, told among others or by an archive of their own; choices that a call gives."""

from __future__ import annotations

import pytest

from crmhub.connector import Connector, Deletion, Missing, ReadRequest
from tests.integration.rest.desk import DESK, Desk, opened

pytestmark = pytest.mark.anyio

PLAIN = 'list: {get: /v1/gone, query: {since: "${since}"}, rows: data}\n      at: changed'
ARCHIVE = "flag: state\n      flag_is: closed\n      at: changed\n      archived: {get: /v1/gone, rows: data}"
AMONG = f"flag: state\n      flag_is: closed\n      {PLAIN}"


async def _gone(connector: Connector, desk: Desk) -> list[Deletion]:
    """What the read of changes tells as gone, after the person 100 has gone."""
    pages = [page async for page in connector.read(ReadRequest("people", ("name",)))]
    desk.remove("100")
    since = pages[-1].checkpoint
    found = [page async for page in connector.read(ReadRequest("people", ("name",), since=since))]
    return [gone for page in found for gone in page.deletes]


async def test_a_list_of_what_is_gone_may_hold_what_is_not() -> None:
    desk = Desk()
    for person in desk.people.values():
        person["state"] = "open"
    desk.people["100"]["state"] = "closed"
    hub, connector = opened(desk, DESK.replace(PLAIN, AMONG))
    async with hub:
        desk.gone.append({"id": "999", "state": "open", "changed": "2026-06-01T00:00:00+00:00"})
        assert [(one.id, one.life) for one in await _gone(connector, desk)] == [("100", "deleted")]


async def test_an_archive_is_told_apart_from_deletions() -> None:
    desk = Desk()
    hub, connector = opened(desk, DESK.replace(PLAIN, ARCHIVE))
    async with hub:
        assert [(one.id, one.life) for one in await _gone(connector, desk)] == [("100", "archived")]


async def test_a_record_whose_flag_says_that_it_is_gone_is_missing() -> None:
    desk = Desk()
    desk.people["103"]["state"] = "closed"
    hub, connector = opened(desk, DESK.replace(PLAIN, AMONG))
    async with hub:
        found = await connector.get("people", ["103", "104"], ["name"])
    assert found[0] == Missing("103", "deleted")
    assert not isinstance(found[1], Missing)


async def test_choices_of_a_field_come_from_a_call_of_their_own() -> None:
    choices = "\n    choices: {email: {get: /v1/fields, rows: data, value: key, label: kind}}\n    get:"
    hub, connector = opened(Desk(), DESK.replace("\n    get:", choices))
    async with hub:
        spec = (await connector.describe("people")).fields["email"]
    assert spec.type == "enum"
    assert [(choice.value, choice.label) for choice in spec.choices] == [("name", "words"), ("town", "words")]
