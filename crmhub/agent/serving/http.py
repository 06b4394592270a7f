"""The server over Streamable HTTP: who is let in, by which names, and what else answers (``/health``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import anyio
from mcp.server.auth.settings import AuthSettings
from mcp.server.lowlevel import Server
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crmhub.agent.auditing import AuditSink, Intent, Origin, Outcome
from crmhub.agent.identity import Agent
from crmhub.agent.policy.serving import Serving
from crmhub.agent.serving.bearers import Bearer
from crmhub.agent.serving.seen import SEEN, Seen

__all__ = ["PATH", "make_app"]

PATH: Final = "/mcp"
_LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
_MOST_BODY: Final = 1024 * 1024
_MOST_SESSIONS: Final = 1_000
_IDLE: Final = 1_800.0
_TURNED_AWAY: Final = {401: "unauthenticated", 403: "forbidden", 413: "too_large", 421: "wrong_host"}
_REFUSED: Final = 400
"""The statuses from here on are of requests that were refused."""


def make_app(
    server: Server[dict[str, object]],
    bearer: Bearer,
    audit: AuditSink,
    serving: Serving,
    url: str,
    *,
    json_response: bool = False,
) -> Starlette:
    """The application: ``/mcp`` for those with a token, ``/health`` for all, and nothing else.

    ``url`` is the address of ``/mcp`` for agents: what their tokens have to be for. ``json_response`` answers
    each call with one JSON document; clients of the handshake era cannot be asked anything then.
    """
    issuer = serving.issuer
    auth = AuthSettings.model_validate(
        {
            "issuer_url": issuer.issuer if issuer else url,
            # Without an issuer there is nobody to send agents to, so that no metadata is given.
            "resource_server_url": url if issuer else None,
            "required_scopes": _scopes(serving),
            "validate_token_resource": True if issuer else None,
        }
    )
    app = server.streamable_http_app(
        streamable_http_path=PATH,
        json_response=json_response,
        max_request_body_size=_MOST_BODY,
        max_sessions=_MOST_SESSIONS,
        session_idle_timeout=_IDLE,
        transport_security=_names(serving),
        auth=auth,
        token_verifier=bearer,
        custom_starlette_routes=[Route("/health", _health, methods=["GET"])],
    )
    app.user_middleware.insert(0, Middleware(_Audited, audit=audit))
    return app


def _scopes(serving: Serving) -> list[str]:
    return [serving.issuer.scope] if serving.issuer and serving.issuer.scope else []


def _names(serving: Serving) -> TransportSecuritySettings:
    """Requests by another name than the server's are refused: a page in a browser could be behind them."""
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[*(f"{name}:*" for name in _LOOPBACK), *_with_ports(serving.hosts)],
        allowed_origins=[*(f"http://{name}:*" for name in _LOOPBACK), *serving.origins],
    )


def _with_ports(hosts: Sequence[str]) -> list[str]:
    return [each for host in hosts for each in (host, f"{host}:*")]


async def _health(_request: Request) -> Response:
    """Whether the server is up; nothing of what is behind it."""
    return JSONResponse({"status": "ok"})


class _Audited:
    """Puts each request that was turned away before the server saw it into the audit."""

    def __init__(self, app: ASGIApp, audit: AuditSink) -> None:
        self._app = app
        self._audit = audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH:
            await self._app(scope, receive, send)
            return
        status = 0
        seen = scope[SEEN] = Seen()

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await self._app(scope, receive, noted)
        if status >= _REFUSED and not seen.audited:
            with anyio.CancelScope(shield=True):
                await self._note(_TURNED_AWAY.get(status, f"http_{status}"))

    async def _note(self, code: str) -> None:
        intent = Intent(
            agent=Agent("unknown"),
            origin=Origin("http"),
            tool="",
            arguments={},
            decision="refused",
            rule=f"door:{code}",
            writes=False,
        )
        await self._audit.conclude(await self._audit.intend(intent), Outcome(code))
