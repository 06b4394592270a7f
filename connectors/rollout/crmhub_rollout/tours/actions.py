"""The actions of the pack."""

from __future__ import annotations

from crmhub import Hub
from crmhub.actions import action
from crmhub.connection import Connection
from crmhub.errors import CrmhubError
from crmhub.store import Changes, Link, RecordRef
from crmhub_rollout.tours.calls import Report, SyncFeedbackData, SyncTourData
from crmhub_rollout.tours.people import agent_in, buyer_in, origin_of
from crmhub_rollout.tours.source import BUYERS, FEEDBACK, buyer_key, feedback_rows, tour_rows
from crmhub_rollout.tours.writing import SOURCE, Delivery, chosen, deliver

__all__ = ["sync_feedback_data", "sync_tour_data"]


@action(SyncTourData)
async def sync_tour_data(hub: Hub, call: SyncTourData) -> Report:
    """Write a property tour to CRMs: an appointment for the tour, and one for each property that is visited.

    Safe to repeat: the same tourId makes nothing twice, and what has changed since is written. One CRM that
    fails concerns no other; repeat the call until the report is ok.
    """
    tour = call.tour_data

    async def prepare(target: Connection) -> Delivery:
        return Delivery(f"tour {tour.tour_id}", tour_rows(tour, await agent_in(target, tour.agent_id)))

    return await deliver(
        hub,
        chosen(hub, call.crm_type),
        prepare,
        ("tour", "property_visit"),
        skip_unmapped=call.crm_type == "all",
    )


@action(SyncFeedbackData)
async def sync_feedback_data(hub: Hub, call: SyncFeedbackData) -> Report:
    """Write a buyer's feedback on a property to CRMs: a note on the contact who the buyer is there.

    Safe to repeat: the same buyer's feedback of the same time makes nothing twice. A CRM that does not have
    the buyer says so, and concerns no other.
    """
    given, targets = call.feedback_data, chosen(hub, call.crm_type)
    unclear: CrmhubError | None = None
    origin: RecordRef | None = None
    try:
        origin = await origin_of(hub, targets, given.buyer_id)
    except CrmhubError as error:
        unclear = error

    async def prepare(target: Connection) -> Delivery:
        if unclear is not None:
            raise unclear
        buyer = await buyer_in(hub, target, given.buyer_id, origin)
        await _remember(hub, buyer)
        rows = feedback_rows(given, buyer)
        return Delivery(f"feedback {[row['id'] for row in rows[FEEDBACK]]}", rows)

    return await deliver(hub, targets, prepare, ("feedback",), skip_unmapped=call.crm_type == "all")


async def _remember(hub: Hub, buyer: RecordRef) -> None:
    """Keep who the buyer is in that CRM, as the link that the feedback's reference follows."""
    store, me = await hub.store(), RecordRef(SOURCE, BUYERS, buyer_key(buyer))
    known = (await store.links.find((SOURCE, BUYERS), buyer.connection, [me.id])).get(me.id)
    if known is None or known.state != "linked":
        await store.commit(Changes(job=SOURCE, links=[Link("contact", me, buyer)]))
