"""What can be done with each object, from its describe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from crmhub.connector import Incremental, ObjectCapabilities, Value
from crmhub.errors import BadResponse
from crmhub_salesforce.batches import WRITE_BATCH
from crmhub_salesforce.config import SalesforceConfig
from crmhub_salesforce.lookup import GET_BATCH
from crmhub_salesforce.schema import CURSORS, Described

__all__ = ["MAIN_OBJECTS", "able", "able_unseen", "listed"]

MAIN_OBJECTS = (
    "Account",
    "Contact",
    "Lead",
    "Opportunity",
    "Task",
    "Event",
    "Note",
    "User",
    "OpportunityStage",
)
"""Objects whose describe is asked for when the capabilities are; others are described when they are used."""


def able(of: Described, config: SalesforceConfig) -> ObjectCapabilities:
    """What can be done with a described object."""
    cursor = of.cursor
    sync_key = config.sync_key if config.sync_key and of.is_sync_key(config.sync_key) else None
    created = "CreatedDate" if of.has("CreatedDate") else None
    safety: Literal["upsert", "list_recent", "none"] = "list_recent" if created else "none"
    return ObjectCapabilities(
        key="Id",
        name=of.name_field,
        modified=cursor if cursor in CURSORS[:2] else None,
        created=created,
        page_size=config.page_size,
        get_batch=GET_BATCH,
        write_batch=WRITE_BATCH,
        incremental=Incremental(cursor, config.overlap) if cursor else None,
        deletes="feed" if cursor and (of.has("IsDeleted") or of.has_delete_log) else "none",
        writes=_writes(of.flags, upserts=bool(of.external_ids)),
        sync_key=sync_key,
        upsert_keys=of.external_ids,
        filters=frozenset({"*"}),
        create_safety="upsert" if sync_key else safety,
        guarded=cursor in CURSORS[:2],
    )


def able_unseen(entry: Mapping[str, Value], config: SalesforceConfig) -> ObjectCapabilities:
    """What can be done with an object of which only the entry in the global describe is known.

    Objects that can be replicated have ``SystemModstamp`` (Object Reference, "System Fields").
    """
    flags = frozenset(name for name, value in entry.items() if value is True)
    replicated = "replicateable" in flags
    return ObjectCapabilities(
        key="Id",
        modified="SystemModstamp" if replicated else None,
        page_size=config.page_size,
        get_batch=GET_BATCH,
        write_batch=WRITE_BATCH,
        incremental=Incremental("SystemModstamp", config.overlap) if replicated else None,
        deletes="feed" if replicated else "none",
        writes=_writes(flags, upserts=False),
        filters=frozenset({"*"}),
    )


def listed(answer: Value) -> dict[str, Mapping[str, Value]]:
    """The objects of a global describe that can be queried, by name; raises ``BadResponse``."""
    entries = answer.get("sobjects") if isinstance(answer, dict) else None
    if not isinstance(entries, list):
        raise BadResponse("the global describe has no list of objects")
    named = {entry.get("name"): entry for entry in entries if isinstance(entry, dict)}
    return {name: entry for name, entry in named.items() if isinstance(name, str) and entry.get("queryable")}


def _writes(
    flags: frozenset[str], *, upserts: bool
) -> frozenset[Literal["create", "update", "upsert", "delete"]]:
    found: set[Literal["create", "update", "upsert", "delete"]] = set()
    if "createable" in flags:
        found.add("create")
    if "updateable" in flags:
        found.add("update")
    if upserts and {"createable", "updateable"} <= flags:
        found.add("upsert")
    if "deletable" in flags:
        found.add("delete")
    return frozenset(found)
