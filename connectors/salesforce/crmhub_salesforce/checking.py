"""Whether the connection may do what a sync needs, with one cheap call for each line."""

from __future__ import annotations

from collections.abc import Sequence

from crmhub.connector import Check, Value
from crmhub.errors import AuthError, ConnectorError, NotFound, PermissionDenied
from crmhub_salesforce.api import Api
from crmhub_salesforce.config import SalesforceConfig
from crmhub_salesforce.flows import DYING
from crmhub_salesforce.schema import Described
from crmhub_salesforce.schemas import Schemas

__all__ = ["checks"]

_WRITTEN = ("Account", "Contact", "Lead", "Opportunity", "Task", "Event")
_READ = ("User", "OpportunityStage")
_LAST_RETIRING = 40.0
"""The last version whose end is announced (REST API Developer Guide, "API End-of-Life Policy")."""
_PROFILE = "give the user the object and field permissions by profile or permission set"


async def checks(api: Api, schemas: Schemas, config: SalesforceConfig) -> Sequence[Check]:
    """A line for signing in, the day's calls, and each main object."""
    try:
        response = await api.data("GET", "/limits")
    except PermissionDenied as error:
        return [_signed_in(config), _failed("api access", error)]
    except AuthError as error:
        return [_failed("sign in", error)]
    except NotFound:
        mend = "take the version out of the settings, or set one that the org has (GET /services/data)"
        detail = f"the org does not know {config.version}"
        return [_signed_in(config), Check("api version", ok=False, detail=detail, mend=mend)]
    lines = [_signed_in(config), _version(config.version)]
    lines.append(_calls_left(response.json()))
    for name in _WRITTEN:
        lines.append(await _object(schemas, name, ("queryable", "createable", "updateable")))
        lines.extend(await _sync_key(schemas, name, config))
    lines.extend([await _object(schemas, name, ("queryable",)) for name in _READ])
    return lines


def _signed_in(config: SalesforceConfig) -> Check:
    """By which flow; one that is about to end is told with what to use instead."""
    ending = DYING.get(config.way)
    if ending is None:
        return Check("sign in", ok=True, detail=f"flow {config.way}")
    mend = "move to client_id with private_key or client_secret"
    return Check("sign in", ok=True, detail=f"flow {config.way}: {ending}", mend=mend, warn=True)


def _version(version: str) -> Check:
    ending = float(version) <= _LAST_RETIRING
    detail = f"{version}: it is supported until Summer '27, and gone with Summer '28" if ending else version
    mend = "take the version out of the settings, or set a newer one" if ending else ""
    return Check("api version", ok=True, detail=detail, mend=mend, warn=ending)


async def _object(schemas: Schemas, name: str, needed: Sequence[str]) -> Check:
    try:
        found = await schemas.of(name, fresh=True)
    except (NotFound, PermissionDenied) as error:
        return _failed(name, error)
    missing = [flag for flag in needed if flag not in found.flags]
    if missing:
        return Check(name, ok=False, detail=f"not {', '.join(missing)} for this user", mend=_PROFILE)
    return Check(name, ok=True, detail=", ".join(needed))


async def _sync_key(schemas: Schemas, name: str, config: SalesforceConfig) -> list[Check]:
    """Nothing where no key is wanted, or where the object itself cannot be seen."""
    if config.sync_key is None:
        return []
    try:
        found = await schemas.of(name)
    except (NotFound, PermissionDenied):
        return []
    title = f"{name}.{config.sync_key}"
    if found.is_sync_key(config.sync_key):
        return [Check(title, ok=True, detail="unique external id")]
    return [Check(title, ok=False, detail=_lacking(found, config.sync_key), mend=_KEY_MEND)]


_KEY_MEND = (
    "add a text field of that name, 'External ID' and 'Unique' ticked, visible to the user; or set sync_key"
    " to another one, or to null (creates are then made safe by reading back)"
)


def _lacking(of: Described, field: str) -> str:
    if not of.has(field):
        return "there is no such field, or the user may not see it"
    flags = {"externalId": "an external id", "unique": "unique", "createable": "writable"}
    return f"it is not {', not '.join(word for flag, word in flags.items() if not of.holds(field, flag))}"


def _calls_left(answer: Value) -> Check:
    limit = answer.get("DailyApiRequests") if isinstance(answer, dict) else None
    left = limit.get("Remaining") if isinstance(limit, dict) else None
    most = limit.get("Max") if isinstance(limit, dict) else None
    if not isinstance(left, int) or not isinstance(most, int):
        return Check("api calls", ok=True, detail="the org does not tell")
    mend = "wait for calls to leave the 24 hours, or raise the allowance" if left <= 0 else ""
    return Check("api calls", ok=left > 0, detail=f"{left} of {most} left today", mend=mend)


def _failed(name: str, error: ConnectorError) -> Check:
    return Check(name, ok=False, detail=f"{error.what} {error.said()}".strip(), mend=error.hint or "")
