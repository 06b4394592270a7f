"""How to reach an MCP server, and which of its tools do what."""

from __future__ import annotations

from typing import Annotated, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from crmhub.errors import BadRequest
from crmhub.http.paths import origin
from crmhub_zoho.tiers.mcp.table import KINDS, OPERATIONS

__all__ = ["McpSettings", "ToolChoice"]

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class _Settings(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )


class ToolChoice(_Settings):
    """A tool of the server, and where it takes its arguments when its schema does not tell."""

    tool: str = Field(min_length=1)
    arguments: dict[str, str] = Field(default_factory=dict)
    """Our names of arguments (`module`, `id`, `fields`, …) to theirs; `section.name` for a nested one."""


def _operation(name: str) -> str:
    if name not in OPERATIONS and name not in KINDS:
        raise ValueError(f"no such operation; there are {', '.join([*OPERATIONS, *KINDS])}")
    return name


_Operation: TypeAlias = Annotated[str, AfterValidator(_operation)]


class McpSettings(_Settings):
    """A server at an address (Streamable HTTP), or a command that bridges to one (stdio).

    The address is a secret: Zoho's has a key in it.
    """

    url: SecretStr | None = None
    token: SecretStr | None = None
    """Sent as `Authorization: Bearer`; it is another one than the API's."""
    command: tuple[str, ...] | None = Field(default=None, min_length=1)
    """A local bridge and its arguments, such as `npx mcp-remote ADDRESS`."""
    env: dict[str, SecretStr] = Field(default_factory=dict)
    """Environment variables of the command."""
    timeout: float = Field(default=60.0, gt=0, le=600)
    """Seconds that a call may take."""
    tools: dict[_Operation, str | ToolChoice] = Field(default_factory=dict)
    """Which tool does an operation (`get_account`, …) or a kind of them (`get`, …)."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.url is None) == (self.command is None):
            raise ValueError("give either url or command")
        if self.url is None and self.token is not None:
            raise ValueError("a token goes with a url; a command gets it by env")
        if self.url is not None:
            try:
                scheme, host, _ = origin(self.url.get_secret_value())
            except BadRequest as error:
                raise ValueError(f"url: {error.what}") from None
            if scheme != "https" and host not in _LOOPBACK:
                raise ValueError("url: credentials are only sent over https; plain http is for localhost")
        return self

    @property
    def choices(self) -> dict[str, ToolChoice]:
        """The overrides, all in one form."""
        return {
            name: ToolChoice(tool=one) if isinstance(one, str) else one for name, one in self.tools.items()
        }
