"""Blueprints: the processes that records can be in, with their transitions.

Source: Zoho CRM API v8, "Get Blueprint" and "Update Blueprint"; the one process is made up on stock stages.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from crmhub.testing.simulator.table import Row
from crmhub_zoho.simulator.stages import STAGES


@dataclass(frozen=True)
class Transition:
    """A step to the value `to` from the values `start`: the fields it asks for, and those that must not be
    empty before it can be taken.
    """

    number: int
    name: str
    start: tuple[str, ...]
    to: str
    asks: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Process:
    """A process on a picklist field; records whose value is none of its states are not in it."""

    name: str
    field: str
    transitions: tuple[Transition, ...]

    def holds(self, row: Row) -> bool:
        """Whether the record is in the process."""
        return bool(self.open_to(str(row.get(self.field))))

    def open_to(self, value: str) -> list[Transition]:
        """The transitions that begin at a value of the field."""
        return [one for one in self.transitions if value in one.start]


_OPEN = tuple(stage.name for stage in STAGES if stage.forecast_type == "Open")
PROCESSES: Mapping[str, Process] = {
    "Deals": Process(
        "Sales",
        "Stage",
        (
            Transition(1, "Analyse", ("Qualification",), "Needs Analysis", asks=("Description",)),
            Transition(
                2, "Propose", ("Needs Analysis",), "Proposal/Price Quote", asks=("Amount", "Closing_Date")
            ),
            Transition(
                3, "Negotiate", ("Proposal/Price Quote",), "Negotiation/Review", needs=("Contact_Name",)
            ),
            Transition(4, "Win", ("Negotiation/Review",), "Closed Won"),
            Transition(5, "Lose", _OPEN, "Closed Lost"),
        ),
    )
}
