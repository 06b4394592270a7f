"""Why the token endpoint refuses, and what to do about it.

Source: Salesforce Help, "OAuth 2.0 Authorization Errors" and "OAuth Error Codes".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crmhub.connector import Context
from crmhub.errors import AuthError, RateLimited, ReauthRequired
from crmhub.http import Response
from crmhub_salesforce.flows import Flow

__all__ = ["explained"]

_THROTTLE_PAUSE = 60.0


@dataclass(frozen=True, slots=True)
class _Reason:
    """What a refusal means, by a word of its code or description."""

    kind: type[AuthError | RateLimited]
    what: str
    hint: str


_REASONS: Mapping[str, _Reason] = {
    "login rate exceeded": _Reason(
        RateLimited, "this user signs in too often", "let the processes of a connection share a token store"
    ),
    "expired access/refresh token": _Reason(
        ReauthRequired,
        "the refresh token is no longer accepted",
        "sign in again; it was revoked, used up by rotation, or ended by the app's refresh token policy",
    ),
    "expired authorization code": _Reason(
        ReauthRequired, "the refresh token is no longer accepted", "sign in again"
    ),
    "no client credentials user enabled": _Reason(
        AuthError,
        "the app has no run-as user",
        "in the app's policies, enable the client credentials flow and choose a run-as user",
    ),
    "not supported on this domain": _Reason(
        AuthError, "this host does not serve the flow", "set instance_url to the org's My Domain"
    ),
    "hasn't approved this consumer": _Reason(
        ReauthRequired,
        "the user has not approved the app",
        "let the user agree, or an administrator pre-authorize the user for it",
    ),
    "ip restricted": _Reason(
        AuthError, "sign-in from this address is forbidden", "relax the app's IP restrictions"
    ),
    "inactive user": _Reason(ReauthRequired, "the user is inactive", "sign in as an active user"),
    "inactive_user": _Reason(ReauthRequired, "the user is inactive", "sign in as an active user"),
    "inactive organization": _Reason(ReauthRequired, "the org is locked or closed", "ask its administrator"),
    "inactive_org": _Reason(ReauthRequired, "the org is locked or closed", "ask its administrator"),
    "unsupported_grant_type": _Reason(
        AuthError, "the app does not allow this flow", "enable it in the app's OAuth settings"
    ),
    "invalid_client": _Reason(
        AuthError,
        "client_id or client_secret is wrong",
        "copy both from the app (a new app can take ten minutes to become known)",
    ),
    "authentication failure": _Reason(
        AuthError,
        "username, password or security token is wrong, or the org does not allow the username-password flow",
        "try them in a browser; Setup, OAuth and OpenID Connect Settings, allows the flow (a key is better)",
    ),
    "audience": _Reason(
        AuthError,
        "the assertion is for another login host",
        "set instance_url or login_url: a sandbox signs in at its own My Domain or test.salesforce.com",
    ),
    "assertion has expired": _Reason(
        AuthError, "the assertion had expired when it came", "set this machine's clock: crmhub doctor"
    ),
    "invalid assertion": _Reason(
        AuthError,
        "the assertion's signature is not accepted",
        "upload the certificate of private_key to the app (OAuth settings, Use digital signatures)",
    ),
    "invalid code verifier": _Reason(AuthError, "the code belongs to another sign-in", "run it again"),
    "redirect_uri": _Reason(
        AuthError,
        "the redirect URI is not the app's",
        "enter it in the app's callback URLs, letter for letter",
    ),
}


_DEAD: Mapping[Flow, _Reason] = {
    "web_server": _Reason(
        ReauthRequired,
        "the refresh token is not accepted",
        "sign in again; a sandbox's token is only good at its own My Domain or test.salesforce.com",
    ),
    "jwt_bearer": _Reason(
        AuthError,
        "the assertion is not accepted",
        "the app must hold the certificate of private_key, and the user must be pre-authorized for it",
    ),
}
"""What ``invalid_grant`` means by itself."""


def explained(
    said: AuthError | RateLimited, response: Response, flow: Flow, context: Context
) -> AuthError | RateLimited:
    """The refusal in words that say what to do; as it is where nothing is known of it."""
    reason = _reason(response, flow)
    if reason is None:
        return said
    hint = reason.hint
    if reason.kind is ReauthRequired and flow == "web_server":
        hint = f"{hint} (crmhub auth {context.connection})"
    error = reason.kind(
        f"Salesforce refused to sign us in: {reason.what}",
        hint=hint,
        where=said.where,
        status=said.status,
        code=said.code,
        request_id=said.request_id,
    )
    if isinstance(error, RateLimited):
        error.retry_after = _THROTTLE_PAUSE
    return error


def _reason(response: Response, flow: Flow) -> _Reason | None:
    """The first entry of the table that the refusal's description, else its code, speaks of."""
    reply = response.peek()
    if not isinstance(reply, dict):
        return None
    for text in (reply.get("error_description"), reply.get("error")):
        words = text.lower() if isinstance(text, str) else ""
        for sign, reason in _REASONS.items():
            if sign in words:
                return reason
    return _DEAD.get(flow) if reply.get("error") == "invalid_grant" else None
