"""What a policy means for one agent: which fields it sees, and which records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Final, Literal, TypeAlias, cast

from crmhub.agent.answers import Refused
from crmhub.agent.identity import Agent
from crmhub.agent.policy.language import ModelRule, Policy

__all__ = ["ALWAYS", "NEVER", "Grant", "Seen", "Sight", "head_of", "sights_of"]

Seen: TypeAlias = Literal["shown", "masked", "denied"]
ALWAYS: Final = frozenset({"id", "connection", "object", "version", "life"})
"""Fields by which a record is known; they hold nothing of what is in it."""
NEVER: Final = frozenset({"raw", "associations", "vendor"})
"""Fields that go around the others: a record as the CRM gave it, the names at the other end of its links."""
_ALL: Final = "*"
_SUBJECT: Final = "$subject"
_REMEMBERED: Final = 1_000


def head_of(path: str) -> str:
    """The field that a path leads into: ``phones`` of ``phones[role=main].raw``."""
    return path.partition(".")[0].partition("[")[0]


class Sight:
    """What a policy lets be seen of one model."""

    def __init__(self, model: str, rule: ModelRule) -> None:
        self.model = model
        self.rule = rule
        self._known: dict[str, Seen] = {}
        self._among: dict[frozenset[str], frozenset[str]] = {}

    def seen(self, field: str) -> Seen:
        """How a field is seen, by its name or a path into it; a custom one as ``custom.KEY``."""
        known = self._known.get(field)
        if known is None:
            known = self._seen(field)
            if len(self._known) < _REMEMBERED:  # agents can ask for anything
                self._known[field] = known
        return known

    def fields_among(self, fields: frozenset[str]) -> frozenset[str]:
        """Those of a model's fields to ask the CRM for: all that are seen, masked ones too."""
        if fields not in self._among:
            known = {name for name in fields if self.seen(name) != "denied"} - ALWAYS
            self._among[fields] = frozenset(known | ({"custom"} if self.has_custom else set()))
        return self._among[fields]

    def _seen(self, field: str) -> Seen:
        fields = self.rule.fields
        head = head_of(field)
        if head in ALWAYS:
            return "shown"
        names = {field, head}
        if head in NEVER or names & self._denied:
            return "denied"
        if not (names & self._allowed or (_ALL in self._allowed and head != "custom")):
            return "denied"
        return "masked" if names & {*fields.mask} else "shown"

    @cached_property
    def has_custom(self) -> bool:
        """Whether any custom field may be seen."""
        return (
            any(name.partition(".")[0] == "custom" for name in self._allowed) and "custom" not in self._denied
        )

    @cached_property
    def _allowed(self) -> frozenset[str]:
        return frozenset(self.rule.fields.allow)

    @cached_property
    def _denied(self) -> frozenset[str]:
        return frozenset(self.rule.fields.deny)


def sights_of(policy: Policy) -> Mapping[str, Sight]:
    """What the policy lets be seen, by model; good for every agent that has it."""
    return {model: Sight(model, rule) for model, rule in policy.models.items()}


class Grant:
    """A policy for one agent. ``sights`` are those of :func:`sights_of`, if they are at hand."""

    def __init__(
        self, agent: Agent, name: str, policy: Policy, sights: Mapping[str, Sight] | None = None
    ) -> None:
        self.agent = agent
        self.name = name
        """The policy's name."""
        self.policy = policy
        self._sights = sights_of(policy) if sights is None else sights

    def sight(self, model: str) -> Sight:
        """What it sees of a model. Raises :class:`Refused` for one that is not there for it."""
        if model not in self._sights:
            raise Refused(
                "model_not_available",
                f"records of {model} are not available here",
                hint="ask for something else, or have a person extend this agent's policy",
            )
        return self._sights[model]

    def sees(self, model: str, field: str) -> bool:
        """Whether the field's value is shown."""
        return model in self._sights and self._sights[model].seen(field) == "shown"

    def rows(self, model: str) -> Mapping[str, Sequence[object]]:
        """The values that each path of a record may have. A subject that nobody named matches nothing."""
        rules = self.sight(model).rule.rows
        return {path: [*self._values(given)] for path, given in rules.items()}

    def _values(self, given: object) -> list[object]:
        several = cast("list[object]", given) if isinstance(given, list) else [given]
        subject = [] if self.agent.subject is None else [self.agent.subject]
        return [each for value in several for each in (subject if value == _SUBJECT else [value])]
