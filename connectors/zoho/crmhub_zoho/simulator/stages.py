"""The stock sales pipeline: stages with probability, forecast and outcome."""

from dataclasses import dataclass

from crmhub.testing.simulator.schema_file import Choice

PIPELINE = "Standard (Standard)"


@dataclass(frozen=True)
class Stage:
    """A stage: its name, chance in percent, forecast category and forecast type (Open, Closed Won, Closed
    Lost).
    """

    name: str
    probability: int
    forecast_category: str
    forecast_type: str = "Open"


STAGES = (
    Stage("Qualification", 10, "Pipeline"),
    Stage("Needs Analysis", 20, "Pipeline"),
    Stage("Value Proposition", 40, "Pipeline"),
    Stage("Identify Decision Makers", 60, "Pipeline"),
    Stage("Proposal/Price Quote", 75, "Pipeline"),
    Stage("Negotiation/Review", 90, "Pipeline"),
    Stage("Closed Won", 100, "Closed", "Closed Won"),
    Stage("Closed Lost", 0, "Omitted", "Closed Lost"),
    Stage("Closed Lost to Competition", 0, "Omitted", "Closed Lost"),
)
STAGE_CHOICES = tuple(Choice(stage.name, stage.name) for stage in STAGES)
PROBABILITY = {stage.name: stage.probability for stage in STAGES}
FORECAST_CATEGORY_IDS = {"Pipeline": 1, "Closed": 2, "Omitted": 3}
