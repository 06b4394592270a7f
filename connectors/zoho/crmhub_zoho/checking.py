"""Whether the credentials can do what the main path needs: one cheap call for each permission."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from crmhub.connector import Check
from crmhub.errors import AuthError, CircuitOpen, ConnectorError, NotFound, PermissionDenied, Unavailable
from crmhub_zoho import coql
from crmhub_zoho.modules import MAIN, NO_UPSERT, NOT_IN_COQL
from crmhub_zoho.records import ID
from crmhub_zoho.schema import Schemas
from crmhub_zoho.suite.trial import Trial
from crmhub_zoho.tiers.rest import Rest

__all__ = ["checks"]


async def checks(
    rest: Rest, schemas: Schemas, sync_key: str | None, beside: Sequence[Trial] = ()
) -> Sequence[Check]:
    """Signing in first; the rest only when that works. What nothing may be written for cannot be tried.
    ``beside`` are trials of what is no part of the CRM. The ``sync_key`` is looked for in the
    modules that may have one.

    Raises what keeps the CRM from answering at all.
    """
    signed_in = await _try(
        "sign in and read users", lambda: rest.users(1, 1, "CurrentUser"), "ZohoCRM.users.READ"
    )
    if not signed_in.ok and signed_in.name == _SIGN_IN:
        return [signed_in]
    lines = [signed_in, await _try("read modules", rest.modules, "ZohoCRM.settings.modules.READ")]
    lines.append(await _try("read fields", lambda: rest.fields("Accounts"), "ZohoCRM.settings.fields.READ"))
    for module in MAIN:
        scope = f"ZohoCRM.modules.{module.lower()}.READ"
        lines.append(await _try(f"read {module}", _reading(rest, module), scope))
    query = coql.select([ID], "Accounts", f"{ID} is not null", limit=1)
    lines.append(await _try("query (COQL)", lambda: rest.coql(query, 1), "ZohoCRM.coql.READ"))
    lines.append(
        await _try(
            "search", lambda: rest.search("Accounts", "zz", [ID], 1, 1), "ZohoSearch.securesearch.READ"
        )
    )
    for name, call, scope in beside:
        lines.append(await _try(name, call, scope))
    if sync_key is not None:
        lines += await _sync_key(schemas, sync_key)
    return lines


_SIGN_IN = "sign in"


def _reading(rest: Rest, module: str) -> Callable[[], Awaitable[object]]:
    async def read() -> object:
        return await rest.records(module, [ID], per_page=1, by_change=module in NOT_IN_COQL)

    return read


async def _sync_key(schemas: Schemas, key: str) -> list[Check]:
    """A line for each main module that has the field, or one where none has it."""
    lines: list[Check] = []
    for module in MAIN:
        if module in NO_UPSERT:
            continue
        try:
            schema = await schemas.of(module, fresh=True)
        except (PermissionDenied, NotFound):
            continue  # told by another line, or a module that the organisation does not use
        if schema.has(key):
            unique = key in schema.unique
            detail = "" if unique else "no sync key: the field may hold a value twice"
            lines.append(Check(f"{module}.{key}", ok=unique, detail=detail, mend="" if unique else _KEY_MEND))
    return lines or [Check(key, ok=False, detail="no sync key: no main module has the field", mend=_KEY_MEND)]


_KEY_MEND = "add a text field of that name with 'Do not allow duplicate values' ticked; or leave sync_key out"


async def _try(name: str, call: Callable[[], Awaitable[object]], scope: str) -> Check:
    try:
        await call()
    except PermissionDenied as error:
        return Check(
            name,
            ok=False,
            detail=error.what,
            mend=f"sign in again (crmhub auth), or issue a refresh token, with the scope {scope}",
        )
    except AuthError as error:
        return Check(_SIGN_IN, ok=False, detail=error.what, mend=error.hint or "check the credentials")
    except (Unavailable, CircuitOpen):
        raise  # the way is down: to ask on would say the same of every permission
    except ConnectorError as error:
        return Check(name, ok=False, detail=error.what, mend=error.hint or "try again")
    return Check(name, ok=True)
