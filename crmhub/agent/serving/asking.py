"""Asking the person at the client's side about a write that waits, where a policy trusts that client.

Before 2026-07-28 the client is asked in the middle of the call; since then the call is answered with the
question, and comes again with what was said and a state that only this server can have made. Whatever is
not a clear yes leaves the write where it waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio
from mcp.shared.exceptions import MCPError
from mcp.types import (
    CallToolRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
)
from mcp.types.version import is_version_at_least
from pydantic import ValidationError

from crmhub.agent.approvals.asking import Answered, Desk, Question
from crmhub.agent.gate import Reply
from crmhub.agent.identity import Agent

if TYPE_CHECKING:
    from mcp.server.session import ServerSession

__all__ = ["Asking"]

_FORM: Final = {
    "type": "object",
    "properties": {"allow": {"type": "boolean", "title": "Allow it"}},
    "required": ["allow"],
}
_NAME: Final = "approval"
_ANSWERS_WITH_QUESTIONS: Final = "2026-07-28"
_PATIENCE: Final = 600


class Asking:
    """Puts the questions of one desk to clients."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def resumed(self, agent: Agent, host: str | None, params: CallToolRequestParams) -> None:
        """Take what a person said to a question that a call was answered with."""
        answer = (params.input_responses or {}).get(_NAME)
        if host is not None and params.request_state is not None and isinstance(answer, ElicitResult):
            await self._desk.resumed(agent, host, params.request_state, _said(answer))

    async def about(
        self, session: ServerSession, request: str | int | None, agent: Agent, host: str | None, reply: Reply
    ) -> InputRequiredResult | bool:
        """Ask about what the reply says that waits: whether it is approved now, or the question itself."""
        handle = reply.structured.get("handle")
        if host is None or reply.structured.get("status") != "pending_approval" or not _can_ask(session):
            return False
        question = await self._desk.question(agent, str(handle), host)
        if question is None:
            return False
        if is_version_at_least(session.protocol_version, _ANSWERS_WITH_QUESTIONS):
            asked = ElicitRequest(
                params=ElicitRequestFormParams(message=question.text, requested_schema=_FORM)
            )
            return InputRequiredResult(
                input_requests={_NAME: asked}, request_state=self._desk.state(agent, host, question)
            )
        return await self._desk.ask(agent, str(handle), _Client(session, request, host))


class _Client:
    """A client that can be asked in the middle of a call."""

    def __init__(self, session: ServerSession, request: str | int | None, host: str) -> None:
        self._session = session
        self._request = request
        self.host = host

    async def ask(self, question: Question) -> Answered | None:
        """The person's answer; ``None`` where there is none, or none that can be understood."""
        with anyio.move_on_after(_PATIENCE):
            try:
                return _said(await self._session.elicit_form(question.text, _FORM, self._request))
            except (MCPError, ValidationError):
                return None
        return None


def _can_ask(session: ServerSession) -> bool:
    """Whether the client shows forms to a person."""
    told = session.client_capabilities
    form = None if told is None else told.elicitation
    if form is None or (form.form is None and form.url is not None):
        return False
    modern = is_version_at_least(session.protocol_version, _ANSWERS_WITH_QUESTIONS)
    return modern or session.can_send_request


def _said(answer: ElicitResult) -> Answered | None:
    """A yes is an accepted form that says so, and nothing else."""
    if answer.action == "accept":
        return "accept" if answer.content == {"allow": True} else "decline"
    return answer.action
