"""One page of work, one transaction."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from crmhub.store.checkpoints import save_checkpoint
from crmhub.store.dead_letters import resolve_letters, save_letters
from crmhub.store.intents import settle_intents
from crmhub.store.linking import forget_links, save_links, unlink
from crmhub.store.records import Changes
from crmhub.store.running import hold_run

__all__ = ["apply"]


def apply(connection: Connection, changes: Changes, now: datetime) -> None:
    """Write all of it. The run comes first: one that is over must write nothing."""
    if changes.run is not None:
        hold_run(connection, changes.run, now, changes.counts)
    forget_links(connection, changes.forgotten)
    unlink(connection, changes.unlinked)
    save_links(connection, changes.links)
    settle_intents(connection, changes.intents_settled)
    resolve_letters(connection, changes.job, changes.resolved)
    save_letters(connection, changes.dead_letters, now)
    if changes.checkpoint is not None:
        stream, checkpoint = changes.checkpoint
        save_checkpoint(connection, changes.job, stream, checkpoint, now)
