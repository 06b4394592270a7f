"""Ordinary mistakes in a description are named at the first page or the first write; none stays silent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from crmhub.connector import Checkpoint, Connector, Native, Page, ReadRequest, WriteItem, WriteRequest
from crmhub.errors import ConfigError, CrmhubError
from crmhub.events import Event
from crmhub.hub import Hub
from crmhub.powers import SupportsMessages
from crmhub_rest.connector import connector as made
from crmhub_rest.language.load import parse
from tests.integration.rest.desk import DESK, FIRMS, KEY, Desk

pytestmark = pytest.mark.anyio
PEOPLE = ("name", "email", "city", "cf_vip")


class Org:
    """A desk, a connection to it, and what observers were told."""

    def __init__(self, desk: Desk, text: str) -> None:
        self.desk = desk
        self.told: list[str] = []
        self.hub = Hub(transports={"desk": desk.transport})
        self.hub.events.subscribe(self._hear)
        self.connection = self.hub.add("desk", made(parse(text, "desk.yaml")), key=KEY)

    @property
    def connector(self) -> Connector:
        return self.connection.connector

    def _hear(self, event: Event) -> None:
        if event.detail.get("error"):
            self.told.append(f"{event.object}: {event.detail['error']}")

    async def pages(
        self, object: str, fields: tuple[str, ...], since: Checkpoint | None = None
    ) -> list[Page]:
        return [page async for page in self.connector.read(ReadRequest(object, fields, since=since))]


async def full(org: Org) -> None:
    await org.pages("people", PEOPLE)


async def changed(org: Org) -> None:
    since = (await org.pages("people", PEOPLE))[-1].checkpoint
    org.desk.add({"name": "Later"})
    await org.pages("people", PEOPLE, since)


async def removed(org: Org) -> None:
    since = (await org.pages("people", PEOPLE))[-1].checkpoint
    org.desk.remove("101")
    await org.pages("people", PEOPLE, since)


async def several(org: Org) -> None:
    since = (await org.pages("people", PEOPLE))[-1].checkpoint
    org.desk.add({"name": "Later"})
    org.desk.add({"name": "Latest"})
    await org.pages("people", PEOPLE, since)


async def linked(org: Org) -> None:
    await org.pages("people", (*PEOPLE, "friends"))


async def firms(org: Org) -> None:
    await org.pages("firms", ("name", "town"))


async def fetched(org: Org) -> None:
    await org.connector.get("people", ["100"], PEOPLE)


async def created(org: Org) -> None:
    await _written(org, {"name": "New", "email": "new@example.com"})


async def _written(org: Org, fields: Native) -> None:
    for outcome in await org.connector.write(WriteRequest("people", "create", [WriteItem(fields)])):
        if outcome.problem is not None:
            org.told.append(f"people: {outcome.status}: {outcome.problem.message}")


async def updated(org: Org) -> None:
    for number in range(3):
        item = WriteItem({"name": "Changed", "email": f"c{number}@example.com"}, id=f"10{number}")
        await org.connector.write(WriteRequest("people", "update", [item]))


async def unnamed(org: Org) -> None:
    await _written(org, {"name": "", "email": "new@example.com"})


async def messaged(org: Org) -> None:
    assert isinstance(org.connector, SupportsMessages)
    org.connector.parse_webhook(b'{"what": "person", "who": "100"}', {"x-secret": KEY})


Act = Callable[[Org], Awaitable[None]]
LIST = "list: {get: /v1/people, rows: data, page: {next: {cursor: next}, size: {limit: 4}, total"
MADE = "create: {post: /v1/people, row: data"
REFUSAL = "refusal: {code: [error.code], message: [error.message]}"
TYPOS: dict[str, tuple[str, str, Act, str]] = {
    "where the records are": (LIST, LIST.replace("rows: data", "rows: dta"), full, "'dta'"),
    "where the record is": (
        'get: "/v1/people/${id}", row: data}',
        'get: "/v1/people/${id}", row: dat}',
        fetched,
        "'dat'",
    ),
    "the key": ("    name: name\n    mod", "    key: idd\n    name: name\n    mod", full, "'idd'"),
    "the page token in the reply": (LIST, LIST.replace("cursor: next", "cursor: nxt"), full, "'nxt'"),
    "where the page token goes": (LIST, LIST.replace("cursor:", "curser:"), full, "not advancing"),
    "the size of pages": (
        LIST,
        LIST.replace("size: {limit: 4}", "short_is_last: true, size: {lmit: 6}"),
        full,
        "after 4 records, and the CRM says that there are 10",
    ),
    "the total": ("total: total", "total: totl", full, "'totl'"),
    "the time of the last change": (
        "modified: changed\n    created: made",
        "modified: chnged",
        full,
        "'chnged'",
    ),
    "the time of the last change, beside another": (
        "modified: changed",
        "modified: chnged",
        full,
        "modified chnged",
    ),
    "the parameter of changes": (
        '      query: {since: "',
        '      query: {sinse: "',
        changed,
        "ignores the condition",
    ),
    "the time of a deletion": (
        "at: changed",
        "at: chnged",
        removed,
        "'chnged', where the time of a deletion",
    ),
    "the list of deletions": ("/v1/gone", "/v1/gon", removed, "/v1/gon "),
    "the condition of deletions": (
        "list: {get: /v1/gone,",
        "list: {get: /v1/people,",
        several,
        "both as living and as gone",
    ),
    "the name": ("name: name\n    mod", "name: nmae\n    mod", full, "name nmae"),
    "a place inside": ("details.city", "detail.city", full, "record.rename.city detail.city"),
    "where custom fields are": ("at: custom", "at: costum", full, "record.custom.at costum"),
    "a field": ("email: email", "emial: email", full, "did you mean emial"),
    "the target of links": ("target: to.id", "target: too.id", linked, "'too.id'"),
    "the id of what was created": (
        MADE,
        f"{MADE}, id: idd",
        created,
        "POST /v1/people was answered with JSON that has no id at 'idd'",
    ),
    "where what was created is": (MADE, MADE.replace("row: data", "row: dta"), created, "'dta'"),
    "where fields go in an update": (
        'update: {patch: "/v1/people/${id}", row: data}',
        'update: {patch: "/v1/people/${id}", row: data, fields: person}',
        updated,
        "its reply shows nothing of name, email: write.fields",
    ),
    "where errors say what is wrong": (
        REFUSAL,
        REFUSAL.replace("error.", "eror."),
        unnamed,
        "nothing at eror.code, eror.message",
    ),
    "the name of a field in the CRM's metadata": ("name: key", "name: kee", firms, "'kee'"),
    "the type of a field in the CRM's metadata": ("type: kind", "type: kin", firms, "'kin'"),
    "the table of a record's fields": ("lift: values", "lift: vals", firms, "'vals'"),
    "the id in messages": ("key: who", "key: whoo", messaged, "'whoo'"),
}


@pytest.mark.parametrize("typo", TYPOS)
async def test_a_mistake_that_loading_cannot_see_is_named(typo: str) -> None:
    right, wrong, act, expected = TYPOS[typo]
    org = _org((right, wrong))
    async with org.hub:
        try:
            await act(org)
        except CrmhubError as error:
            org.told.append(str(error))
    about = "firms" if act is firms else "people"
    assert any(expected in line and about in line for line in org.told), org.told


def _org(change: tuple[str, str] | None = None) -> Org:
    text = DESK + FIRMS
    if change is not None:
        assert text.count(change[0]) == 1, change[0]
        text = text.replace(*change)
    return Org(Desk(), text)


@pytest.mark.parametrize(
    "act", [full, changed, removed, several, linked, firms, fetched, created, updated, messaged]
)
async def test_a_right_description_is_not_complained_about(act: Act) -> None:
    org = _org()
    async with org.hub:
        await act(org)
    assert org.told == []


async def test_a_setting_that_calls_need_has_a_value() -> None:
    text = DESK.replace(
        "{cursor: next}, size: {limit: 4}, total: total}}", '{cursor: next}}, query: {place: "${place}"}}'
    )
    text = text.replace("settings:\n", "settings:\n  place: {about: Where.}\n")
    with pytest.raises(
        ConfigError, match=r"\$\{place\} has no value, and calls for people need it.*set place"
    ):
        _ = Org(Desk(), text).connector
