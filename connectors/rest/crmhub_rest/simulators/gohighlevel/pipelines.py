"""Pipelines and their stages, which the API can only read."""

import random
from dataclasses import dataclass

from crmhub_rest.simulators.gohighlevel.ids import IdBlock, seeded_uuid

_STAGES = {
    "Sales": ("New Lead", "Contacted", "Proposal Sent", "Negotiation", "Closed"),
    "Onboarding": ("Kick-off", "Set up", "Live"),
}


@dataclass(frozen=True)
class Stage:
    """A stage of a pipeline."""

    id: str
    name: str
    position: int


@dataclass(frozen=True)
class Pipeline:
    """A pipeline."""

    id: str
    name: str
    stages: tuple[Stage, ...]

    def stage(self, stage_id: object) -> Stage | None:
        """The stage with this id, if it is one of this pipeline's."""
        return next((stage for stage in self.stages if stage.id == stage_id), None)


def make_pipelines(block: IdBlock, seed: str) -> tuple[Pipeline, ...]:
    """The pipelines of a location."""
    source = random.Random(f"gohighlevel-stages-{seed}")
    return tuple(
        Pipeline(
            block.id_of(place),
            name,
            tuple(Stage(seeded_uuid(source), stage, position) for position, stage in enumerate(stages)),
        )
        for place, (name, stages) in enumerate(_STAGES.items())
    )
