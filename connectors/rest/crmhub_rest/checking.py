"""Whether the connection may do what a sync needs, with one cheap call for each object."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing

from crmhub.connector import Check
from crmhub.errors import AuthError, ConnectorError, PermissionDenied
from crmhub_rest.api import Api
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
    fields = of.plain([of.says.key, *([of.says.modified] if of.says.modified else [])])
    async with aclosing(pages.read("list", of.says.list, api.scope(name), fields)) as found:
        async for got in found:
            if got.rows and of.says.modified and got.rows[0].get(of.says.modified) is None:
                there = ", ".join(sorted(got.rows[0])[:20])
                return f"readable, but its records have no {of.says.modified!r}: {there}"
            break
    return "readable"


def _failed(name: str, error: ConnectorError) -> Check:
    return Check(name, ok=False, detail=f"{error.what} {error.said()}".strip(), mend=error.hint or "")
