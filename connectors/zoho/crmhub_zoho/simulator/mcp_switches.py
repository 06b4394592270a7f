"""How the MCP endpoint behaves: settings of the double whose names begin with `mcp_`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from crmhub.testing.simulator.errors import SimulatorError
from crmhub_zoho.simulator.mcp_results import SHAPES

ERAS: Final = ("both", "handshake", "modern")
APPROVALS: Final = ("none", "writes", "all")
NAMES: Final = ("official", "plain")
REPLIES: Final = ("json", "sse")
SETTINGS: Final = {
    "mcp_names": "official or plain: how the tools of the MCP endpoint are called (default official)",
    "mcp_missing": "tools that are not there, comma-separated (default: none)",
    "mcp_approval": "none, writes or all: which tool calls wait for a person (default none)",
    "mcp_result": f"one of {', '.join(SHAPES)}: the shape of results (default text)",
    "mcp_reply": "json or sse: how replies are sent (default json)",
    "mcp_era": "both, handshake or modern: which protocol revisions are spoken (default both)",
    "mcp_page": "tools on a page of the list (default 5)",
}


@dataclass
class Switches:
    """May be turned while the double runs."""

    names: str = "official"
    missing: frozenset[str] = frozenset()
    approval: str = "none"
    result: str = "text"
    reply: str = "json"
    era: str = "both"
    page: int = 5


def read_switches(text: Callable[[str, str], str], number: Callable[[str, float], float]) -> Switches:
    """The switches out of settings by name and default; raises SimulatorError."""

    def choice(name: str, known: tuple[str, ...]) -> str:
        value = text(name, known[0])
        if value not in known:
            raise SimulatorError(f"{name}: {value!r} is not one of {', '.join(known)}")
        return value

    page = int(number("mcp_page", 5))
    if page < 1:
        raise SimulatorError("mcp_page: at least 1")
    return Switches(
        names=choice("mcp_names", NAMES),
        missing=frozenset(one.strip() for one in text("mcp_missing", "").split(",") if one.strip()),
        approval=choice("mcp_approval", APPROVALS),
        result=choice("mcp_result", SHAPES),
        reply=choice("mcp_reply", REPLIES),
        era=choice("mcp_era", ERAS),
        page=page,
    )
