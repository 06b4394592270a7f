"""``ZohoIntegrationManager``: the calls that programs around Zoho's tiers already make, each passed on."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Self

from crmhub.connection import Connection
from crmhub.connector import Native
from crmhub.errors import UsageError
from crmhub.hub import Hub
from crmhub.records import Written
from crmhub.routing import CallContext
from crmhub_zoho.environment import config_of
from crmhub_zoho.module_records import ModuleRecords

__all__ = ["ZohoIntegrationManager"]

_PEOPLE = frozenset({"Contacts", "Leads"})


class ZohoIntegrationManager:
    """Zoho's records as dicts of Zoho's own fields: ``ZohoIntegrationManager(hub["zoho"])``.

    ``context`` says what a call is for, and so which tier makes it: ``agent``, ``interactive``, ``bulk``,
    ``background`` or ``fallback``; more than 50 records are bulk. Each call is that of
    :class:`~crmhub_zoho.module_records.ModuleRecords` for its module, and raises what it raises:

    - ``get_account(id, context)``, ``get_deal``
    - ``get_accounts(filters, limit, context)``, ``list_accounts`` (the same), ``list_deals``
    - ``query_accounts(filters, tier)``, ``bulk_get_accounts(ids)``, ``search_accounts(text, limit, context)``
    - ``create_account(data, context)``, ``create_deal``, ``create_task``
    - ``update_account(id, data, context)``, ``update_deal``
    """

    def __init__(self, connection: Connection) -> None:
        if not isinstance(connection, Connection):  # pyright: ignore[reportUnnecessaryIsInstance] - callers err
            raise UsageError("connection: not one of an asynchronous hub", hint='give crmhub.Hub(…)["zoho"]')
        self._connection = connection
        accounts, deals = ModuleRecords(connection, "Accounts"), ModuleRecords(connection, "Deals")
        self.get_account, self.get_deal = accounts.get, deals.get
        self.get_accounts = self.list_accounts = accounts.list
        self.list_deals = deals.list
        self.query_accounts = accounts.query
        self.bulk_get_accounts = accounts.bulk_get
        self.search_accounts = accounts.search
        self.create_account, self.update_account = accounts.create, accounts.update
        self.create_deal, self.update_deal = deals.create, deals.update
        self._activities = {name: ModuleRecords(connection, name) for name in ("Tasks", "Events", "Calls")}
        self.create_task = self._activities["Tasks"].create
        self._notes = ModuleRecords(connection, "Notes")

    @classmethod
    @asynccontextmanager
    async def from_environment(
        cls, environ: Mapping[str, str] | None = None, *, store: str = "sqlite:///crmhub.db"
    ) -> AsyncGenerator[Self]:
        """``async with``: a manager with a hub of its own, set by ``ZOHO_CLIENT_ID`` and the like.

        They are taken from ``environ``, by default the process's.
        Raises ``ConfigError``, naming the variable.
        """
        async with Hub(config_of(os.environ if environ is None else environ, store)) as hub:
            yield cls(hub["zoho"])

    async def get_activities(
        self, id: str, *, module: str = "Accounts", limit: int | None = 50, context: CallContext = "agent"
    ) -> dict[str, list[Native]]:
        """The ``Tasks``, ``Events`` and ``Calls`` of a record of the module, ``limit`` of each.

        Raises ``NotFound`` for a module that there is not.
        """
        await self._connection.object(module).maps()
        field = "Who_Id" if module in _PEOPLE else "What_Id"
        return {
            name: await records.of(field, id, limit, context) for name, records in self._activities.items()
        }

    async def add_note(self, module: str, id: str, note: str, context: CallContext = "agent") -> Written:
        """A note at a record of the module."""
        parent = {"module": {"api_name": module}, "id": id}
        return await self._notes.create({"Note_Content": note, "Parent_Id": parent}, context)
