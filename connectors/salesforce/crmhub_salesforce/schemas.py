"""The org's describes: asked for once, by one task at a time, and kept."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

import anyio
from simple_salesforce.api import Salesforce, SFType

from crmhub.connector import Context
from crmhub.errors import BadRequest, ConnectorError, NotFound, Where
from crmhub.http import HttpClient
from crmhub_salesforce.native import ask
from crmhub_salesforce.schema import Described, described
from crmhub_salesforce.soql import identifier

__all__ = ["Schemas"]

_FRESH = 60.0  # seconds


class Schemas:
    """Describes by object, through simple-salesforce."""

    def __init__(self, http: HttpClient, context: Context, version: str) -> None:
        self._http = http
        self._connection = context.connection
        self._version = version
        self._clock = context.clock
        self._known: dict[str, Described] = {}
        self._asked_at: dict[str, float] = {}
        self._locks: dict[str, anyio.Lock] = {}

    async def of(self, object: str, *, fresh: bool = False) -> Described:
        """The describe of an object; ``fresh`` asks the org again unless it was asked in the last minute.

        Raises ``NotFound`` for an object that is not there or that the user may not see.
        """
        lock = self._locks.setdefault(object, anyio.Lock())
        async with lock:
            found = self._known.get(object)
            now = self._clock.monotonic()
            if found is None or (fresh and now - self._asked_at[object] > _FRESH):
                found = self._known[object] = await self._ask(object)
                self._asked_at[object] = now
            return found

    def known(self, object: str) -> Described | None:
        """The describe of an object, if it has been asked for."""
        return self._known.get(object)

    async def checked(self, object: str, fields: Iterable[str]) -> Described:
        """The describe of an object that has all those fields (of parents, only the relationship's name
        has the right shape). Raises ``BadRequest`` naming the first that is not there.
        """
        found = await self.of(object)
        for field in fields:
            if "." not in field and not found.has(field):
                raise self._no_field(found, field)
        return found

    async def _ask(self, object: str) -> Described:
        def question(client: Salesforce) -> object:
            return SFType(
                identifier(object),
                client.session_id,
                client.sf_instance,
                sf_version=client.sf_version,
                session=client.session,
                salesforce=client,
                object_pairs_hook=dict,
            ).describe()

        try:
            return described(object, await ask(self._http, self._version, question))
        except NotFound as error:
            error.what = f"there is no object {object!r}, or the user may not see it"
            error.hint = "give the API name (Setup, Object Manager); custom objects end in __c"
            error.at(object=object)
            raise
        except ConnectorError as error:
            error.at(connection=self._connection, object=object)
            raise

    def _no_field(self, found: Described, field: str) -> BadRequest:
        folded = {name.lower(): name for name in found.raw}
        exact = folded.get(field.lower())
        near = [exact] if exact else get_close_matches(field, found.raw, 3)
        return BadRequest(
            f"{found.name} has no field {field!r}, or the user may not see it",
            hint=f"did you mean {', '.join(near)}?"
            if near
            else "check its API name and field-level security",
            where=Where(connection=self._connection, object=found.name, field=field),
        )
