"""Threat 5: what a policy hides moves no answer: two CRMs that differ in nothing else answer alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from typing import TypeAlias

import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import given, settings
from hypothesis import strategies as st

from crmhub.agent.gate import Gate, Reply
from crmhub.hub import Hub
from tests.agents import BOT, ORIGIN, gate_to, hub_of_two, people

POLICY = {
    "contact": {
        "fields": {"allow": ["*", "custom.score"], "mask": ["phones"], "deny": ["birthday", "description"]},
        "rows": {"department": "East"},  # which the CRM cannot choose by
    },
    "account": {"fields": {"allow": ["website"]}},
    "deal": {"fields": {"allow": ["name"], "mask": ["amount"]}},
}
ONE = people("North")
OTHER = [
    row | {"phone": "+49 30 9", "born": "1955-05-05", "about": "other", "cf_secret": "other"}
    if "East" in row["area"]
    else row | {"name": "Eve Other", "first": "Eve", "last": "Other", "email": "eve@other.example"}
    for row in ONE
]
WORDS = [
    *(
        "0101",
        "1991",
        "note",
        "canary1",
        "other",
        "Eve",
        "North1",
        "North",
        "First3",
        "score1",
        "***",
        "p2@north",
    ),
    *("eve@other.example", "555", "+49", "Ltd", "East", "u1", "'", "%", "*"),
]
PATHS = [
    *("first_name", "last_name", "full_name", "phones", "phones[role=work].raw", "birthday", "description"),
    *(
        "custom.score",
        "custom.secret",
        "department",
        "owner",
        "kind",
        "id",
        "raw",
        "account",
        "nonsense",
        "emails",
    ),
]
word, path = st.sampled_from(WORDS), st.sampled_from(PATHS)
FIND = st.fixed_dictionaries(
    {"connection": st.just("north")},
    optional={
        "query": word,
        "where": st.dictionaries(path, word, max_size=2),
        "fields": st.lists(path, max_size=3),
        "limit": st.integers(1, 3),
    },
)
GET = st.fixed_dictionaries({"id": st.sampled_from(["p1", "p2", "p3", "p4", "p9"])})
CALL = st.tuples(st.just("find_people"), FIND) | st.tuples(st.just("get_person"), GET)


ENDLESS = {"calls_per_minute": 100_000, "records_per_hour": 1_000_000}


Ask: TypeAlias = Callable[[int, str, Mapping[str, object]], Reply]


async def opened(hub: Hub) -> Gate:
    return await gate_to(hub, models=POLICY, limits=ENDLESS)


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Make a call in the one CRM, or in the other."""
    folder = tmp_path_factory.mktemp("blind")
    with start_blocking_portal() as portal, ExitStack() as stack:
        gates: list[Gate] = []
        for rows in (ONE, OTHER):
            hub = stack.enter_context(portal.wrap_async_context_manager(hub_of_two(folder, people=rows)))
            gates.append(portal.call(opened, hub))
        yield lambda which, name, given: portal.call(
            partial(gates[which].call, BOT, name, given, origin=ORIGIN)
        )


def told(reply: Reply) -> object:
    """What an agent learns from a reply; a cursor is another one each time."""
    shown = {name: part for name, part in reply.structured.items() if name != "next_cursor"}
    return shown, reply.text, "next_cursor" in reply.structured


def test_no_condition_search_or_choice_of_fields_tells_what_is_hidden(ask: Ask) -> None:
    tried: list[Mapping[str, object]] = [{"where": {path: word}} for path in PATHS for word in WORDS]
    tried += [*({"query": word} for word in WORDS), *({"fields": [path]} for path in PATHS)]
    for asked in tried:
        call = {"connection": "north", **asked}
        assert told(ask(0, "find_people", call)) == told(ask(1, "find_people", call)), asked


@settings(max_examples=100)
@given(call=CALL)
def test_answers_do_not_depend_on_what_is_hidden(ask: Ask, call: tuple[str, Mapping[str, object]]) -> None:
    assert told(ask(0, *call)) == told(ask(1, *call))
