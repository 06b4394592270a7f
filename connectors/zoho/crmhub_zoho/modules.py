"""What can be done with which module.

Source: Zoho CRM API v8, "Upsert Records" (the field by which each module finds duplicates; activities
have none) and "Get Records through a COQL Query" (which modules a query can name).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crmhub.connector import Incremental, ObjectCapabilities
from crmhub_zoho.config import ZohoConfig
from crmhub_zoho.records import MODIFIED
from crmhub_zoho.schema import ModuleSchema
from crmhub_zoho.tiers.rest import MOST_IDS, MOST_WRITES, PAGE

__all__ = ["MAIN", "NOT_IN_COQL", "NO_UPSERT", "Traits", "able", "traits"]

MAIN = ("Accounts", "Contacts", "Leads", "Deals", "Tasks", "Events", "Calls", "Notes")
"""The modules whose fields are read in order to tell what they can do."""
NOT_IN_COQL = frozenset({"Notes", "Attachments"})
NO_UPSERT = frozenset({"Tasks", "Events", "Calls", "Notes"})
_CREATED = "Created_Time"


@dataclass(frozen=True, slots=True)
class Traits:
    """The field that names a record, and the field by which Zoho itself finds duplicates."""

    name: str
    check: str | None = None


_TRAITS: Mapping[str, Traits] = {
    "Accounts": Traits("Account_Name", "Account_Name"),
    "Contacts": Traits("Full_Name", "Email"),
    "Leads": Traits("Full_Name", "Email"),
    "Deals": Traits("Deal_Name", "Deal_Name"),
    "Tasks": Traits("Subject"),
    "Events": Traits("Event_Title"),
    "Calls": Traits("Subject"),
    "Notes": Traits("Note_Title"),
    "Campaigns": Traits("Campaign_Name", "Campaign_Name"),
    "Cases": Traits("Subject", "Subject"),
    "Solutions": Traits("Solution_Title", "Solution_Title"),
    "Products": Traits("Product_Name", "Product_Name"),
    "Vendors": Traits("Vendor_Name", "Vendor_Name"),
    "Price_Books": Traits("Price_Book_Name", "Price_Book_Name"),
    "Quotes": Traits("Subject", "Subject"),
    "Sales_Orders": Traits("Subject", "Subject"),
    "Purchase_Orders": Traits("Subject", "Subject"),
    "Invoices": Traits("Subject", "Subject"),
}
_CUSTOM = Traits("Name", "Name")


def traits(module: str) -> Traits:
    """The traits of a module; custom modules are all alike."""
    return _TRAITS.get(module, _CUSTOM)


def able(module: str, config: ZohoConfig, schema: ModuleSchema | None) -> ObjectCapabilities:
    """What can be done with a module; unique fields count where its ``schema`` is known."""
    listed = module in NOT_IN_COQL
    upserts = module not in NO_UPSERT
    unique = schema.unique if schema and upserts else ()
    key = config.sync_key if config.sync_key in unique else None
    timed = schema is None or schema.has(MODIFIED)
    check = traits(module).check
    return ObjectCapabilities(
        name=traits(module).name,
        modified=MODIFIED if timed else None,
        created=_CREATED if schema is None or schema.has(_CREATED) else None,
        page_size=PAGE if listed else config.page_size,
        get_batch=MOST_IDS,
        write_batch=MOST_WRITES,
        incremental=Incremental(MODIFIED, config.overlap) if timed else None,
        deletes="feed",
        writes=frozenset({"create", "update", "delete"} | ({"upsert"} if upserts else set[str]())),  # pyright: ignore[reportArgumentType]
        sync_key=key,
        upsert_keys=tuple(dict.fromkeys([*([check] if check else []), *unique])) if upserts else (),
        filters=frozenset() if listed else frozenset({"*"}),
        create_safety="upsert" if key else "list_recent",
        guarded=True,
    )
