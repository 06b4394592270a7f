"""Whether the connection may do what a sync needs, with one cheap call for each object."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing

from crmhub.connector import Check
from crmhub.errors import AuthError, ConnectorError, PermissionDenied
from crmhub_rest.api import Api
from crmhub_rest.guards import dangling
from crmhub_rest.pages import Pages
from crmhub_rest.schemas import Schemas

__all__ = ["checks"]


async def checks(api: Api, schemas: Schemas) -> Sequence[Check]:
    """A line for signing in, and one for each object that the description says to try."""
    lines: list[Check] = []
    for name in api.crm.check or list(api.crm.objects):
        try:
            detail = await _read_one(api, schemas, name)
        except PermissionDenied as error:
            lines.append(_failed(name, error))
        except AuthError as error:
            return [_failed("sign in", error)]
        except ConnectorError as error:
            lines.append(_failed(name, error))
        else:
            lines.append(Check(name, ok=True, detail=detail))
    return [Check("sign in", ok=True), *lines]


async def _read_one(api: Api, schemas: Schemas, name: str) -> str:
    """The first page of an object, as small as it can be, and what it says."""
    of = await schemas.of(name, fresh=True)
    pages = Pages(api, of, size=1)
    named = (of.says.key, of.says.modified, of.says.created, of.says.name)
    fields = of.plain([field for field in named if field is not None])
    async with aclosing(pages.read("list", of.says.list, api.scope(name), fields)) as found:
        async for got in found:
            told = dangling(of, (), got.rows, fields)
            return f"readable, but no record has {', '.join(told)}" if told else "readable"
    return "readable"


def _failed(name: str, error: ConnectorError) -> Check:
    return Check(name, ok=False, detail=f"{error.what} {error.said()}".strip(), mend=error.hint or "")
