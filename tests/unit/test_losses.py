"""What does not come through from one CRM to the next is named before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import pytest

from crmhub.config import Config
from crmhub.connector import Value
from crmhub.errors import UsageError
from crmhub.hub import Hub
from crmhub.mapping.losses import Loss

pytestmark = pytest.mark.anyio

Crm: TypeAlias = "tuple[str, Mapping[str, Value], Mapping[str, Value]]"
"""Its mapping, its objects and its rows."""
HEAD = "crm: memory\nversion: 1\nmaps:\n"
SMALL = """
  - {model: user, object: people, fields: {id: {to: id, dir: read}, email: {to: email, dir: read}}}
  - model: stage
    object: stages
    fields:
      id: {to: id, dir: read}
      label: {to: label, dir: read}
      outcome: {to: outcome, as: {enum: {open: open, won: won, lost: lost}}, dir: read}
"""
TABLES: dict[str, Value] = {"people": {"email": "text"}, "stages": {"label": "text", "outcome": "text"}}


def deals(*rules: str) -> str:
    lines = "".join(f"      {rule}\n" for rule in rules)
    return f"{HEAD}{SMALL}  - model: deal\n    object: deals\n    fields:\n{lines}"


def people(*names: str) -> Value:
    return [{"id": name, "email": f"{name}@example.com"} for name in names]


def stages(**outcomes: str) -> Value:
    return [{"id": name, "label": name, "outcome": outcome} for name, outcome in outcomes.items()]


async def losses(
    folder: Path,
    *crms: Crm,
    models: Sequence[str] = ("deals",),
    **settings: str,
) -> Sequence[Loss]:
    """Of connections ``a``, ``b``, …: each with its mapping, its objects and its rows."""
    async with Hub(Config({})) as hub:
        names: list[str] = []
        for name, (mapping, objects, rows) in zip("abcd", crms, strict=False):
            path = folder / f"{name}.yaml"
            path.write_text(mapping)
            hub.add(name, "memory", mapping=path, objects={**TABLES, **objects}, rows=dict(rows))
            names.append(name)
        return await hub.losses(*names, models=models, **settings)


def one(rule: str, field: Value = "text", **rows: Value) -> Crm:
    """A CRM whose deals have one field, called f."""
    return deals(rule), {"deals": {"f": field, "g": "text"}}, rows


def short(found: Sequence[Loss]) -> list[tuple[str, str, str]]:
    return [(loss.path, loss.fate, loss.why) for loss in found]


CHOICES: Value = {"type": "enum", "choices": ["New", "Old"]}
FEWER: Value = {"type": "enum", "choices": ["New"]}


@pytest.mark.parametrize(
    ("here", "there", "named"),
    [
        (one("name: f"), one("name: f"), []),
        (one("name: f"), one("next_step: f"), [("name", "lost", "no place")]),
        (one("name: f"), one("name: {to: f, dir: read}"), [("name", "lost", "only read there")]),
        (one("name: f"), one("name: {to: f, compare: ignore}"), [("name", "lost", "compare: ignore")]),
        (one("name: f"), one("name: {to: f, write: create_only}"), [("name", "once", "set on create alone")]),
        (one("name: f"), one("name: {to: f, write: if_empty}"), [("name", "once", "never over what stands")]),
        (
            one("name: f"),
            one("name: {to: f, lossy: true}"),
            [("name", "changed", "kept in a form of its own")],
        ),
        (
            one("expected_close: {to: f, as: date}"),
            one("expected_close: {to: f, as: {date: {in: iso, tz: UTC}}, lossy: true}"),
            [("expected_close", "changed", "date")],
        ),
        (
            one("name: f"),
            one("name: {to: f, default_on_create: Deal}"),
            [("name", "filled", "when empty: Deal")],
        ),
        (
            one("name: f"),
            one("name: f", {"required": True}),
            [("name", "refused", "demanded: records without it")],
        ),
        (one("name: f", {"required": True}), one("name: f", {"required": True}), []),
        (
            one("name: f"),
            one("name: f", {"unique": True}),
            [("name", "refused", "what another record there has")],
        ),
        (
            one("name: f", {"max_length": 80}),
            one("name: f", {"max_length": 40}),
            [("name", "partly", "at most 40 characters")],
        ),
        (
            one("next_step: f", CHOICES),
            one("next_step: f", FEWER),
            [("next_step", "refused", "no choice there: Old")],
        ),
        (
            one("next_step: f"),
            one("next_step: f", FEWER),
            [("next_step", "refused", "what is none of its 1 choices")],
        ),
        (
            one("amount: {to: f, as: money}", "decimal"),
            one("amount: {to: f, as: {money: {currency: g}}}", "decimal"),
            [("amount", "changed", "no currency here: it gets the target's own")],
        ),
        (
            one("amount: {to: f, as: {money: {currency: g}}}", "decimal"),
            one("amount: {to: f, as: {money: {default: EUR}}}", "decimal"),
            [("amount", "refused", "amounts in another currency than EUR")],
        ),
        (
            one("amount: {to: f, as: money}", "decimal"),
            one("amount: {to: f, as: money}", "int"),
            [("amount", "changed", "whole numbers alone")],
        ),
        (
            one("account: {ref: account, to: f}"),
            one("account: {ref: account, to: f}"),
            [("account", "lost", "account: not there, or not synced")],
        ),
        (
            one("owner: {ref: user, to: f, by: email}", people=people("ann", "bob")),
            one("owner: {ref: user, to: f, by: email}", people=people("ann")),
            [("owner", "changed", "not found, left to the connection's user × 1")],
        ),
        (
            one("stage: {ref: stage, to: f, by: label}", stages=stages(New="open", Bought="won", Odd="open")),
            one("stage: {ref: stage, to: f, by: label}", stages=stages(New="open", Won="won")),
            [
                ("stage", "refused", "no stage of that label there: Odd"),
                ("stage", "changed", "the stage that means won × 1"),
            ],
        ),
    ],
)
async def test_each_way_to_lose_something_has_a_name(
    tmp_path: Path,
    here: Crm,
    there: Crm,
    named: list[tuple[str, str, str]],
) -> None:
    assert short(await losses(tmp_path, here, there)) == named


async def test_the_jobs_settings_for_owners_and_stages_count(tmp_path: Path) -> None:
    here = one("owner: {ref: user, to: f, by: email}", people=people("ann", "bob"))
    there = one("owner: {ref: user, to: f, by: email}", people=people("ann"))
    named = [("owner", "refused", "no user of that email there: 1")]
    assert short(await losses(tmp_path, here, there, owner="reject")) == named


async def test_what_is_lost_on_one_leg_is_not_named_again_on_the_next(tmp_path: Path) -> None:
    two: Crm = deals("name: f", "next_step: g"), {"deals": {"f": "text", "g": CHOICES}}, {}
    fewer: Crm = deals("name: f", "next_step: g"), {"deals": {"f": "text", "g": FEWER}}, {}
    found = await losses(tmp_path, two, fewer, fewer, one("name: f"))
    assert [(loss.path, loss.fate, loss.source, loss.target) for loss in found] == [
        ("next_step", "refused", "a", "b"),
        ("next_step", "lost", "c", "d"),
    ]


async def test_what_only_the_crms_between_have_is_not_the_first_ones_loss(tmp_path: Path) -> None:
    more: Crm = deals("name: f", "next_step: g"), {"deals": {"f": "text", "g": "text"}}, {}
    assert await losses(tmp_path, one("name: f"), more, one("name: f")) == []


STAGE = "stage: {ref: stage, to: f, by: label}"
STATUS = "status: {to: g, as: {enum: {open: open, won: won, lost: lost}}}"
WORDS: Value = {"type": "enum", "choices": ["open", "won", "lost"]}
TOLD = "      outcome: {to: outcome, as: {enum: {open: open, won: won, lost: lost}}, dir: read}\n"


def apart(status: Value, *labels: str) -> Crm:
    """A CRM whose deals have a status of their own, and whose stages mean nothing."""
    mapping = deals(STAGE, STATUS).replace(TOLD, "")
    return mapping, {"deals": {"f": "text", "g": status}}, {"stages": stages(**dict.fromkeys(labels, ""))}


async def test_a_status_follows_from_the_stage_and_is_lost_only_where_stages_do_not_tell_it(
    tmp_path: Path,
) -> None:
    rows = {"stages": stages(New="open", Signed="won")}
    telling: Crm = deals(STAGE), {"deals": {"f": "text"}}, rows
    silent: Crm = deals(STAGE).replace(TOLD, ""), {"deals": {"f": "text"}}, rows
    assert short(await losses(tmp_path, telling, apart("text", "New", "Signed"))) == []
    assert short(await losses(tmp_path, telling, apart("text", "New"))) == [
        ("stage", "changed", "none of that label, the status alone says won × 1")
    ]
    assert short(await losses(tmp_path, silent, apart("text", "New", "Signed"))) == [
        ("status", "lost", "neither a field of the source nor told by its stages")
    ]


async def test_a_status_that_stages_tell_there_moves_closed_deals(tmp_path: Path) -> None:
    fields: Value = {"f": "text"}
    closing: Crm = deals(STAGE), {"deals": fields}, {"stages": stages(New="open", Signed="won", Gone="lost")}
    moved = ("stage", "changed", "of won and lost deals: the one there that means it")
    assert short(await losses(tmp_path, apart(WORDS, "New"), closing)) == [moved]
    assert short(await losses(tmp_path, apart("text", "New"), closing)) == [
        moved,
        ("status", "partly", "told by the stage there: open, won and lost alone"),
    ]
    several = stages(New="open", Signed="won", Away="lost", Gone="lost")
    assert short(
        await losses(tmp_path, apart(WORDS, "New"), (deals(STAGE), {"deals": fields}, {"stages": several}))
    ) == [moved, ("stage", "refused", "several stages mean lost: Away, Gone")]


async def test_a_kind_without_a_map_and_an_object_that_an_org_lacks_are_lost_as_a_whole(
    tmp_path: Path,
) -> None:
    kinds = "".join(
        f"  - {{model: activity, object: {name}s, set: {{type: {name}}}, fields: {{subject: f}}}}\n"
        for name in ("task", "call", "meeting")
    )
    tasks = "  - {model: activity, object: tasks, set: {type: task}, fields: {subject: f}}\n"
    calls = "  - {model: activity, object: calls, set: {type: call}, fields: {subject: f}}\n"
    objects: Mapping[str, Value] = {f"{name}s": {"f": "text"} for name in ("task", "call", "meeting")}
    here: Crm = HEAD + kinds, objects, {}
    there: Crm = HEAD + tasks + calls, {"tasks": {"f": "text"}}, {}
    found = await losses(tmp_path, here, there, models=("activities",))
    assert [(loss.model, loss.kind, loss.path, loss.fate, loss.why) for loss in found] == [
        ("activity", "call", "", "lost", "no call there"),
        ("activity", "meeting", "", "lost", "no meeting there"),
    ]


@pytest.mark.parametrize("names", [(), ("a",), ("a", "a")])
async def test_a_way_has_two_ends(names: tuple[str, ...]) -> None:
    async with Hub(Config({})) as hub:
        with pytest.raises(UsageError, match="two connections or more"):
            await hub.losses(*names)
