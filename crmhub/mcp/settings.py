"""How to reach an MCP server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self, cast

from pydantic import BaseModel, ConfigDict, Field, JsonValue, SecretStr, model_validator

from crmhub.errors import BadRequest
from crmhub.http.paths import origin
from crmhub.native import Value

__all__ = ["ServerSettings", "ToolChoice"]

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class _Settings(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )


class ToolChoice(_Settings):
    """A tool of the server, where it takes its arguments when its schema does not tell, and what it is always
    told.
    """

    tool: str = Field(min_length=1)
    arguments: dict[str, str] = Field(default_factory=dict)
    """Our names of arguments (`module`, `id`, `fields`, …) to theirs; `section.name` for a nested one."""
    values: dict[str, JsonValue] = Field(default_factory=dict)
    """What the tool is told with each call, by its own names of arguments: which org, which folder."""

    @property
    def told(self) -> Mapping[str, Value]:
        """``values`` as arguments."""
        return cast("Mapping[str, Value]", self.values)


class ServerSettings(_Settings):
    """A server at an address (Streamable HTTP), or a command that bridges to one (stdio).

    The address is a secret: it may have a key in it.
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
