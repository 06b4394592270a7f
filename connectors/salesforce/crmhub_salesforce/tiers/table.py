"""The tools of Salesforce MCP servers: what each does for us, under which names, with which arguments.

Servers are put together by many hands, so the table is of names that are in use; a server's own list of tools
and their schemas decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["ALIASES", "OPERATIONS", "Operation", "canonical"]


@dataclass(frozen=True, slots=True)
class Operation:
    """What a tool does: its usual ``names``, the arguments that it ``takes`` and those that it ``needs``."""

    names: tuple[str, ...]
    takes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


OPERATIONS: Mapping[str, Operation] = {
    "get_accounts": Operation(("salesforce_get_accounts", "get_accounts"), ("limit", "account_name")),
    "get_opportunities": Operation(
        ("salesforce_get_opportunities", "get_opportunities"), ("limit", "account_name", "stage")
    ),
    "get_contacts": Operation(("salesforce_get_contacts", "get_contacts"), ("limit", "account_name")),
    "search_records": Operation(
        ("salesforce_search_records", "search_records"), ("search_term", "limit"), ("search_term",)
    ),
    "run_soql_query": Operation(
        (
            "salesforce_soql_query",
            "run_soql_query",
            "salesforce_run_soql_query",
            "soql_query",
            "execute_soql",
            "execute_soql_query",
            "salesforce_query",
        ),
        ("soql_query", "limit"),
        ("soql_query",),
    ),
    "list_orgs": Operation(("salesforce_list_orgs", "list_orgs", "list_all_orgs")),
}
ALIASES: Mapping[str, tuple[str, ...]] = {
    "limit": ("limit", "max_results"),
    "account_name": ("account_name",),
    "stage": ("stage", "stage_name"),
    "search_term": ("search_term", "term", "query"),
    "soql_query": ("soql_query", "soql", "query", "q"),
}
"""Our names of arguments to those of tools, the best first."""


def canonical(name: str) -> str:
    """A name without case, hyphens and underscores."""
    return name.casefold().replace("_", "").replace("-", "")
