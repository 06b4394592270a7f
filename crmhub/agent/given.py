"""What one call of an agent is given: its policy, the veil before records, the meters it runs on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from crmhub.agent.policy.decide import Grant
from crmhub.agent.veil import Veil
from crmhub.models import Record

__all__ = ["Given", "Meter"]


class Meter(Protocol):
    """Counts what an agent uses. Raises :class:`~crmhub.agent.answers.Refused` where no more is left."""

    async def records(self, count: int) -> None:
        """So many records are about to be handed out."""
        ...

    async def credits(self, count: int) -> None:
        """So many units of a CRM's allowance are about to be spent."""
        ...


class Given(Protocol):
    """The call, as far as reading records needs it."""

    @property
    def grant(self) -> Grant:
        """What the agent may do."""
        ...

    @property
    def veil(self) -> Veil:
        """What hides of a record what it may not see."""
        ...

    @property
    def meter(self) -> Meter:
        """What counts."""
        ...

    async def handed(self, records: Sequence[Record]) -> None:
        """Count and note the records whose contents the agent is about to be given."""
        ...
