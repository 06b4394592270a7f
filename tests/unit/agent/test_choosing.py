"""What a model has to choose by: small definitions of tools, told apart from everything else."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import pytest

from crmhub.agent.packs import PACKS
from crmhub.agent.serving.server import listing_of
from crmhub.agent.tool import Tool, Toolbox
from tools.agent_tools import PAGE, page

DEFAULT: Final = (
    "search_contacts", "search_accounts", "search_deals", "get_record", "get_contact_deals",
    "get_account_overview", "get_recent_activity", "get_overdue_invoices", "get_project_status",
    "pipeline_summary", "create_crm_note", "create_task",
)  # fmt: skip
CRM: Final = (
    "Find the phone number of a contact called Farooq",
    "Which people work at the company Acme Logistics?",
    "Who has the e-mail address priya@example.org?",
    "Search our leads for Zoe Haddad",
    "Contacts that were not contacted for 30 days",
    "Which leads have had no call or meeting for a month?",
    "Find the company whose name is Evergreen Marine",
    "Look up the account with the website northwind.example",
    "In what industry is the company Tulip Works?",
    "Search the deals for the starter package",
    "Search opportunities named renewal",
    "What stage is the Orchard Textiles deal in?",
    "Show all fields of that contact record",
    "Read the record contact:zoho:123",
    "What are the custom fields of this deal?",
    "Which active deals does this contact have?",
    "What is being sold to Ada Lovelace, with value and expected close?",
    "How do things stand with this company at a glance?",
    "Give me an overview of the account before my meeting with the company",
    "Open tasks and open deals of this account",
    "What took place with this company in the last 60 days?",
    "Recent calls and meetings with this customer",
    "History of e-mails and notes with this contact",
    "When did the last meeting with this contact take place?",
    "Top 5 leads by deal value this quarter",
    "How large is the pipeline by stage?",
    "Weighted forecast for next quarter",
    "Total value of open deals by currency",
    "Which companies have the largest deals?",
    "Sales figures of this month",
    "Leave a note on this deal",
    "Write a note about the call on the contact",
    "Add a note to the lead that she asked for a quote",
    "Create a task to ring the customer back on Friday",
    "Make a task with a due date for this account",
    "Remind the sales user with a task about the contract of this deal",
    "List all contacts changed since Monday",
    "List deals whose status is won, page by page",
    "Which CRMs can be asked here?",
    "Move the deal to the stage Closed Won",
)
OTHER: Final = (
    "What is the weather in Lisbon tomorrow?",
    "Translate good morning into Japanese",
    "Write a haiku about autumn leaves",
    "How do I boil an egg?",
    "What is the capital of Mongolia?",
    "Explain quantum entanglement simply",
    "Refactor this Python function",
    "Why is the sky blue?",
    "Book a flight from Oslo to Rome",
    "Play some relaxing jazz music",
    "How tall is Mount Kilimanjaro?",
    "Convert 12 miles to kilometres",
    "Fix the failing unit tests in my repository",
    "Suggest a good science fiction novel",
    "What is the square root of 1764?",
    "Plan a vegetarian dinner menu",
    "Who painted the Mona Lisa?",
    "Turn off the kitchen lights",
    "Summarise the plot of Hamlet",
    "Draw a picture of a red bicycle",
    "How does photosynthesis work?",
    "Compile this Rust crate without warnings",
    "What year did the Berlin Wall fall?",
    "Give me a workout plan for beginners",
    "Set an alarm for seven tomorrow morning",
    "What rhymes with orange?",
    "Explain the rules of chess",
    "Solve this crossword puzzle clue",
    "Which planet has the most moons?",
    "How do vaccines work?",
    "Recommend a podcast on ancient Rome",
    "Debug my Kubernetes ingress",
    "What is the boiling point of nitrogen?",
    "Tell me a joke about penguins",
    "How do I plant tomatoes?",
    "Proofread my cover letter",
    "What languages are spoken in Belgium?",
    "Generate a secure password",
    "Explain the offside rule in football",
    "Knit a scarf: how many stitches?",
)
_STOP: Final = frozenset(
    """
    a about add all an and any are as at be been by can create did do does find first for from give good had
    has have here how i in is it its large last list look make me my no not of off on one or our over page
    read she should show so some somebody than that the their them then there these they this those time to
    up us use was we were what when where which who whose why will with words write written you your
    """.split()  # noqa: SIM905 - read as a text
)


def known_tools() -> Mapping[str, Tool]:
    return Toolbox(PACKS).tools


def test_definitions_of_the_default_tools_are_under_6000_tokens_of_four_bytes_each() -> None:
    known = known_tools()
    sizes = {
        name: len(listing_of(known[name]).model_dump_json(by_alias=True, exclude_none=True).encode())
        for name in DEFAULT
        if name in known
    }
    assert sum(sizes.values()) / 4 < 6_000 * len(sizes) / len(DEFAULT), sizes


@pytest.mark.parametrize("pack", [pack.name for pack in PACKS])
def test_every_tool_is_fit_to_be_shown(pack: str) -> None:
    (found,) = [each for each in PACKS if each.name == pack]
    assert not {tool.name: tool.faults() for tool in found.tools if tool.faults()}


def test_the_page_about_tools_is_made_of_them() -> None:
    text = PAGE.read_text("utf-8")
    assert page(text) == text, "make schemas"


def test_questions_about_a_crm_are_told_apart_from_others_by_names_and_descriptions_alone() -> None:
    documents = [words(f"{tool.name.replace('_', ' ')} {tool.about}") for tool in known_tools().values()]
    rare = weights(documents)
    relevant = {question: best(words(question), documents, rare) for question in CRM}
    others = {question: best(words(question), documents, rare) for question in OTHER}
    assert len(CRM) == len(OTHER) == 40
    assert min(relevant.values()) > max(others.values()), (
        sorted(relevant.items(), key=lambda one: one[1])[:4],
        sorted(others.items(), key=lambda one: one[1])[-4:],
    )


def words(text: str) -> list[str]:
    """The words that say something, without the ends of plurals."""
    found = re.findall(r"[a-z]+", text.lower().replace("e-mail", "email"))
    return [each.removesuffix("s") for each in found if each not in _STOP and len(each) > 1]


def weights(documents: Sequence[Sequence[str]]) -> Mapping[str, float]:
    counts = Counter(word for document in documents for word in set(document))
    return {word: math.log(1 + len(documents) / count) for word, count in counts.items()}


def best(
    asked: Sequence[str], documents: Sequence[Sequence[str]], rare: Mapping[str, float]
) -> tuple[int, float]:
    """Words that the question shares with the tool that is most like it, and their weight."""
    shared = [{*asked} & {*document} for document in documents]
    return max((len(words), sum(rare[word] for word in words)) for words in shared)
