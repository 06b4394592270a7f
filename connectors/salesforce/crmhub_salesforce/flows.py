"""The ways to sign in, by the settings that each takes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["CREDENTIALS", "DYING", "Flow", "flow_of", "mistake"]

Flow: TypeAlias = Literal["client_credentials", "jwt_bearer", "web_server", "password", "soap", "session"]


@dataclass(frozen=True, slots=True)
class _Takes:
    """What a flow needs, and what it takes besides."""

    needs: tuple[str, ...]
    more: tuple[str, ...] = ()


_FLOWS: Mapping[Flow, _Takes] = {
    "client_credentials": _Takes(("client_id", "client_secret")),
    "jwt_bearer": _Takes(("client_id", "username", "private_key")),
    "web_server": _Takes(("client_id",), ("client_secret", "refresh_token")),
    "password": _Takes(("client_id", "client_secret", "username", "password"), ("security_token",)),
    "soap": _Takes(("username", "password"), ("security_token",)),
    "session": _Takes(("access_token", "instance_url")),
}
CREDENTIALS = (
    "client_id",
    "client_secret",
    "refresh_token",
    "username",
    "password",
    "security_token",
    "private_key",
    "access_token",
)
"""The settings that say who we are."""
DYING: Mapping[Flow, str] = {
    "password": "the username-password flow is off in new orgs, and Salesforce advises to block it",
    "soap": "SOAP login() is off in new orgs and retired everywhere with Summer '27",
}
"""Flows with an end in sight (Salesforce Help 005132110; "Block Authorization Flows to Improve Security")."""


def flow_of(given: Collection[str]) -> Flow | None:
    """The flow that the given settings are meant for; ``None`` where they are meant for none."""
    if "access_token" in given:
        return "session"
    if "private_key" in given or ({"client_id", "username"} <= {*given} and "password" not in given):
        return "jwt_bearer"
    if "username" in given or "password" in given:
        return "password" if "client_id" in given else "soap"
    if "client_id" not in given:
        return None
    return "client_credentials" if "client_secret" in given and "refresh_token" not in given else "web_server"


def mistake(flow: Flow | None, given: Collection[str]) -> str | None:
    """What is wrong with the settings for that flow."""
    if flow is None:
        return (
            "give client_id with refresh_token, client_secret, or username and private_key; or access_token"
            " with instance_url"
        )
    takes = _FLOWS[flow]
    if missing := [name for name in takes.needs if name not in given]:
        why = ", since a token does not say where it is good" if missing == ["instance_url"] else ""
        lead = "access_token" if flow == "session" else f"flow {flow}"
        return f"{lead} needs {' and '.join(missing)}{why}"
    surplus = [name for name in CREDENTIALS if name in given and name not in takes.needs + takes.more]
    if surplus:
        return f"flow {flow} does not use {', '.join(surplus)}: take it out, or set flow to the one you mean"
    return None
