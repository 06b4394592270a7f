"""How an MCP endpoint behaves: settings of the double whose names begin with `mcp_`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from crmhub.testing.simulator.errors import SimulatorError

ERAS: Final = ("both", "handshake", "modern")
APPROVALS: Final = ("none", "writes", "all")
REPLIES: Final = ("json", "sse")


def settings_of(names: Sequence[str], shapes: Sequence[str]) -> dict[str, str]:
    """The settings and what they mean, for an endpoint with those sets of tools and shapes of results."""
    return {
        "mcp_names": f"{' or '.join(names)}: whose tools the MCP endpoint shows (default {names[0]})",
        "mcp_missing": "tools that are not there, comma-separated (default: none)",
        "mcp_approval": "none, writes or all: which tool calls wait for a person (default none)",
        "mcp_result": f"one of {', '.join(shapes)}: the shape of results (default {shapes[0]})",
        "mcp_reply": "json or sse: how replies are sent (default json)",
        "mcp_era": "both, handshake or modern: which protocol revisions are spoken (default both)",
        "mcp_page": "tools on a page of the list (default 5)",
    }


@dataclass
class Switches:
    """May be turned while the double runs."""

    names: str
    missing: frozenset[str] = frozenset()
    approval: str = "none"
    result: str = "text"
    reply: str = "json"
    era: str = "both"
    page: int = 5


def read_switches(names: Sequence[str], shapes: Sequence[str], given: Mapping[str, str]) -> Switches:
    """The switches out of settings by name and default; raises SimulatorError."""

    def choice(name: str, known: Sequence[str]) -> str:
        value = given.get(name, known[0])
        if value not in known:
            raise SimulatorError(f"{name}: {value!r} is not one of {', '.join(known)}")
        return value

    page = given.get("mcp_page", "5")
    if not (page.isascii() and page.isdigit() and 0 < len(page) < 10) or int(page) == 0:
        raise SimulatorError(f"mcp_page: {page!r} is not a whole number of at least 1")
    return Switches(
        names=choice("mcp_names", names),
        missing=frozenset(one.strip() for one in given.get("mcp_missing", "").split(",") if one.strip()),
        approval=choice("mcp_approval", APPROVALS),
        result=choice("mcp_result", shapes),
        reply=choice("mcp_reply", REPLIES),
        era=choice("mcp_era", ERAS),
        page=int(page),
    )
