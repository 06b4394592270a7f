"""Answers as they go out: data and one line, of a bounded size, whole items left out where it is too much."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, cast

import msgspec

from crmhub.agent.answers import Refused
from crmhub.agent.tool import Told
from crmhub.agent.untrusted import LONG, neutral, one_line
from crmhub.native import Native, Value

__all__ = ["Reply", "encoded", "sized"]

encoded: Final = msgspec.json.Encoder(decimal_format="string").encode
_SUSPECT: Final = re.compile(rb"[\x7f-\xff<]|://|\]\(|!\[|\\[^\"\\/n]|javascript:|data:", re.IGNORECASE)
"""What may not be neutral, in JSON. Most answers have none of it."""
_CURSOR: Final = 600
"""Bytes that are kept for a cursor."""
_MOST_TEXT: Final = 400


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a call, whatever protocol carries it."""

    structured: Native
    """The answer as data; of an error ``{"status": "error", "error": {…}}``."""
    text: str
    """One line."""
    is_error: bool = False
    meta: Native = field(default_factory=dict[str, Value])
    """``crmhub/audit_id``, ``crmhub/source`` (as in the answer), ``crmhub/policy``."""


def sized(told: Told, most: int, seal: Callable[[Mapping[str, Value]], str]) -> Reply:
    """The reply, of at most ``most`` bytes of JSON.

    Raises :class:`Refused` where it is larger and has no items that could be left out.
    """
    data = cast("Native", told.data.model_dump(mode="json", exclude_none=True))
    text = one_line(told.summary, _MOST_TEXT)
    body = encoded(data)
    if _SUSPECT.search(body) is not None:  # what a tool had from elsewhere than the reach
        data = cast("Native", _neutral(data))
        body = encoded(data)
    if len(body) <= most:
        return Reply(data, text)
    name = told.data.listed or ""
    items = data.get(name)
    if not isinstance(items, list) or not items:
        raise _too_large()
    room = most - len(encoded({**data, name: [], "next_cursor": None})) - _CURSOR
    kept = 0
    for item in items:
        room -= len(encoded(item)) + 1
        if room < 0:
            break
        kept += 1
    if not kept:
        raise _too_large()
    cut: Native = {**data, name: items[:kept], "truncated": True}
    cut.pop("next_cursor", None)
    if told.resume is not None:
        cut["next_cursor"] = seal(told.resume(kept))
    return Reply(cut, f"{text} (the first {kept} of {len(items)} here: the answer would be too large)")


def _neutral(value: Value) -> Value:
    """The same with its texts neutral; those of the reach are."""
    if isinstance(value, str):
        return neutral(value, len(value) + LONG)
    if isinstance(value, list):
        return [_neutral(each) for each in value]
    if isinstance(value, dict):
        return {neutral(name, LONG): _neutral(each) for name, each in value.items()}
    return value


def _too_large() -> Refused:
    return Refused(
        "answer_too_large",
        "the answer would be too large",
        hint="ask for fewer fields, a smaller limit or a shorter time",
    )
