"""A sync job: from where, to where, which models, and what to do where the two sides do not meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crmhub import arguments
from crmhub.config import JobSettings
from crmhub.document import suggest
from crmhub.errors import ConfigError

__all__ = ["ORDER", "Job", "model_names"]

ORDER = ("account", "contact", "deal", "activity")
"""Models in the order of dependency; others come after them."""

_LOOKED_UP = frozenset({"user", "stage", "pipeline"})
_PLURALS = {"accounts": "account", "contacts": "contact", "deals": "deal", "activities": "activity"}


def model_names(given: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Model names as mappings say them, in the order of dependency; plurals are understood.

    Raises :class:`ConfigError` for one that is not mapped, or only looked up.
    """
    names = [_singular(name) for name in given]
    for name in names:
        if name not in known:
            words = [*known, *(plural for plural, model in _PLURALS.items() if model in known)]
            raise ConfigError(f"no model {name!r} is mapped", hint=suggest(name, words))
        if name in _LOOKED_UP:
            raise ConfigError(
                f"{name}s are not synced: what points to one is matched with the other CRM's own",
                hint=f"leave {name} out of the models",
            )
    return tuple(
        sorted(set(names), key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))
    )


def _singular(name: str) -> str:
    return _PLURALS.get(name, name)


@dataclass(frozen=True, slots=True)
class Job:
    """One way, from ``source`` to ``target``.

    ``owner`` is what happens to a record whose owner is not found in the target: ``default`` leaves
    it to the target's connection user, ``default:<e-mail>`` gives it to that user, ``reject`` sets
    it aside. ``stage`` likewise for a stage without a namesake: ``outcome`` takes the target's one
    stage that means the same for a closed deal (won, lost), ``reject`` sets it aside.
    """

    source: str
    target: str
    models: Sequence[str] = ORDER
    owner: str = "default"
    stage: str = "outcome"
    page_size: int | None = None
    name: str = ""

    def __post_init__(self) -> None:
        names = arguments.texts(self.models, "models")
        object.__setattr__(self, "models", tuple(_singular(name) for name in names))
        if self.source == self.target:
            raise ConfigError(f"a sync needs two connections, not {self.source!r} twice")
        if self.owner not in {"default", "reject"} and not self.owner.startswith("default:"):
            raise ConfigError(f"owner: {self.owner!r}", hint="default, default:<e-mail> or reject")
        if self.stage not in {"outcome", "reject"}:
            raise ConfigError(f"stage: {self.stage!r}", hint="outcome or reject")

    @property
    def id(self) -> str:
        """The name that its checkpoints, links' letters and runs are kept under."""
        return self.name or f"{self.source}->{self.target}"

    @classmethod
    def of(cls, settings: JobSettings) -> Job:
        """The job of a configuration entry."""
        return cls(
            settings.source, settings.target, settings.models or ORDER, settings.owner, settings.stage,
            settings.page_size, settings.name,
        )  # fmt: skip
