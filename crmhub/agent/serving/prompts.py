"""Prompts: questions that people ask often, put so that the tools answer them in few calls."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mcp.types import Prompt as Listed
from mcp.types import PromptArgument

from crmhub.agent.untrusted import one_line

__all__ = ["PROMPTS", "Prompt", "offered", "shown"]

_LONGEST: Final = 100


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question with places for what it is about."""

    name: str
    title: str
    about: str
    arguments: Mapping[str, str]
    """What each place is for; all of them are needed."""
    tools: frozenset[str]
    """An agent without one of these is not offered it."""
    text: str

    def filled(self, given: Mapping[str, str]) -> str:
        """The question about something: what is put in is quoted, on one line and short."""
        return self.text.format_map({name: f'"{one_line(given[name], _LONGEST)}"' for name in self.arguments})


PROMPTS: Final[Sequence[Prompt]] = (
    Prompt(
        "account_briefing",
        "Brief me on a company",
        "What stands with one company: people, open deals, what was done lately, what is due.",
        {"company": "The company's name."},
        frozenset({"search_accounts", "get_account_overview"}),
        "Find the account {company} and give me a briefing for a meeting with them: who the people are, "
        "which deals are open and at what stage, what was done in the last 60 days, and what is due. Name "
        "the CRMs that it comes from, and those that did not answer.",
    ),
    Prompt(
        "pipeline_review",
        "Review the pipeline",
        "Where the open deals stand, by stage and value, and which ones need attention.",
        {"period": "Which deals, by their expected close: this quarter, this month."},
        frozenset({"pipeline_summary"}),
        "Review the open deals that are expected to close in {period}: how many and how much at each stage, "
        "by currency, the five largest, and those whose expected close has passed.",
    ),
    Prompt(
        "what_changed",
        "What changed",
        "What was made or changed in the CRMs since a day.",
        {"since": "The day (YYYY-MM-DD)."},
        frozenset({"list_records"}),
        "List the accounts, contacts and deals that were made or changed since {since}, by CRM, and sum up "
        "what changed. Say where there was more than you were given.",
    ),
)


def offered(tools: Collection[str]) -> dict[str, Prompt]:
    """The prompts for an agent with these tools, by name."""
    return {each.name: each for each in PROMPTS if each.tools <= set(tools)}


def shown(prompt: Prompt) -> Listed:
    """A prompt as clients list it."""
    arguments = [
        PromptArgument(name=name, description=about, required=True)
        for name, about in prompt.arguments.items()
    ]
    return Listed(name=prompt.name, title=prompt.title, description=prompt.about, arguments=arguments)
