"""Resources: the answers of reading tools by an address, for clients that let people choose what to attach.

Reading one is calling the tool, with all that the gate does about it; an agent without the tool has no such
resource.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from mcp.types import Resource as Listed
from mcp.types import ResourceTemplate

__all__ = ["RESOURCES", "Resource", "found", "plain", "templates"]

_JSON: Final = "application/json"
_HOLE: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Resource:
    """An address, and the tool that answers for it: what stands in its places are the tool's arguments."""

    uri: str
    tool: str
    name: str
    about: str

    def arguments(self, uri: str) -> Mapping[str, object] | None:
        """The tool's arguments in an address; ``None`` for an address of something else."""
        pattern = "".join(
            f"(?P<{part}>[^/]+)" if place % 2 else re.escape(part)
            for place, part in enumerate(_HOLE.split(self.uri))
        )
        match = re.fullmatch(pattern, uri)
        return None if match is None else {name: unquote(part) for name, part in match.groupdict().items()}


RESOURCES: Final[Sequence[Resource]] = (
    Resource("crmhub://connections", "list_available_crms", "connections", "The CRMs that there are."),
    Resource(
        "crmhub://{connection}/{model}/fields",
        "describe_records",
        "fields",
        "The fields of one kind of record in a CRM.",
    ),
    Resource(
        "crmhub://{connection}/{model}/changed-since/{modified_since}",
        "list_records",
        "changed-since",
        "Records of one kind that were made or changed since a day (YYYY-MM-DD).",
    ),
)


def _of(tools: Collection[str]) -> Iterable[Resource]:
    return (each for each in RESOURCES if each.tool in tools)


def plain(tools: Collection[str]) -> list[Listed]:
    """Those with an address of their own, for an agent with these tools."""
    return [
        Listed(uri=each.uri, name=each.name, description=each.about, mime_type=_JSON)
        for each in _of(tools)
        if "{" not in each.uri
    ]


def templates(tools: Collection[str]) -> list[ResourceTemplate]:
    """Those whose address has places to be filled."""
    return [
        ResourceTemplate(uri_template=each.uri, name=each.name, description=each.about, mime_type=_JSON)
        for each in _of(tools)
        if "{" in each.uri
    ]


def found(uri: str, tools: Collection[str]) -> tuple[str, Mapping[str, object]] | None:
    """The tool and its arguments for an address; ``None`` where there is no such resource."""
    for each in _of(tools):
        arguments = each.arguments(uri)
        if arguments is not None:
            return each.tool, arguments
    return None
