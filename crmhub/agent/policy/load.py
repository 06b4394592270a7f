"""From a file to :class:`Agents`: every mistake is one line with its place and a suggestion."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from crmhub.agent.policy.decide import ALWAYS, NEVER, head_of
from crmhub.agent.policy.language import Agents, Policy
from crmhub.agent.tool import Toolbox
from crmhub.complaints import Complaint, complaints, tell
from crmhub.config import AGENTS_KEYS
from crmhub.document import Document, Step, suggest
from crmhub.errors import ConfigError
from crmhub.mistakes import Mistakes
from crmhub.models import Record
from crmhub.models.registry import BUILT_IN

__all__ = ["Known", "load_agents", "remarks"]

_WHOLE: Final = frozenset({"connections", "store", "jobs"})
"""Keys by which a file is known to be the whole configuration."""
_PARTS: Final = {"contact": {"full_name": ("first_name", "middle_name", "last_name", "salutation")}}
"""Fields that tell what others hold."""


@dataclass(frozen=True)
class Known:
    """What policies can name, as far as that is known; ``None``: whatever they say passes."""

    models: Mapping[str, Sequence[type[Record]]] = field(default_factory=lambda: BUILT_IN)
    connections: Collection[str] | None = None
    toolbox: Toolbox | None = None
    jobs: Collection[str] | None = None


def load_agents(path: Path, known: Known | None = None) -> Agents:
    """The agents and policies of a file of their own, or of ``crmhub.yaml``.

    Raises :class:`ConfigError`, one line for each mistake, with its place.
    """
    known = known or Known()
    document = Document.load(path)
    data = document.data
    if not isinstance(data, dict):
        raise ConfigError(f"{document.at()}: a table with agents and policies is expected")
    mistakes = Mistakes(document)
    if _WHOLE & data.keys():
        data = {key: value for key, value in data.items() if key in AGENTS_KEYS}
    try:
        agents = Agents.model_validate(data)
    except ValidationError as error:
        tell(mistakes, _told(error, data))
        mistakes.fail()
        raise ConfigError(f"{path}: it does not describe agents") from None
    tell(mistakes, _misnamed(agents, known))
    mistakes.fail()
    return agents


def _told(error: ValidationError, data: Mapping[str, object]) -> Iterator[Complaint]:
    """The mistakes; of a value that can be several things, what it can be."""
    seen: set[tuple[Step, ...]] = set()
    for path, what, mend in complaints(error, data, Agents):  # pyright: ignore[reportArgumentType]
        said: Complaint = (path, what, mend)
        if path[2:4] == ("approval", "tools"):
            said = (path[:5], "always, never or {over: AMOUNT} is expected", "")
        elif len(path) >= 6 and path[2] == "models" and path[4] == "rows":
            said = (path[:6], "a value, or a list of values, is expected", "")
        if said[0] not in seen:
            seen.add(said[0])
            yield said


# ── what it names ────────────────────────────────────────────────────────────────────────────────


def _misnamed(agents: Agents, known: Known) -> Iterator[Complaint]:
    for name, entry in agents.agents.items():
        if entry.policy not in agents.policies:
            mend = suggest(entry.policy, agents.policies)
            yield ("agents", name, "policy"), f"no policy {entry.policy!r}", mend
    for name, policy in agents.policies.items():
        yield from _in_policy(("policies", name), policy, known)


def _in_policy(at: tuple[Step, ...], policy: Policy, known: Known) -> Iterator[Complaint]:
    if known.toolbox is not None:
        yield from _each((*at, "tools"), policy.tools, "tool or pack", known.toolbox.words)
        named = known.toolbox.chosen(policy.tools)
        for tool in policy.approval.tools:
            if tool not in named:
                mend = suggest(tool, named)
                yield (*at, "approval", "tools", tool), f"the policy allows no tool {tool!r}", mend
    if known.connections is not None:
        yield from _each(
            (*at, "connections"), policy.connections, "connection", {*known.connections, *policy.connects}
        )
    if known.jobs is not None:
        yield from _each((*at, "jobs"), policy.jobs, "job", known.jobs)
    for model, rule in policy.models.items():
        here = (*at, "models", model)
        classes = known.models.get(model)
        if classes is None:
            yield here, f"no model {model!r}", suggest(model, known.models)
            continue
        fields = {name for each in classes for name in each.model_fields}
        for key, names in (
            ("allow", rule.fields.allow),
            ("mask", rule.fields.mask),
            ("deny", rule.fields.deny),
        ):
            for place, name in enumerate(names):
                if problem := _field_problem(name, fields, allow=key == "allow"):
                    yield (*here, "fields", key, place), *problem
        for path in rule.rows:
            head = head_of(path)
            if head not in fields | {"custom"}:
                yield (*here, "rows", path), f"{model} has no field {head!r}", suggest(head, fields)


def _each(
    at: tuple[Step, ...], names: Sequence[str], kind: str, known: Collection[str]
) -> Iterator[Complaint]:
    for place, name in enumerate(names):
        if name not in known:
            yield (*at, place), f"no {kind} {name!r}", suggest(name, known)


def _field_problem(name: str, fields: Collection[str], *, allow: bool) -> tuple[str, str] | None:
    """What is wrong with a field's name, and how to mend it."""
    if allow and name == "*":
        return None
    head = head_of(name)
    if head == "custom":
        return None if name == "custom" or name.startswith("custom.") else (f"no field {name!r}", "'custom'")
    if name in ALWAYS:
        return f"{name!r} is always shown: records are known by it", "leave it out"
    if name in NEVER:
        return f"{name!r} is never shown: it goes around the other fields", "leave it out"
    if name in fields:
        return None
    if head in fields:
        return f"{name!r} leads into a field", f"name the whole field: {head!r}"
    return f"no field {name!r}", suggest(name, fields)


# ── what is allowed, and will not work or will tell more than is meant ───────────────────────────


def remarks(agents: Agents, toolbox: Toolbox) -> Sequence[str]:
    """What a person who wrote this may not have meant, one line each."""
    found: list[str] = []
    for name, policy in agents.policies.items():
        tools = toolbox.chosen(policy.tools)
        for tool in tools.values():
            lacking = [model for model in tool.models if model not in policy.models]
            if lacking:
                found.append(f"{name}: {tool.name} needs models: {', '.join(lacking)}")
        if any(tool.effect.writes for tool in tools.values()) and not policy.limits.writes_per_day:
            found.append(f"{name}: it allows tools that write, and no writes: writes_per_day is 0")
        for model, parts in _PARTS.items():
            rule = policy.models.get(model)
            for whole, pieces in parts.items() if rule else ():
                hidden = [
                    piece for piece in pieces if rule and piece in {*rule.fields.mask, *rule.fields.deny}
                ]
                if hidden and rule and whole not in {*rule.fields.mask, *rule.fields.deny}:
                    found.append(f"{name}: {model}.{whole} tells {', '.join(hidden)}: hide it too")
        if name not in {entry.policy for entry in agents.agents.values()}:
            found.append(f"{name}: no agent has this policy")
    return found
